// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Drives whose device is taken out of a machine that runs.
extension BlockGraph {
  /// The device of a drive is gone, and with it the drive. Nodes that nobody needs any more are closed by the drive's
  /// thread; `completion` is called on the machine thread when their files are closed, at once if there are none.
  public func retire(_ backend: BlockBackend, completion: @escaping () -> Void) {
    backend.detach()
    remove(backend)
    let nodes = dropUnused()
    guard !nodes.isEmpty, let mailbox else { return completion() }
    leaving.append((backend, completion))
    // The job must not be the last to hold the drive: a drive cannot end on its own thread.
    let identity = ObjectIdentifier(backend)
    let bound = MachineBound(GraphReference(graph: self))
    backend.close(nodes) { mailbox.post { bound.value.graph?.hasClosed(identity) } }
  }

  private func hasClosed(_ identity: ObjectIdentifier) {
    guard let index = leaving.firstIndex(where: { ObjectIdentifier($0.backend) == identity }) else { return }
    leaving.remove(at: index).completion()
  }
}

extension BlockBackend {
  /// Its timers are those of a device; see `VirtualClock`. Before the first request.
  public func joinTimers(ofGroup group: Int) {
    guard timer.deadline == nil, throttleTimer.deadline == nil else { return }
    (timer.group, throttleTimer.group) = (group, group)
  }

  /// The device goes; it has withdrawn its requests.
  fileprivate func detach() {
    device = nil
    (attachedTo, use, errorPolicy) = (nil, .unattached, nil)
    changeMedium(nil)
  }
}
