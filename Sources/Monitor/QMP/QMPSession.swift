// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI
import Synchronization

/// One QMP monitor: greeting, negotiation, commands in order, events between them.
///
/// Commands of one connection run one after the other, replies come in their order. Only `quit` overtakes a command
/// whose second phase makes no progress. A client that does not read its replies is not read from either.
public final class QMPSession: MonitorSession {
  private enum Entry {
    /// With the descriptor that came along, if the command asks for one.
    case message(JSON, PassedDescriptor?)
    case mistake(JSONError)
  }

  private struct State {
    var stream = JSONStream(limits: MonitorLimits.json)
    /// Bytes received and not parsed yet, because the queue or the client's socket is full.
    var held: ArraySlice<UInt8> = []
    var queue: [Entry] = []
    /// A command is on the machine thread or with a worker.
    var isRunning = false
    /// It is with a worker.
    var isFinishing = false
    /// Counts every sign of life of the worker.
    var progress: UInt64 = 0
    var watchesWorker = false
    var isConnected = false
    var isNegotiated = false
    var oobEnabled = false
    var isFocused = true
    /// Output of a session that is not shown.
    var unseen: [UInt8] = []
    /// Tells replies to this connection from those to one before it.
    var connection: UInt64 = 0
  }

  private struct Start {
    var request: QMPRequest
    var id: JSON?
    var connection: UInt64
    var descriptor: PassedDescriptor?
    /// It does not wait for its turn and nobody waits for it.
    var isOverlapping = false
  }

  let transport: any MonitorTransport
  private let hub: MonitorHub
  private let isPretty: Bool
  private let state = Mutex(State())
  private let inbox = DescriptorInbox()
  private let descriptorNames = DescriptorNames()
  /// How long a worker may stand still before a waiting `quit` overtakes it.
  static let patience: UInt64 = 1_000_000_000

  init(hub: MonitorHub, transport: any MonitorTransport, isPretty: Bool) {
    (self.hub, self.transport, self.isPretty) = (hub, transport, isPretty)
  }

  // MARK: The connection

  public func opened() {
    state.withLock { state in
      let connection = state.connection
      let isFocused = state.isFocused
      state = State()
      (state.connection, state.isConnected, state.isFocused) = (connection &+ 1, true, isFocused)
      send(["QMP": ["version": VersionReport(hub.version).json, "capabilities": ["oob"]]], &state)
    }
    transport.acceptInput()
  }

  public func closed() {
    state.withLock { state in
      let connection = state.connection
      let isFocused = state.isFocused
      state = State()
      (state.connection, state.isFocused) = (connection &+ 1, isFocused)
    }
    inbox.clear()
  }

  public var receivableByteCount: Int { state.withLock { receivable($0) } }

  /// While a command is with the machine nothing is read, so that a client that sends its commands and closes its side
  /// has its answers before its leaving is seen. A worker may take long: behind it a `quit` must be seen.
  private func receivable(_ state: State) -> Int {
    // Behind a `quit` nothing more is of interest, and least of all that its sender has left.
    if state.isFinishing, Self.quit(in: state.queue) != nil { return 0 }
    let isBusy = !state.oobEnabled && !state.isFinishing && (state.isRunning || !state.queue.isEmpty)
    return state.isConnected && !isBusy && state.held.isEmpty && state.queue.count < MonitorLimits.queuedRequests
      && !isBehind ? MonitorLimits.inputChunk : 0
  }

  /// The client leaves its replies unread.
  private var isBehind: Bool { transport.queuedByteCount > MonitorLimits.queuedOutput }

  public func received(_ bytes: [UInt8]) {
    state.withLock { state in
      guard state.isConnected else { return }
      if state.held.isEmpty { state.held = bytes[...] } else { state.held += bytes }
    }
    pump()
  }

  /// Another number: whoever was there has gone.
  var connectionNumber: UInt64 { state.withLock { $0.connection } }

  public func received(_ descriptors: [FileDescriptor]) { inbox.receive(descriptors) }

  public func outputDrained() {
    pump()
    if receivableByteCount > 0 { transport.acceptInput() }
  }

  public func focusChanged(isFocused: Bool) {
    state.withLock { state in
      state.isFocused = isFocused
      guard isFocused, !state.unseen.isEmpty else { return }
      transport.write(state.unseen)
      state.unseen.removeAll()
    }
  }

  // MARK: Output, with the lock held

