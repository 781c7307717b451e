// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// `mux`: several front ends on one device. Output of all goes out; input goes to the one in focus. Ctrl-A is the escape:
/// x ends the process, c shows the next front end, b sends a break, t toggles time stamps, h lists these, Ctrl-A is itself.
final class Mux: CharacterBackend {
  private struct Member {
    let token: Int
    let sink: Sink
    /// It has been told whether it is in focus, which comes before all else.
    var isIntroduced = false
    var pending = ByteQueue()
  }

  private struct State {
    var members: [Member] = []
    var nextToken = 1
    var focus: Int?
    var hasEscape = false
    var showsTime = false
    var isLineStart = false
    var firstStamp: UInt64?

    var focused: Int? { members.firstIndex { $0.token == focus } }
  }

  private static let escape: UInt8 = 1
  /// Input kept for a front end that cannot take it; then the device is no longer read.
  private static let pendingLimit = 4096

  private let base: Chardev
  private let host: ChardevHost
  private let loop: EventLoop
  private let gate: FrontEndGate
  private let state = Mutex(State())
  private let port = Mutex<ChardevPort?>(nil)

  init(base: Chardev, loop: EventLoop, host: ChardevHost, gate: FrontEndGate) throws(ChardevError) {
    (self.base, self.loop, self.host, self.gate) = (base, loop, host, gate)
    let port = try base.attach(
      FrontEnd(
        canReceive: { [weak self] in self?.room ?? 0 }, receive: { [weak self] in self?.receive($0) },
        event: { [weak self] event in self?.all { $0.event(event) } },
        receiveDescriptors: { [weak self] descriptors in (self?.focusedSink ?? Sink()).receive(descriptors) },
        outputDrained: { [weak self] in self?.all { $0.outputDrained() } }))
    self.port.withLock { $0 = port }
  }

  // MARK: Members

  func attach(_ frontEnd: FrontEnd) -> Int {
    let sink = Sink()
    _ = sink.attach(frontEnd)
    let (token, previous) = state.withLock { state -> (Int, Sink?) in
      let token = state.nextToken
      state.nextToken += 1
      let previous = state.focused.map { state.members[$0].sink }
      state.members.append(Member(token: token, sink: sink))
      state.focus = token
      return (token, previous)
    }
    gate.pass { [self] in loop.post { [self] in introduce(token, sink, after: previous) } }
    return token
  }

  /// Tells a new member whether it is in focus, and then that the device is there.
  private func introduce(_ token: Int, _ sink: Sink, after previous: Sink?) {
    previous?.event(.muxOut)
    let hasFocus = state.withLock { state in
      if let place = state.members.firstIndex(where: { $0.token == token }) {
        state.members[place].isIntroduced = true
      }
      return state.focus == token
    }
    sink.event(hasFocus ? .muxIn : .muxOut)
    if base.isBackendOpen { sink.event(.opened) }
    port.withLock { $0 }?.acceptInput()
  }

  func detach(_ token: Int) {
    state.withLock { state in
      if let place = state.members.firstIndex(where: { $0.token == token }) {
        state.members.remove(at: place).sink.detach()
      }
      if state.focus == token { state.focus = state.members.first?.token }
    }
  }

  var memberCount: Int { state.withLock { $0.members.count } }

  private func all(_ body: (Sink) -> Void) {
    for member in state.withLock({ $0.members }) where member.isIntroduced { body(member.sink) }
  }

  private var focusedSink: Sink? {
    state.withLock { state in state.focused.map { state.members[$0].sink } }
  }

  private func focusNext() {
    let (old, new) = state.withLock { state -> (Sink?, Sink?) in
      guard let place = state.focused else { return (nil, nil) }
      let next = (place + 1) % state.members.count
      state.focus = state.members[next].token
      return (state.members[place].sink, state.members[next].sink)
    }
    old?.event(.muxOut)
    new?.event(.muxIn)
  }

  // MARK: Input

