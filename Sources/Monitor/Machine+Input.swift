// SPDX-License-Identifier: Apache-2.0
import InputDevices
import PC

/// The machine's keyboard and mouse as the monitors see them: QEMU numbers input devices as they are made, the keyboard
/// being 1 and the mouse 2.
extension Machine {
  private static let keyboardIndex = 1
  private static let mouseIndex = 2

  public var pointers: [PointerStatus] {
    guard board != nil else { return [] }
    return [PointerStatus(name: "QEMU PS/2 Mouse", index: Self.mouseIndex, isCurrent: true, isAbsolute: false)]
  }

  public func selectPointer(_ index: Int) throws(PointerSelectionError) {
    guard board != nil else { throw .notFound(index) }
    if index == Self.keyboardIndex { throw .noPointer(name: "QEMU PS/2 Keyboard") }
    guard index == Self.mouseIndex else { throw .notFound(index) }
  }

  public func accepts(_ kind: GuestInput.Kind) -> Bool { board != nil && kind != .position }

  public func handle(_ inputs: [GuestInput]) {
    guard runState == .running, let board else { return }
    for case .key(let code, let isDown) in inputs {
      guard let key = InputDevices.KeyCode(rawValue: code.rawValue) else { continue }
      board.keyboard.key(key, isDown: isDown)
    }
    let motions = inputs.compactMap(Self.mouseInput)
    if !motions.isEmpty { board.mouse.handle(motions) }
  }

  private static func mouseInput(_ input: GuestInput) -> PS2Mouse.Input? {
    switch input {
    case .key, .position: nil
    case .motion(.x, let steps): .move(x: Int32(clamping: steps), y: 0)
    case .motion(.y, let steps): .move(x: 0, y: Int32(clamping: steps))
    case .button(let button, let isDown):
      switch button {
      case .left: .button(.left, isDown: isDown)
      case .middle: .button(.middle, isDown: isDown)
      case .right: .button(.right, isDown: isDown)
      case .side: .button(.side, isDown: isDown)
      case .extra: .button(.extra, isDown: isDown)
      case .wheelUp: isDown ? .turn(-1) : nil
      case .wheelDown: isDown ? .turn(1) : nil
      case .wheelLeft: isDown ? .tilt(1) : nil
      case .wheelRight: isDown ? .tilt(-1) : nil
      }
    }
  }
}
