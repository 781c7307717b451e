// SPDX-License-Identifier: Apache-2.0
import Block
import Chardev
import Chipset
import GraphicsDevices
import HostIO
import InputDevices
import Network
import Platform
import X86

/// A running PC: one thread owns it, executes its processor and serves its mailbox.
///
/// Everything here is called on that thread. Other threads post to `mailbox`.
public final class Machine {
  public let configuration: MachineConfiguration
  public let mailbox = Mailbox()
  public let chardevs: ChardevTable
  public let clock: VirtualClock
  /// Hears events as they happen; set before `run`.
  public var eventHandler: ((MachineEvent) -> Void)?

  /// Somebody who looks at the machine at instants of virtual time; see `look(at:)`.
  public var observer: (() -> Void)?
  private var isLookDue = false
  private lazy var lookTimer = clock.timer { [unowned self] _ in isLookDue = true }

  public private(set) var runState = RunState.prelaunch {
    didSet {
      // While a machine is saved or moved it stands still only for a moment.
      if ![.running, .savingVM, .restoringVM, .finishMigrate].contains(runState) { keyQueue?.machineWasStopped() }
    }
  }
  /// What the machine did when the state that was loaded last was saved; nil when that is not known.
  public var savedRunState: RunState?
  /// Everything on the board; nil for `-machine none`.
  public let board: PC440FX?
  /// Disk images and drives, those of no board included.
  public let blockGraph: BlockGraph
  /// The wires between adapters and the host.
  public let networks: NetworkTable

  /// The host's id of the thread that runs the machine, as gettid(2) numbers them.
  public private(set) var machineThreadID = Thread.currentID

  let time: MachineClock
  private var holds = 0
  private var memoryHolds = 0
  /// A reset that waits until memory may change again.
  private var heldReset: ShutdownCause?
  private var pendingReset: ShutdownCause?
  private var pendingSleep = false
  private var pendingInitialization = false
  var pendingPanic = false
  var hangWatch = HangWatch()
  private var exitStatus: Int32?
  /// Events that wait for another to be told first; nil: none does.
  private var heldEvents: [MachineEvent]?
  private var targetCount = UInt64.max
  private let keyQueue: KeyQueue?
  /// What becomes of the machine when the guest ends its run.
  public var actions: GuestActions
  /// Host time at which virtual time stopped.
  private var stillSince: UInt64? = HostClock.monotonicNanoseconds