  private func send(_ value: JSON, _ state: inout State) {
    var line: [UInt8] = []
    append(value, to: &line)
    write(line, &state)
  }

  private func append(_ value: JSON, to output: inout [UInt8]) {
    let text = value.utf8(isPretty: isPretty)
    if isPretty {
      for byte in text {
        if byte == UInt8(ascii: "\n") { output.append(UInt8(ascii: "\r")) }
        output.append(byte)
      }
    } else {
      output += text
    }
    output += Self.lineEnd
  }

  private static let lineEnd = Array("\r\n".utf8)
  private static let mistakeStart = Array(#"{"error": {"class": "GenericError", "desc": "#.utf8)
  private static let mistakeEnd = Array("}}".utf8)

  /// The answer to bytes that are no JSON. A client may send megabytes of them, so it is put together by hand.
  private func append(_ mistake: JSONError, to output: inout [UInt8]) {
    if isPretty {
      return append(Self.reply(.failure(QMPError(mistake.description)), id: nil), to: &output)
    }
    output += Self.mistakeStart
    output += JSON.string(mistake.description).utf8(isPretty: false)
    output += Self.mistakeEnd
    output += Self.lineEnd
  }

  private func write(_ bytes: [UInt8], _ state: inout State) {
    if bytes.isEmpty { return }
    if state.isFocused { transport.write(bytes) } else { state.unseen += bytes }
  }

  func deliver(_ event: JSON) {
    state.withLock { state in
      guard state.isNegotiated, transport.queuedByteCount + state.unseen.count < MonitorLimits.queuedEvents else {
        return
      }
      send(event, &state)
    }
  }

  private static func reply(_ result: Result<JSON, QMPError>, id: JSON?) -> JSON {
    var object = JSONObject()
    switch result {
    case .success(let value): object["return"] = value
    case .failure(let error): object["error"] = error.json
    }
    if let id { object["id"] = id }
    return .object(object)
  }

  // MARK: Input

  /// Parses what is held and starts what is due, until nothing more can be done now.
  private func pump() {
    while let start = state.withLock({ next(&$0) }) { self.start(start) }
  }

  /// What to start next. Mistakes are answered here, under the lock, so that no answer reaches another connection.
  private func next(_ state: inout State) -> Start? {
    var output: [UInt8] = []
    defer { write(output, &state) }
    while true {
      if let overtaking = parse(&state, &output) { return overtaking }
      if state.isRunning || state.queue.isEmpty {
        watchForQuit(&state)
        return nil
      }
      switch state.queue.removeFirst() {
      case .mistake(let error): append(error, to: &output)
      case .message(let message, let descriptor):
        if var start = request(message, &state, &output) {
          start.descriptor = descriptor
          state.isRunning = true
          return start
        }
      }
      if output.count > MonitorLimits.queuedOutput {
        write(output, &state)
        output = []
      }
    }
  }

  /// Fills the queue; returns early with a message that overtakes it.
  private func parse(_ state: inout State, _ output: inout [UInt8]) -> Start? {
    while !state.held.isEmpty, state.queue.count < MonitorLimits.queuedRequests, !isBehind {
      guard let outcome = state.stream.next(&state.held) else {
        state.held = []
        return nil
      }
      switch outcome {
      case .failure(let error): state.queue.append(.mistake(error))
      case .success(let message):
        guard state.oobEnabled, QMPRequest.isOutOfBand(message) else {
          state.queue.append(.message(message, QMPRequest.takesDescriptor(message) ? inbox.take() : nil))
          continue
        }
        if var start = request(message, &state, &output) {
          start.isOverlapping = true
          return start
        }
      }
    }
    return nil
  }

  /// The message as a request; nil when it is none, which is then answered.
  private func request(_ message: JSON, _ state: inout State, _ output: inout [UInt8]) -> Start? {
    do throws(QMPError) {
      let request = try QMPRequest(message, oobEnabled: state.oobEnabled)
      return Start(request: request, id: message["id"], connection: state.connection)
    } catch {
      append(Self.reply(.failure(error), id: message["id"]), to: &output)
      return nil
    }
  }

  // MARK: Commands

  private func start(_ start: Start) {
    let (request, id, connection) = (start.request, start.id, start.connection)
    let isOverlapping = start.isOverlapping
    let entry: CommandEntry<MonitorContext>
    do throws(QMPError) { entry = try lookUp(request) } catch {
      return finish(.failure(error), id: id, connection: connection, isOverlapping: isOverlapping)
    }
    hub.post { [self] machine in
      // A client that has gone takes its queued commands with it.
      guard state.withLock({ $0.connection == connection }) else { return }
      var context = MonitorContext(machine: machine, hub: hub, session: self)
      (context.descriptor, context.descriptorNames) = (start.descriptor, descriptorNames)
      let followUp = context.followUp
      let result: Result<JSON, QMPError>
      do throws(QMPError) {
        switch try entry.start(request.arguments, context) {
        case .done(let value): result = .success(value)
        case .finishing(let work):
          try finishLater(
            work, id: id, connection: connection, isOverlapping: isOverlapping, followUp: followUp)
          return
        }
      } catch {
        result = .failure(error)
      }
      finish(result, id: id, connection: connection, isOverlapping: isOverlapping)
    }
  }

  private func lookUp(_ request: QMPRequest) throws(QMPError) -> CommandEntry<MonitorContext> {
    let isNegotiated = state.withLock { $0.isNegotiated }
    if !isNegotiated, request.command != NegotiateCapabilities.name {
      throw QMPError("Expecting capabilities negotiation with 'qmp_capabilities'", class: .commandNotFound)
    }
    guard let entry = hub.commands[request.command] else { throw .commandNotFound(request.command) }
    if request.isOutOfBand, !entry.allowsOOB {
      throw QMPError("The command \(request.command) does not support OOB")
    }
    return entry
  }

  private func finishLater(
    _ work: @escaping FinishingWork<JSON>, id: JSON?, connection: UInt64, isOverlapping: Bool, followUp: FollowUp
  ) throws(QMPError) {
    if !isOverlapping { state.withLock { $0.isFinishing = true } }
    try hub.onWorker { [self] in
      let result = work { [self] in state.withLock { $0.progress &+= 1 } }
      finish(result, id: id, connection: connection, isOverlapping: isOverlapping, followUp: followUp)
    }
    // A `quit` may already be waiting behind it, or come now.
    let isReadable = state.withLock { state in
      watchForQuit(&state)
      return receivable(state) > 0
    }
    if isReadable { transport.acceptInput() }
  }

  private func finish(
    _ result: Result<JSON, QMPError>, id: JSON?, connection: UInt64, isOverlapping: Bool, followUp: FollowUp? = nil
  ) {
    let isCurrent = state.withLock { state in
      guard state.connection == connection else { return false }
      send(Self.reply(result, id: id), &state)
      return true
    }
    followUp?.run()
    guard isCurrent else { return }
    if !isOverlapping {
      state.withLock { if $0.connection == connection { ($0.isRunning, $0.isFinishing) = (false, false) } }
    }
    pump()
    if receivableByteCount > 0 { transport.acceptInput() }
  }

  /// Called by `qmp_capabilities`.
  func negotiate(oob: Bool) throws(QMPError) {
    try state.withLock { (state) throws(QMPError) in
      if state.isNegotiated {
        throw QMPError("Capabilities negotiation is already complete, command ignored", class: .commandNotFound)
      }
      (state.isNegotiated, state.oobEnabled) = (true, oob)
    }
  }

  // MARK: quit

  private func watchForQuit(_ state: inout State) {
    guard state.isFinishing, !state.watchesWorker, Self.quit(in: state.queue) != nil else { return }
    state.watchesWorker = true
    check(progress: state.progress, connection: state.connection)
  }

  private func check(progress: UInt64, connection: UInt64) {
    hub.loop.after(nanoseconds: Self.patience) { [weak self] in
      guard let self else { return }
      let overtaking = state.withLock { state -> Start? in
        guard state.connection == connection, state.isFinishing, let quit = Self.quit(in: state.queue) else {
          if state.connection == connection { state.watchesWorker = false }
          return nil
        }
        if state.progress != progress {
          check(progress: state.progress, connection: connection)
          return nil
        }
        state.watchesWorker = false
        state.queue.removeAll()
        return Start(request: quit.0, id: quit.1, connection: connection, isOverlapping: true)
      }
      if let overtaking { start(overtaking) }
    }
  }

  private static func quit(in queue: [Entry]) -> (QMPRequest, JSON?)? {
    for case .message(let message, _) in queue {
      guard message["execute"] == .string(Quit.name),
        let request = try? QMPRequest(message, oobEnabled: false)
      else { continue }
      return (request, message["id"])
    }
    return nil
  }
}
