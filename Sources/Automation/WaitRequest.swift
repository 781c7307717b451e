// SPDX-License-Identifier: Apache-2.0
public import Platform
public import Screen

/// What is waited for.
public enum WaitCondition: Sendable {
  /// Text on the screen, whose rows are lines.
  case screen(TextPattern)
  /// Text that a serial port (from 0) has sent since the last such text was found.
  case serial(port: Int, TextPattern)
  /// The picture stays the same this long. A blinking cursor is no change.
  case still(Nanoseconds)
  /// The screen shows what is expected.
  case picture(ExpectedPicture)
  /// An event of this name occurs.
  case event(String)
  /// An instant of virtual time.
  case instant(Nanoseconds)
}

/// A picture to compare the screen with.
public struct ExpectedPicture: Sendable {
  /// What it is called in messages.
  public var name: String
  public var picture: Surface
  public var mask: ScreenMask
  /// Colour components that differ by up to this are equal, 0...255.
  public var tolerance: Int
  /// Pixels by which what is expected may have moved.
  public var margin: Int

  public init(
    name: String, picture: Surface, mask: ScreenMask = ScreenMask(), tolerance: Int = 0, margin: Int = 0
  ) {
    (self.name, self.picture, self.mask) = (name, picture, mask)
    (self.tolerance, self.margin) = (tolerance, margin)
  }

  public func compared(with surface: Surface) -> MaskedComparison {
    picture.compared(with: surface, mask: mask, tolerance: tolerance, margin: margin)
  }
}

/// Conditions, of which the first one that is true ends the wait; of several at one instant the first in the list.
public struct WaitRequest: Sendable {
  public var conditions: [WaitCondition]
  /// Virtual time until it is given up; nil: never.
  public var timeout: Nanoseconds?

  public init(_ conditions: [WaitCondition], timeout: Nanoseconds?) {
    (self.conditions, self.timeout) = (conditions, timeout)
  }
}

/// How a wait ended.
public struct WaitResult: Sendable {
  public enum End: Sendable, Equatable {
    /// The condition with this index is true.
    case met(Int)
    case timedOut
    /// Nobody waits any more, or nothing can come any more, for the reason given.
    case ended(String)
    /// The guest hangs for good, in the way given, and what is awaited cannot come by itself.
    case hung(String)
  }

  public var end: End
  /// When it ended.
  public var virtualTime: Nanoseconds
  /// A text that was found: the whole, then the groups of the expression.
  public var texts: [String?] = []
  /// Where on the screen it was found, from 0.
  public var place: ScreenText.Cursor?
  /// What was last seen, and what came nearest: one sentence a condition. Empty when one is met.
  public var lastSeen: [String] = []
}
