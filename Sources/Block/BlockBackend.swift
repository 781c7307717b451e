// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// The slot of a drive: holds a medium or none, takes requests from the device on the machine thread, has a worker
/// perform them, and delivers their results on the machine thread as the queue's timing says.
///
/// A device keeps what it asked for, and the deadline, in its own state; after a load it submits the request again with
/// that deadline. So nothing in here is saved.
///
/// Errors of the host pass the drive's policy first. A request that stops the guest is kept here and tried again when
/// the guest goes on: to the device it just takes longer, and a machine that is saved meanwhile asks again after the load.
public final class BlockBackend {
  /// QEMU's name: `ide0-hd0`, `ide1-cd0`, or the user's `id=`; empty for the slot of a device that names a node.
  public private(set) var name: String
  public let queue: BlockQueue
  /// QEMU's number among the drives without a bus; nil for others.
  public var number: Int?
  public var latency: BlockLatency
  /// True for drives whose medium can be taken out.
  public var isRemovable: Bool
  public private(set) var medium: BlockMedium?
  public private(set) var statistics = BlockStatistics()
  /// The device that the drive is plugged into, once it exists.
  public weak var device: (any DriveDevice)?
  /// Called after the guest or the user moved the tray; true: it is open now.
  public var trayDidMove: ((Bool) -> Void)?
  /// Its `id=` or QOM path, for listings; nil while no device uses the drive.
  public var attachedTo: String?
  /// What the device does with the medium, and lets others do.
  public var use = BlockUse.unattached
  /// What to do about the host's errors; nil: the device sees them all, and nobody is told.
  public var errorPolicy: ErrorPolicy?
  public private(set) var ioStatus = BlockIOStatus.ok
  /// Hears of the host's errors.
  var didFail: ((BlockFailure) -> Void)?
  /// The guest may be told at first that writes stay in a cache until it flushes (`cache=writeback`, `write-cache=`).
  public var isWriteback = true
  /// What the guest has made of that; nil: nothing yet.
  public var isCachingWrites: Bool?
  /// Media that are put in from now on are opened read-only, unless the user says otherwise.
  public var opensReadOnly = false
  /// Shared limits on what is moved; nil: none.
  public internal(set) var throttle: ThrottleGroup?

  private let worker: BlockWorker?
  private var haste = Haste()
  /// Nanoseconds of the host; tests have others.
  package var hostClock: () -> UInt64 = { HostClock.monotonicNanoseconds }
  private var holds: [BlockHold] = []
  private var pending: [Pending] = []  // by deadline, then in order of submission
  private var throttled: [Pending] = []  // by the time at which they may start
  private var stopped: [Pending] = []  // in the order in which they failed
  private var nextIdentity = 0
  /// `deliverDue` waits for the host.
  private var isDelivering = false
  lazy var timer = queue.clock.timer { [unowned self] _ in deliverDue() }
  lazy var throttleTimer = queue.clock.timer { [unowned self] _ in startThrottled() }
  private let reference = BackendReference()

  private struct Pending {
    let identity: Int
    let deadline: Nanoseconds
    let submitted: Nanoseconds
    let operation: BlockOperation
    let outcome: Outcome
    let completion: (BlockResult) -> Void
    var start: Nanoseconds = 0
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

  /// Whether requests wait, at the host or here, and not for somebody to let the guest go on.
  public var hasRequests: Bool { !pending.isEmpty || !throttled.isEmpty }

  public var isInserted: Bool { medium != nil }
  public var isReadOnly: Bool { medium?.root.isReadOnly ?? true }
  /// Length of the medium in bytes, 0 without one.
  public var byteCount: Int64 { medium?.root.byteCount ?? 0 }
  public var sectorCount: Int64 { byteCount / sectorByteCount }

  /// How its statistics are kept from now on.
  public func setAccounting(_ accounting: BlockAccounting) { statistics.setUp(accounting, at: queue.clock.now) }

  /// The device refused a request, since the medium has no such place.
  public func countInvalid(_ kind: BlockStatistics.Kind) { statistics.countInvalid(kind, at: queue.clock.now) }

  // MARK: Requests

  /// Starts an operation. `completion` is called once, on the machine thread, never inside this call; with
  /// `.noDeviceOrAddress` when there is no medium. A request that a loaded state resumes passes its saved `deadline`.
  @discardableResult
  public func submit(
    _ operation: BlockOperation, deadline: Nanoseconds? = nil, completion: @escaping (BlockResult) -> Void
  ) -> Ticket {
    let now = queue.clock.now
    var delay: Nanoseconds = 0
    if deadline == nil, let throttle, throttle.limits.isEnabled {
      delay = throttle.wait(isWrite: operation.isWrite, at: now)
      throttle.account(byteCount: operation.byteCount, isWrite: operation.isWrite)
    }
    let instant = deadline ?? (now &+ delay &+ latency.duration(of: operation))
    let entry = Pending(
      identity: nextIdentity, deadline: instant, submitted: now, operation: operation, outcome: Outcome(),
      completion: completion, start: now &+ delay)
    nextIdentity += 1
    if medium?.root.isInactive == true {
      // Another process has the image: tried again when the guest goes on here.
      stopped.append(entry)
    } else if delay > 0 {
      throttled.insert(entry, at: throttled.firstIndex { $0.start > entry.start } ?? throttled.count)
      armThrottleTimer()
    } else {
      begin(entry)
    }
    return Ticket(identity: entry.identity, deadline: instant)
  }