  /// Builds the machine and resets it; nothing runs before `run`.
  public init(_ configuration: MachineConfiguration, chardevs: ChardevTable) throws(MachineError) {
    self.configuration = configuration
    actions = configuration.actions
    self.chardevs = chardevs
    if configuration.waitsForIncoming { runState = .incomingMigration }
    let time = MachineClock(counting: configuration.instructionCounting)
    self.time = time
    let clock = VirtualClock { time.now }
    self.clock = clock
    blockGraph = BlockGraph(mailbox: mailbox, isInactive: configuration.waitsForIncoming)
    networks = NetworkTable(
      NetworkHost(
        mailbox: mailbox, clock: clock, mirror: time.mirror, isCounted: configuration.instructionCounting != nil,
        loop: chardevs.loop, makeChannel: Self.channelMaker(chardevs, configuration.characterDeviceReader)))
    let networkNames = try Self.addNetworks(configuration, to: networks)
    guard configuration.board == .pc else {
      board = nil
      keyQueue = nil
      var drives = configuration
      drives.hasFloppyDrive = false
      _ = try PC440FX.openDrives(
        drives, BlockQueue(clock: clock, mailbox: mailbox, timing: .whenDone), blockGraph)
      return
    }
    let requests = BoardRequests()
    let board = try PC440FX(
      configuration, chardevs: chardevs, clock: clock, mailbox: mailbox, blockGraph: blockGraph, network: networks,
      networkNames: networkNames, requests: requests)
    self.board = board
    let keyQueue = KeyQueue(
      clock: clock, keyboard: board.keyboard, memory: board.memory,
      isRead: { [unowned board] in board.keyboardController.keyboardIsRead })
    self.keyQueue = keyQueue
    board.add(keyQueue)
    board.add(ThrottleLevels(blockGraph))
    time.instructionCount = { [unowned board] in board.processor.instructionCount }
    requests.reset = { [unowned self] in request { self.pendingReset = .guestReset } }
    requests.initialize = { [unowned self] in request { self.pendingInitialization = true } }
    requests.sleep = { [unowned self] in request { self.pendingSleep = true } }
    // A guest that stands still already stays as it is; going on tries again in any case.
    requests.stopForError = { [unowned self] in if runState == .running { stop(.ioError) } }
    requests.exit = { [unowned self] status in request { self.exitStatus = status } }
    requests.panic = { [unowned self] in guestTold($0) }
    requests.receiveFilterChanged = { [unowned self] name, path in
      eventHandler?(.receiveFilterChanged(name: name, path: path))
    }
    requests.deviceDeleted = { [unowned self] name, path in tellLater(.deviceDeleted(name: name, path: path)) }
    networks.streamHandler = { [unowned self] name, peer in
      eventHandler?(.streamChanged(netdev: name, peer: peer))
    }
    requests.clockChanged = { [unowned self] offset in eventHandler?(.clockChanged(offset: offset)) }
    clock.deadlineDidShorten = { [unowned board] in board.processor.requestAttention() }
    board.map.changeWasPrepared = { [unowned board] in board.processor.requestAttention() }
    board.reset(.power)
    Self.plugIntoHubs(configuration, networkNames, networks)
    for warning in networks.warnings { HostProcess.report("warning: \(warning)") }
  }

  /// Notes what must happen before the next instruction.
  func request(_ note: () -> Void) {
    note()
    board?.processor.requestAttention()
  }

  public var processor: Processor? { board?.processor }

  // MARK: Control

  /// Stops the vCPUs and virtual time.
  public func stop(_ state: RunState = .paused) {
    guard runState == .running else {
      if runState != .prelaunch || state != .paused { runState = state }
      return
    }
    setTimeRunning(false)
    runState = state
    eventHandler?(.stopped)
  }

  /// Stops or starts virtual time. The real-time clock goes on meanwhile, unless it is to follow virtual time
  /// (`-rtc clock=vm`) or instructions are the clock.
  private func setTimeRunning(_ isRunning: Bool) {
    time.setRunning(isRunning)
    networks.setRunning(isRunning)
    let now = HostClock.monotonicNanoseconds
    guard isRunning else {
      stillSince = stillSince ?? now
      return
    }
    if let since = stillSince, configuration.realTimeClock.source != .virtual, !time.isCounted {
      board?.rtc.pass(Nanoseconds(clamping: now &- since))
    }
    stillSince = nil
  }

  /// Host time in nanoseconds since 1970 at which virtual time stopped; nil when the real-time clock does not follow the
  /// host's calendar.
  public var stoodStillAt: Int64? {
    guard configuration.realTimeClock.source == .host, !time.isCounted else { return nil }
    let duration = stillSince.map { HostClock.monotonicNanoseconds &- $0 } ?? 0
    return HostClock.realTimeNanoseconds &- Int64(clamping: duration)
  }

  /// After a load: the real-time clock has gone on since the saved machine stood still.
  public func catchUp(from instant: Int64) {
    guard configuration.realTimeClock.source == .host, !time.isCounted else { return }
    let now = HostClock.realTimeNanoseconds
    // Two hosts' clocks may differ; a calendar never goes back.
    if instant > 0, instant < now { board?.rtc.pass(now &- instant) }
    stillSince = HostClock.monotonicNanoseconds
  }

  /// Starts them again; what a disk's error stopped is tried again.
  public func resume() {
    guard runState != .running else { return }
    for backend in blockGraph.backends { backend.retry() }
    runState = .running
    if holds == 0 { setTimeRunning(true) }
    eventHandler?(.resumed)
  }

