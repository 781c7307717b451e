// SPDX-License-Identifier: Apache-2.0

/// Instances of the two-operand operations between registers and immediates.
enum ALURegisterHandlers {
  static let addRegReg = Sized(
    b: { aluRegReg(Add.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(Add.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(Add.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(Add.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let addRegImm = Sized(
    b: { aluRegImm(Add.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(Add.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(Add.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(Add.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let addRegRegDrop = Sized(
    b: { aluRegReg(Add.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(Add.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(Add.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(Add.self, UInt64.self, DropFlags.self, $0, $1) })
  static let addRegImmDrop = Sized(
    b: { aluRegImm(Add.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(Add.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(Add.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(Add.self, UInt64.self, DropFlags.self, $0, $1) })
  static let orRegReg = Sized(
    b: { aluRegReg(Or.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(Or.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(Or.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(Or.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let orRegImm = Sized(
    b: { aluRegImm(Or.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(Or.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(Or.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(Or.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let orRegRegDrop = Sized(
    b: { aluRegReg(Or.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(Or.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(Or.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(Or.self, UInt64.self, DropFlags.self, $0, $1) })
  static let orRegImmDrop = Sized(
    b: { aluRegImm(Or.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(Or.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(Or.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(Or.self, UInt64.self, DropFlags.self, $0, $1) })
  static let adcRegReg = Sized(
    b: { aluRegReg(AddCarry.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(AddCarry.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(AddCarry.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(AddCarry.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let adcRegImm = Sized(
    b: { aluRegImm(AddCarry.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(AddCarry.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(AddCarry.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(AddCarry.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let adcRegRegDrop = Sized(
    b: { aluRegReg(AddCarry.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(AddCarry.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(AddCarry.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(AddCarry.self, UInt64.self, DropFlags.self, $0, $1) })
  static let adcRegImmDrop = Sized(
    b: { aluRegImm(AddCarry.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(AddCarry.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(AddCarry.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(AddCarry.self, UInt64.self, DropFlags.self, $0, $1) })
  static let sbbRegReg = Sized(
    b: { aluRegReg(SubtractBorrow.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(SubtractBorrow.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(SubtractBorrow.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(SubtractBorrow.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let sbbRegImm = Sized(
    b: { aluRegImm(SubtractBorrow.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(SubtractBorrow.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(SubtractBorrow.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(SubtractBorrow.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let sbbRegRegDrop = Sized(
    b: { aluRegReg(SubtractBorrow.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(SubtractBorrow.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(SubtractBorrow.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(SubtractBorrow.self, UInt64.self, DropFlags.self, $0, $1) })
  static let sbbRegImmDrop = Sized(
    b: { aluRegImm(SubtractBorrow.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(SubtractBorrow.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(SubtractBorrow.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(SubtractBorrow.self, UInt64.self, DropFlags.self, $0, $1) })
  static let andRegReg = Sized(
    b: { aluRegReg(And.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(And.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(And.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(And.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let andRegImm = Sized(
    b: { aluRegImm(And.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(And.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(And.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(And.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let andRegRegDrop = Sized(
    b: { aluRegReg(And.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(And.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(And.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(And.self, UInt64.self, DropFlags.self, $0, $1) })
  static let andRegImmDrop = Sized(
    b: { aluRegImm(And.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(And.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(And.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(And.self, UInt64.self, DropFlags.self, $0, $1) })
  static let subRegReg = Sized(
    b: { aluRegReg(Subtract.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(Subtract.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(Subtract.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(Subtract.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let subRegImm = Sized(
    b: { aluRegImm(Subtract.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(Subtract.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(Subtract.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(Subtract.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let subRegRegDrop = Sized(
    b: { aluRegReg(Subtract.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(Subtract.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(Subtract.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(Subtract.self, UInt64.self, DropFlags.self, $0, $1) })
  static let subRegImmDrop = Sized(
    b: { aluRegImm(Subtract.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(Subtract.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(Subtract.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(Subtract.self, UInt64.self, DropFlags.self, $0, $1) })
  static let xorRegReg = Sized(
    b: { aluRegReg(Xor.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegReg(Xor.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegReg(Xor.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegReg(Xor.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let xorRegImm = Sized(
    b: { aluRegImm(Xor.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { aluRegImm(Xor.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { aluRegImm(Xor.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { aluRegImm(Xor.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let xorRegRegDrop = Sized(
    b: { aluRegReg(Xor.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegReg(Xor.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegReg(Xor.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegReg(Xor.self, UInt64.self, DropFlags.self, $0, $1) })
  static let xorRegImmDrop = Sized(
    b: { aluRegImm(Xor.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { aluRegImm(Xor.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { aluRegImm(Xor.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { aluRegImm(Xor.self, UInt64.self, DropFlags.self, $0, $1) })
  static let cmpRegReg = Sized(
    b: { compareRegReg(Subtract.self, UInt8.self, $0, $1) },
    w: { compareRegReg(Subtract.self, UInt16.self, $0, $1) },
    d: { compareRegReg(Subtract.self, UInt32.self, $0, $1) },
    q: { compareRegReg(Subtract.self, UInt64.self, $0, $1) })
  static let cmpRegImm = Sized(
    b: { compareRegImm(Subtract.self, UInt8.self, $0, $1) },
    w: { compareRegImm(Subtract.self, UInt16.self, $0, $1) },
    d: { compareRegImm(Subtract.self, UInt32.self, $0, $1) },
    q: { compareRegImm(Subtract.self, UInt64.self, $0, $1) })
  static let testRegReg = Sized(
    b: { compareRegReg(And.self, UInt8.self, $0, $1) },
    w: { compareRegReg(And.self, UInt16.self, $0, $1) },
    d: { compareRegReg(And.self, UInt32.self, $0, $1) },
    q: { compareRegReg(And.self, UInt64.self, $0, $1) })
  static let testRegImm = Sized(
    b: { compareRegImm(And.self, UInt8.self, $0, $1) },
    w: { compareRegImm(And.self, UInt16.self, $0, $1) },
    d: { compareRegImm(And.self, UInt32.self, $0, $1) },
    q: { compareRegImm(And.self, UInt64.self, $0, $1) })
  static let incReg = Sized(
    b: { unaryReg(Increment.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { unaryReg(Increment.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { unaryReg(Increment.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { unaryReg(Increment.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let incRegDrop = Sized(
    b: { unaryReg(Increment.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { unaryReg(Increment.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { unaryReg(Increment.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { unaryReg(Increment.self, UInt64.self, DropFlags.self, $0, $1) })
  static let decReg = Sized(
    b: { unaryReg(Decrement.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { unaryReg(Decrement.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { unaryReg(Decrement.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { unaryReg(Decrement.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let decRegDrop = Sized(
    b: { unaryReg(Decrement.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { unaryReg(Decrement.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { unaryReg(Decrement.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { unaryReg(Decrement.self, UInt64.self, DropFlags.self, $0, $1) })
  static let negReg = Sized(
    b: { unaryReg(Negate.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { unaryReg(Negate.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { unaryReg(Negate.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { unaryReg(Negate.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let negRegDrop = Sized(
    b: { unaryReg(Negate.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { unaryReg(Negate.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { unaryReg(Negate.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { unaryReg(Negate.self, UInt64.self, DropFlags.self, $0, $1) })
  static let notReg = Sized(
    b: { unaryReg(Complement.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { unaryReg(Complement.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { unaryReg(Complement.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { unaryReg(Complement.self, UInt64.self, KeepFlags.self, $0, $1) })
}
