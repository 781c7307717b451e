// SPDX-License-Identifier: Apache-2.0
import HostIO

/// `apus img`, and the program when it is called `qemu-img`: makes, converts and looks at disk images with qemu-img's
/// grammar, output and exit statuses.
public enum ImageTool {
  private typealias Command = @Sendable (_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32

  private static let commands: [(name: String, run: Command, syntax: String)] = [
    ("amend", AmendCommand.run, AmendCommand.syntax),
    ("bitmap", BitmapCommand.run, BitmapCommand.syntax),
    ("check", CheckCommand.run, CheckCommand.syntax),
    ("commit", CommitCommand.run, CommitCommand.syntax),
    ("compare", CompareCommand.run, CompareCommand.syntax),
    ("convert", ConvertCommand.run, ConvertCommand.syntax),
    ("create", CreateCommand.run, CreateCommand.syntax),
    ("dd", DDCommand.run, DDCommand.syntax),
    ("info", InfoCommand.run, InfoCommand.syntax),
    ("map", MapCommand.run, MapCommand.syntax),
    ("measure", MeasureCommand.run, MeasureCommand.syntax),
    ("snapshot", SnapshotCommand.run, SnapshotCommand.syntax),
    ("rebase", RebaseCommand.run, RebaseCommand.syntax),
    ("resize", ResizeCommand.run, ResizeCommand.syntax),
  ]

  /// - Parameters:
  ///   - arguments: what follows the tool's name.
  ///   - programName: what messages begin with.
  /// - Returns: the exit status.
  public static func run(_ arguments: [BytePath], programName: String) -> Int32 {
    var console = Console(programName: programName)
    guard let name = arguments.first?.description else {
      console.report(.usage("Not enough arguments"))
      return 1
    }
    switch name {
    case "-h", "--help":
      console.print(help(programName))
      return 0
    case "-V", "--version":
      console.print("\(programName) version 7.2.0 (Apus)")
      return 0
    default: break
    }
    guard let command = commands.first(where: { $0.name == name }) else {
      console.report(
        .usage(name.hasPrefix("-") ? "unrecognized option '\(name)'" : "Command not found: \(name)"))
      return 1
    }
    let rest = Array(arguments.dropFirst())
    if rest.contains("--help") || rest.contains("-h") {
      console.print(help(programName))
      return 0
    }
    do throws(ToolError) { return try command.run(rest, &console) } catch {
      if !error.message.isEmpty { console.report(error) }
      return error.status
    }
  }

  private static func help(_ programName: String) -> String {
    """
    usage: \(programName) [standard options] command [command options]
    QEMU disk image utility

        '-h', '--help'       display this help and exit
        '-V', '--version'    output version information and exit

    Command syntax:
    \(commands.map { "  \($0.name) \($0.syntax)" }.joined(separator: "\n"))

    Supported formats: qcow2 raw
    """
  }
}
