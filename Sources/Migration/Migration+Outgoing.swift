// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

extension Migration {
  /// What an outgoing migration came to.
  enum Outcome: Sendable {
    case written
    case failed(MigrationError)
    case cancelled
  }

  // MARK: On the machine thread

  /// `migrate`: begins, or says why not. The rest is seen in `query-migrate` and the events.
  ///
  /// - Parameter takeDescriptor: gives the descriptor of that name away, if there is one.
  public func start(
    _ uri: String, on machine: any MigratableMachine, takeDescriptor: (String) -> FileDescriptor?
  ) throws(MigrationError) {
    try state.withLock { (state) throws(MigrationError) in
      if state.outgoing.status.isRunning { throw Self.inProgress }
      if machine.runState == .incomingMigration { throw MigrationError("Guest is waiting for an incoming migration") }
      if machine.runState == .postMigrate {
        throw MigrationError("Can't migrate the vm that was paused due to previous migration")
      }
      state.outgoing = Outgoing(
        number: state.outgoing.number &+ 1, status: .setup, began: HostClock.monotonicNanoseconds)
    }
    emit(.status(.setup))
    do throws(MigrationError) {
      guard let address = try MigrationAddress.parse(BytePath(uri)) else {
        throw MigrationError("Parameter 'uri' expects a valid migration protocol")
      }
      var descriptor: FileDescriptor?
      if case .descriptor(let name) = address {
        descriptor = takeDescriptor(name)
        if descriptor == nil { throw MigrationError("File descriptor named '\(name)' has not been found") }
      }
      try startWorker(address, descriptor)
    } catch {
      state.update { state in
        state.outgoing.status = .failed
        state.outgoing.error = error.description
      }
      emit(.status(.failed))
      throw error
    }
  }

  private func startWorker(_ address: MigrationAddress, _ descriptor: FileDescriptor?) throws(MigrationError) {
    let (number, cancel) = state.withLock { state in
      state.workerCount += 1
      return (state.outgoing.number, state.outgoing.cancel)
    }
    do throws(Errno) {
      _ = try Thread(name: "migration") { [self] in
        let outcome = write(number, address, descriptor, cancel)
        onMachineLater { [self] in conclude(number, outcome, $0) }
        state.update { $0.workerCount -= 1 }
      }
    } catch {
      state.update { $0.workerCount -= 1 }
      descriptor?.closeIgnoringErrors()
      throw MigrationError("Cannot start a worker thread: \(error)")
    }
  }

  /// `migrate_cancel`: the guest goes on. Nothing happens when nothing goes out.
  public func cancel() {
    let isOpening = state.update { state -> Bool? in
      guard state.outgoing.status.isRunning, state.outgoing.status != .cancelling else { return nil }
      defer { state.outgoing.status = .cancelling }
      state.outgoing.cancel.set()
      return state.outgoing.status == .setup
    }
    guard let isOpening else { return }
    let number = state.withLock { $0.outgoing.number }
    emit(.status(.cancelling))
    if isOpening {
      // The worker may be waiting for a name server, and nothing of the machine is in its hands yet.
      onMachineLater { [self] in conclude(number, .cancelled, $0) }
    } else {
      concludeLater(number)
    }
  }

  /// A write to a dead file server never ends; the guest goes on then too. What the worker still reads of its memory
  /// goes nowhere.
  private func concludeLater(_ number: UInt64) {
    _ = try? Thread(name: "migration-end") { [self] in
      let isOver = state.wait(nanoseconds: 500_000_000) { state in
        state.outgoing.number != number || !state.outgoing.status.isRunning ? true : nil
      }
      if isOver == nil { onMachineLater { [self] in conclude(number, .cancelled, $0) } }
    }
  }

  /// `migrate-continue`: goes on from the state given, which must be the one it waits in.
  public func continueMigration(from expected: MigrationStatus) throws(MigrationError) {
    try state.update { (state) throws(MigrationError) in
      guard state.outgoing.status == expected else {
        throw MigrationError("Migration not in expected state: \(state.outgoing.status.rawValue)")
      }
      if expected == .preSwitchover { state.outgoing.mayContinue = true }
    }
  }

  /// `stop` while the guest is held: it stays stopped when nothing comes of the migration.
  public func guestWasStopped() {
    state.withLock { state in
      if state.outgoing.status.isRunning, state.outgoing.before == .running { state.outgoing.before = .paused }
    }
  }

  /// The way is open: stops the guest.
  private func hold(_ number: UInt64, _ machine: any MigratableMachine) {
    guard state.withLock({ $0.outgoing.number == number && $0.outgoing.status == .setup }) else { return }
    begin(pass: 1)
    state.withLock { state in
      state.outgoing.opened = HostClock.monotonicNanoseconds
      state.outgoing.before = machine.runState
      let byteCount = machine.imageShape.blocks.reduce(0) { $0 + $1.byteCount }
      state.outgoing.progress.totalByteCount = byteCount
      state.outgoing.progress.remainingByteCount = byteCount
    }
    change(.active)
    machine.stop(.finishMigrate)
    machine.holdMemory()
    state.withLock { $0.outgoing.stopped = HostClock.monotonicNanoseconds }
  }

  private func begin(pass: Int) {
    state.withLock { $0.outgoing.passCount = pass }
    emit(.pass(pass))
  }

  private func change(_ status: MigrationStatus) {
    state.update { $0.outgoing.status = status }
    emit(.status(status))
  }

