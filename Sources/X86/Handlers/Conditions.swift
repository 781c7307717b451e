// SPDX-License-Identifier: Apache-2.0

/// The condition codes of Jcc, SETcc and CMOVcc as types, so that each Jcc is its own handler. SDM vol. 1, appendix B.
protocol Condition {
  static func holds(_ c: UnsafeMutableRawPointer) -> Bool
}

enum Overflow: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.overflowFlag }
}
enum Below: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.carryFlag }
}
enum Equal: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.zeroFlag }
}
enum BelowOrEqual: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool {
    c.cpu.pointee.carryFlag || c.cpu.pointee.zeroFlag
  }
}
enum Negative: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.signFlag }
}
enum ParityEven: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.parityFlag }
}
enum Less: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool {
    c.cpu.pointee.signFlag != c.cpu.pointee.overflowFlag
  }
}
enum LessOrEqual: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool {
    c.cpu.pointee.zeroFlag || c.cpu.pointee.signFlag != c.cpu.pointee.overflowFlag
  }
}
enum Not<C: Condition>: Condition {
  @inline(__always) static func holds(_ c: UnsafeMutableRawPointer) -> Bool { !C.holds(c) }
}

/// The condition with a code known only at run time.
@inline(__always)
func holds(_ c: UnsafeMutableRawPointer, _ code: UInt64) -> Bool {
  let result: Bool =
    switch (code &>> 1) & 7 {
    case 0: Overflow.holds(c)
    case 1: Below.holds(c)
    case 2: Equal.holds(c)
    case 3: BelowOrEqual.holds(c)
    case 4: Negative.holds(c)
    case 5: ParityEven.holds(c)
    case 6: Less.holds(c)
    default: LessOrEqual.holds(c)
    }
  return result != (code & 1 != 0)
}
