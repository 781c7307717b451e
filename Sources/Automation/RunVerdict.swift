// SPDX-License-Identifier: Apache-2.0

/// How a watched run ended; the raw value is the exit status of the process.
public enum RunVerdict: Int32, Sendable, CaseIterable {
  case success = 0
  /// A screen is not what was expected.
  case mismatch = 1
  /// A mistake on the command line, in a script or in a file that they name.
  case usage = 2
  case timeout = 3
  /// The guest said that it cannot go on (pvpanic).
  case panic = 4
  case tripleFault = 5
  /// The guest powered off, or asked for its end, before all steps were done.
  case shutdown = 6
  /// The guest can never go on.
  case hang = 7
  case reset = 8
  /// Nothing changed for as long as a rule allows.
  case idle = 9
  /// The guest was stopped, by an error of a disk or by a monitor, and nothing made it go on.
  case stopped = 10
  /// Something on the host failed.
  case internalError = 70
  /// Ended by a signal or a monitor.
  case interrupted = 130

  /// As reports call it.
  public var name: String {
    switch self {
    case .success: "success"
    case .mismatch: "mismatch"
    case .usage: "usage"
    case .timeout: "timeout"
    case .panic: "panic"
    case .tripleFault: "triple-fault"
    case .shutdown: "shutdown"
    case .hang: "hang"
    case .reset: "reset"
    case .idle: "idle"
    case .stopped: "stopped"
    case .internalError: "internal-error"
    case .interrupted: "interrupted"
    }
  }
}
