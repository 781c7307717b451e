// SPDX-License-Identifier: Apache-2.0
import HostIO
import ImageTool
import Migration
import Options
import ScreenTool
import Shot

/// The program: reads the command line, then runs what it asks for.
@main
struct Apus {
  static func main() {
    HostProcess.openMissingStreams()
    Signals.ignoreBrokenPipes()
    let arguments = HostProcess.arguments.dropFirst()
    if HostProcess.arguments.first?.lastComponent == "qemu-img" {
      HostProcess.exit(ImageTool.run(Array(arguments), programName: "qemu-img"))
    }
    switch arguments.first {
    case "img": HostProcess.exit(ImageTool.run(Array(arguments.dropFirst()), programName: "apus img"))
    case "compare": HostProcess.exit(CompareTool.run(Array(arguments.dropFirst())))
    case "shot": HostProcess.exit(Shot.run(Array(arguments.dropFirst())) { Runner.run($0, with: $1) })
    case "state": finish(StateCommand.run(arguments.dropFirst()))
    default: break
    }
    do throws(OptionError) {
      switch try OptionParser.parse(Array(arguments)) {
      case .print(let text):
        do throws(Errno) { try HostProcess.printOutput(text) } catch { HostProcess.exit(1) }
        HostProcess.exit(0)
      case .run(let launch): HostProcess.exit(Runner.run(launch))
      }
    } catch {
      Runner.fail(error.messages)
    }
  }

  private static func finish(_ outcome: StateCommand.Outcome) -> Never {
    do throws(Errno) { try HostProcess.printOutput(outcome.output) } catch { HostProcess.exit(2) }
    if let message = outcome.message { HostProcess.report(message) }
    HostProcess.exit(outcome.status)
  }
}
