// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Synchronization

/// The thread that runs a user network's stack. The machine thread hands it frames and takes frames back.
final class SlirpEngine: @unchecked Sendable {
  // Safe: `stack` belongs to whoever makes the engine until `start`, then to the thread, which lends it while it rests; the
  // rest is locked or constant.
  private enum Work {
    /// A frame of the guest and its number.
    case frame(UInt64, [UInt8])
    case call((SlirpStack) -> Void)
  }

  private struct Queue {
    var work: [Work] = []
    var byteCount = 0
    /// The machine thread was refused.
    var wasFull = false
    var isStopping = false
    /// Answers to frames, as they came out of the stack while it looked at that frame.
    var answers: [UInt64: [[UInt8]]] = [:]
    var finished: UInt64 = 0
  }

  /// Bytes that may wait for the stack.
  private static let limit = 256 << 10

  private let stack: SlirpStack
  private let queue = Guarded(Queue())
  /// True while the thread waits with nothing to do: whoever holds the lock then has the stack.
  private let isResting = Mutex(false)
  private let waker: Waker
  private let inbox: HostInbox
  /// Keep what answers a frame with that frame, rather than sending it at once.
  private let collectsAnswers: Bool
  private let hasRoom: @Sendable () -> Void
  private var thread: Thread?
  private var current: UInt64?

  /// - Parameter hasRoom: called on the engine's thread when `submit` may be tried again.
  init(
    _ stack: SlirpStack, inbox: HostInbox, waker: Waker, collectsAnswers: Bool, hasRoom: @escaping @Sendable () -> Void
  ) {
    self.stack = stack
    self.inbox = inbox
    self.waker = waker
    self.collectsAnswers = collectsAnswers
    self.hasRoom = hasRoom
  }

  func start(name: String) throws(NetworkError) {
    stack.output = { [unowned self] frame in
      if let current { queue.withLock { $0.answers[current, default: []].append(frame) } } else { inbox.put(frame) }
    }
    do throws(Errno) { thread = try Thread(name: "net-\(name)") { [self] in run() } } catch {
      throw NetworkError("user networking could not be set up: \(error)")
    }
  }

  /// Ends the thread and waits for it.
  func stop() {
    queue.update { $0.isStopping = true }
    waker.wake()
    thread?.join()
    thread = nil
  }

  // MARK: From the machine thread

  /// Hands over a frame of the guest; false when too much waits, and then `hasRoom` tells when to try again.
  func submit(_ frame: [UInt8], number: UInt64) -> Bool {
    if !collectsAnswers, inputAtOnce(frame) { return true }
    let (isTaken, mustWake) = queue.withLock { queue in
      guard queue.byteCount < Self.limit else {
        queue.wasFull = true
        return (false, false)
      }
      defer {
        queue.work.append(.frame(number, frame))
        queue.byteCount += frame.count
      }
      return (true, queue.work.isEmpty)
    }
    if mustWake { waker.wake() }
    return isTaken
  }

  /// Has the stack look at a frame here and now while its thread rests: a gateway's answer to a ping comes sooner than the thread
  /// would wake.
  private func inputAtOnce(_ frame: [UInt8]) -> Bool {
    guard queue.withLock({ $0.work.isEmpty && !$0.isStopping }) else { return false }
    let hasBusiness = isResting.withLockIfAvailable { isResting -> Bool? in
      guard isResting else { return nil }
      stack.input(frame)
      // A connection has been made, perhaps: from now on the thread has something to wait for.
      isResting = !stack.hasBusiness
      return !isResting
    }
    guard let hasBusiness = hasBusiness ?? nil else { return false }
    if hasBusiness { waker.wake() }
    return true
  }

  /// Waits until the stack has room for more.
  func waitForRoom() { queue.wait { $0.byteCount < Self.limit ? () : nil } }

  /// Waits until the stack has looked at a frame; gives what it answered.
  func answers(to number: UInt64) -> [[UInt8]] {
    queue.wait { queue in
      guard queue.finished >= number else { return nil }
      return queue.answers.removeValue(forKey: number) ?? []
    }
  }

  /// Runs `body` with the stack on its thread and waits for it.
  func perform<Value: Sendable>(_ body: @escaping @Sendable (SlirpStack) -> Value) -> Value {
    let result = Guarded<Value?>(nil)
    queue.withLock { queue in
      queue.work.append(
        .call { stack in
          let value = body(stack)
          result.update { $0 = value }
        })
    }
    waker.wake()
    return result.wait { $0 }
  }

  /// The inbox has room again.
  func wake() { waker.wake() }

  // MARK: The thread

  private func run() {
    while true {
      let (work, wasFull, isStopping) = queue.update { queue in
        defer {
          queue.work = []
          queue.byteCount = 0
          queue.wasFull = false
        }
        return (queue.work, queue.wasFull, queue.isStopping)
      }
      for item in work {
        switch item {
        case .call(let body): body(stack)
        case .frame(let number, let frame):
          current = collectsAnswers ? number : nil
          stack.input(frame)
          current = nil
          if collectsAnswers { queue.update { $0.finished = number } }
        }
      }
      if isStopping { return }
      if wasFull { hasRoom() }
      stack.feedForwards()
      stack.poll(waker, servesSockets: !inbox.isFull) { mayLend, wait in
        if mayLend { isResting.withLock { $0 = true } }
        defer { if mayLend { isResting.withLock { $0 = false } } }
        return wait()
      }
    }
  }
}
