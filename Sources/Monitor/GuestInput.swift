// SPDX-License-Identifier: Apache-2.0
public import QAPI

/// What a person does at the guest's input devices.
public enum GuestInput: Hashable, Sendable {
  case key(KeyCode, isDown: Bool)
  case button(Button, isDown: Bool)
  /// Steps along an axis; right and towards the user are positive.
  case motion(Axis, Int64)
  /// A place on an axis, 0...7FFFh.
  case position(Axis, Int64)

  /// A button, or a step of a wheel, which happens when it is pressed.
  public enum Button: String, QMPEnum {
    case left, middle, right
    case wheelUp = "wheel-up"
    case wheelDown = "wheel-down"
    case side, extra
    case wheelLeft = "wheel-left"
    case wheelRight = "wheel-right"
  }

  public enum Axis: String, QMPEnum { case x, y }

  public enum Kind: String, QMPEnum {
    case key
    case button = "btn"
    case motion = "rel"
    case position = "abs"
  }

  public var kind: Kind {
    switch self {
    case .key: .key
    case .button: .button
    case .motion: .motion
    case .position: .position
    }
  }
}

/// One of the guest's pointing devices, as `query-mice` tells of it.
public struct PointerStatus: Hashable, Sendable {
  public var name: String
  public var index: Int
  /// Events go to it.
  public var isCurrent: Bool
  /// It tells places, not steps.
  public var isAbsolute: Bool

  public init(name: String, index: Int, isCurrent: Bool, isAbsolute: Bool) {
    (self.name, self.index, self.isCurrent, self.isAbsolute) = (name, index, isCurrent, isAbsolute)
  }
}

/// Why a pointing device cannot be chosen.
public enum PointerSelectionError: Error, Hashable, Sendable {
  case notFound(Int)
  case noPointer(name: String)
}
