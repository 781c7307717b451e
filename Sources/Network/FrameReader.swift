// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Synchronization

/// Reads a descriptor of which each read(2) gives one frame, on the event loop, into an inbox.
final class FrameReader: Sendable {
  let inbox: HostInbox
  private let descriptor: FileDescriptor
  private let loop: EventLoop
  private let frameLimit: Int
  private let endsAtEmpty: Bool
  /// Of each read these are no part of the frame.
  private let headerByteCount: Int
  private let watch = Mutex<EventLoop.Watch?>(nil)
  private let resume: Guarded<(@Sendable () -> Void)?>

  /// - Parameter endsAtEmpty: a read of nothing is the end, rather than an empty frame.
  init(
    _ descriptor: FileDescriptor, port: NetworkPort, host: NetworkHost, frameLimit: Int, endsAtEmpty: Bool,
    headerByteCount: Int = 0
  ) {
    let resume = Guarded<(@Sendable () -> Void)?>(nil)
    self.resume = resume
    inbox = HostInbox(port: port, mailbox: host.mailbox) { resume.withLock { $0 }?() }
    (self.descriptor, loop, self.frameLimit) = (descriptor, host.loop, frameLimit)
    (self.endsAtEmpty, self.headerByteCount) = (endsAtEmpty, headerByteCount)
    resume.withLock { $0 = { [weak self] in self?.watch.withLock { $0 }?.setInterest(.readable) } }
  }

  func start() throws(Errno) {
    let started = try loop.watch(descriptor, .readable) { [weak self] _ in self?.read() }
    watch.withLock { $0 = started }
  }

  func stop() {
    let watch = watch.withLock { watch in
      defer { watch = nil }
      return watch
    }
    watch?.cancel()
  }

  private func read() {
    // A few at a time, so that others on the loop have their turn.
    for _ in 0..<64 {
      if inbox.isFull {
        watch.withLock { $0 }?.setInterest([])
        return
      }
      do throws(Errno) {
        var frame = try descriptor.read(upTo: frameLimit)
        if frame.isEmpty, endsAtEmpty { return stop() }
        if headerByteCount > 0 { frame.removeFirst(min(headerByteCount, frame.count)) }
        if !frame.isEmpty { inbox.put(frame) }
      } catch .wouldBlock {
        return
      } catch {
        // ECONNREFUSED tells that nobody is at the other end yet.
        if error == .connectionRefused { return }
        return stop()
      }
    }
  }
}
