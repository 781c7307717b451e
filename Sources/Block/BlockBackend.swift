// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// The slot of a drive: holds a medium or none, takes requests from the device on the machine thread, has a worker
/// perform them, and delivers their results on the machine thread as the queue's timing says.
///
/// A device keeps what it asked for, and the deadline, in its own state; after a load it submits the request again with
/// that deadline. So nothing in here is saved.
public final class BlockBackend {
  /// QEMU's name: `ide0-hd0`, `ide1-cd0`, or the user's `id=`.
  public let name: String
  public let queue: BlockQueue
  public var latency: BlockLatency
  /// True for drives whose medium can be taken out.
  public let isRemovable: Bool
  public private(set) var medium: BlockMedium?
  public private(set) var statistics = BlockStatistics()
  /// The device that the drive is plugged into, once it exists.
  public weak var device: (any DriveDevice)?
  /// Called after the guest or the user moved the tray; true: it is open now.
  public var trayDidMove: ((Bool) -> Void)?
  /// Its `id=` or QOM path, for listings.
  public var attachedTo: String?

  private let worker: BlockWorker?
  private var pending: [Pending] = []  // by deadline, then in order of submission
  private var nextIdentity = 0
  private lazy var timer = queue.clock.timer { [unowned self] _ in deliverDue() }
  private let reference = BackendReference()

  private struct Pending {
    let identity: Int
    let deadline: Nanoseconds
    let submitted: Nanoseconds
    let operation: BlockOperation
    let outcome: Outcome
    let completion: (BlockResult) -> Void
  }

  /// Where the worker leaves its result.
  private final class Outcome: Sendable {
    struct Content {
      var result: BlockResult?
      var isAwaited = false
    }
    let content = Guarded(Content())
  }

  private final class BackendReference {
    weak var backend: BlockBackend?
  }

  /// Names a request in flight.
  public struct Ticket: Equatable {
    fileprivate let identity: Int
    /// When it completes in an instruction-counted run; belongs into the device's state.
    public let deadline: Nanoseconds
  }

  /// A drive that performs operations on a thread of its own or, for tests that want no threads, inside `submit`.
  public init(
    name: String, queue: BlockQueue, medium: BlockMedium? = nil, latency: BlockLatency = .disk,
    isRemovable: Bool = false, hasThread: Bool = true
  ) {
    self.name = name
    self.queue = queue
    self.medium = medium
    self.latency = latency
    self.isRemovable = isRemovable
    worker = hasThread ? BlockWorker(name: "disk \(name)") : nil
    _ = timer
    reference.backend = self
  }

  /// Requests submitted and not yet delivered.
  package var requestsInFlight: Int { pending.count }

  public var isInserted: Bool { medium != nil }
  public var isReadOnly: Bool { medium?.node.isReadOnly ?? true }
  /// Length of the medium in bytes, 0 without one.
  public var byteCount: Int64 { medium?.node.byteCount ?? 0 }
  public var sectorCount: Int64 { byteCount / sectorByteCount }

  /// Starts an operation. `completion` is called once, on the machine thread, never inside this call; with
  /// `.noDeviceOrAddress` when there is no medium. A request that a loaded state resumes passes its saved `deadline`.
  @discardableResult
  public func submit(
    _ operation: BlockOperation, deadline: Nanoseconds? = nil, completion: @escaping (BlockResult) -> Void
  ) -> Ticket {
    let now = queue.clock.now
    let instant = deadline ?? (now &+ latency.duration(of: operation))
    let outcome = Outcome()
    let entry = Pending(
      identity: nextIdentity, deadline: instant, submitted: now, operation: operation, outcome: outcome,
      completion: completion)
    nextIdentity += 1
    pending.insert(entry, at: pending.firstIndex { $0.deadline > instant } ?? pending.count)
    start(operation, outcome, entry.identity)
    armTimer()
    return Ticket(identity: entry.identity, deadline: instant)
  }