  /// Nothing is read for a member that has not been introduced: an escape may be an event, and those come after.
  private var room: Int {
    state.withLock { state in
      guard let place = state.focused, state.members[place].isIntroduced else { return 0 }
      return max(0, Self.pendingLimit - state.members[place].pending.count)
    }
  }

  private func receive(_ bytes: [UInt8]) {
    for byte in bytes {
      let isCommand = state.withLock { state -> Bool in
        if state.hasEscape {
          state.hasEscape = false
          if byte != Self.escape { return true }
        } else if byte == Self.escape {
          state.hasEscape = true
          return false
        }
        if let place = state.focused { state.members[place].pending.append(CollectionOfOne(byte)) }
        return false
      }
      if isCommand {
        deliverPending()
        perform(byte)
      }
    }
    deliverPending()
  }

  private func perform(_ command: UInt8) {
    switch command {
    case UInt8(ascii: "h"), UInt8(ascii: "?"): _ = base.write(Array(helpText.utf8), .complete)
    case UInt8(ascii: "x"):
      _ = base.write(Array("QEMU: Terminated\n\r".utf8), .complete)
      // The process may end in `quit`; the farewell should be seen, but must not wait for a stalled terminal.
      base.flush(nanoseconds: 100_000_000)
      host.quit()
    case UInt8(ascii: "c"): focusNext()
    case UInt8(ascii: "b"): focusedSink?.event(.serialBreak)
    case UInt8(ascii: "s"): host.commit?()
    case UInt8(ascii: "t"):
      state.withLock { state in
        state.showsTime.toggle()
        state.firstStamp = nil
        state.isLineStart = false
      }
    default: break
    }
  }

  private var helpText: String {
    var lines = ["h    print this help", "x    exit emulator"]
    if host.commit != nil { lines.append("s    save disk data back to file (if -snapshot)") }
    lines += [
      "t    toggle console timestamps", "b    send break (magic sysrq)", "c    switch between console and monitor",
      "C-a  sends C-a",
    ]
    return "\n\r" + lines.map { "C-a \($0)\n\r" }.joined()
  }

  /// Hands over what the members can take now.
  private func deliverPending() {
    for member in state.withLock({ $0.members }) where member.isIntroduced {
      while true {
        let room = member.sink.canReceive
        let piece = state.withLock { state -> [UInt8] in
          guard room > 0, let place = state.members.firstIndex(where: { $0.token == member.token }) else { return [] }
          return state.members[place].pending.take(room)
        }
        if piece.isEmpty { break }
        member.sink.receive(piece)
      }
    }
  }

  // MARK: CharacterBackend

  var filename: String { "mux" }
  var isOpen: Bool { base.isBackendOpen }
  var queuedByteCount: Int { base.queuedByteCount }
  var droppedByteCount: UInt64 { base.droppedByteCount }

  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int { base.write(stamped(bytes), delivery) }

  /// With time stamps on, `[hh:mm:ss.mmm] ` before each line, counted from the first.
  private func stamped(_ bytes: [UInt8]) -> [UInt8] {
    state.withLock { state in
      if !state.showsTime { return bytes }
      var result: [UInt8] = []
      for byte in bytes {
        if state.isLineStart {
          let now = HostClock.monotonicNanoseconds / 1_000_000
          let elapsed = now &- (state.firstStamp ?? now)
          state.firstStamp = state.firstStamp ?? now
          result += Array("[\(Self.clockText(elapsed))] ".utf8)
          state.isLineStart = false
        }
        result.append(byte)
        if byte == UInt8(ascii: "\n") { state.isLineStart = true }
      }
      return result
    }
  }

  private static func clockText(_ milliseconds: UInt64) -> String {
    func padded(_ value: UInt64, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let seconds = milliseconds / 1000
    return "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))."
      + padded(milliseconds % 1000, 3)
  }

  func inputWanted() {
    deliverPending()
    port.withLock { $0 }?.acceptInput()
  }

  func flush(nanoseconds: UInt64) -> Bool { base.flush(nanoseconds: nanoseconds) }

  func close() {
    port.withLock { port in
      port?.detach()
      port = nil
    }
    base.closeBackend()
  }
}