  /// Keeps the guest still without a change of run state; nests.
  public func holdGuest() {
    holds += 1
    if holds == 1, runState == .running { setTimeRunning(false) }
  }

  public func releaseGuest() {
    holds -= 1
    if holds == 0, runState == .running { setTimeRunning(true) }
  }

  /// Keeps a stopped machine's memory as it is while somebody reads or fills it from outside; nests. A reset waits.
  public func holdMemory() { memoryHolds += 1 }

  public func releaseMemory() {
    memoryHolds -= 1
    guard memoryHolds == 0, let cause = heldReset else { return }
    heldReset = nil
    reset(cause)
  }

  /// Resets everything between two instructions.
  public func reset(_ cause: ShutdownCause) {
    if memoryHolds > 0 {
      heldReset = cause
      return
    }
    hangWatch.reset()
    if cause == .snapshotLoad {
      // A state is loaded next; nobody is told.
      (pendingReset, pendingInitialization) = (nil, false)
      board?.reset(.system, ejects: false)
      return
    }
    if actions.reboot == .shutdown {
      shutDown(cause)
      return
    }
    pendingReset = nil
    pendingInitialization = false
    // What the reset ejects is told after it.
    heldEvents = []
    board?.reset(.system)
    // A machine that stands still is as after `-S`, whatever stopped it.
    if ![.running, .incomingMigration, .finishMigrate].contains(runState) { runState = .prelaunch }
    eventHandler?(.reset(cause))
    let events = heldEvents ?? []
    heldEvents = nil
    for event in events { eventHandler?(event) }
  }

  private func tellLater(_ event: MachineEvent) {
    if heldEvents == nil { eventHandler?(event) } else { heldEvents?.append(event) }
  }

  /// Presses the power button.
  public func powerDown() {
    board?.powerManagement.pressPowerButton()
    eventHandler?(.powerDown)
  }

  /// The machine ends: the process too, unless the configuration keeps it for a look.
  public func shutDown(_ cause: ShutdownCause) {
    eventHandler?(.shutdown(cause))
    if actions.shutdown == .pause, cause.isFromGuest {
      stop(.shutdown)
    } else {
      exitStatus = exitStatus ?? (cause == .guestPanic && actions.panic == .exitFailure ? 1 : 0)
    }
  }

  /// Ends the process whatever the configuration says.
  public func quit(_ cause: ShutdownCause) {
    eventHandler?(.shutdown(cause))
    exitStatus = exitStatus ?? 0
  }

  /// Ends the process with this status; nobody is told.
  public func end(status: Int32) { exitStatus = exitStatus ?? status }

  /// The process ends as soon as the machine thread looks.
  public var isEnding: Bool { exitStatus != nil }

  public func injectNMI() { board?.interrupts.injectNMI() }

  /// Types on the keyboard; waits between keys pass on the virtual clock.
  public func type(_ events: [KeyQueue.Event]) throws(KeyQueueFull) { try keyQueue?.append(events) }

  /// Types as fast as the guest takes it. `report` hears, on the machine thread, how it ended; `patience` is for how many
  /// milliseconds of virtual time the guest may stand still meanwhile.
  public func type(
    _ steps: [KeySequence.Step], patience: UInt32, report: (@Sendable (TypingResult) -> Void)?
  ) throws(KeyQueueFull) {
    try keyQueue?.type(steps, patience: patience, report: report)
  }

  // MARK: Looking

  /// Calls `observer` once at this instant, between two instructions and after all that is due then; nil: not any more.
  /// Looking changes nothing that the guest could observe. A look that is due when the machine is saved is not saved.
  public func look(at instant: Nanoseconds?) { lookTimer.arm(at: instant) }

  // MARK: Running

  /// Instructions between two looks at the mailbox: some tens of microseconds.
  private static let quantum: Int64 = 20_000

