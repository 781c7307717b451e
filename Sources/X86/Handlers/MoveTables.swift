// SPDX-License-Identifier: Apache-2.0

/// Instances of the moves.
enum MoveTables {
  static let regReg = Sized(
    b: { moveRegReg(UInt8.self, $0, $1) },
    w: { moveRegReg(UInt16.self, $0, $1) },
    d: { moveRegReg(UInt32.self, $0, $1) },
    q: { moveRegReg(UInt64.self, $0, $1) })
  static let regImm = Sized(
    b: { moveRegImm(UInt8.self, $0, $1) },
    w: { moveRegImm(UInt16.self, $0, $1) },
    d: { moveRegImm(UInt32.self, $0, $1) },
    q: { moveRegImm(UInt64.self, $0, $1) })
  static let regMem = Addressed(
    flat: Sized(
      b: { moveRegMem(UInt8.self, FlatAddress.self, $0, $1) },
      w: { moveRegMem(UInt16.self, FlatAddress.self, $0, $1) },
      d: { moveRegMem(UInt32.self, FlatAddress.self, $0, $1) },
      q: { moveRegMem(UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { moveRegMem(UInt8.self, LongAddress.self, $0, $1) },
      w: { moveRegMem(UInt16.self, LongAddress.self, $0, $1) },
      d: { moveRegMem(UInt32.self, LongAddress.self, $0, $1) },
      q: { moveRegMem(UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { moveRegMem(UInt8.self, GeneralAddress.self, $0, $1) },
      w: { moveRegMem(UInt16.self, GeneralAddress.self, $0, $1) },
      d: { moveRegMem(UInt32.self, GeneralAddress.self, $0, $1) },
      q: { moveRegMem(UInt64.self, GeneralAddress.self, $0, $1) }))
  static let memReg = Addressed(
    flat: Sized(
      b: { moveMemReg(UInt8.self, FlatAddress.self, $0, $1) },
      w: { moveMemReg(UInt16.self, FlatAddress.self, $0, $1) },
      d: { moveMemReg(UInt32.self, FlatAddress.self, $0, $1) },
      q: { moveMemReg(UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { moveMemReg(UInt8.self, LongAddress.self, $0, $1) },
      w: { moveMemReg(UInt16.self, LongAddress.self, $0, $1) },
      d: { moveMemReg(UInt32.self, LongAddress.self, $0, $1) },
      q: { moveMemReg(UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { moveMemReg(UInt8.self, GeneralAddress.self, $0, $1) },
      w: { moveMemReg(UInt16.self, GeneralAddress.self, $0, $1) },
      d: { moveMemReg(UInt32.self, GeneralAddress.self, $0, $1) },
      q: { moveMemReg(UInt64.self, GeneralAddress.self, $0, $1) }))
  static let memImm = Addressed(
    flat: Sized(
      b: { moveMemImm(UInt8.self, FlatAddress.self, $0, $1) },
      w: { moveMemImm(UInt16.self, FlatAddress.self, $0, $1) },
      d: { moveMemImm(UInt32.self, FlatAddress.self, $0, $1) },
      q: { moveMemImm(UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: { moveMemImm(UInt8.self, LongAddress.self, $0, $1) },
      w: { moveMemImm(UInt16.self, LongAddress.self, $0, $1) },
      d: { moveMemImm(UInt32.self, LongAddress.self, $0, $1) },
      q: { moveMemImm(UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: { moveMemImm(UInt8.self, GeneralAddress.self, $0, $1) },
      w: { moveMemImm(UInt16.self, GeneralAddress.self, $0, $1) },
      d: { moveMemImm(UInt32.self, GeneralAddress.self, $0, $1) },
      q: { moveMemImm(UInt64.self, GeneralAddress.self, $0, $1) }))
  static let loadAbsolute = Sized(
    b: { X86.loadAbsolute(UInt8.self, $0, $1) },
    w: { X86.loadAbsolute(UInt16.self, $0, $1) },
    d: { X86.loadAbsolute(UInt32.self, $0, $1) },
    q: { X86.loadAbsolute(UInt64.self, $0, $1) })
  static let storeAbsolute = Sized(
    b: { X86.storeAbsolute(UInt8.self, $0, $1) },
    w: { X86.storeAbsolute(UInt16.self, $0, $1) },
    d: { X86.storeAbsolute(UInt32.self, $0, $1) },
    q: { X86.storeAbsolute(UInt64.self, $0, $1) })
  static let exchangeRegReg = Sized(
    b: { X86.exchangeRegReg(UInt8.self, $0, $1) },
    w: { X86.exchangeRegReg(UInt16.self, $0, $1) },
    d: { X86.exchangeRegReg(UInt32.self, $0, $1) },
    q: { X86.exchangeRegReg(UInt64.self, $0, $1) })
  static let exchangeMemReg = Sized(
    b: { X86.exchangeMemReg(UInt8.self, $0, $1) },
    w: { X86.exchangeMemReg(UInt16.self, $0, $1) },
    d: { X86.exchangeMemReg(UInt32.self, $0, $1) },
    q: { X86.exchangeMemReg(UInt64.self, $0, $1) })
  static let leaFlat = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { X86.leaFlat(UInt16.self, $0, $1) },
    d: { X86.leaFlat(UInt32.self, $0, $1) },
    q: { X86.leaFlat(UInt64.self, $0, $1) })
  static let leaGeneral = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { X86.leaGeneral(UInt16.self, $0, $1) },
    d: { X86.leaGeneral(UInt32.self, $0, $1) },
    q: { X86.leaGeneral(UInt64.self, $0, $1) })
  static let conditionalReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { conditionalMoveReg(UInt16.self, $0, $1) },
    d: { conditionalMoveReg(UInt32.self, $0, $1) },
    q: { conditionalMoveReg(UInt64.self, $0, $1) })
  static let conditionalMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { conditionalMoveMem(UInt16.self, $0, $1) },
    d: { conditionalMoveMem(UInt32.self, $0, $1) },
    q: { conditionalMoveMem(UInt64.self, $0, $1) })
  static let swappedLoad = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { moveSwappedRegMem(UInt16.self, $0, $1) },
    d: { moveSwappedRegMem(UInt32.self, $0, $1) },
    q: { moveSwappedRegMem(UInt64.self, $0, $1) })
  static let swappedStore = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { moveSwappedMemReg(UInt16.self, $0, $1) },
    d: { moveSwappedMemReg(UInt32.self, $0, $1) },
    q: { moveSwappedMemReg(UInt64.self, $0, $1) })
  // The sizes are those of the destination; `zero`/`sign` and the source width are in the name.
  static let zeroByteReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { extendRegReg(ZeroExtend.self, UInt8.self, UInt16.self, $0, $1) },
    d: { extendRegReg(ZeroExtend.self, UInt8.self, UInt32.self, $0, $1) },
    q: { extendRegReg(ZeroExtend.self, UInt8.self, UInt64.self, $0, $1) })
  static let zeroByteMem = Addressed(
    flat: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(ZeroExtend.self, UInt8.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { extendRegMem(ZeroExtend.self, UInt8.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { extendRegMem(ZeroExtend.self, UInt8.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(ZeroExtend.self, UInt8.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { extendRegMem(ZeroExtend.self, UInt8.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { extendRegMem(ZeroExtend.self, UInt8.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(ZeroExtend.self, UInt8.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { extendRegMem(ZeroExtend.self, UInt8.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { extendRegMem(ZeroExtend.self, UInt8.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let zeroWordReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { extendRegReg(ZeroExtend.self, UInt16.self, UInt16.self, $0, $1) },
    d: { extendRegReg(ZeroExtend.self, UInt16.self, UInt32.self, $0, $1) },
    q: { extendRegReg(ZeroExtend.self, UInt16.self, UInt64.self, $0, $1) })
  static let zeroWordMem = Addressed(
    flat: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(ZeroExtend.self, UInt16.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { extendRegMem(ZeroExtend.self, UInt16.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { extendRegMem(ZeroExtend.self, UInt16.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(ZeroExtend.self, UInt16.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { extendRegMem(ZeroExtend.self, UInt16.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { extendRegMem(ZeroExtend.self, UInt16.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(ZeroExtend.self, UInt16.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { extendRegMem(ZeroExtend.self, UInt16.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { extendRegMem(ZeroExtend.self, UInt16.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let signByteReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { extendRegReg(SignExtend.self, UInt8.self, UInt16.self, $0, $1) },
    d: { extendRegReg(SignExtend.self, UInt8.self, UInt32.self, $0, $1) },
    q: { extendRegReg(SignExtend.self, UInt8.self, UInt64.self, $0, $1) })
  static let signByteMem = Addressed(
    flat: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt8.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt8.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt8.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt8.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt8.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt8.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt8.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt8.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt8.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let signWordReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { extendRegReg(SignExtend.self, UInt16.self, UInt16.self, $0, $1) },
    d: { extendRegReg(SignExtend.self, UInt16.self, UInt32.self, $0, $1) },
    q: { extendRegReg(SignExtend.self, UInt16.self, UInt64.self, $0, $1) })
  static let signWordMem = Addressed(
    flat: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt16.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt16.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt16.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt16.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt16.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt16.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt16.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt16.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt16.self, UInt64.self, GeneralAddress.self, $0, $1) }))
  static let signDoubleReg = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { extendRegReg(SignExtend.self, UInt32.self, UInt16.self, $0, $1) },
    d: { extendRegReg(SignExtend.self, UInt32.self, UInt32.self, $0, $1) },
    q: { extendRegReg(SignExtend.self, UInt32.self, UInt64.self, $0, $1) })
  static let signDoubleMem = Addressed(
    flat: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt32.self, UInt16.self, FlatAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt32.self, UInt32.self, FlatAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt32.self, UInt64.self, FlatAddress.self, $0, $1) }),
    long: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt32.self, UInt16.self, LongAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt32.self, UInt32.self, LongAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt32.self, UInt64.self, LongAddress.self, $0, $1) }),
    general: Sized(
      b: FaultHandlers.undefinedOpcode,
      w: { extendRegMem(SignExtend.self, UInt32.self, UInt16.self, GeneralAddress.self, $0, $1) },
      d: { extendRegMem(SignExtend.self, UInt32.self, UInt32.self, GeneralAddress.self, $0, $1) },
      q: { extendRegMem(SignExtend.self, UInt32.self, UInt64.self, GeneralAddress.self, $0, $1) }))
}
