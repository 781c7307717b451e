// SPDX-License-Identifier: Apache-2.0

/// What a serial port has sent lately, for whoever waits for text in it. Not part of the guest's state.
public final class SerialLog {
  /// At least this many of the last bytes are there.
  public static let limit = 1 << 20

  private var bytes: [UInt8] = []
  /// Position of the oldest byte that is there, counted from the first one ever sent.
  public private(set) var start = 0

  package init() {}

  /// Position after the newest byte: how many were sent.
  public var end: Int { start + bytes.count }

  package func append(_ byte: UInt8) {
    bytes.append(byte)
    guard bytes.count >= 2 * Self.limit else { return }
    bytes.removeFirst(Self.limit)
    start += Self.limit
  }

  /// What was sent from `position` on, as far as it is still there.
  public subscript(from position: Int) -> ArraySlice<UInt8> {
    bytes[min(max(0, position - start), bytes.count)...]
  }
}
