// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC
import QAPI
import Synchronization

/// How commands find drives and report what the block layer says.
extension MonitorContext {
  var blockGraph: BlockGraph { machine.blockGraph }

  /// A drive by its own name (`device`) or by the name or QOM path of its device (`id`), of which one must be given.
  func drive(device: String?, id: String?) throws(QMPError) -> BlockBackend {
    guard (device == nil) != (id == nil) else { throw QMPError("Need exactly one of 'device' and 'id'") }
    let name = device ?? id ?? ""
    guard let found = device != nil ? blockGraph.backend(named: name) : blockGraph.backend(ofDevice: name) else {
      throw device != nil ? .deviceNotFound(name) : noDrive(ofDevice: name)
    }
    return found
  }

  /// A virtio disk is two devices, of which the inner one has the drive (`…/virtio-backend`).
  private func noDrive(ofDevice name: String) -> QMPError {
    let noDevice = UnplugRefusal.refused("\(name) is not a hotpluggable device")
    switch machine.objection(toUnplugging: name) {
    case .notFound?: return .deviceNotFound(name)
    case noDevice?: return QMPError(noDevice.description)
    default: return QMPError("Device does not have a block device backend")
    }
  }

  /// Closes nodes that nobody needs any more on a worker, then answers.
  func closing(_ nodes: [GraphNode]) -> Phase<Empty> {
    if nodes.isEmpty { return .done(Empty()) }
    let dropped = DroppedNodes(nodes)
    return .finishing { progress in
      if let failure = dropped.close(progress) { return .failure(failure) }
      return .success(Empty())
    }
  }
}

/// Nodes on their way out. They are let go, and their files closed and unlocked with them, before the reply is sent.
final class DroppedNodes: Sendable {
  private let nodes: Mutex<[GraphNode]>
  init(_ nodes: [GraphNode]) { self.nodes = Mutex(nodes) }

  /// Returns what failed first.
  func close(_ progress: () -> Void) -> QMPError? {
    var failure: QMPError?
    while let node = nodes.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
      do throws(Errno) { try node.close() } catch {
        failure = failure ?? QMPError("Could not close '\(node.fileName)': \(error)")
      }
      progress()
    }
    return failure
  }
}

extension QMPError {
  /// QMP has one line; a second one is a hint for the command line.
  init(_ error: BlockError) {
    self.init(error.description.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init) ?? "")
  }
}

/// Does block work with QMP's errors.
func blockWork<Value>(_ body: () throws(BlockError) -> Value) throws(QMPError) -> Value {
  do throws(BlockError) { return try body() } catch { throw QMPError(error) }
}

/// Does a step on the machine thread from a worker.
func onMachine<Value: Sendable>(
  _ hub: MonitorHub, _ body: @escaping @Sendable (any MonitoredMachine) -> Result<Value, QMPError>
) throws(QMPError) -> Value {
  guard let result = hub.onMachine(body) else { throw QMPError("The machine has ended") }
  return try result.get()
}

extension Result where Failure == QMPError {
  /// The typed form of `Result(catching:)`.
  init(block body: () throws(QMPError) -> Success) {
    do throws(QMPError) { self = .success(try body()) } catch { self = .failure(error) }
  }
}
