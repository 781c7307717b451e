// SPDX-License-Identifier: Apache-2.0

/// Instances of the near branches, one set for each `CodeMode`.
struct BranchHandlers {
  let jump: Handler
  let blockEnd: Handler
  let jumpReg: Handler
  let jumpMem: Handler
  let countZero: Handler
  let loop: Handler
  let loopEqual: Handler
  let loopNotEqual: Handler
  /// Indexed by condition code.
  let conditional: InlineArray<16, Handler>
  let callMemFlat: Handler
  let callMemLong: Handler
  let callMemGeneral: Handler
  /// With the stack addressed flat, in 64 bits, and generally.
  let callFlat: Handler
  let callLong: Handler
  let callGeneral: Handler
  let callRegFlat: Handler
  let callRegLong: Handler
  let callRegGeneral: Handler
  let returnFlat: Handler
  let returnLong: Handler
  let returnGeneral: Handler

  static let near16 = BranchHandlers(
    jump: { X86.jump(Near16.self, $0, $1) },
    blockEnd: { X86.blockEnd(Near16.self, $0, $1) },
    jumpReg: { X86.jumpReg(Near16.self, $0, $1) },
    jumpMem: { X86.jumpMem(Near16.self, $0, $1) },
    countZero: { jumpIfCountZero(Near16.self, $0, $1) },
    loop: { loopBranch(Near16.self, kind: 0, $0, $1) },
    loopEqual: { loopBranch(Near16.self, kind: 1, $0, $1) },
    loopNotEqual: { loopBranch(Near16.self, kind: 2, $0, $1) },
    conditional: [
      { jumpIf(Overflow.self, Near16.self, $0, $1) },
      { jumpIf(Not<Overflow>.self, Near16.self, $0, $1) },
      { jumpIf(Below.self, Near16.self, $0, $1) },
      { jumpIf(Not<Below>.self, Near16.self, $0, $1) },
      { jumpIf(Equal.self, Near16.self, $0, $1) },
      { jumpIf(Not<Equal>.self, Near16.self, $0, $1) },
      { jumpIf(BelowOrEqual.self, Near16.self, $0, $1) },
      { jumpIf(Not<BelowOrEqual>.self, Near16.self, $0, $1) },
      { jumpIf(Negative.self, Near16.self, $0, $1) },
      { jumpIf(Not<Negative>.self, Near16.self, $0, $1) },
      { jumpIf(ParityEven.self, Near16.self, $0, $1) },
      { jumpIf(Not<ParityEven>.self, Near16.self, $0, $1) },
      { jumpIf(Less.self, Near16.self, $0, $1) },
      { jumpIf(Not<Less>.self, Near16.self, $0, $1) },
      { jumpIf(LessOrEqual.self, Near16.self, $0, $1) },
      { jumpIf(Not<LessOrEqual>.self, Near16.self, $0, $1) },
    ],
    callMemFlat: { X86.callMem(Near16.self, FlatStack.self, $0, $1) },
    callMemLong: { X86.callMem(Near16.self, GeneralStack.self, $0, $1) },
    callMemGeneral: { X86.callMem(Near16.self, GeneralStack.self, $0, $1) },
    callFlat: { callNear(Near16.self, FlatStack.self, $0, $1) },
    callLong: { callNear(Near16.self, GeneralStack.self, $0, $1) },
    callGeneral: { callNear(Near16.self, GeneralStack.self, $0, $1) },
    callRegFlat: { X86.callReg(Near16.self, FlatStack.self, $0, $1) },
    callRegLong: { X86.callReg(Near16.self, GeneralStack.self, $0, $1) },
    callRegGeneral: { X86.callReg(Near16.self, GeneralStack.self, $0, $1) },
    returnFlat: { returnNear(Near16.self, FlatStack.self, $0, $1) },
    returnLong: { returnNear(Near16.self, GeneralStack.self, $0, $1) },
    returnGeneral: { returnNear(Near16.self, GeneralStack.self, $0, $1) })
  static let near32 = BranchHandlers(
    jump: { X86.jump(Near32.self, $0, $1) },
    blockEnd: { X86.blockEnd(Near32.self, $0, $1) },
    jumpReg: { X86.jumpReg(Near32.self, $0, $1) },
    jumpMem: { X86.jumpMem(Near32.self, $0, $1) },
    countZero: { jumpIfCountZero(Near32.self, $0, $1) },
    loop: { loopBranch(Near32.self, kind: 0, $0, $1) },
    loopEqual: { loopBranch(Near32.self, kind: 1, $0, $1) },
    loopNotEqual: { loopBranch(Near32.self, kind: 2, $0, $1) },
    conditional: [
      { jumpIf(Overflow.self, Near32.self, $0, $1) },
      { jumpIf(Not<Overflow>.self, Near32.self, $0, $1) },
      { jumpIf(Below.self, Near32.self, $0, $1) },
      { jumpIf(Not<Below>.self, Near32.self, $0, $1) },
      { jumpIf(Equal.self, Near32.self, $0, $1) },
      { jumpIf(Not<Equal>.self, Near32.self, $0, $1) },
      { jumpIf(BelowOrEqual.self, Near32.self, $0, $1) },
      { jumpIf(Not<BelowOrEqual>.self, Near32.self, $0, $1) },
      { jumpIf(Negative.self, Near32.self, $0, $1) },
      { jumpIf(Not<Negative>.self, Near32.self, $0, $1) },
      { jumpIf(ParityEven.self, Near32.self, $0, $1) },
      { jumpIf(Not<ParityEven>.self, Near32.self, $0, $1) },
      { jumpIf(Less.self, Near32.self, $0, $1) },
      { jumpIf(Not<Less>.self, Near32.self, $0, $1) },
      { jumpIf(LessOrEqual.self, Near32.self, $0, $1) },
      { jumpIf(Not<LessOrEqual>.self, Near32.self, $0, $1) },
    ],
    callMemFlat: { X86.callMem(Near32.self, FlatStack.self, $0, $1) },
    callMemLong: { X86.callMem(Near32.self, GeneralStack.self, $0, $1) },
    callMemGeneral: { X86.callMem(Near32.self, GeneralStack.self, $0, $1) },
    callFlat: { callNear(Near32.self, FlatStack.self, $0, $1) },
    callLong: { callNear(Near32.self, GeneralStack.self, $0, $1) },
    callGeneral: { callNear(Near32.self, GeneralStack.self, $0, $1) },
    callRegFlat: { X86.callReg(Near32.self, FlatStack.self, $0, $1) },
    callRegLong: { X86.callReg(Near32.self, GeneralStack.self, $0, $1) },
    callRegGeneral: { X86.callReg(Near32.self, GeneralStack.self, $0, $1) },
    returnFlat: { returnNear(Near32.self, FlatStack.self, $0, $1) },
    returnLong: { returnNear(Near32.self, GeneralStack.self, $0, $1) },
    returnGeneral: { returnNear(Near32.self, GeneralStack.self, $0, $1) })
  static let flat32 = BranchHandlers(
    jump: { X86.jump(FlatNear32.self, $0, $1) },
    blockEnd: { X86.blockEnd(FlatNear32.self, $0, $1) },
    jumpReg: { X86.jumpReg(FlatNear32.self, $0, $1) },
    jumpMem: { X86.jumpMem(FlatNear32.self, $0, $1) },
    countZero: { jumpIfCountZero(FlatNear32.self, $0, $1) },
    loop: { loopBranch(FlatNear32.self, kind: 0, $0, $1) },
    loopEqual: { loopBranch(FlatNear32.self, kind: 1, $0, $1) },
    loopNotEqual: { loopBranch(FlatNear32.self, kind: 2, $0, $1) },
    conditional: [
      { jumpIf(Overflow.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<Overflow>.self, FlatNear32.self, $0, $1) },
      { jumpIf(Below.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<Below>.self, FlatNear32.self, $0, $1) },
      { jumpIf(Equal.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<Equal>.self, FlatNear32.self, $0, $1) },
      { jumpIf(BelowOrEqual.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<BelowOrEqual>.self, FlatNear32.self, $0, $1) },
      { jumpIf(Negative.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<Negative>.self, FlatNear32.self, $0, $1) },
      { jumpIf(ParityEven.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<ParityEven>.self, FlatNear32.self, $0, $1) },
      { jumpIf(Less.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<Less>.self, FlatNear32.self, $0, $1) },
      { jumpIf(LessOrEqual.self, FlatNear32.self, $0, $1) },
      { jumpIf(Not<LessOrEqual>.self, FlatNear32.self, $0, $1) },
    ],
    callMemFlat: { X86.callMem(FlatNear32.self, FlatStack.self, $0, $1) },
    callMemLong: { X86.callMem(FlatNear32.self, GeneralStack.self, $0, $1) },
    callMemGeneral: { X86.callMem(FlatNear32.self, GeneralStack.self, $0, $1) },
    callFlat: { callNear(FlatNear32.self, FlatStack.self, $0, $1) },
    callLong: { callNear(FlatNear32.self, GeneralStack.self, $0, $1) },
    callGeneral: { callNear(FlatNear32.self, GeneralStack.self, $0, $1) },
    callRegFlat: { X86.callReg(FlatNear32.self, FlatStack.self, $0, $1) },
    callRegLong: { X86.callReg(FlatNear32.self, GeneralStack.self, $0, $1) },
    callRegGeneral: { X86.callReg(FlatNear32.self, GeneralStack.self, $0, $1) },
    returnFlat: { returnNear(FlatNear32.self, FlatStack.self, $0, $1) },
    returnLong: { returnNear(FlatNear32.self, GeneralStack.self, $0, $1) },
    returnGeneral: { returnNear(FlatNear32.self, GeneralStack.self, $0, $1) })
  static let near64 = BranchHandlers(
    jump: { X86.jump(Near64.self, $0, $1) },
    blockEnd: { X86.blockEnd(Near64.self, $0, $1) },
    jumpReg: { X86.jumpReg(Near64.self, $0, $1) },
    jumpMem: { X86.jumpMem(Near64.self, $0, $1) },
    countZero: { jumpIfCountZero(Near64.self, $0, $1) },
    loop: { loopBranch(Near64.self, kind: 0, $0, $1) },
    loopEqual: { loopBranch(Near64.self, kind: 1, $0, $1) },
    loopNotEqual: { loopBranch(Near64.self, kind: 2, $0, $1) },
    conditional: [
      { jumpIf(Overflow.self, Near64.self, $0, $1) },
      { jumpIf(Not<Overflow>.self, Near64.self, $0, $1) },
      { jumpIf(Below.self, Near64.self, $0, $1) },
      { jumpIf(Not<Below>.self, Near64.self, $0, $1) },
      { jumpIf(Equal.self, Near64.self, $0, $1) },
      { jumpIf(Not<Equal>.self, Near64.self, $0, $1) },
      { jumpIf(BelowOrEqual.self, Near64.self, $0, $1) },
      { jumpIf(Not<BelowOrEqual>.self, Near64.self, $0, $1) },
      { jumpIf(Negative.self, Near64.self, $0, $1) },
      { jumpIf(Not<Negative>.self, Near64.self, $0, $1) },
      { jumpIf(ParityEven.self, Near64.self, $0, $1) },
      { jumpIf(Not<ParityEven>.self, Near64.self, $0, $1) },
      { jumpIf(Less.self, Near64.self, $0, $1) },
      { jumpIf(Not<Less>.self, Near64.self, $0, $1) },
      { jumpIf(LessOrEqual.self, Near64.self, $0, $1) },
      { jumpIf(Not<LessOrEqual>.self, Near64.self, $0, $1) },
    ],
    callMemFlat: { X86.callMem(Near64.self, LongStack.self, $0, $1) },
    callMemLong: { X86.callMem(Near64.self, LongStack.self, $0, $1) },
    callMemGeneral: { X86.callMem(Near64.self, LongStack.self, $0, $1) },
    callFlat: { callNear(Near64.self, LongStack.self, $0, $1) },
    callLong: { callNear(Near64.self, LongStack.self, $0, $1) },
    callGeneral: { callNear(Near64.self, LongStack.self, $0, $1) },
    callRegFlat: { X86.callReg(Near64.self, LongStack.self, $0, $1) },
    callRegLong: { X86.callReg(Near64.self, LongStack.self, $0, $1) },
    callRegGeneral: { X86.callReg(Near64.self, LongStack.self, $0, $1) },
    returnFlat: { returnNear(Near64.self, LongStack.self, $0, $1) },
    returnLong: { returnNear(Near64.self, LongStack.self, $0, $1) },
    returnGeneral: { returnNear(Near64.self, LongStack.self, $0, $1) })
}
