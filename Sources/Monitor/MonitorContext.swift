// SPDX-License-Identifier: Apache-2.0
import Synchronization
import QAPI

/// What a command runs in, on the machine thread.
public struct MonitorContext {
  public let machine: any MonitoredMachine
  public let hub: MonitorHub
  /// The QMP session that asks; nil when a human monitor does.
  let session: QMPSession?
  /// The descriptor that came with the command, for one that asks for it.
  var descriptor: PassedDescriptor?
  /// What `fd:NAME` can mean.
  var descriptorNames = DescriptorNames()
  /// The vCPU that `x`, `info registers` and `memsave` mean.
  var processor = ProcessorSelection()
  /// What is to happen once the reply of a command that finishes on a worker has been sent.
  let followUp = FollowUp()
  /// Lines typed before, for `info history`.
  var history: [String] = []

  init(machine: any MonitoredMachine, hub: MonitorHub, session: QMPSession? = nil) {
    (self.machine, self.hub, self.session) = (machine, hub, session)
  }

  /// Checks a vCPU number given by a client; nil means vCPU 0.
  func processorIndex(_ index: Int64?) throws(QMPError) -> Int {
    guard let index else { return 0 }
    guard let known = machine.processors.first(where: { Int64($0.index) == index }) else {
      throw .invalidParameter("cpu-index", expected: "a CPU number")
    }
    return known.index
  }
}

/// Work for after a reply.
final class FollowUp: Sendable {
  private let work = Mutex<[@Sendable () -> Void]>([])
  func add(_ body: @escaping @Sendable () -> Void) { work.withLock { $0.append(body) } }

  func run() {
    for body in work.withLock({ work in
      defer { work = [] }
      return work
    }) { body() }
  }
}

/// The current vCPU of one human monitor.
final class ProcessorSelection {
  var index = 0
  init(index: Int = 0) { self.index = index }
}
