// SPDX-License-Identifier: Apache-2.0
import Automation
import HostIO
import Platform

/// What the command line of `apus shot` asks for.
struct ShotRequest {
  var steps: [ShotStep] = []
  /// For the emulator, as the user gave them.
  var emulatorArguments: [BytePath] = []
  /// Time is the host's, and two runs differ.
  var isRealTime = false
  /// Expected pictures become what the screen is.
  var updatesGolden = false
  /// What the guest writes goes to the images.
  var writesDisks = false
  /// The last picture.
  var output: BytePath?
  var report: BytePath?
  var junit: BytePath?
  var tap: BytePath?
  var bundle: BytePath?
  /// The saved machine to start from.
  var origin: BytePath?
  /// The host's time for the whole run.
  var totalTimeout: Nanoseconds?
  var rules = ShotRequest.defaultRules
  var isVerbose = false
  var isQuiet = false

  /// What the run is to write, by the names of the options.
  var outputs: [(name: String, path: BytePath)] {
    var outputs: [(name: String, path: BytePath)] = []
    for step in steps {
      switch step.action {
      case .shot(let path), .save(let path): outputs.append((step.name, path))
      default: break
      }
    }
    let options = [("output", output), ("report", report), ("junit", junit), ("tap", tap), ("bundle", bundle)]
    return outputs + options.compactMap { name, path in path.map { (name, $0) } }
  }

  static let defaultTimeout: Nanoseconds = 1800 * .second

  static var defaultRules: StopRules {
    var rules = StopRules()
    (rules.endsOnPanic, rules.endsOnHang) = (true, true)
    return rules
  }
}
