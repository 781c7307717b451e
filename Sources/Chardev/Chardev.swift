// SPDX-License-Identifier: Apache-2.0
public import HostIO

/// What a character device may ask of the process.
public struct ChardevHost: Sendable {
  /// A sentence for the user, without program name or newline.
  public var report: @Sendable (String) -> Void
  /// Ctrl-A x on a multiplexed device: end the process in the orderly way. Runs on the event loop.
  public var quit: @Sendable () -> Void
  /// Ctrl-A s: write temporary disk changes back. nil: the key does nothing and the help does not list it.
  public var commit: (@Sendable () -> Void)?

  public init(
    report: @escaping @Sendable (String) -> Void = { HostProcess.report($0) },
    quit: @escaping @Sendable () -> Void = { HostProcess.exit(0) }, commit: (@Sendable () -> Void)? = nil
  ) {
    (self.report, self.quit, self.commit) = (report, quit, commit)
  }
}

/// A character device: bytes in, bytes out, between a front end (a UART, a monitor) and something of the host.
///
/// All callbacks to the front end come on the event loop's thread; everything here may be called from any thread.
public final class Chardev: Sendable {
  /// The label, as in `query-chardev`.
  public let id: String
  /// The device underneath a multiplexed one, with the label `ID-base`.
  public let base: Chardev?

  private let backend: any CharacterBackend
  private let sink: Sink
  private let loop: EventLoop
  private let log: OutputFile?

  private init(
    id: String, backend: any CharacterBackend, sink: Sink, loop: EventLoop, log: OutputFile? = nil, base: Chardev? = nil
  ) {
    (self.id, self.backend, self.sink, self.loop, self.log, self.base) = (id, backend, sink, loop, log, base)
  }

  /// Makes the device. The loop need not run yet. A socket server that waits for its client blocks here and says so through
  /// `host.report`; a client without `reconnectSeconds` connects here.
  public static func open(
    id: String, configuration: ChardevConfiguration, loop: EventLoop, host: ChardevHost = ChardevHost()
  ) throws(ChardevError) -> Chardev {
    try open(id: id, configuration: configuration, loop: loop, host: host, gate: FrontEndGate())
  }

  static func open(
    id: String, configuration: ChardevConfiguration, loop: EventLoop, host: ChardevHost, gate: FrontEndGate
  ) throws(ChardevError) -> Chardev {
    if configuration.isMultiplexed {
      var plain = configuration
      plain.isMultiplexed = false
      let base = try open(id: id + "-base", configuration: plain, loop: loop, host: host, gate: gate)
      let mux = try Mux(base: base, loop: loop, host: host, gate: gate)
      return Chardev(id: id, backend: mux, sink: Sink(), loop: loop, base: base)
    }
    let log = try openLog(configuration, loop)
    let sink = Sink()
    do throws(ChardevError) {
      let backend = try makeBackend(id, configuration.kind, sink, loop, host)
      return Chardev(id: id, backend: backend, sink: sink, loop: loop, log: log)
    } catch {
      log?.close()
      throw error
    }
  }

  /// A multiplexer over a device that has a label of its own.
  static func multiplexing(
    _ base: Chardev, id: String, loop: EventLoop, host: ChardevHost, gate: FrontEndGate
  ) throws(ChardevError) -> Chardev {
    let mux = try Mux(base: base, loop: loop, host: host, gate: gate)
    return Chardev(id: id, backend: mux, sink: Sink(), loop: loop, base: base)
  }

  private static func makeBackend(
    _ id: String, _ kind: ChardevConfiguration.Kind, _ sink: Sink, _ loop: EventLoop, _ host: ChardevHost
  ) throws(ChardevError) -> any CharacterBackend {
    switch kind {
    case .null: NullBackend(filename: "null")
    case .console: NullBackend(filename: "vc")
    case .file(let path, let append): try FileBackend(path: path, append: append, sink: sink, loop: loop)
    case .stdio(let signals): try StdioBackend(signals: signals, sink: sink, loop: loop)
    case .socket(let socket): try SocketBackend(id: id, socket, sink: sink, loop: loop, host: host)
    case .pty: try PTYBackend(sink: sink, loop: loop)
    case .pipe(let path): try PipeBackend(path: path, sink: sink, loop: loop)
    case .ringBuffer(let byteCount, let name): try RingBackend(byteCount: byteCount, name: name)
    // Only a table knows other devices.
    case .mux(let base): throw .muxBaseNotFound(base)
    }
  }

  private static func openLog(_ configuration: ChardevConfiguration, _ loop: EventLoop) throws(ChardevError)
    -> OutputFile?
  {
    guard let path = configuration.logFile else { return nil }
    do throws(Errno) {
      let options: FileDescriptor.OpenOptions = [.create, configuration.logAppends ? .append : .truncate]
      return OutputFile(try FileDescriptor.open(path, .writeOnly, options), closing: true, loop: loop)
    } catch {
      throw .createLog(path, error)
    }
  }

