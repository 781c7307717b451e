// SPDX-License-Identifier: Apache-2.0
import Platform
import Synchronization

/// Frames from the host on their way to the machine thread: put in by a back end's thread, delivered through a port.
///
/// Bounded: at `limit` bytes the back end is to stop reading its sockets until `hasRoom` is called.
final class HostInbox: Sendable {
  private struct Contents {
    var frames: [[UInt8]] = []
    /// Frames before this one have been delivered.
    var head = 0
    var byteCount = 0
    var isPosted = false
    var wasFull = false
  }

  private static let limit = 512 << 10
  /// What a back end that cannot stop may put in beyond it.
  private static let hardLimit = 4 << 20

  private let contents = Mutex(Contents())
  private let mailbox: Mailbox
  private let port: MachineBound<Reference>
  /// Called on the machine thread when a full inbox has emptied to one half.
  private let hasRoom: @Sendable () -> Void

  /// The port that frames leave through, which may be gone when an event arrives.
  final class Reference {
    weak var port: NetworkPort?
    init(_ port: NetworkPort) { self.port = port }
  }

  init(port: NetworkPort, mailbox: Mailbox, hasRoom: @escaping @Sendable () -> Void) {
    self.port = MachineBound(Reference(port))
    self.mailbox = mailbox
    self.hasRoom = hasRoom
  }

  /// Whether the back end should wait.
  var isFull: Bool {
    contents.withLock { contents in
      let isFull = contents.byteCount >= Self.limit
      if isFull { contents.wasFull = true }
      return isFull
    }
  }

  /// From the back end's thread. Beyond the hard limit the frame is lost.
  func put(_ frame: [UInt8]) {
    let mustPost = contents.withLock { contents in
      guard contents.byteCount < Self.hardLimit else { return false }
      contents.frames.append(frame)
      contents.byteCount += frame.count
      defer { contents.isPosted = true }
      return !contents.isPosted
    }
    if mustPost { mailbox.post { [self] in deliver() } }
  }

  /// Frames that are sent in one go.
  private static let runLimit = 64

  private var next: ArraySlice<[UInt8]> {
    contents.withLock { contents in
      contents.frames[contents.head..<min(contents.head + Self.runLimit, contents.frames.count)]
    }
  }

  /// On the machine thread: sends until nothing is left or the port's peer refuses.
  func deliver() {
    guard let port = port.value.port else { return }
    contents.withLock { $0.isPosted = false }
    while true {
      let run = next
      guard !run.isEmpty else { return }
      let count = port.send(run)
      let byteCount = run.prefix(count).reduce(0) { $0 + $1.count }
      let isWhole = count == run.count
      let isRoomy = contents.withLock { contents in
        for index in contents.head..<contents.head + count { contents.frames[index] = [] }
        contents.head += count
        contents.byteCount -= byteCount
        if contents.head == contents.frames.count || contents.head >= 1024 {
          contents.frames.removeFirst(contents.head)
          contents.head = 0
        }
        guard contents.wasFull, contents.byteCount < Self.limit / 2 else { return false }
        contents.wasFull = false
        return true
      }
      if isRoomy { hasRoom() }
      guard isWhole else { return }
    }
  }
}