  private func begin(_ entry: Pending) {
    pending.insert(entry, at: pending.firstIndex { $0.deadline > entry.deadline } ?? pending.count)
    start(entry.operation, entry.outcome, entry.identity)
    armTimer()
  }

  private func startThrottled() {
    while let first = throttled.first, first.start <= queue.clock.now { begin(throttled.removeFirst()) }
    armThrottleTimer()
  }

  private func armThrottleTimer() { throttleTimer.arm(at: throttled.first?.start) }

  private func start(_ operation: BlockOperation, _ outcome: Outcome, _ identity: Int) {
    let mailbox = queue.mailbox
    let postsAlways = queue.timing == .whenDone
    let bound = MachineBound(reference)
    let medium = medium
    let workWillBegin = queue.workWillBegin
    // A thread takes longer to wake than what the host has in memory to copy.
    if let worker, workWillBegin == nil, let medium, worker.isIdle, let bytes = operation.performAtOnce(on: medium.root)
    {
      outcome.content.withLock { $0.result = .success(bytes) }
      if postsAlways { mailbox.post { bound.value.backend?.deliver(identity) } }
      return
    }
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
    guard let worker else { return job() }
    if workWillBegin == nil, let medium, worker.isIdle, operation.isDoneSoon(on: medium.root), haste.mayTry {
      haste.time(job, hostClock)
    } else {
      worker.submit(BlockJobScope(operation), job)
    }
  }

  /// Whether writes on the machine thread are as quick as expected. A host that has too much to write back makes its writers
  /// wait; then a thread waits for some time to come.
  private struct Haste {
    private static let limit: UInt64 = 1_000_000  // ns
    private static let penalty = 256
    private var writesToCome = 0

    /// Counts writes, of which most are none for the machine thread after one that was slow.
    var mayTry: Bool {
      mutating get {
        if writesToCome == 0 { return true }
        writesToCome -= 1
        return false
      }
    }

    mutating func time(_ job: () -> Void, _ now: () -> UInt64) {
      let start = now()
      job()
      if now() &- start > Self.limit { writesToCome = Self.penalty }
    }
  }

  private static func perform(_ operation: BlockOperation, on medium: BlockMedium?) -> BlockResult {
    guard let medium else { return .failure(.noDeviceOrAddress) }
    do throws(Errno) { return .success(try operation.perform(on: medium.root)) } catch { return .failure(error) }
  }

  /// Forgets a request: its completion is not called. Its effect on the medium may still happen.
  public func cancel(_ ticket: Ticket?) {
    guard let ticket else { return }
    pending.removeAll { $0.identity == ticket.identity }
    throttled.removeAll { $0.identity == ticket.identity }
    stopped.removeAll { $0.identity == ticket.identity }
    armTimer()
    armThrottleTimer()
  }

  private func armTimer() {
    timer.arm(at: queue.timing == .atDeadline ? pending.first?.deadline : nil)
  }

