// SPDX-License-Identifier: Apache-2.0
import Synchronization

public import Automation
public import Block
public import HostIO
public import Migration
public import PC
import Platform
public import QAPI

/// What all monitors of one machine share: the way to the machine, the events, and the tables of commands.
///
/// Sessions live on the event loop's thread. A command travels to the machine thread, runs there between two
/// instructions, and its reply leaves from there; what remains to be written to the host is done by a worker.
public final class MonitorHub: Sendable {
  /// Runs a closure on the machine thread, between two instructions, in the order posted.
  public typealias MachinePost = @Sendable (@escaping @Sendable (any MonitoredMachine) -> Void) -> Void

  /// What the greeting and `query-version` say.
  public struct Version: Hashable, Sendable {
    /// The QEMU release whose interface this is.
    public var major: Int
    public var minor: Int
    public var micro: Int
    /// Who provides it: `Apus 0.1.0`.
    public var package: String
    public init(major: Int = 7, minor: Int = 2, micro: Int = 0, package: String) {
      (self.major, self.minor, self.micro, self.package) = (major, minor, micro, package)
    }
  }

  /// Reads the text of `drive_add`, in the grammar of the command line.
  public typealias DriveReader = @Sendable (String) throws(BlockError) -> AddedDrive

  private struct PendingEvent {
    /// The last one that came too soon.
    var held: JSON?
  }

  private struct Workers {
    var count = 0
    var isEnding = false
  }

  private struct State {
    var sessions: [QMPSession] = []
    var terminals: [HMPSession] = []
    /// Rate-limited events sent within their interval, by name.
    var limited: [String: PendingEvent] = [:]
    var dumpDefaults = DumpFormat()
    var mouseButtons: Int64 = 0
    var watcher: MachineBound<Watcher>?
    var machineThread: Int?
    var eventObserver: MachineBound<(String, JSON?) -> Void>?
  }

  public let version: Version
  public let commands: CommandTable<MonitorContext>
  let jobs = JobTable()
  /// The machine's migrations.
  public let migration: Migration
  let encoders: ScreenEncoders
  let deviceAdder: DeviceAdder?
  let loop: EventLoop
  private let machinePost: MachinePost
  private let driveReader: DriveReader?
  private let state = Mutex(State())
  private let workers = Guarded(Workers())
  private static let workerPatience: UInt64 = 250_000_000

  /// `commands` is the standard table unless a test or a later floor adds its own.
  public init(
    version: Version, loop: EventLoop, encoders: ScreenEncoders,
    commands: CommandTable<MonitorContext> = StandardCommands.table, deviceAdder: DeviceAdder? = nil,
    driveReader: DriveReader? = nil,
    machinePost: @escaping MachinePost
  ) {
    self.driveReader = driveReader
    (self.version, self.loop, self.encoders) = (version, loop, encoders)
    (self.commands, self.machinePost) = (commands, machinePost)
    self.deviceAdder = deviceAdder
    migration = Migration { work in machinePost { work($0) } }
    migration.setObserver { [weak self] event in
      switch event {
      case .status(let status): self?.emit(MigrationStatusEvent(status))
      case .pass(let number): self?.emit(MigrationPassEvent(number))
      }
    }
  }

  func readDrive(_ text: String) throws(QMPError) -> AddedDrive {
    guard let driveReader else { throw QMPError("Drives cannot be added here") }
    return try blockWork { () throws(BlockError) in try driveReader(text) }
  }

  // MARK: Sessions

  /// A QMP monitor on `transport`. The caller forwards the transport's callbacks to the session.
  public func addQMP(_ transport: any MonitorTransport, isPretty: Bool = false) -> QMPSession {
    let session = QMPSession(hub: self, transport: transport, isPretty: isPretty)
    state.withLock { $0.sessions.append(session) }
    return session
  }

  /// A human monitor on `transport`.
  public func addHMP(_ transport: any MonitorTransport) -> HMPSession {
    let session = HMPSession(hub: self, transport: transport)
    state.withLock { $0.terminals.append(session) }
    return session
  }

  /// For the end of the process, after the machine thread has stopped serving its mailbox: lets commands that still write
  /// finish or take their unfinished files away, and waits until every client has its last reply. `nanoseconds` bounds
  /// it all; a worker that is stuck is waited for a quarter of a second only.
  public func flush(nanoseconds: UInt64) {
    let deadline = HostClock.monotonicNanoseconds &+ nanoseconds
    workers.update { $0.isEnding = true }
    _ = workers.wait(nanoseconds: min(nanoseconds, Self.workerPatience)) { $0.count == 0 ? true : nil }
    let transports = state.withLock { $0.sessions.map(\.transport) + $0.terminals.map(\.transport) }
    for transport in transports {
      let now = HostClock.monotonicNanoseconds
      transport.flush(nanoseconds: deadline > now ? deadline - now : 0)
    }
  }

  // MARK: The machine

