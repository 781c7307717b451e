// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Synchronization

/// A machine's migrations: at most one goes out at a time, and at most one ever comes in.
///
/// The machine thread decides and captures, a worker opens, reads and writes. Outgoing, the guest runs while the way is
/// opened and then stands still until the stream is written: memory is sent in place. Nothing of it is seen by the guest.
public final class Migration: Sendable {
  /// Runs a closure on the machine thread, in the order posted.
  public typealias Post = @Sendable (@escaping @Sendable (any MigratableMachine) -> Void) -> Void

  struct Outgoing {
    /// Tells this migration from those before.
    var number: UInt64 = 0
    var status = MigrationStatus.none
    var error: String?
    var cancel = CancelFlag()
    /// Host times in nanoseconds.
    var began: UInt64 = 0
    var opened: UInt64?
    var stopped: UInt64?
    var ended: UInt64?
    var progress = ImageProgress()
    var passCount = 0
    /// Where the guest goes when nothing comes of it; nil while it has not been stopped.
    var before: RunState?
    /// `migrate-continue` was given.
    var mayContinue = false
  }

  struct Incoming {
    var status = MigrationStatus.none
    /// The command line asked for one.
    var isExpected = false
    var isStarted = false
    var listener: MigrationListener?
    /// Whether the guest runs once it is here: no `-S`, or `cont` meanwhile.
    var startsGuest = true
  }

  struct State {
    var capabilities: Set<MigrationCapability> = []
    var parameters = MigrationParameters()
    /// The user set the speed. The default bounds QEMU while the guest runs and not the rest, which is all there is here.
    var limitsBandwidth = false
    /// `-only-migratable`.
    var isStrict = false
    var outgoing = Outgoing()
    var incoming = Incoming()
    /// Outgoing workers that have not cleaned up yet.
    var workerCount = 0
  }

  let state = Guarded(State())
  private let post: Post
  private let observer = Mutex<(@Sendable (MigrationEvent) -> Void)?>(nil)
  /// Shows the user a sentence on standard error.
  let report: @Sendable (String) -> Void

  public init(report: @escaping @Sendable (String) -> Void = { HostProcess.report($0) }, post: @escaping Post) {
    self.report = report
    self.post = post
  }

  /// Nothing is on its way to another process.
  public var isIdle: Bool { state.withLock { !$0.outgoing.status.isRunning } }

  // MARK: Settings

  public var capabilities: Set<MigrationCapability> { state.withLock { $0.capabilities } }
  public var parameters: MigrationParameters { state.withLock { $0.parameters } }

  /// Turns capabilities on and off, all or none.
  public func setCapabilities(_ changes: [(MigrationCapability, Bool)]) throws(MigrationError) {
    try state.withLock { (state) throws(MigrationError) in
      if state.outgoing.status.isRunning || state.incoming.status == .active { throw Self.inProgress }
      for (capability, isOn) in changes where isOn && !capability.isSupported {
        throw MigrationError("Migration capability '\(capability.rawValue)' is not supported")
      }
      for (capability, isOn) in changes {
        if isOn { state.capabilities.insert(capability) } else { state.capabilities.remove(capability) }
      }
    }
  }

  /// Changes parameters, all or none.
  public func setParameters(
    limitingBandwidth: Bool, _ change: (inout MigrationParameters) -> Void
  ) throws(MigrationError) {
    try state.withLock { (state) throws(MigrationError) in
      var parameters = state.parameters
      change(&parameters)
      try parameters.check()
      state.parameters = parameters
      if limitingBandwidth { state.limitsBandwidth = true }
    }
  }

  /// `-only-migratable`: a machine that could not be sent would be refused. Every one can.
  public var isStrict: Bool {
    get { state.withLock { $0.isStrict } }
    set { state.withLock { $0.isStrict = newValue } }
  }

  static let inProgress = MigrationError("There's a migration process in progress")

  // MARK: Events

  /// Hears of what happens if the user has turned events on; on the machine thread.
  public func setObserver(_ observer: @escaping @Sendable (MigrationEvent) -> Void) {
    self.observer.withLock { $0 = observer }
  }

  func emit(_ event: MigrationEvent, isAlwaysTold: Bool = false) {
    guard isAlwaysTold || capabilities.contains(.events), let observer = observer.withLock({ $0 }) else { return }
    observer(event)
  }

  // MARK: Threads

  func onMachineLater(_ body: @escaping @Sendable (any MigratableMachine) -> Void) { post(body) }

  /// Runs `body` on the machine thread and waits for it; nil when nobody wants it any more.
  func onMachine<Value: Sendable>(
    unless cancel: CancelFlag? = nil, _ body: @escaping @Sendable (any MigratableMachine) -> Value
  ) -> Value? {
    let result = Guarded<Value?>(nil)
    post { machine in
      if cancel?.isSet == true { return }
      let value = body(machine)
      result.update { $0 = value }
    }
    while true {
      if let value = result.wait(nanoseconds: 20_000_000, until: { $0 }) { return value }
      if cancel?.isSet == true { return result.withLock { $0 } }
    }
  }

  /// For the end of the process, when the machine thread serves nobody any more: stops what goes out and waits until its
  /// worker has taken an unfinished file away.
  public func end(nanoseconds: UInt64) {
    state.withLock { $0.outgoing.cancel.set() }
    _ = state.wait(nanoseconds: nanoseconds) { $0.workerCount == 0 ? true : nil }
    state.update { state in
      if state.outgoing.status.isRunning { state.outgoing.status = .cancelled }
    }
  }
}
