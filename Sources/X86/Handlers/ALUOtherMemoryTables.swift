// SPDX-License-Identifier: Apache-2.0

/// Instances of CMP, TEST and the one-operand operations on memory.
enum ALUOtherMemoryHandlers {
  static let cmpRegMem = Addressed(
    flat: Sized(
      b: { compareRegMem(Subtract.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { compareRegMem(Subtract.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { compareRegMem(Subtract.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { compareRegMem(Subtract.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { compareRegMem(Subtract.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { compareRegMem(Subtract.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { compareRegMem(Subtract.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { compareRegMem(Subtract.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { compareRegMem(Subtract.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { compareRegMem(Subtract.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { compareRegMem(Subtract.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { compareRegMem(Subtract.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let cmpMemReg = Addressed(
    flat: Sized(
      b: { compareMemReg(Subtract.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { compareMemReg(Subtract.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { compareMemReg(Subtract.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { compareMemReg(Subtract.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { compareMemReg(Subtract.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { compareMemReg(Subtract.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { compareMemReg(Subtract.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { compareMemReg(Subtract.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { compareMemReg(Subtract.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { compareMemReg(Subtract.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { compareMemReg(Subtract.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { compareMemReg(Subtract.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let cmpMemImm = Addressed(
    flat: Sized(
      b: { compareMemImm(Subtract.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { compareMemImm(Subtract.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { compareMemImm(Subtract.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { compareMemImm(Subtract.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { compareMemImm(Subtract.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { compareMemImm(Subtract.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { compareMemImm(Subtract.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { compareMemImm(Subtract.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { compareMemImm(Subtract.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { compareMemImm(Subtract.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { compareMemImm(Subtract.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { compareMemImm(Subtract.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let testMemReg = Addressed(
    flat: Sized(
      b: { compareMemReg(And.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { compareMemReg(And.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { compareMemReg(And.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { compareMemReg(And.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { compareMemReg(And.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { compareMemReg(And.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { compareMemReg(And.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { compareMemReg(And.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { compareMemReg(And.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { compareMemReg(And.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { compareMemReg(And.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { compareMemReg(And.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let testMemImm = Addressed(
    flat: Sized(
      b: { compareMemImm(And.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { compareMemImm(And.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { compareMemImm(And.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { compareMemImm(And.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { compareMemImm(And.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { compareMemImm(And.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { compareMemImm(And.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { compareMemImm(And.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { compareMemImm(And.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { compareMemImm(And.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { compareMemImm(And.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { compareMemImm(And.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let incMem = Addressed(
    flat: Sized(
      b: { unaryMem(Increment.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { unaryMem(Increment.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { unaryMem(Increment.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { unaryMem(Increment.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { unaryMem(Increment.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { unaryMem(Increment.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { unaryMem(Increment.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { unaryMem(Increment.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { unaryMem(Increment.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { unaryMem(Increment.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { unaryMem(Increment.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { unaryMem(Increment.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let decMem = Addressed(
    flat: Sized(
      b: { unaryMem(Decrement.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { unaryMem(Decrement.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { unaryMem(Decrement.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { unaryMem(Decrement.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { unaryMem(Decrement.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { unaryMem(Decrement.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { unaryMem(Decrement.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { unaryMem(Decrement.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { unaryMem(Decrement.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { unaryMem(Decrement.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { unaryMem(Decrement.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { unaryMem(Decrement.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let negMem = Addressed(
    flat: Sized(
      b: { unaryMem(Negate.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { unaryMem(Negate.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { unaryMem(Negate.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { unaryMem(Negate.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { unaryMem(Negate.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { unaryMem(Negate.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { unaryMem(Negate.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { unaryMem(Negate.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { unaryMem(Negate.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { unaryMem(Negate.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { unaryMem(Negate.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { unaryMem(Negate.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let notMem = Addressed(
    flat: Sized(
      b: { unaryMem(Complement.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { unaryMem(Complement.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { unaryMem(Complement.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { unaryMem(Complement.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { unaryMem(Complement.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { unaryMem(Complement.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { unaryMem(Complement.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { unaryMem(Complement.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { unaryMem(Complement.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { unaryMem(Complement.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { unaryMem(Complement.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { unaryMem(Complement.self, UInt64.self, GeneralAddress.self, $0, $1) }))
}