  /// Runs `body` on the machine thread.
  func post(_ body: @escaping @Sendable (any MonitoredMachine) -> Void) { machinePost(body) }

  /// Runs `body` on the machine thread and waits for it; nil when the machine has ended. For workers only.
  func onMachine<Value: Sendable>(_ body: @escaping @Sendable (any MonitoredMachine) -> Value) -> Value? {
    let result = Guarded<Value?>(nil)
    post { machine in
      let value = body(machine)
      result.update { $0 = value }
    }
    return wait(for: result)
  }

  /// Waits until the machine thread has put a value there; nil when the machine has ended. For workers only.
  func wait<Value: Sendable>(for result: Guarded<Value?>) -> Value? {
    while !workers.withLock({ $0.isEnding }) {
      if let value = result.wait(nanoseconds: 50_000_000, until: { $0 }) { return value }
    }
    return nil
  }

  /// Runs `body` on a thread of its own, where it may block.
  func onWorker(_ body: @escaping @Sendable () -> Void) throws(QMPError) {
    workers.update { $0.count += 1 }
    do throws(Errno) {
      _ = try Thread(name: "monitor-worker") { [workers] in
        body()
        workers.update { $0.count -= 1 }
      }
    } catch {
      workers.update { $0.count -= 1 }
      throw QMPError("Cannot start a worker thread: \(error)")
    }
  }

  /// Format and size that `x`, `xp` and `print` use when none is given: those given last.
  var dumpDefaults: DumpFormat {
    get { state.withLock { $0.dumpDefaults } }
    set { state.withLock { $0.dumpDefaults = newValue } }
  }

  /// The buttons that the last `mouse_button` pressed.
  var mouseButtons: Int64 {
    get { state.withLock { $0.mouseButtons } }
    set { state.withLock { $0.mouseButtons = newValue } }
  }

  /// What waits for the machine; set before it runs, and used, on the machine thread.
  public var watcher: Watcher? {
    get { state.withLock { $0.watcher }?.value }
    set {
      let bound = newValue.map(MachineBound.init)
      state.withLock { ($0.watcher, $0.machineThread) = (bound, Thread.currentID) }
    }
  }

  /// The process ends; workers give up.
  var isEnding: Bool { workers.withLock { $0.isEnding } }

  // MARK: Events

  /// Sends an event to every negotiated QMP session, stamped with the host's time. Called on the machine thread where it
  /// comes before the reply of the command that caused it.
  public func emit(_ event: some QMPEvent) {
    var object = JSONObject()
    let time = HostClock.realTime
    object["timestamp"] = ["seconds": .int(time.seconds), "microseconds": .int(Int64(time.microseconds))]
    object["event"] = .string(type(of: event).name)
    // The events' data are plain structs, which always encode.
    if let data = try? QAPIEncoder.encode(event), data.object?.isEmpty == false { object["data"] = data }
    limitRate(.object(object), name: type(of: event).name, interval: type(of: event).minimumInterval)
    let (name, data) = (type(of: event).name, object["data"])
    guard let thread = state.withLock({ $0.machineThread }) else { return }
    // Jobs and migrations tell of themselves from their workers.
    if Thread.currentID == thread { eventOccurred(name, data) } else { post { [self] _ in eventOccurred(name, data) } }
  }

  private func eventOccurred(_ name: String, _ data: JSON?) {
    let observer = state.withLock { $0.eventObserver }
    observer?.value(name, data)
    watcher?.eventOccurred(name)
  }

  /// Hears each event on the machine thread, as it happens, with its name and data.
  public func observeEvents(_ observer: @escaping (_ name: String, _ data: JSON?) -> Void) {
    let bound = MachineBound(observer)
    state.withLock { $0.eventObserver = bound }
  }

  private func limitRate(_ event: JSON, name: String, interval: UInt64) {
    if interval == 0 { return deliver(event) }
    let isDue = state.withLock { state -> Bool in
      if state.limited[name] == nil {
        state.limited[name] = PendingEvent()
        return true
      }
      state.limited[name] = PendingEvent(held: event)
      return false
    }
    if isDue {
      deliver(event)
      rearm(name, interval)
    }
  }

  private func rearm(_ name: String, _ interval: UInt64) {
    loop.after(nanoseconds: interval) { [weak self] in
      guard let self else { return }
      let held = state.withLock { state -> JSON? in
        let held = state.limited.removeValue(forKey: name)?.held
        if held != nil { state.limited[name] = PendingEvent() }
        return held
      }
      guard let held else { return }
      deliver(held)
      rearm(name, interval)
    }
  }

  private func deliver(_ event: JSON) {
    let sessions = state.withLock { $0.sessions }
    for session in sessions { session.deliver(event) }
  }
}

extension MonitorHub: MachineAccess {
  public func onMachine<Value: Sendable>(
    _ body: @escaping @Sendable (any MigratableMachine) -> Value
  ) -> Value? {
    let step: @Sendable (any MonitoredMachine) -> Value = { body($0) }
    return onMachine(step)
  }
}
