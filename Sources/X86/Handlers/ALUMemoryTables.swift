// SPDX-License-Identifier: Apache-2.0

/// Instances of the two-operand operations on memory.
enum ALUMemoryHandlers {
  static let addRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(Add.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(Add.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(Add.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(Add.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(Add.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(Add.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(Add.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(Add.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(Add.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(Add.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(Add.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(Add.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let addMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(Add.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(Add.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(Add.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(Add.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(Add.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(Add.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(Add.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(Add.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(Add.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(Add.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(Add.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(Add.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let addMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(Add.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(Add.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(Add.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(Add.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(Add.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(Add.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(Add.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(Add.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(Add.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(Add.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(Add.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(Add.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let orRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(Or.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(Or.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(Or.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(Or.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(Or.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(Or.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(Or.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(Or.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(Or.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(Or.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(Or.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(Or.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let orMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(Or.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(Or.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(Or.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(Or.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(Or.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(Or.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(Or.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(Or.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(Or.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(Or.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(Or.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(Or.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let orMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(Or.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(Or.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(Or.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(Or.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(Or.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(Or.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(Or.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(Or.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(Or.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(Or.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(Or.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(Or.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let adcRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(AddCarry.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(AddCarry.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(AddCarry.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(AddCarry.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(AddCarry.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(AddCarry.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(AddCarry.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(AddCarry.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(AddCarry.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(AddCarry.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(AddCarry.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(AddCarry.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let adcMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(AddCarry.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(AddCarry.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(AddCarry.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(AddCarry.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(AddCarry.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(AddCarry.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(AddCarry.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(AddCarry.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(AddCarry.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(AddCarry.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(AddCarry.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(AddCarry.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let adcMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(AddCarry.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(AddCarry.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(AddCarry.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(AddCarry.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(AddCarry.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(AddCarry.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(AddCarry.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(AddCarry.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(AddCarry.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(AddCarry.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(AddCarry.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(AddCarry.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let sbbRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(SubtractBorrow.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(SubtractBorrow.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(SubtractBorrow.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(SubtractBorrow.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(SubtractBorrow.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(SubtractBorrow.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(SubtractBorrow.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(SubtractBorrow.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(SubtractBorrow.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(SubtractBorrow.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(SubtractBorrow.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(SubtractBorrow.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let sbbMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(SubtractBorrow.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(SubtractBorrow.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(SubtractBorrow.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(SubtractBorrow.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(SubtractBorrow.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(SubtractBorrow.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(SubtractBorrow.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(SubtractBorrow.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(SubtractBorrow.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(SubtractBorrow.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(SubtractBorrow.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(SubtractBorrow.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let sbbMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(SubtractBorrow.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(SubtractBorrow.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(SubtractBorrow.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(SubtractBorrow.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(SubtractBorrow.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(SubtractBorrow.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(SubtractBorrow.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(SubtractBorrow.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(SubtractBorrow.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(SubtractBorrow.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(SubtractBorrow.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(SubtractBorrow.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let andRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(And.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(And.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(And.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(And.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(And.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(And.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(And.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(And.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(And.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(And.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(And.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(And.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let andMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(And.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(And.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(And.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(And.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(And.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(And.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(And.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(And.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(And.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(And.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(And.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(And.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let andMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(And.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(And.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(And.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(And.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(And.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(And.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(And.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(And.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(And.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(And.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(And.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(And.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let subRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(Subtract.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(Subtract.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(Subtract.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(Subtract.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(Subtract.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(Subtract.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(Subtract.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(Subtract.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(Subtract.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(Subtract.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(Subtract.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(Subtract.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let subMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(Subtract.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(Subtract.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(Subtract.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(Subtract.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(Subtract.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(Subtract.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(Subtract.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(Subtract.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(Subtract.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(Subtract.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(Subtract.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(Subtract.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let subMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(Subtract.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(Subtract.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(Subtract.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(Subtract.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(Subtract.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(Subtract.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(Subtract.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(Subtract.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(Subtract.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(Subtract.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(Subtract.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(Subtract.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let xorRegMem = Addressed(
    flat: Sized(
      b: { aluRegMem(Xor.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluRegMem(Xor.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluRegMem(Xor.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluRegMem(Xor.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluRegMem(Xor.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluRegMem(Xor.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluRegMem(Xor.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluRegMem(Xor.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluRegMem(Xor.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluRegMem(Xor.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluRegMem(Xor.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluRegMem(Xor.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let xorMemReg = Addressed(
    flat: Sized(
      b: { aluMemReg(Xor.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemReg(Xor.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemReg(Xor.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemReg(Xor.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemReg(Xor.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemReg(Xor.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemReg(Xor.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemReg(Xor.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemReg(Xor.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemReg(Xor.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemReg(Xor.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemReg(Xor.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let xorMemImm = Addressed(
    flat: Sized(
      b: { aluMemImm(Xor.self, UInt8.self, FlatAddress.self, $0, $1) },
      w: { aluMemImm(Xor.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { aluMemImm(Xor.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { aluMemImm(Xor.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { aluMemImm(Xor.self, UInt8.self, LongAddress.self, $0, $1) },
      w: { aluMemImm(Xor.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { aluMemImm(Xor.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { aluMemImm(Xor.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { aluMemImm(Xor.self, UInt8.self, GeneralAddress.self, $0, $1) },
      w: { aluMemImm(Xor.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { aluMemImm(Xor.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { aluMemImm(Xor.self, UInt64.self, GeneralAddress.self, $0, $1) }))
}