  /// The end of it all, whichever comes first.
  private func conclude(_ number: UInt64, _ outcome: Outcome, _ machine: any MigratableMachine) {
    let isCurrent = state.withLock { state in
      guard state.outgoing.number == number, state.outgoing.status.isRunning else { return false }
      state.outgoing.ended = HostClock.monotonicNanoseconds
      return true
    }
    guard isCurrent else { return }
    switch outcome {
    case .written:
      if state.withLock({ $0.outgoing.status == .cancelling }) { return conclude(number, .cancelled, machine) }
      machine.stop(.postMigrate)
      machine.releaseMemory()
      change(.completed)
    case .failed(let error):
      report(error.description)
      state.withLock { $0.outgoing.error = error.description }
      change(.failed)
      goOn(machine)
    case .cancelled:
      goOn(machine)
      change(.cancelled)
    }
  }

  /// Gives the guest back what it had.
  private func goOn(_ machine: any MigratableMachine) {
    guard let before = state.withLock({ $0.outgoing.before }) else { return }
    var state = before
    do throws(MigrationError) { try machine.takeDisks() } catch {
      // Somebody was faster. Whoever says `cont` hears it again.
      report(error.description)
      if state == .running { state = .paused }
    }
    if machine.runState == .finishMigrate {
      if state == .running { machine.resume() } else { machine.stop(state) }
    }
    machine.releaseMemory()
  }

  // MARK: On the worker

  private func write(
    _ number: UInt64, _ address: MigrationAddress, _ descriptor: FileDescriptor?, _ cancel: CancelFlag
  ) -> Outcome {
    do throws(MigrationError) {
      let transport = try OutgoingTransport(address, descriptor: descriptor, cancel: cancel)
      defer { transport.abandon() }
      let isHeld: Void? = onMachine(unless: cancel) { [self] in hold(number, $0) }
      guard isHeld != nil, waitForSwitchover(cancel), waitForDisks(cancel) else { return .cancelled }
      let captured = onMachine(unless: cancel) { [self] machine -> Result<CapturedMachine, MigrationError> in
        begin(pass: 2)
        let before = state.withLock { $0.outgoing.before }
        do throws(MigrationError) { return .success(try machine.captureState(after: before)) } catch {
          return .failure(error)
        }
      }
      guard let captured else { return .cancelled }
      try send(try captured.get(), through: transport, cancel)
      if cancel.isSet { return .cancelled }
      try transport.finish()
      return cancel.isSet ? .cancelled : .written
    } catch {
      return cancel.isSet ? .cancelled : .failed(error)
    }
  }

  /// `pause-before-switchover`: waits for `migrate-continue`. False when it was cancelled.
  private func waitForSwitchover(_ cancel: CancelFlag) -> Bool {
    guard capabilities.contains(.pauseBeforeSwitchover) else { return !cancel.isSet }
    guard let () = onMachine(unless: cancel, { [self] _ in change(.preSwitchover) }) else { return false }
    while state.wait(nanoseconds: 10_000_000, until: { $0.outgoing.mayContinue ? true : nil }) == nil {
      if cancel.isSet { return false }
    }
    return onMachine(unless: cancel) { [self] _ in change(.device) } != nil
  }

  /// The results of requests on their way to the disks still go into memory.
  private func waitForDisks(_ cancel: CancelFlag) -> Bool {
    while true {
      guard let isBusy = onMachine(unless: cancel, { $0.awaitsDisks }) else { return false }
      if !isBusy { return true }
      HostClock.sleep(nanoseconds: 500_000)
    }
  }

  /// The receiver may have the images: it takes them once it has all of the stream.
  private func giveDisksAway(_ cancel: CancelFlag) throws(MigrationError) {
    try settleDisks(cancel)
    _ = onMachine(unless: cancel) { $0.releaseDisks() }
  }

  private func settleDisks(_ cancel: CancelFlag) throws(MigrationError) {
    let result = Guarded<String??>(nil)
    guard let () = onMachine(unless: cancel, { $0.settleDisks { failure in result.update { $0 = .some(failure) } } })
    else { return }
    while true {
      if let failure = result.wait(nanoseconds: 10_000_000, until: { $0 }) {
        if let failure { throw MigrationError(failure) }
        return
      }
      if cancel.isSet { return }
    }
  }

  private func send(
    _ captured: CapturedMachine, through transport: OutgoingTransport, _ cancel: CancelFlag
  ) throws(MigrationError) {
    var brake = SpeedBrake()
    do throws(MigrationError) {
      try captured.write(
        to: transport, beforeEnd: { () throws(MigrationError) in try giveDisksAway(cancel) }
      ) { progress throws(MigrationError) in
        state.withLock { $0.outgoing.progress = progress }
        brake.sent(progress.transferredByteCount)
        while !cancel.isSet, let limit = bandwidthLimit, brake.isOn(limit) {
          HostClock.sleep(nanoseconds: 5_000_000)
        }
        if cancel.isSet { throw transport.sentence(for: .canceled) }
      }
    } catch {
      throw transport.failure.map(transport.sentence(for:)) ?? error
    }
  }

  /// Bytes per second; nil for as fast as it goes.
  private var bandwidthLimit: UInt64? {
    state.withLock { state in
      state.limitsBandwidth && state.parameters.maxBandwidth > 0 ? state.parameters.maxBandwidth : nil
    }
  }
}

/// Holds a sender to a speed, which may change at any time.
struct SpeedBrake {
  private var total = 0
  /// Bytes sent that time has not made up for.
  private var debt = 0.0
  private var lastLook = HostClock.monotonicNanoseconds

  mutating func sent(_ total: Int) {
    debt += Double(max(0, total - self.total))
    self.total = total
  }

  /// Whether to wait on at `limit` bytes per second.
  mutating func isOn(_ limit: UInt64) -> Bool {
    let now = HostClock.monotonicNanoseconds
    debt = max(0, debt - Double(limit) * Double(now &- lastLook) / 1e9)
    lastLook = now
    return debt > 0
  }
}