  // MARK: What the monitor shows

  /// What is behind it, in the words of `query-chardev`: `unix:/tmp/x,server=on`, `pty:/dev/pts/3`, `stdio`, …
  public var filename: String { backend.filename }

  /// Whether a front end is attached (`frontend-open`).
  public var isFrontEndOpen: Bool { isMultiplexed || sink.isAttached }

  public var isMultiplexed: Bool { backend is Mux }

  /// The terminal to open, if it is a `pty`.
  public var pseudoTerminal: BytePath? { ((base?.backend ?? backend) as? PTYBackend)?.name }

  /// The line to tell the user after start-up, for a `pty`.
  public var announcement: String? { pseudoTerminal.map { "char device redirected to \($0) (label \(id))" } }

  /// Bytes lost because nobody read them or the host refused them.
  public var droppedByteCount: UInt64 { backend.droppedByteCount }

  /// Bytes waiting to be taken by the other side.
  public var queuedByteCount: Int { backend.queuedByteCount }

  var isBackendOpen: Bool { backend.isOpen }

  // MARK: Front ends

  /// Connects a front end. One only (`.inUse`), unless the device is multiplexed: then the newest has the focus.
  /// `opened` follows on the loop if somebody is on the other side already.
  public func attach(_ frontEnd: FrontEnd) throws(ChardevError) -> ChardevPort {
    if let mux = backend as? Mux {
      return ChardevPort(chardev: self, token: mux.attach(frontEnd), delivery: frontEnd.delivery)
    }
    if !sink.attach(frontEnd) { throw .inUse(id) }
    loop.post { [self] in
      if backend.isOpen { sink.event(.opened) }
      backend.inputWanted()
    }
    return ChardevPort(chardev: self, token: 0, delivery: frontEnd.delivery)
  }

  func detach(_ token: Int) {
    if let mux = backend as? Mux { mux.detach(token) } else { sink.detach() }
    loop.post { [self] in backend.inputWanted() }
  }

  func acceptInput() { loop.post { [self] in backend.inputWanted() } }

  /// Sends bytes out, and to the log file. Returns the bytes that wait afterwards.
  @discardableResult
  public func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery = .bounded) -> Int {
    if let log { _ = log.write(bytes) }
    return backend.write(bytes, delivery)
  }

  /// Tells the front end of a serial break (`chardev-send-break`).
  public func sendBreak() {
    if backend is Mux { return }
    loop.post { [self] in sink.event(.serialBreak) }
  }

  /// The oldest bytes of a ring buffer, which are then gone from it; `.notARingBuffer` for other kinds.
  public func readRing(upTo byteCount: Int) throws(ChardevError) -> [UInt8] {
    guard let ring = backend as? RingBackend else { throw .notARingBuffer(id) }
    return ring.read(upTo: byteCount)
  }

  public var isRingBuffer: Bool { backend is RingBackend }

  // MARK: The end

  /// Waits until what was written has left, at most `nanoseconds`; whether it did. Called on the loop's thread it
  /// holds up the loop for that long, so give it little time there.
  @discardableResult
  public func flush(nanoseconds: UInt64 = 2_000_000_000) -> Bool {
    let start = HostClock.monotonicNanoseconds
    let isDone = backend.flush(nanoseconds: nanoseconds)
    let spent = HostClock.monotonicNanoseconds &- start
    return (log?.flush(nanoseconds: nanoseconds > spent ? nanoseconds - spent : 0) ?? true) && isDone
  }

  /// Closes the host side. What a file still waits for is written; the front end hears nothing more.
  public func close() {
    if loop.isRunning { loop.sync { [self] in closeBackend() } } else { closeBackend() }
  }

  func closeBackend() {
    sink.detach()
    backend.close()
    log?.close()
  }
}

/// A front end's connection to its character device.
public final class ChardevPort: Sendable {
  public let chardev: Chardev
  private let token: Int
  private let delivery: FrontEnd.Delivery

  init(chardev: Chardev, token: Int, delivery: FrontEnd.Delivery) {
    (self.chardev, self.token, self.delivery) = (chardev, token, delivery)
  }

  /// Sends bytes out in order. Returns how many wait for the other side to take them.
  @discardableResult
  public func write(_ bytes: [UInt8]) -> Int { chardev.write(bytes, delivery) }

  /// Bytes that wait for the other side to take them.
  public var queuedByteCount: Int { chardev.queuedByteCount }

  /// `canReceive` would now say more than before.
  public func acceptInput() { chardev.acceptInput() }

  /// No callback comes after this when called on the loop's thread; from another thread one may still be running.
  public func detach() { chardev.detach(token) }
}
