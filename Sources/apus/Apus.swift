// SPDX-License-Identifier: Apache-2.0
import HostIO
import Options

/// The program: reads the command line, then runs what it asks for.
@main
struct Apus {
  static func main() {
    HostProcess.openMissingStreams()
    Signals.ignoreBrokenPipes()
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
}
