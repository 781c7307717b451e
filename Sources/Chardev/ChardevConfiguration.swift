// SPDX-License-Identifier: Apache-2.0
public import HostIO

/// What a character device is made of: the value behind `-chardev`, `-serial`, `-monitor`, `-qmp` and `chardev-add`.
public struct ChardevConfiguration: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// Takes everything, gives nothing.
    case null
    /// A text console in a window. There is none here, so it is like `null`, by the name that clients expect.
    case console
    /// Writes to a file, truncated first unless `append`.
    case file(path: BytePath, append: Bool)
    /// The process's own standard input and output. With `signals` Ctrl-C still ends the process; without, the guest gets it.
    case stdio(signals: Bool)
    case socket(SocketConfiguration)
    /// A fresh pseudo-terminal.
    case pty
    /// The FIFOs `PATH.in` (read) and `PATH.out` (written), or one FIFO or device `PATH` for both.
    case pipe(path: BytePath)
    /// Keeps the last `byteCount` bytes written, a power of two. `name` is `ringbuf` or its old spelling `memory`.
    case ringBuffer(byteCount: Int, name: String)
    /// A multiplexer over an existing device of a `ChardevTable`.
    case mux(base: String)
  }

  public var kind: Kind
  /// Gets every byte a front end writes.
  public var logFile: BytePath?
  /// Whether the log file is continued rather than started afresh.
  public var logAppends: Bool
  /// Several front ends share the device, switched with Ctrl-A c.
  public var isMultiplexed: Bool

  public init(_ kind: Kind, logFile: BytePath? = nil, logAppends: Bool = false, isMultiplexed: Bool = false) {
    (self.kind, self.logFile, self.logAppends, self.isMultiplexed) = (kind, logFile, logAppends, isMultiplexed)
  }

  /// Default size of a ring buffer, in bytes.
  public static let ringBufferByteCount = 65536
}

/// A stream socket as a character device.
public struct SocketConfiguration: Sendable, Hashable {
  public enum Address: Sendable, Hashable {
    case unix(BytePath)
    case abstract(AbstractName)
    /// `port` is a number or a service name; 0 lets a server pick.
    case tcp(host: String, port: String, family: SocketAddress.IPFamily = .any)
    /// A descriptor this process was started with or was given: listening for a server, connected for a client.
    case descriptor(FileDescriptor)
  }

  public var address: Address
  /// `to=`: a server takes the first free port up to this one.
  public var lastPort: UInt16?
  /// Listens, and takes one client at a time.
  public var isServer: Bool
  /// Start-up waits for the first client. nil: not said, which means yes for a server; saying it for a client is an error.
  public var waits: Bool?
  /// Sends small packets at once. Our default is on: a monitor reply must not wait for Nagle's timer.
  public var noDelay: Bool
  /// Seconds between attempts of a client to connect again; 0: never.
  public var reconnectSeconds: Int
  /// Speaks the telnet protocol (RFC 854).
  public var isTelnet: Bool

  public init(
    _ address: Address, isServer: Bool = false, waits: Bool? = nil, noDelay: Bool = true, reconnectSeconds: Int = 0,
    isTelnet: Bool = false
  ) {
    (self.address, self.isServer, self.waits) = (address, isServer, waits)
    (self.noDelay, self.reconnectSeconds, self.isTelnet) = (noDelay, reconnectSeconds, isTelnet)
  }
}
