// SPDX-License-Identifier: Apache-2.0
import HostIO
import Migration
import Options

/// The program: reads the command line, then runs what it asks for.
@main
struct Apus {
  static func main() {
    HostProcess.openMissingStreams()
    Signals.ignoreBrokenPipes()
    let arguments = HostProcess.arguments.dropFirst()
    if arguments.first == "state" { finish(StateCommand.run(arguments.dropFirst())) }
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
