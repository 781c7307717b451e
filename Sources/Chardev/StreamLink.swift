// SPDX-License-Identifier: Apache-2.0
import HostIO

/// One connection of a socket, pseudo-terminal or pipe: a non-blocking descriptor on the event loop with its output queue.
///
/// Small writes off the loop are collected and sent by the loop, so a UART does not pay a system call a byte; larger ones, such
/// as a monitor's reply, are sent at once from the caller's thread when nothing waits before them.
final class StreamLink: Sendable {
  private struct State {
    var queue = ByteQueue()
    var wanted: FileDescriptor.Readiness = []
    var sendIsPosted = false
    var waitsForRoom = false
    var isClosed = false
    /// The reader made no progress for a while: writers no longer wait for it.
    var isStalled = false
    var taken: UInt64 = 0
    var dropped: UInt64 = 0
    var watch: EventLoop.Watch?
  }

  /// Bytes that may wait for a reader in bounded delivery.
  static let limit = 1 << 20
  /// A reader that takes nothing for this long counts as stopped.
  static let patience: UInt64 = 250_000_000
  private static let collectBelow = 32

  let input: FileDescriptor
  private let output: FileDescriptor
  let isSocket: Bool
  private let loop: EventLoop
  private let drained: @Sendable () -> Void
  private let state = Guarded(State())

  /// `ready` runs on the loop when there is input or the peer is gone. `output` differs from `input` for a FIFO pair.
  init(
    _ input: FileDescriptor, output: FileDescriptor? = nil, isSocket: Bool, loop: EventLoop,
    drained: @escaping @Sendable () -> Void, ready: @escaping @Sendable (StreamLink, FileDescriptor.Readiness) -> Void
  ) throws(Errno) {
    (self.input, self.output, self.isSocket, self.loop, self.drained) = (
      input, output ?? input, isSocket, loop, drained
    )
    try input.setNonBlocking(true)
    if let output { try output.setNonBlocking(true) }
    // Not registered with the kernel until something is wanted.
    let watch = try loop.watch(input, []) { [weak self] readiness in
      guard let self else { return }
      if readiness.contains(.writable) { self.send() }
      if !readiness.isDisjoint(with: [.readable, .hungUp]) { ready(self, readiness) }
    }
    state.withLock { $0.watch = watch }
  }

  var queuedByteCount: Int { state.withLock { $0.queue.count } }
  var droppedByteCount: UInt64 { state.withLock { $0.dropped } }

  /// Whether input is wanted; without it only the peer's leaving is watched (`hangUp`) or nothing.
  func setInput(_ wanted: Bool, hangUp: Bool) {
    state.withLock { state in
      if wanted { state.wanted.insert(.readable) } else { state.wanted.remove(.readable) }
      if hangUp { state.wanted.insert(.hungUp) } else { state.wanted.remove(.hungUp) }
      state.watch?.setInterest(state.wanted)
    }
  }

  /// Returns the bytes that wait afterwards.
  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int {
    let onLoop = loop.isCurrent
    if delivery == .bounded && !onLoop { waitForRoom(bytes.count) }
    let (count, post) = state.update { state -> (Int, Bool) in
      if state.isClosed { return (0, false) }
      var rest = bytes[...]
      if state.queue.isEmpty && (onLoop || bytes.count >= Self.collectBelow) {
        rest = rest.dropFirst(Self.sendNow(bytes, output))
      }
      if delivery == .bounded {
        let room = max(0, Self.limit - state.queue.count)
        state.dropped &+= UInt64(max(0, rest.count - room))
        rest = rest.prefix(room)
      }
      state.queue.append(rest)
      let needsPost =
        !state.queue.isEmpty && !state.sendIsPosted && !state.wanted.contains(.writable) && !state.waitsForRoom
      if needsPost { state.sendIsPosted = true }
      return (state.queue.count, needsPost)
    }
    if post { loop.post { [self] in send() } }
    return count
  }

