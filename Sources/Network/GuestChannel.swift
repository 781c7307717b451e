// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// Bytes between a connection of the guest and something of the host, which is not a socket of libslirp's own.
public struct GuestChannel: Sendable {
  /// Gives bytes of the guest to the host.
  public var write: @Sendable ([UInt8]) -> Void
  /// There is room for more of the host's bytes.
  public var acceptInput: @Sendable () -> Void
  public var close: @Sendable () -> Void

  public init(
    write: @escaping @Sendable ([UInt8]) -> Void, acceptInput: @escaping @Sendable () -> Void,
    close: @escaping @Sendable () -> Void
  ) {
    (self.write, self.acceptInput, self.close) = (write, acceptInput, close)
  }

  /// Makes the channel of a rule's character device. `canReceive` tells how many bytes may be given to `receive`; both are
  /// called on any thread.
  public typealias Maker =
    (
      _ rule: GuestForward, _ canReceive: @escaping @Sendable () -> Int,
      _ receive: @escaping @Sendable ([UInt8]) -> Void
    ) throws(NetworkError) -> GuestChannel
}

/// What waits for the guest to take it: bytes of the host for one forwarded address.
final class GuestQueue: Sendable {
  private static let limit = 64 << 10
  private let waiting = Mutex<[UInt8]>([])
  private let waker: Waker

  init(_ waker: Waker) { self.waker = waker }

  var room: Int { waiting.withLock { max(0, Self.limit - $0.count) } }

  func put(_ bytes: [UInt8]) {
    waiting.withLock { $0 += bytes }
    waker.wake()
  }

  /// Gives at most `limit` bytes.
  func take(_ limit: Int) -> [UInt8] {
    waiting.withLock { waiting in
      let part = Array(waiting.prefix(max(0, limit)))
      waiting.removeFirst(part.count)
      return part
    }
  }
}