  /// Runs until something ends the process; gives its exit status.
  public func run() -> Int32 { run(toInstruction: .max) ?? 0 }

  /// The same, but returns nil when the processor's instruction count has reached `target`. Exact under instruction
  /// counting.
  public func run(toInstruction target: UInt64) -> Int32? {
    machineThreadID = Thread.currentID
    targetCount = target
    if !configuration.startsPaused, runState == .prelaunch { resumeFirst() }
    while true {
      if let exitStatus {
        networks.close()
        return exitStatus
      }
      if mailbox.hasEvents {
        mailbox.drain()
        continue
      }
      guard runState == .running, holds == 0, let board else {
        mailbox.wait(atMost: nil)
        continue
      }
      if board.processor.instructionCount >= target { return nil }
      runSlice(board)
    }
  }

  /// The first start is not a RESUME for anybody: no monitor has seen the machine stopped.
  private func resumeFirst() {
    runState = .running
    setTimeRunning(true)
  }

  private func runSlice(_ board: PC440FX) {
    board.commitMap()
    if time.isCounted { time.mirror.set(clock.now) }
    clock.fireDueTimers()
    board.commitMap()
    if isLookDue {
      isLookDue = false
      observer?()
      // It may have stopped the guest, or asked for a look at this very instant.
      if runState != .running || holds > 0 || isLookDue { return }
    }
    if takeRequests() || runState != .running { return }  // a disk's error may have stopped the guest
    let count = board.processor.instructionCount
    var budget = min(Self.quantum, Int64(clamping: targetCount &- count))
    if time.isCounted { budget = min(budget, HangWatch.distance(from: count)) }
    if let deadline = clock.nextDeadline, let left = time.instructions(until: deadline) { budget = min(budget, left) }
    switch board.processor.run(budget: budget, exact: time.isCounted) {
    case .budget:
      tellEndlessLoop(board)
      board.useLargePages()
      _ = takeRequests()
    case .attention: _ = takeRequests()
    case .halted:
      tellEndlessHalt(board)
      idle()
    case .shutdown:
      tellTripleFault(board)
      pendingReset = pendingReset ?? .guestReset
    }
  }

  /// Does what is due at this instant and would be the first thing when the guest goes on: timers fire, the map is
  /// committed. A saved state holds nothing that is overdue, since devices arm their timers by what lies ahead.
  func settle() {
    guard let board else { return }
    board.commitMap()
    for backend in blockGraph.backends { backend.finishDelivering() }
    clock.fireDueTimers()
    board.commitMap()
    // A timer may have sent INIT.
    if pendingInitialization {
      pendingInitialization = false
      board.processor.initSignal()
    }
  }

  /// Carries out what devices asked for; true when the slice is over.
  private func takeRequests() -> Bool {
    if exitStatus != nil { return true }
    if pendingPanic {
      pendingPanic = false
      if actions.panic == .pause { stop(.guestPanicked) } else { shutDown(.guestPanic) }
      return true
    }
    if pendingSleep {
      pendingSleep = false
      shutDown(.guestShutdown)
      return true
    }
    if let cause = pendingReset {
      pendingReset = nil
      reset(cause)
      return true
    }
    if pendingInitialization {
      pendingInitialization = false
      board?.processor.initSignal()
      return true
    }
    return false
  }

  /// The processor waits for an interrupt: sleep, or let counted time jump.
  private func idle() {
    if takeRequests() || mailbox.hasEvents { return }
    let deadline = clock.nextDeadline
    if let counting = configuration.instructionCounting {
      guard let deadline else {
        mailbox.wait(atMost: nil)
        return
      }
      if counting.sleeps {
        mailbox.wait(atMost: max(0, deadline &- clock.now))
        if mailbox.hasEvents { return }
      }
      time.warp(to: deadline)
    } else {
      let left = deadline.map { max(0, $0 &- clock.now) }
      if left != 0 { mailbox.wait(atMost: left) }
    }
  }
}
