// SPDX-License-Identifier: Apache-2.0

/// A wire: one device drives it, at most one chip listens.
///
/// The level is not saved. After a load the driver sets it again from its own state, and the listener, whose state holds
/// the level it last saw, finds no edge.
public final class IRQLine {
  public private(set) var level = false
  private var listener: ((Bool) -> Void)?

  public init(_ listener: ((Bool) -> Void)? = nil) { self.listener = listener }

  /// Connects the chip that hears level changes; replaces an earlier one.
  public func connect(_ listener: @escaping (Bool) -> Void) { self.listener = listener }

  /// Drives the line; the listener is told only of changes.
  public func set(_ newLevel: Bool) {
    guard newLevel != level else { return }
    level = newLevel
    listener?(newLevel)
  }

  /// A low-to-high-to-low pulse, or a high-to-low one on a line that is high.
  public func pulse() {
    set(true)
    set(false)
  }
}
