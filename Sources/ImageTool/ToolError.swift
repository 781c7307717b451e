// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// Why a command of the image tool ends early: a sentence and an exit status.
struct ToolError: Error {
  var message: String
  var status: Int32 = 1
  /// The command line was wrong: the way to the help is shown too.
  var isUsage = false

  init(_ message: String, status: Int32 = 1) { (self.message, self.status) = (message, status) }

  static func usage(_ message: String, status: Int32 = 1) -> ToolError {
    var error = ToolError(message, status: status)
    error.isUsage = true
    return error
  }
}

/// Standard output and error of a command.
struct Console {
  /// What messages begin with: the name that the tool was called by.
  let programName: String
  var isQuiet = false

  func print(_ text: String) {
    do throws(Errno) { try HostProcess.printOutput(text + "\n") } catch {}
  }

  /// Not said in quiet mode.
  func say(_ text: String) { if !isQuiet { print(text) } }

  func report(_ message: String) { HostProcess.printError("\(programName): \(message)\n") }

  func report(_ error: ToolError) {
    report(error.message)
    if error.isUsage { HostProcess.printError("Try '\(programName) --help' for more information\n") }
  }
}

/// Runs a block of host calls and says what failed.
func describing<Result>(
  _ what: String, status: Int32 = 1, _ body: () throws(Errno) -> Result
) throws(ToolError) -> Result {
  do throws(Errno) { return try body() } catch { throw ToolError("\(what): \(error)", status: status) }
}
