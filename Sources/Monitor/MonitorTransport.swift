// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI

/// The byte connection under a monitor session. The session tells it nothing but bytes; it tells the session
/// `opened()`, `received(_:)`, `outputDrained()` and `closed()` on one thread, never from inside a call the session
/// made.
public protocol MonitorTransport: Sendable {
  /// Queues bytes in order without waiting for the client.
  func write(_ bytes: [UInt8])
  /// Bytes the client has not taken yet.
  var queuedByteCount: Int { get }
  /// The session's `receivableByteCount` has become positive again.
  func acceptInput()
  /// Waits until all is sent, at most this long.
  func flush(nanoseconds: UInt64)
}

/// What a transport drives: a QMP or an HMP session.
public protocol MonitorSession: AnyObject, Sendable {
  /// How many bytes the session takes now; 0 while it is behind or the client reads too slowly.
  var receivableByteCount: Int { get }
  func opened()
  func received(_ bytes: [UInt8])
  /// Descriptors that came with the bytes that follow; the session closes them.
  func received(_ descriptors: [FileDescriptor])
  func outputDrained()
  func closed()
  /// On a multiplexed device: whether the session is the one shown. Output waits while it is not.
  func focusChanged(isFocused: Bool)
}

/// How much a client may leave unread before its own input is no longer read.
enum MonitorLimits {
  static let inputChunk = 4096
  static let queuedOutput = 64 << 10
  /// Past this, events are dropped for a client that does not read: it has lost touch anyway.
  static let queuedEvents = 1 << 20
  /// Commands of one connection that may wait, as QEMU has it with out-of-band execution.
  static let queuedRequests = 8
  /// No command is longer than a few hundred KiB; a client must not make us keep much more. QEMU's bound is 64 MiB.
  static let json = {
    var limits = JSONStream.Limits()
    limits.byteCount = 2 << 20
    return limits
  }()
}
