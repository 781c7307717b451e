// SPDX-License-Identifier: Apache-2.0
import HostIO

/// `apus state`: shows what is in a state file, or how two differ.
public enum StateCommand {
  /// What to print, and the exit status: 0, 1 when two files differ, 2 after an error.
  public struct Outcome: Sendable {
    public var output = ""
    /// For standard error, without the program's name.
    public var message: String?
    public var status: Int32 = 0
  }

  public static let help = """
    usage: apus state [--json] FILE
           apus state --diff [--json] FILE FILE

    Shows the machine in a state file, field by field, without starting it, and checks the whole file.
      --diff   shows which fields and pages of two machines differ instead; exit status 0: none, 1: some
      --json   the same for programs
      --help   this text
    FILE may be - for standard input. Exit status 2: a file cannot be read or is damaged.
    (To boot a disk image called state, write apus ./state.)

    """

  /// Runs the command; `arguments` are those after `state`.
  public static func run(_ arguments: some Collection<BytePath>) -> Outcome {
    var files: [BytePath] = []
    var isJSON = false, isDiff = false, isOnlyFiles = false
    for argument in arguments {
      switch argument {
      case _ where isOnlyFiles: files.append(argument)
      case "--json": isJSON = true
      case "--diff": isDiff = true
      case "--": isOnlyFiles = true
      case "--help", "-h": return Outcome(output: help)
      case _ where argument.bytes.first == UInt8(ascii: "-") && argument != "-":
        return failure("unknown option '\(argument)'; see apus state --help")
      default: files.append(argument)
      }
    }
    guard files.count == (isDiff ? 2 : 1) else {
      return failure("\(isDiff ? "--diff takes two files" : "give one file"); see apus state --help")
    }
    do throws(MigrationError) {
      guard isDiff else {
        let report = try read(files[0]) { (file) throws(MigrationError) -> ImageReport in
          do throws(MigrationError) { return try ImageReport(file) } catch {
            throw MigrationError("\(files[0]): \(error)")
          }
        }
        return Outcome(output: isJSON ? pretty(report.json.utf8(isPretty: true)) : report.text)
      }
      let difference = try read(files[0]) { (first) throws(MigrationError) -> ImageDifference in
        try read(files[1]) { (second) throws(MigrationError) in
          try ImageDifference((files[0].description, first), (files[1].description, second))
        }
      }
      let output = isJSON ? pretty(difference.json.utf8(isPretty: true)) : difference.text
      return Outcome(output: output, status: difference.isEmpty ? 0 : 1)
    } catch {
      return failure(error.description)
    }
  }

  private static func pretty(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) + "\n" }

  private static func failure(_ sentence: String) -> Outcome { Outcome(message: "state: " + sentence, status: 2) }

  /// Opens a file for `body`.
  private static func read<Result>(
    _ path: BytePath, _ body: (FileDescriptor) throws(MigrationError) -> Result
  ) throws(MigrationError) -> Result {
    if path == "-" { return try body(.standardInput) }
    let file: FileDescriptor
    do throws(Errno) { file = try FileDescriptor.open(path, .readOnly) } catch {
      throw MigrationError("Could not open '\(path)': \(error)")
    }
    defer { file.closeIgnoringErrors() }
    return try body(file)
  }
}
