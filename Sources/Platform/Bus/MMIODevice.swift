// SPDX-License-Identifier: Apache-2.0

/// A chip with memory-mapped registers.
public protocol MMIODevice: AnyObject {
  /// `offset` is relative to the start of the mapped region; `width` is 1, 2, 4 or 8 and the access never crosses a page.
  func read(memory offset: UInt64, width: AccessWidth) -> UInt64
  func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64)
  /// What a read gives, for somebody who looks from outside. Where reading does something that a guest cannot know to be
  /// done by a monitor, this leaves it out; the default reads.
  func peek(memory offset: UInt64, width: AccessWidth) -> UInt64
}

extension MMIODevice {
  public func peek(memory offset: UInt64, width: AccessWidth) -> UInt64 { read(memory: offset, width: width) }
}