  private func start(_ operation: BlockOperation, _ outcome: Outcome, _ identity: Int) {
    let mailbox = queue.mailbox
    let postsAlways = queue.timing == .whenDone
    let bound = MachineBound(reference)
    let medium = medium
    let workWillBegin = queue.workWillBegin
    let job: @Sendable () -> Void = {
      workWillBegin?()
      let result = Self.perform(operation, on: medium)
      let isAwaited = outcome.content.update { content in
        content.result = result
        return content.isAwaited
      }
      if postsAlways {
        mailbox.post { bound.value.backend?.deliver(identity) }
      } else if isAwaited {
        mailbox.post {}  // only wakes the machine, which waits at the deadline
      }
    }
    if let worker { worker.submit(job) } else { job() }
  }

  private static func perform(_ operation: BlockOperation, on medium: BlockMedium?) -> BlockResult {
    guard let medium else { return .failure(.noDeviceOrAddress) }
    do throws(Errno) {
      return .success(try operation.perform(on: medium.node, ignoringFlushes: medium.options.ignoresFlushes))
    } catch {
      return .failure(error)
    }
  }

  /// Forgets a request: its completion is not called. Its effect on the medium may still happen.
  public func cancel(_ ticket: Ticket?) {
    guard let ticket else { return }
    pending.removeAll { $0.identity == ticket.identity }
    armTimer()
  }

  private func armTimer() {
    timer.arm(at: queue.timing == .atDeadline ? pending.first?.deadline : nil)
  }

  private func deliverDue() {
    while let first = pending.first, first.deadline <= queue.clock.now {
      // While the machine serves its mailbox here, a command may cancel the request.
      while pending.contains(where: { $0.identity == first.identity }) {
        let isDone = first.outcome.content.withLock { content in
          content.isAwaited = true
          return content.result != nil
        }
        if isDone { break }
        queue.waitForWorker()
      }
      deliver(first.identity)
    }
    armTimer()
  }

  private func deliver(_ identity: Int) {
    guard let index = pending.firstIndex(where: { $0.identity == identity }),
      let result = pending[index].outcome.content.withLock({ $0.result })
    else { return }
    let entry = pending.remove(at: index)
    statistics.count(entry.operation, result, duration: queue.clock.now &- entry.submitted, at: queue.clock.now)
    entry.completion(result)
  }

  /// Waits until the worker has performed everything submitted so far; results are still delivered in their time.
  /// For use before the machine is saved or ended.
  public func waitUntilIdle() { worker?.waitUntilIdle() }

  /// A request's result will be delivered as soon as it is there, whether or not virtual time passes.
  public var awaitsDelivery: Bool { queue.timing == .whenDone && !pending.isEmpty }

  /// Has what was submitted so far, and what the medium keeps back, brought to stable storage; `done` is called on another
  /// thread. Nothing of it is seen by the device.
  public func flushMedium(_ done: @escaping @Sendable (Errno?) -> Void) {
    guard let medium, !medium.node.isReadOnly else { return done(nil) }
    let job: @Sendable () -> Void = {
      if case .failure(let error) = Self.perform(.flush, on: medium) { return done(error) }
      done(nil)
    }
    if let worker { worker.submit(job) } else { job() }
  }

  /// Reads bytes at once, waiting for them, for the board's look at a partition table. Nil without a medium or on errors.
  public func peek(at offset: Int64, byteCount: Int) -> [UInt8]? {
    guard let medium else { return nil }
    waitUntilIdle()
    if case .success(let bytes) = Self.perform(.read(offset: offset, byteCount: byteCount), on: medium) { return bytes }
    return nil
  }

  /// Puts another medium in, or takes it out with nil, and tells the device. Requests in flight finish on the old one.
  public func changeMedium(_ medium: BlockMedium?) {
    self.medium = medium
    device?.mediumDidChange()
  }
}

/// What a drive's device tells the monitor, and hears from it.
public protocol DriveDevice: AnyObject {
  /// nil for a device without a tray.
  var isTrayOpen: Bool? { get }
  /// The guest holds the tray shut.
  var isMediumLocked: Bool { get }
  /// The user pressed the eject button; `force` opens a locked tray. Returns false if the tray stays shut.
  func openTray(force: Bool) -> Bool
  func closeTray()
  /// The medium was changed or taken out.
  func mediumDidChange()
}
