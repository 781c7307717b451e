// SPDX-License-Identifier: Apache-2.0
public import Automation
import Chardev
import HostIO
import PC

/// What a command line asks for.
public enum LaunchPlan: Sendable {
  /// Print a text on standard output and exit with status 0.
  case print(String)
  case run(Launch)
}

/// A machine and what is around it.
public struct Launch: Sendable {
  public var machine = MachineConfiguration()
  /// In the order in which they must be opened.
  public var chardevs: [ChardevRequest] = []
  /// In the order in which they must be attached.
  public var monitors: [MonitorRequest] = []
  public var pidFile: BytePath?
  /// Where the machine's state comes from: an address or `defer`.
  public var incoming: BytePath?
  /// A snapshot in the disks' images to begin with.
  public var snapshot: String?
  /// `-only-migratable`.
  public var isMigratableOnly = false
  /// `-fail-on`.
  public var stopRules: StopRules?
  /// Sentences to show before the start, without the program's name.
  public var warnings: [String] = []

  public struct ChardevRequest: Sendable, Equatable {
    public var id: String
    public var configuration: ChardevConfiguration
    /// The option that asks for it, as error texts name it; empty for a default one.
    public var option: String
    /// What else fails with it: `could not connect serial device to character backend 'stdio'`.
    public var consequence: String?

    /// What to print when it cannot be opened, each with the program's name in front.
    public func messages(for error: ChardevError) -> [String] {
      let prefix = option.isEmpty ? "" : "\(option): "
      let first = prefix + "\(error)" + (error.hint.map { "\n\($0)" } ?? "")
      return [first] + (consequence.map { [prefix + $0] } ?? [])
    }
  }

  public struct MonitorRequest: Sendable, Equatable {
    public var chardev: String
    /// QMP rather than the human monitor.
    public var isControl: Bool
    public var isPretty: Bool
  }
}
