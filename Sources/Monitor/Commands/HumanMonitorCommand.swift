// SPDX-License-Identifier: Apache-2.0
import QAPI

/// Runs one line of the human monitor and returns what it prints, errors included, with CRLF line ends.
struct HumanMonitorCommand: MonitorTwoPhaseCommand {
  typealias Returns = String
  static let name = "human-monitor-command"
  var commandLine: String
  var cpuIndex: Int64?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<String> {
    var context = context
    context.processor = ProcessorSelection(index: try context.processorIndex(cpuIndex))
    switch HumanMonitor.execute(commandLine, in: context) {
    case .done(let text): return .done(HumanMonitor.withCarriageReturns(text))
    case .finishing(let work): return .finishing { progress in work(progress).map(HumanMonitor.withCarriageReturns) }
    }
  }
}
