// SPDX-License-Identifier: Apache-2.0

/// Instances of the multiplications, divisions, bit operations and exchanges.
enum IntegerTables {
  static let mulReg = Sized(
    b: { multiplyReg(MultiplyUnsigned.self, UInt8.self, $0, $1) },
    w: { multiplyReg(MultiplyUnsigned.self, UInt16.self, $0, $1) },
    d: { multiplyReg(MultiplyUnsigned.self, UInt32.self, $0, $1) },
    q: { multiplyReg(MultiplyUnsigned.self, UInt64.self, $0, $1) })
  static let mulMem = Sized(
    b: { multiplyMem(MultiplyUnsigned.self, UInt8.self, $0, $1) },
    w: { multiplyMem(MultiplyUnsigned.self, UInt16.self, $0, $1) },
    d: { multiplyMem(MultiplyUnsigned.self, UInt32.self, $0, $1) },
    q: { multiplyMem(MultiplyUnsigned.self, UInt64.self, $0, $1) })
  static let imulReg = Sized(
    b: { multiplyReg(MultiplySigned.self, UInt8.self, $0, $1) },
    w: { multiplyReg(MultiplySigned.self, UInt16.self, $0, $1) },
    d: { multiplyReg(MultiplySigned.self, UInt32.self, $0, $1) },
    q: { multiplyReg(MultiplySigned.self, UInt64.self, $0, $1) })
  static let imulMem = Sized(
    b: { multiplyMem(MultiplySigned.self, UInt8.self, $0, $1) },
    w: { multiplyMem(MultiplySigned.self, UInt16.self, $0, $1) },
    d: { multiplyMem(MultiplySigned.self, UInt32.self, $0, $1) },
    q: { multiplyMem(MultiplySigned.self, UInt64.self, $0, $1) })
  static let divReg = Sized(
    b: { divideReg(DivideUnsigned.self, UInt8.self, $0, $1) },
    w: { divideReg(DivideUnsigned.self, UInt16.self, $0, $1) },
    d: { divideReg(DivideUnsigned.self, UInt32.self, $0, $1) },
    q: { divideReg(DivideUnsigned.self, UInt64.self, $0, $1) })
  static let divMem = Sized(
    b: { divideMem(DivideUnsigned.self, UInt8.self, $0, $1) },
    w: { divideMem(DivideUnsigned.self, UInt16.self, $0, $1) },
    d: { divideMem(DivideUnsigned.self, UInt32.self, $0, $1) },
    q: { divideMem(DivideUnsigned.self, UInt64.self, $0, $1) })
  static let idivReg = Sized(
    b: { divideReg(DivideSigned.self, UInt8.self, $0, $1) },
    w: { divideReg(DivideSigned.self, UInt16.self, $0, $1) },
    d: { divideReg(DivideSigned.self, UInt32.self, $0, $1) },
    q: { divideReg(DivideSigned.self, UInt64.self, $0, $1) })
  static let idivMem = Sized(
    b: { divideMem(DivideSigned.self, UInt8.self, $0, $1) },
    w: { divideMem(DivideSigned.self, UInt16.self, $0, $1) },
    d: { divideMem(DivideSigned.self, UInt32.self, $0, $1) },
    q: { divideMem(DivideSigned.self, UInt64.self, $0, $1) })
  static let imulRegReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { multiplyRegReg(UInt16.self, $0, $1) },
    d: { multiplyRegReg(UInt32.self, $0, $1) },
    q: { multiplyRegReg(UInt64.self, $0, $1) })
  static let imulRegMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { multiplyRegMem(UInt16.self, $0, $1) },
    d: { multiplyRegMem(UInt32.self, $0, $1) },
    q: { multiplyRegMem(UInt64.self, $0, $1) })
  static let imulRegRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { multiplyRegRegImm(UInt16.self, $0, $1) },
    d: { multiplyRegRegImm(UInt32.self, $0, $1) },
    q: { multiplyRegRegImm(UInt64.self, $0, $1) })
  static let imulRegMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { multiplyRegMemImm(UInt16.self, $0, $1) },
    d: { multiplyRegMemImm(UInt32.self, $0, $1) },
    q: { multiplyRegMemImm(UInt64.self, $0, $1) })
  static let btReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitTest.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { bitReg(BitTest.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { bitReg(BitTest.self, UInt64.self, isImmediate: false, $0, $1) })
  static let btRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitTest.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { bitReg(BitTest.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { bitReg(BitTest.self, UInt64.self, isImmediate: true, $0, $1) })
  static let btMemReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemReg(BitTest.self, UInt16.self, $0, $1) },
    d: { bitMemReg(BitTest.self, UInt32.self, $0, $1) },
    q: { bitMemReg(BitTest.self, UInt64.self, $0, $1) })
  static let btMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemImm(BitTest.self, UInt16.self, $0, $1) },
    d: { bitMemImm(BitTest.self, UInt32.self, $0, $1) },
    q: { bitMemImm(BitTest.self, UInt64.self, $0, $1) })
  static let btsReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitSet.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { bitReg(BitSet.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { bitReg(BitSet.self, UInt64.self, isImmediate: false, $0, $1) })
  static let btsRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitSet.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { bitReg(BitSet.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { bitReg(BitSet.self, UInt64.self, isImmediate: true, $0, $1) })
  static let btsMemReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemReg(BitSet.self, UInt16.self, $0, $1) },
    d: { bitMemReg(BitSet.self, UInt32.self, $0, $1) },
    q: { bitMemReg(BitSet.self, UInt64.self, $0, $1) })
  static let btsMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemImm(BitSet.self, UInt16.self, $0, $1) },
    d: { bitMemImm(BitSet.self, UInt32.self, $0, $1) },
    q: { bitMemImm(BitSet.self, UInt64.self, $0, $1) })
  static let btrReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitReset.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { bitReg(BitReset.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { bitReg(BitReset.self, UInt64.self, isImmediate: false, $0, $1) })
  static let btrRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitReset.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { bitReg(BitReset.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { bitReg(BitReset.self, UInt64.self, isImmediate: true, $0, $1) })
  static let btrMemReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemReg(BitReset.self, UInt16.self, $0, $1) },
    d: { bitMemReg(BitReset.self, UInt32.self, $0, $1) },
    q: { bitMemReg(BitReset.self, UInt64.self, $0, $1) })
  static let btrMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemImm(BitReset.self, UInt16.self, $0, $1) },
    d: { bitMemImm(BitReset.self, UInt32.self, $0, $1) },
    q: { bitMemImm(BitReset.self, UInt64.self, $0, $1) })
  static let btcReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitComplement.self, UInt16.self, isImmediate: false, $0, $1) },
    d: { bitReg(BitComplement.self, UInt32.self, isImmediate: false, $0, $1) },
    q: { bitReg(BitComplement.self, UInt64.self, isImmediate: false, $0, $1) })
  static let btcRegImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitReg(BitComplement.self, UInt16.self, isImmediate: true, $0, $1) },
    d: { bitReg(BitComplement.self, UInt32.self, isImmediate: true, $0, $1) },
    q: { bitReg(BitComplement.self, UInt64.self, isImmediate: true, $0, $1) })
  static let btcMemReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemReg(BitComplement.self, UInt16.self, $0, $1) },
    d: { bitMemReg(BitComplement.self, UInt32.self, $0, $1) },
    q: { bitMemReg(BitComplement.self, UInt64.self, $0, $1) })
  static let btcMemImm = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { bitMemImm(BitComplement.self, UInt16.self, $0, $1) },
    d: { bitMemImm(BitComplement.self, UInt32.self, $0, $1) },
    q: { bitMemImm(BitComplement.self, UInt64.self, $0, $1) })
  static let bsfReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanReg(ScanForward.self, UInt16.self, $0, $1) },
    d: { scanReg(ScanForward.self, UInt32.self, $0, $1) },
    q: { scanReg(ScanForward.self, UInt64.self, $0, $1) })
  static let bsfMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanMem(ScanForward.self, UInt16.self, $0, $1) },
    d: { scanMem(ScanForward.self, UInt32.self, $0, $1) },
    q: { scanMem(ScanForward.self, UInt64.self, $0, $1) })
  static let bsrReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanReg(ScanReverse.self, UInt16.self, $0, $1) },
    d: { scanReg(ScanReverse.self, UInt32.self, $0, $1) },
    q: { scanReg(ScanReverse.self, UInt64.self, $0, $1) })
  static let bsrMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanMem(ScanReverse.self, UInt16.self, $0, $1) },
    d: { scanMem(ScanReverse.self, UInt32.self, $0, $1) },
    q: { scanMem(ScanReverse.self, UInt64.self, $0, $1) })
  static let lzcntReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanReg(CountLeading.self, UInt16.self, $0, $1) },
    d: { scanReg(CountLeading.self, UInt32.self, $0, $1) },
    q: { scanReg(CountLeading.self, UInt64.self, $0, $1) })
  static let lzcntMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanMem(CountLeading.self, UInt16.self, $0, $1) },
    d: { scanMem(CountLeading.self, UInt32.self, $0, $1) },
    q: { scanMem(CountLeading.self, UInt64.self, $0, $1) })
  static let tzcntReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanReg(CountTrailing.self, UInt16.self, $0, $1) },
    d: { scanReg(CountTrailing.self, UInt32.self, $0, $1) },
    q: { scanReg(CountTrailing.self, UInt64.self, $0, $1) })
  static let tzcntMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanMem(CountTrailing.self, UInt16.self, $0, $1) },
    d: { scanMem(CountTrailing.self, UInt32.self, $0, $1) },
    q: { scanMem(CountTrailing.self, UInt64.self, $0, $1) })
  static let popcntReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanReg(CountSet.self, UInt16.self, $0, $1) },
    d: { scanReg(CountSet.self, UInt32.self, $0, $1) },
    q: { scanReg(CountSet.self, UInt64.self, $0, $1) })
  static let popcntMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { scanMem(CountSet.self, UInt16.self, $0, $1) },
    d: { scanMem(CountSet.self, UInt32.self, $0, $1) },
    q: { scanMem(CountSet.self, UInt64.self, $0, $1) })
  static let xaddReg = Sized(
    b: { addExchangeReg(UInt8.self, $0, $1) },
    w: { addExchangeReg(UInt16.self, $0, $1) },
    d: { addExchangeReg(UInt32.self, $0, $1) },
    q: { addExchangeReg(UInt64.self, $0, $1) })
  static let xaddMem = Sized(
    b: { addExchangeMem(UInt8.self, $0, $1) },
    w: { addExchangeMem(UInt16.self, $0, $1) },
    d: { addExchangeMem(UInt32.self, $0, $1) },
    q: { addExchangeMem(UInt64.self, $0, $1) })
  static let cmpxchgReg = Sized(
    b: { compareExchangeReg(UInt8.self, $0, $1) },
    w: { compareExchangeReg(UInt16.self, $0, $1) },
    d: { compareExchangeReg(UInt32.self, $0, $1) },
    q: { compareExchangeReg(UInt64.self, $0, $1) })
  static let cmpxchgMem = Sized(
    b: { compareExchangeMem(UInt8.self, $0, $1) },
    w: { compareExchangeMem(UInt16.self, $0, $1) },
    d: { compareExchangeMem(UInt32.self, $0, $1) },
    q: { compareExchangeMem(UInt64.self, $0, $1) })
}
