// SPDX-License-Identifier: Apache-2.0
import QAPI

enum InfoMice: HMPCommand {
  static let names = ["mice"]
  static let help = "the guest's pointing devices, and which of them gets events"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let mice = context.machine.pointers
    if mice.isEmpty { return .done("No mouse devices connected\n") }
    return .done(
      mice.map { mouse in
        "\(mouse.isCurrent ? "*" : " ") Mouse #\(mouse.index): \(mouse.name)\(mouse.isAbsolute ? " (absolute)" : "")\n"
      }.joined())
  }
}

enum HMPMouseSet: HMPCommand {
  static let names = ["mouse_set"]
  static let parameters = "index"
  static let help = "choose the pointing device that gets events"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let index = try line.integer()
    try line.end()
    do throws(PointerSelectionError) {
      try context.machine.selectPointer(Int(index))
    } catch {
      switch error {
      case .notFound(let index): throw .message("Mouse at index '\(index)' not found")
      case .noPointer(let name): throw .message("Input device '\(name)' is not a mouse")
      }
    }
    return .done("")
  }
}

enum HMPMouseMove: HMPCommand {
  static let names = ["mouse_move"]
  static let parameters = "dx dy [dz]"
  static let help = "move the mouse, and with dz turn its wheel by one step, up if dz is positive"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let across = CInteger.leading(try line.string()), down = CInteger.leading(try line.string())
    let turn = CInteger.leading(try line.optionalString() ?? "0")
    try line.end()
    let motion: [GuestInput] = [.motion(.x, across), .motion(.y, down)]
    if turn == 0 {
      context.machine.handle(motion)
      return .done("")
    }
    let wheel = turn > 0 ? GuestInput.Button.wheelUp : .wheelDown
    context.machine.handle(motion + [.button(wheel, isDown: true)])
    context.machine.handle([.button(wheel, isDown: false)])
    return .done("")
  }
}

enum HMPMouseButton: HMPCommand {
  static let names = ["mouse_button"]
  static let parameters = "state"
  static let help = "press the mouse's buttons of the set bits and release the others (1=L, 2=R, 4=M)"
  /// As QEMU 7.2 does it; its help has the last two the other way round.
  private static let bits: [(mask: Int64, button: GuestInput.Button)] = [(1, .left), (2, .right), (4, .middle)]

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let state = try line.integer()
    try line.end()
    // Only what differs from the last such command is an event, whatever else has pressed buttons meanwhile.
    let changed = state ^ context.hub.mouseButtons
    context.hub.mouseButtons = state
    let events = bits.filter { changed & $0.mask != 0 }.map { bit in
      GuestInput.button(bit.button, isDown: state & bit.mask != 0)
    }
    if !events.isEmpty { context.machine.handle(events) }
    return .done("")
  }
}

/// Numbers as the C library's `strtol` with base 0 reads them.
enum CInteger {
  /// The number at the start of a text, saturated; 0 where there is none.
  static func leading(_ text: String) -> Int64 {
    var digits = Array(text.utf8)[...]
    while let first = digits.first, HMPLine.isSpace(first) { digits.removeFirst() }
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
    var radix: Int64 = 10
    if digits.first == UInt8(ascii: "0") {
      radix = 8
      let isHexadecimal = digits.dropFirst().first.map { $0 | 0x20 } == UInt8(ascii: "x")
      if isHexadecimal, let next = digits.dropFirst(2).first, digit(next) < 16 {
        (radix, digits) = (16, digits.dropFirst(2))
      }
    }
    var value: Int64 = 0
    for byte in digits {
      let digit = digit(byte)
      guard digit < radix else { break }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      if overflow || carry { return isNegative ? .min : .max }
      value = sum
    }
    return isNegative ? -value : value
  }

  private static func digit(_ byte: UInt8) -> Int64 {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int64(byte - UInt8(ascii: "A")) + 10
    default: 99
    }
  }
}
