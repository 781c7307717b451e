// SPDX-License-Identifier: Apache-2.0
import HostIO
import ImageTool
import Options

/// The program: reads the command line, then runs what it asks for.
@main
struct Apus {
  static func main() {
    HostProcess.openMissingStreams()
    Signals.ignoreBrokenPipes()
    runSubcommand()
    do throws(OptionError) {
      switch try OptionParser.parse(Array(HostProcess.arguments.dropFirst())) {
      case .print(let text):
        do throws(Errno) { try HostProcess.printOutput(text) } catch { HostProcess.exit(1) }
        HostProcess.exit(0)
      case .run(let launch): HostProcess.exit(Runner.run(launch))
      }
    } catch {
      Runner.fail(error.messages)
    }
  }

  /// `apus img …`, also when the program is called `qemu-img`. Returns if the command line is the emulator's.
  private static func runSubcommand() {
    let arguments = HostProcess.arguments
    if let name = arguments.first?.lastComponent, name == "qemu-img" {
      HostProcess.exit(ImageTool.run(Array(arguments.dropFirst()), programName: "qemu-img"))
    }
    switch arguments.dropFirst().first {
    case "img": HostProcess.exit(ImageTool.run(Array(arguments.dropFirst(2)), programName: "apus img"))
    default: return
    }
  }
}
