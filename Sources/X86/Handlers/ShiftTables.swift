// SPDX-License-Identifier: Apache-2.0

/// Instances of the shifts, multiplications, bit operations and exchanges.
enum ShiftTables {
  static let rolRegImm = Sized(
    b: { shiftRegImm(RotateLeft.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(RotateLeft.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(RotateLeft.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(RotateLeft.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let rolRegImmDrop = Sized(
    b: { shiftRegImm(RotateLeft.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { shiftRegImm(RotateLeft.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { shiftRegImm(RotateLeft.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { shiftRegImm(RotateLeft.self, UInt64.self, DropFlags.self, $0, $1) })
  static let rolRegCL = Sized(
    b: { shiftRegCL(RotateLeft.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(RotateLeft.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(RotateLeft.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(RotateLeft.self, UInt64.self, $0, $1) })
  static let rolMemImm = Sized(
    b: { shiftMemImm(RotateLeft.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(RotateLeft.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(RotateLeft.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(RotateLeft.self, UInt64.self, $0, $1) })
  static let rolMemCL = Sized(
    b: { shiftMemCL(RotateLeft.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(RotateLeft.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(RotateLeft.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(RotateLeft.self, UInt64.self, $0, $1) })
  static let rorRegImm = Sized(
    b: { shiftRegImm(RotateRight.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(RotateRight.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(RotateRight.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(RotateRight.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let rorRegImmDrop = Sized(
    b: { shiftRegImm(RotateRight.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { shiftRegImm(RotateRight.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { shiftRegImm(RotateRight.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { shiftRegImm(RotateRight.self, UInt64.self, DropFlags.self, $0, $1) })
  static let rorRegCL = Sized(
    b: { shiftRegCL(RotateRight.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(RotateRight.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(RotateRight.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(RotateRight.self, UInt64.self, $0, $1) })
  static let rorMemImm = Sized(
    b: { shiftMemImm(RotateRight.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(RotateRight.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(RotateRight.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(RotateRight.self, UInt64.self, $0, $1) })
  static let rorMemCL = Sized(
    b: { shiftMemCL(RotateRight.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(RotateRight.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(RotateRight.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(RotateRight.self, UInt64.self, $0, $1) })
  static let rclRegImm = Sized(
    b: { shiftRegImm(RotateCarryLeft.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(RotateCarryLeft.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(RotateCarryLeft.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(RotateCarryLeft.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let rclRegCL = Sized(
    b: { shiftRegCL(RotateCarryLeft.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(RotateCarryLeft.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(RotateCarryLeft.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(RotateCarryLeft.self, UInt64.self, $0, $1) })
  static let rclMemImm = Sized(
    b: { shiftMemImm(RotateCarryLeft.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(RotateCarryLeft.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(RotateCarryLeft.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(RotateCarryLeft.self, UInt64.self, $0, $1) })
  static let rclMemCL = Sized(
    b: { shiftMemCL(RotateCarryLeft.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(RotateCarryLeft.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(RotateCarryLeft.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(RotateCarryLeft.self, UInt64.self, $0, $1) })
  static let rcrRegImm = Sized(
    b: { shiftRegImm(RotateCarryRight.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(RotateCarryRight.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(RotateCarryRight.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(RotateCarryRight.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let rcrRegCL = Sized(
    b: { shiftRegCL(RotateCarryRight.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(RotateCarryRight.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(RotateCarryRight.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(RotateCarryRight.self, UInt64.self, $0, $1) })
  static let rcrMemImm = Sized(
    b: { shiftMemImm(RotateCarryRight.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(RotateCarryRight.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(RotateCarryRight.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(RotateCarryRight.self, UInt64.self, $0, $1) })
  static let rcrMemCL = Sized(
    b: { shiftMemCL(RotateCarryRight.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(RotateCarryRight.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(RotateCarryRight.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(RotateCarryRight.self, UInt64.self, $0, $1) })
  static let shlRegImm = Sized(
    b: { shiftRegImm(ShiftLeft.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(ShiftLeft.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(ShiftLeft.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(ShiftLeft.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let shlRegImmDrop = Sized(
    b: { shiftRegImm(ShiftLeft.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { shiftRegImm(ShiftLeft.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { shiftRegImm(ShiftLeft.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { shiftRegImm(ShiftLeft.self, UInt64.self, DropFlags.self, $0, $1) })
  static let shlRegCL = Sized(
    b: { shiftRegCL(ShiftLeft.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(ShiftLeft.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(ShiftLeft.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(ShiftLeft.self, UInt64.self, $0, $1) })
  static let shlMemImm = Sized(
    b: { shiftMemImm(ShiftLeft.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(ShiftLeft.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(ShiftLeft.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(ShiftLeft.self, UInt64.self, $0, $1) })
  static let shlMemCL = Sized(
    b: { shiftMemCL(ShiftLeft.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(ShiftLeft.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(ShiftLeft.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(ShiftLeft.self, UInt64.self, $0, $1) })
  static let shrRegImm = Sized(
    b: { shiftRegImm(ShiftRight.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(ShiftRight.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(ShiftRight.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(ShiftRight.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let shrRegImmDrop = Sized(
    b: { shiftRegImm(ShiftRight.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { shiftRegImm(ShiftRight.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { shiftRegImm(ShiftRight.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { shiftRegImm(ShiftRight.self, UInt64.self, DropFlags.self, $0, $1) })
  static let shrRegCL = Sized(
    b: { shiftRegCL(ShiftRight.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(ShiftRight.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(ShiftRight.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(ShiftRight.self, UInt64.self, $0, $1) })
  static let shrMemImm = Sized(
    b: { shiftMemImm(ShiftRight.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(ShiftRight.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(ShiftRight.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(ShiftRight.self, UInt64.self, $0, $1) })
  static let shrMemCL = Sized(
    b: { shiftMemCL(ShiftRight.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(ShiftRight.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(ShiftRight.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(ShiftRight.self, UInt64.self, $0, $1) })
  static let sarRegImm = Sized(
    b: { shiftRegImm(ShiftArithmetic.self, UInt8.self, KeepFlags.self, $0, $1) },
    w: { shiftRegImm(ShiftArithmetic.self, UInt16.self, KeepFlags.self, $0, $1) },
    d: { shiftRegImm(ShiftArithmetic.self, UInt32.self, KeepFlags.self, $0, $1) },
    q: { shiftRegImm(ShiftArithmetic.self, UInt64.self, KeepFlags.self, $0, $1) })
  static let sarRegImmDrop = Sized(
    b: { shiftRegImm(ShiftArithmetic.self, UInt8.self, DropFlags.self, $0, $1) },
    w: { shiftRegImm(ShiftArithmetic.self, UInt16.self, DropFlags.self, $0, $1) },
    d: { shiftRegImm(ShiftArithmetic.self, UInt32.self, DropFlags.self, $0, $1) },
    q: { shiftRegImm(ShiftArithmetic.self, UInt64.self, DropFlags.self, $0, $1) })
  static let sarRegCL = Sized(
    b: { shiftRegCL(ShiftArithmetic.self, UInt8.self, $0, $1) },
    w: { shiftRegCL(ShiftArithmetic.self, UInt16.self, $0, $1) },
    d: { shiftRegCL(ShiftArithmetic.self, UInt32.self, $0, $1) },
    q: { shiftRegCL(ShiftArithmetic.self, UInt64.self, $0, $1) })
  static let sarMemImm = Sized(
    b: { shiftMemImm(ShiftArithmetic.self, UInt8.self, $0, $1) },
    w: { shiftMemImm(ShiftArithmetic.self, UInt16.self, $0, $1) },
    d: { shiftMemImm(ShiftArithmetic.self, UInt32.self, $0, $1) },
    q: { shiftMemImm(ShiftArithmetic.self, UInt64.self, $0, $1) })
  static let sarMemCL = Sized(
    b: { shiftMemCL(ShiftArithmetic.self, UInt8.self, $0, $1) },
    w: { shiftMemCL(ShiftArithmetic.self, UInt16.self, $0, $1) },
    d: { shiftMemCL(ShiftArithmetic.self, UInt32.self, $0, $1) },
    q: { shiftMemCL(ShiftArithmetic.self, UInt64.self, $0, $1) })
  static let shldRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftReg(DoubleShiftLeft.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { doubleShiftReg(DoubleShiftLeft.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { doubleShiftReg(DoubleShiftLeft.self, UInt64.self, isImmediate: true, $0, $1) })
  static let shldMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftMem(DoubleShiftLeft.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { doubleShiftMem(DoubleShiftLeft.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { doubleShiftMem(DoubleShiftLeft.self, UInt64.self, isImmediate: true, $0, $1) })
  static let shldRegCL = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftReg(DoubleShiftLeft.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { doubleShiftReg(DoubleShiftLeft.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { doubleShiftReg(DoubleShiftLeft.self, UInt64.self, isImmediate: false, $0, $1) })
  static let shldMemCL = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftMem(DoubleShiftLeft.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { doubleShiftMem(DoubleShiftLeft.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { doubleShiftMem(DoubleShiftLeft.self, UInt64.self, isImmediate: false, $0, $1) })
  static let shrdRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftReg(DoubleShiftRight.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { doubleShiftReg(DoubleShiftRight.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { doubleShiftReg(DoubleShiftRight.self, UInt64.self, isImmediate: true, $0, $1) })
  static let shrdMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftMem(DoubleShiftRight.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { doubleShiftMem(DoubleShiftRight.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { doubleShiftMem(DoubleShiftRight.self, UInt64.self, isImmediate: true, $0, $1) })
  static let shrdRegCL = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftReg(DoubleShiftRight.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { doubleShiftReg(DoubleShiftRight.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { doubleShiftReg(DoubleShiftRight.self, UInt64.self, isImmediate: false, $0, $1) })
  static let shrdMemCL = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { doubleShiftMem(DoubleShiftRight.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { doubleShiftMem(DoubleShiftRight.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { doubleShiftMem(DoubleShiftRight.self, UInt64.self, isImmediate: false, $0, $1) })
}