  private func deliverDue() {
    isDelivering = true
    defer { isDelivering = false }
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

  /// Delivers what is due while `deliverDue` waits for it. For a command that is served meanwhile and must find the machine
  /// as it is after this instant.
  package func finishDelivering() {
    guard isDelivering else { return }
    while let first = pending.first, first.deadline <= queue.clock.now {
      _ = first.outcome.content.wait { $0.result }
      deliver(first.identity)
    }
  }

  private func deliver(_ identity: Int) {
    guard let index = pending.firstIndex(where: { $0.identity == identity }),
      var result = pending[index].outcome.content.withLock({ $0.result })
    else { return }
    let entry = pending.remove(at: index)
    statistics.count(entry.operation, result, duration: queue.clock.now &- entry.submitted, at: queue.clock.now)
    if case .failure(let error) = result, let errorPolicy, isInserted {
      switch handle(error, of: entry.operation, errorPolicy) {
      case .stop, .enospc:
        stopped.append(entry)
        queue.stopGuest()
        return
      case .ignore: result = .success(Self.nothing(entry.operation))
      case .report: break
      }
    }
    entry.completion(result)
  }

  /// What a read that failed and is taken for done has read.
  private static func nothing(_ operation: BlockOperation) -> [UInt8] {
    if case .read(_, let count) = operation { return [UInt8](repeating: 0, count: max(0, count)) }
    return []
  }

  /// Tells of an error and says what becomes of the request.
  private func handle(_ error: Errno, of operation: BlockOperation, _ policy: ErrorPolicy) -> ErrorPolicy.Action {
    let action = policy.action(for: operation, error)
    if action == .stop, policy.canStop, ioStatus == .ok { ioStatus = error == .noSpace ? .noSpace : .failed }
    didFail?(
      BlockFailure(
        device: name, nodeName: medium?.root.name ?? "", isRead: !operation.isWrite, action: action, error: error))
    return action
  }

  /// The guest goes on: what stopped it is tried again.
  public func retry() {
    ioStatus = .ok
    let again = stopped
    stopped = []
    let now = queue.clock.now
    for old in again {
      begin(
        Pending(
          identity: old.identity, deadline: now &+ latency.duration(of: old.operation), submitted: now,
          operation: old.operation, outcome: Outcome(), completion: old.completion))
    }
  }

  /// Waits until the worker has performed everything submitted so far; results are still delivered in their time.
  /// For use before the machine is saved or ended.
  ///
  /// Drives that are held still for a snapshot are let go first: whoever holds them needs the machine thread, which waits
  /// here, and begins again.
  public func waitUntilIdle() {
    for hold in holds { hold.breakUp() }
    holds = []
    worker?.waitUntilIdle()
  }

  /// Keeps requests from starting once those before are done; see `BlockHold`.
  package func join(_ hold: BlockHold) {
    guard let worker else { return }
    holds.removeAll { $0.isOver }
    holds.append(hold)
    hold.expectOne()
    worker.submit(.exclusive) { hold.stand() }
  }

  /// Closes nodes that were the medium's once everything before is done; `done` is called on another thread.
  func close(_ nodes: [GraphNode], done: @escaping @Sendable () -> Void) {
    let dropped = Guarded(nodes)
    let job: @Sendable () -> Void = {
      // Files are closed and unlocked with the nodes, before anybody hears of it.
      while let node = dropped.update({ $0.isEmpty ? nil : $0.removeFirst() }) {
        do throws(Errno) { try node.close() } catch {
          HostProcess.report("Could not close '\(node.fileName)': \(error)")
        }
      }
      done()
    }
    if let worker { worker.submit(.exclusive, job) } else { job() }
  }

  /// A request's result will be delivered as soon as it is there, whether or not virtual time passes: the host's time says
  /// when, or its instant has come and the host is late.
  public var awaitsDelivery: Bool { isDelivering || queue.timing == .whenDone && !pending.isEmpty }

  /// Has what was submitted so far, and what the medium's nodes keep back, brought to stable storage, so that another
  /// process can go on with the images; `done` is called on another thread. Nothing of it is seen by the device.
  public func settleMedium(_ done: @escaping @Sendable (Errno?) -> Void) {
    guard let medium, !medium.node.isReadOnly else { return done(nil) }
    let job: @Sendable () -> Void = {
      if case .failure(let error) = Self.perform(.flush, on: medium) { return done(error) }
      do throws(Errno) { try medium.root.settle() } catch { return done(error) }
      done(nil)
    }
    if let worker { worker.submit(.flush, job) } else { job() }
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
    ioStatus = .ok
    device?.mediumDidChange()
  }

  /// The medium goes away from under the device, which is not told and sees errors from now on; the name with it.
  func loseMediumAndName() {
    (medium, ioStatus, name) = (nil, .ok, "")
    if errorPolicy != nil { errorPolicy = ErrorPolicy(read: .report, write: .report) }
  }

  /// The medium has another length now.
  func mediumDidResize() { device?.mediumDidResize() }
}

/// Keeps several drives still at once: each finishes what it has begun and starts nothing until the hold ends.
public final class BlockHold: Sendable {
  private struct State {
    var expected = 0
    var standing = 0
    var isReleased = false
    var isBroken = false
  }
  private let state = Guarded(State())

  public init() {}

  /// It ended before its owner was done; to be asked on the machine thread.
  public var isBroken: Bool { state.withLock { $0.isBroken } }
  var isOver: Bool { state.withLock { $0.isReleased } }
  func breakUp() { state.update { if !$0.isReleased { ($0.isReleased, $0.isBroken) = (true, true) } } }

  func expectOne() { state.update { $0.expected += 1 } }

  /// On a drive's worker.
  func stand() {
    state.update { $0.standing += 1 }
    state.wait { $0.isReleased ? () : nil }
  }

  /// Waits for all drives; on a worker of the monitor.
  public func waitUntilStill() { state.wait { $0.standing == $0.expected || $0.isBroken ? () : nil } }
  public func release() { state.update { $0.isReleased = true } }
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
  /// The medium grew or shrank.
  func mediumDidResize()
}

extension DriveDevice {
  public func mediumDidResize() {}
}