  /// Holds the caller while the queue is full and the reader still takes something.
  private func waitForRoom(_ byteCount: Int) {
    let needed = min(byteCount, Self.limit)
    while true {
      let before = state.withLock { state -> UInt64? in
        state.isClosed || state.isStalled || state.queue.count + needed <= Self.limit ? nil : state.taken
      }
      guard let before else { return }
      let moved = state.wait(nanoseconds: Self.patience) { state in
        state.isClosed || state.taken != before ? true : nil
      }
      if moved == nil { state.withLock { $0.isStalled = true } }
    }
  }

  func flush(nanoseconds: UInt64) -> Bool {
    let isDone: @Sendable (inout State) -> Bool? = { $0.queue.isEmpty || $0.isClosed ? true : nil }
    if !loop.isCurrent && loop.isRunning { return state.wait(nanoseconds: nanoseconds, until: isDone) ?? false }
    // Nobody else would send: do it here.
    let (end, overflow) = HostClock.monotonicNanoseconds.addingReportingOverflow(nanoseconds)
    while true {
      send()
      if state.withLock({ isDone(&$0) }) != nil { return true }
      let now = HostClock.monotonicNanoseconds
      if !overflow && now >= end { return false }
      let left = overflow ? 1000 : min((end - now) / 1_000_000 + 1, 1000)
      _ = try? output.wait(for: .writable, milliseconds: Int32(left))
    }
  }

  private static func sendNow(_ bytes: [UInt8], _ output: FileDescriptor) -> Int {
    // An error shows as a hang-up of the input side, which is where a connection ends.
    do throws(Errno) { return try output.write(bytes) } catch { return 0 }
  }

  /// Sends what waits, on the loop.
  private func send() {
    let isEmpty = state.update { state -> Bool in
      state.sendIsPosted = false
      if state.isClosed { return false }
      while !state.queue.isEmpty {
        let sent = state.queue.withFront { front -> Int? in
          do throws(Errno) { return try output.write(front) } catch .wouldBlock { return 0 } catch { return nil }
        }
        guard let sent else {
          // Nobody will ever read these.
          state.dropped &+= UInt64(state.queue.count)
          state.queue.removeAll()
          break
        }
        if sent == 0 { break }
        state.taken &+= UInt64(sent)
        state.queue.removeFirst(sent)
      }
      if state.queue.count <= Self.limit / 2 { state.isStalled = false }
      waitUntilWritable(&state, !state.queue.isEmpty)
      return state.queue.isEmpty
    }
    if isEmpty { drained() }
  }

  private func waitUntilWritable(_ state: inout State, _ isNeeded: Bool) {
    if output != input {
      // A FIFO pair watches only its input; a full output is tried again a little later.
      if isNeeded && !state.waitsForRoom {
        loop.after(nanoseconds: 5_000_000) { [weak self] in
          self?.state.withLock { $0.waitsForRoom = false }
          self?.send()
        }
      }
      state.waitsForRoom = isNeeded
      return
    }
    if isNeeded == state.wanted.contains(.writable) { return }
    if isNeeded { state.wanted.insert(.writable) } else { state.wanted.remove(.writable) }
    state.watch?.setInterest(state.wanted)
  }

  /// What there is, at most `byteCount`; nil when there is nothing yet; empty at the end of the stream.
  func read(upTo byteCount: Int) throws(Errno) -> (bytes: [UInt8], descriptors: [FileDescriptor])? {
    do throws(Errno) {
      return isSocket ? try Socket.receive(from: input, upTo: byteCount) : (try input.read(upTo: byteCount), [])
    } catch .wouldBlock {
      return nil
    }
  }

  /// Ends the connection and lets blocked writers go. Closes the descriptors.
  func close() {
    let watch = state.update { state -> EventLoop.Watch? in
      if state.isClosed { return nil }
      state.isClosed = true
      state.dropped &+= UInt64(state.queue.count)
      state.queue.removeAll()
      defer { state.watch = nil }
      return state.watch
    }
    guard let watch else { return }
    watch.cancel()
    if output != input { output.closeIgnoringErrors() }
    input.closeIgnoringErrors()
  }
}
