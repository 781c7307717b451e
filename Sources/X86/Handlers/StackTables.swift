// SPDX-License-Identifier: Apache-2.0

/// Instances of the stack operations; operand sizes 2, 4 and 8.
enum StackTables {
  static let pushRegFlat = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushReg(UInt16.self, FlatStack.self, $0, $1) },
    d: { pushReg(UInt32.self, FlatStack.self, $0, $1) },
    q: FaultHandlers.undefinedOpcode)
  static let pushRegLong = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushReg(UInt16.self, LongStack.self, $0, $1) },
    d: { pushReg(UInt32.self, LongStack.self, $0, $1) },
    q: { pushReg(UInt64.self, LongStack.self, $0, $1) })
  static let pushRegGeneral = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushReg(UInt16.self, GeneralStack.self, $0, $1) },
    d: { pushReg(UInt32.self, GeneralStack.self, $0, $1) },
    q: { pushReg(UInt64.self, GeneralStack.self, $0, $1) })
  static let pushImmFlat = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushImm(UInt16.self, FlatStack.self, $0, $1) },
    d: { pushImm(UInt32.self, FlatStack.self, $0, $1) },
    q: FaultHandlers.undefinedOpcode)
  static let pushImmLong = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushImm(UInt16.self, LongStack.self, $0, $1) },
    d: { pushImm(UInt32.self, LongStack.self, $0, $1) },
    q: { pushImm(UInt64.self, LongStack.self, $0, $1) })
  static let pushImmGeneral = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushImm(UInt16.self, GeneralStack.self, $0, $1) },
    d: { pushImm(UInt32.self, GeneralStack.self, $0, $1) },
    q: { pushImm(UInt64.self, GeneralStack.self, $0, $1) })
  static let popRegFlat = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { popReg(UInt16.self, FlatStack.self, $0, $1) },
    d: { popReg(UInt32.self, FlatStack.self, $0, $1) },
    q: FaultHandlers.undefinedOpcode)
  static let popRegLong = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { popReg(UInt16.self, LongStack.self, $0, $1) },
    d: { popReg(UInt32.self, LongStack.self, $0, $1) },
    q: { popReg(UInt64.self, LongStack.self, $0, $1) })
  static let popRegGeneral = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { popReg(UInt16.self, GeneralStack.self, $0, $1) },
    d: { popReg(UInt32.self, GeneralStack.self, $0, $1) },
    q: { popReg(UInt64.self, GeneralStack.self, $0, $1) })
  static let leaveFrameFlat = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { leaveFrame(UInt16.self, FlatStack.self, $0, $1) },
    d: { leaveFrame(UInt32.self, FlatStack.self, $0, $1) },
    q: FaultHandlers.undefinedOpcode)
  static let leaveFrameLong = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { leaveFrame(UInt16.self, LongStack.self, $0, $1) },
    d: { leaveFrame(UInt32.self, LongStack.self, $0, $1) },
    q: { leaveFrame(UInt64.self, LongStack.self, $0, $1) })
  static let leaveFrameGeneral = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { leaveFrame(UInt16.self, GeneralStack.self, $0, $1) },
    d: { leaveFrame(UInt32.self, GeneralStack.self, $0, $1) },
    q: { leaveFrame(UInt64.self, GeneralStack.self, $0, $1) })
  static let pushMemFlat = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushMem(UInt16.self, FlatStack.self, $0, $1) },
    d: { pushMem(UInt32.self, FlatStack.self, $0, $1) },
    q: FaultHandlers.undefinedOpcode)
  static let pushMemLong = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushMem(UInt16.self, LongStack.self, $0, $1) },
    d: { pushMem(UInt32.self, LongStack.self, $0, $1) },
    q: { pushMem(UInt64.self, LongStack.self, $0, $1) })
  static let pushMemGeneral = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { pushMem(UInt16.self, GeneralStack.self, $0, $1) },
    d: { pushMem(UInt32.self, GeneralStack.self, $0, $1) },
    q: { pushMem(UInt64.self, GeneralStack.self, $0, $1) })
  static let popMem = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { X86.popMem(UInt16.self, $0, $1) },
    d: { X86.popMem(UInt32.self, $0, $1) },
    q: { X86.popMem(UInt64.self, $0, $1) })
  static let pushAll = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { X86.pushAll(UInt16.self, $0, $1) },
    d: { X86.pushAll(UInt32.self, $0, $1) },
    q: { X86.pushAll(UInt64.self, $0, $1) })
  static let popAll = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { X86.popAll(UInt16.self, $0, $1) },
    d: { X86.popAll(UInt32.self, $0, $1) },
    q: { X86.popAll(UInt64.self, $0, $1) })
  static let enterFrame = Sized(
    b: FaultHandlers.undefinedOpcode,
    w: { X86.enterFrame(UInt16.self, $0, $1) },
    d: { X86.enterFrame(UInt32.self, $0, $1) },
    q: { X86.enterFrame(UInt64.self, $0, $1) })
}
