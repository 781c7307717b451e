// SPDX-License-Identifier: Apache-2.0

/// Near control flow: JMP Jcc CALL RET LOOP JCXZ and the end of a block. SDM vol. 2.
///
/// A near branch is the last op of its block, so the block's charge is used up when it runs (`left` is 1, or 2 for a
/// fused pair) and nothing is refunded. The displacement from the block's first instruction to the target is in
/// `immediate`; the slot after the op holds `BranchLinks`.

/// How instruction pointers are formed: by operand size, and whether the code segment's limit must be tested.
protocol CodeMode {
  associatedtype Word: Width
  static var isChecked: Bool { get }
  static var mask: UInt64 { get }
}
/// 16-bit operand size; always checked.
enum Near16: CodeMode {
  typealias Word = UInt16
  @inline(__always) static var isChecked: Bool { true }
  @inline(__always) static var mask: UInt64 { 0xffff }
}
/// 32-bit operand size in a code segment with base or limit.
enum Near32: CodeMode {
  typealias Word = UInt32
  @inline(__always) static var isChecked: Bool { true }
  @inline(__always) static var mask: UInt64 { 0xffff_ffff }
}
/// 32-bit operand size in a flat code segment.
enum FlatNear32: CodeMode {
  typealias Word = UInt32
  @inline(__always) static var isChecked: Bool { false }
  @inline(__always) static var mask: UInt64 { 0xffff_ffff }
}
/// 64-bit mode.
enum Near64: CodeMode {
  typealias Word = UInt64
  @inline(__always) static var isChecked: Bool { false }
  @inline(__always) static var mask: UInt64 { ~0 }
}

/// The address of a branch target from its displacement.
@inline(__always)
func branchTarget<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ displacement: UInt64) -> UInt64 {
  (c.cpu.pointee.blockIP &+ displacement) & M.mask
}

/// Whether a branch may go to `target`; if not, the branch itself faults with #GP(0).
@inline(__always)
func isAllowed<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ target: UInt64) -> Bool {
  if M.isChecked { return target <= UInt64(c.cpu.pointee.segments[unchecked: SegmentIndex.cs].limit) }
  if M.mask == ~0 { return isCanonical(target) }
  return true
}

/// Continues at `target` (checked already) over the link at `o + 32 + linkOffset`.
@inline(__always)
func follow<M: CodeMode>(
  _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ target: UInt64, unmasked: UInt64, linkOffset: Int
) {
  let cpu = c.cpu
  let link = o + (opStride + linkOffset)
  let address = link.load(as: UInt.self)
  cpu.pointee.blockIP = target
  // A target that wrapped lies in another page than its displacement says.
  if M.isChecked && target != unmasked { return dispatch(c, o) }
  guard address != 0 else { return resolveLink(c, o, link) }
  let first = UnsafeRawPointer(bitPattern: address).unsafelyUnwrapped
  if M.isChecked {
    let last = target &+ UInt64(first.header.pointee.byteLength) &- 1
    if last > UInt64(cpu.pointee.segments[unchecked: SegmentIndex.cs].limit) { return dispatch(c, o) }
  }
  let remaining = cpu.pointee.remaining &- Int64(first.op.pointee.left)
  guard remaining >= 0, cpu.pointee.attention == 0 else { return }
  cpu.pointee.remaining = remaining
  return first.op.pointee.handler(c, first)
}

/// Continues at the target of an indirect branch (checked already).
@inline(__always)
private func goTo<M: CodeMode>(
  _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ target: UInt64
) {
  c.cpu.pointee.blockIP = target
  if M.isChecked { return dispatch(c, o) }
  return dispatchFlat(c, target)
}

@inline(__always)
func followTaken<M: CodeMode>(
  _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ displacement: UInt64
) {
  let target = branchTarget(M.self, c, displacement)
  guard isAllowed(M.self, c, target) else { return fault(c, o, Exception.generalProtection, 0) }
  return follow(
    M.self, c, o, target, unmasked: c.cpu.pointee.blockIP &+ displacement, linkOffset: BranchLinks.takenOffset)
}

/// Continues at the next instruction, at offset `displacement` (Int32 field) from the block's start.
@inline(__always)
func followThrough<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  // Sequential flow is not cut to 16 bits; a limit overrun faults at the next fetch.
  let unmasked = c.cpu.pointee.blockIP &+ UInt64(UInt32(bitPattern: o.op.pointee.displacement))
  let target = M.mask == ~0 ? unmasked : unmasked & 0xffff_ffff
  return follow(M.self, c, o, target, unmasked: unmasked, linkOffset: BranchLinks.fallThroughOffset)
}

/// The end of a block that does not end in a branch; not an instruction (`left` is 0).
@inline(__always)
func blockEnd<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return followThrough(M.self, c, o)
}

@inline(__always)
func jump<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return followTaken(M.self, c, o, o.op.pointee.immediate)
}

@inline(__always)
func jumpIf<C: Condition, M: CodeMode>(
  _: C.Type, _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  if C.holds(c) { return followTaken(M.self, c, o, o.op.pointee.immediate) }
  return followThrough(M.self, c, o)
}

/// A comparison fused with the conditional jump after it; flat code only, so that neither half can fault. The upper half
/// of `immediate` is the jump's displacement, the lower the comparison's immediate.
@inline(__always)
func fusedRegReg<O: ALUOperation, W: Width, C: Condition, M: CodeMode>(
  _: O.Type, _: W.Type, _: C.Type, _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let (result, carries) = O.apply(c[o.op.pointee.dst, as: W.self], c[o.op.pointee.src, as: W.self], c)
  storeFlags(c, result, carries)
  return fusedJump(C.self, M.self, c, o)
}

@inline(__always)
func fusedRegImm<O: ALUOperation, W: Width, C: Condition, M: CodeMode>(
  _: O.Type, _: W.Type, _: C.Type, _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let immediate = Int32(truncatingIfNeeded: o.op.pointee.immediate)
  let (result, carries) = O.apply(c[o.op.pointee.dst, as: W.self], W(low: UInt64(bitPattern: Int64(immediate))), c)
  storeFlags(c, result, carries)
  return fusedJump(C.self, M.self, c, o)
}

/// DEC or INC and JNZ or JZ and the like.
@inline(__always)
func fusedUnary<O: UnaryOperation, W: Width, C: Condition, M: CodeMode>(
  _: O.Type, _: W.Type, _: C.Type, _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  c[o.op.pointee.dst, as: W.self] = O.apply(c[o.op.pointee.dst, as: W.self], KeepFlags.self, c)
  return fusedJump(C.self, M.self, c, o)
}

@inline(__always)
private func fusedJump<C: Condition, M: CodeMode>(
  _: C.Type, _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  if C.holds(c) {
    let displacement = UInt64(bitPattern: Int64(bitPattern: o.op.pointee.immediate) &>> 32)
    let target = branchTarget(M.self, c, displacement)
    return follow(M.self, c, o, target, unmasked: target, linkOffset: BranchLinks.takenOffset)
  }
  return followThrough(M.self, c, o)
}

/// JCXZ JECXZ JRCXZ; the address size selects the counter.
@inline(__always)
func jumpIfCountZero<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  if c.cpu.pointee.registers[1] & counterMask(o) == 0 {
    return followTaken(M.self, c, o, o.op.pointee.immediate)
  }
  return followThrough(M.self, c, o)
}

/// LOOP LOOPE LOOPNE: `kind` 0, 1, 2.
@inline(__always)
func loopBranch<M: CodeMode>(_: M.Type, kind: Int, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let mask = counterMask(o)
  let old = c.cpu.pointee.registers[1]
  let count = (old &- 1) & mask
  var isTaken = count != 0
  if kind == 1 { isTaken = isTaken && c.cpu.pointee.zeroFlag }
  if kind == 2 { isTaken = isTaken && !c.cpu.pointee.zeroFlag }
  // The counter is written only once the branch is known to be allowed.
  if isTaken {
    let target = branchTarget(M.self, c, o.op.pointee.immediate)
    guard isAllowed(M.self, c, target) else { return fault(c, o, Exception.generalProtection, 0) }
  }
  c.cpu.pointee.registers[1] = mask == 0xffff ? (old & ~0xffff) | count : count
  if isTaken { return followTaken(M.self, c, o, o.op.pointee.immediate) }
  return followThrough(M.self, c, o)
}

@inline(__always)
private func counterMask(_ o: UnsafeRawPointer) -> UInt64 {
  let flags = o.op.pointee.flags
  return flags & OpFlags.address16 != 0 ? 0xffff : (flags & OpFlags.address32 != 0 ? 0xffff_ffff : ~0)
}

// MARK: Calls and returns

/// The address that a CALL pushes.
@inline(__always)
private func returnAddress(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 { followingPointer(c, o) }

/// Pushes the return address directly if the stack page is at hand; false means nothing was done.
@inline(__always)
private func pushReturn<M: CodeMode, S: StackAddressing>(
  _: M.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ value: M.Word
) -> Bool {
  let mask = S.self == GeneralStack.self ? c.cpu.pointee.stackMask : S.mask
  let offset = (S.pointer(c) &- UInt64(M.Word.byteCount)) & mask
  guard S.mayWrite(c, offset, M.Word.byteCount) else { return false }
  let linear = S.linear(c, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, M.Word.byteCount) else { return false }
  M.Word.write(value, hostAddress(slot, linear))
  S.setPointer(c, offset)
  return true
}

/// CALL with the stack not at hand: through the callable accesses.
@inline(never)
func slowCall(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ target: UInt64, _ byteCount: Int) {
  note(c, o)
  var offset = stackOffset(c)
  pushValue(c, returnAddress(c, o), byteCount, &offset)
  if faulted(c) { return takeFault(c, o) }
  setStackOffset(c, offset)
  return exitBlock(c, o, target)
}

@inline(__always)
func callNear<M: CodeMode, S: StackAddressing>(
  _: M.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let displacement = o.op.pointee.immediate
  let target = branchTarget(M.self, c, displacement)
  guard isAllowed(M.self, c, target) else { return fault(c, o, Exception.generalProtection, 0) }
  guard pushReturn(M.self, S.self, c, M.Word(low: returnAddress(c, o))) else {
    return slowCall(c, o, target, M.Word.byteCount)
  }
  return follow(
    M.self, c, o, target, unmasked: c.cpu.pointee.blockIP &+ displacement, linkOffset: BranchLinks.takenOffset)
}

@inline(__always)
private func callTo<M: CodeMode, S: StackAddressing>(
  _: M.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ target: UInt64
) {
  guard isAllowed(M.self, c, target) else { return fault(c, o, Exception.generalProtection, 0) }
  guard pushReturn(M.self, S.self, c, M.Word(low: returnAddress(c, o))) else {
    return slowCall(c, o, target, M.Word.byteCount)
  }
  return goTo(M.self, c, o, target)
}

@inline(__always)
func callReg<M: CodeMode, S: StackAddressing>(
  _: M.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return callTo(M.self, S.self, c, o, c[o.op.pointee.dst, as: M.Word.self].wide)
}

/// The memory operand of an indirect branch if it is directly at hand.
@inline(__always)
private func branchOperand<M: CodeMode>(
  _: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ target: inout UInt64
) -> Bool {
  let offset = GeneralAddress.offset(c, o)
  guard GeneralAddress.mayRead(c, o, offset, M.Word.byteCount) else { return false }
  let linear = GeneralAddress.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, M.Word.byteCount) else { return false }
  target = M.Word.read(hostAddress(slot, linear)).wide
  return true
}

/// If the stack is not at hand the operand is read again: it was plain memory.
@inline(__always)
func callMem<M: CodeMode, S: StackAddressing>(
  _: M.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  var target: UInt64 = 0
  guard branchOperand(M.self, c, o, &target), isAllowed(M.self, c, target),
    pushReturn(M.self, S.self, c, M.Word(low: returnAddress(c, o)))
  else { return slowCallMem(c, o, M.mask, M.Word.byteCount) }
  return goTo(M.self, c, o, target)
}

@inline(never)
private func slowCallMem(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ mask: UInt64, _ byteCount: Int) {
  let target = slowOperand(c, o, byteCount)
  if faulted(c) { return takeFault(c, o) }
  guard isAllowed(c, target, mask) else { return fault(c, o, Exception.generalProtection, 0) }
  return slowCall(c, o, target, byteCount)
}

@inline(never)
private func slowJumpMem(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ mask: UInt64, _ byteCount: Int) {
  let target = slowOperand(c, o, byteCount)
  if faulted(c) { return takeFault(c, o) }
  guard isAllowed(c, target, mask) else { return fault(c, o, Exception.generalProtection, 0) }
  return exitBlock(c, o, target)
}

private func slowOperand(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ byteCount: Int) -> UInt64 {
  note(c, o)
  let segment = Int(o.op.pointee.segment), offset = effectiveOffset(c, o.op)
  switch byteCount {
  case 2: return UInt64(readMemory(c, segment: segment, offset: offset, as: UInt16.self))
  case 4: return UInt64(readMemory(c, segment: segment, offset: offset, as: UInt32.self))
  default: return readMemory(c, segment: segment, offset: offset, as: UInt64.self)
  }
}

/// `isAllowed` with the mode as a mask; the limit of a flat segment allows everything.
private func isAllowed(_ c: UnsafeMutableRawPointer, _ target: UInt64, _ mask: UInt64) -> Bool {
  mask == ~0 ? isCanonical(target) : target <= UInt64(c.cpu.pointee.segments[SegmentIndex.cs].limit)
}

@inline(__always)
func jumpReg<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let target = c[o.op.pointee.dst, as: M.Word.self].wide
  guard isAllowed(M.self, c, target) else { return fault(c, o, Exception.generalProtection, 0) }
  return goTo(M.self, c, o, target)
}

@inline(__always)
func jumpMem<M: CodeMode>(_: M.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  var target: UInt64 = 0
  guard branchOperand(M.self, c, o, &target), isAllowed(M.self, c, target) else {
    return slowJumpMem(c, o, M.mask, M.Word.byteCount)
  }
  return goTo(M.self, c, o, target)
}

/// RET; `immediate` bytes of arguments are released.
@inline(__always)
func returnNear<M: CodeMode, S: StackAddressing>(
  _: M.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let offset = S.pointer(c)
  guard S.mayRead(c, offset, M.Word.byteCount) else { return fault(c, o, Exception.stackFault, 0) }
  let linear = S.linear(c, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, M.Word.byteCount) else {
    return slowReturn(c, o, M.mask, M.Word.byteCount)
  }
  let target = M.Word.read(hostAddress(slot, linear)).wide
  guard isAllowed(M.self, c, target) else { return fault(c, o, Exception.generalProtection, 0) }
  S.setPointer(c, offset &+ UInt64(M.Word.byteCount) &+ o.op.pointee.immediate)
  return goTo(M.self, c, o, target)
}

/// RET with the stack not at hand.
@inline(never)
func slowReturn(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ mask: UInt64, _ byteCount: Int) {
  note(c, o)
  var offset = stackOffset(c)
  let target = popValue(c, byteCount, &offset)
  if faulted(c) { return takeFault(c, o) }
  guard isAllowed(c, target, mask) else { return fault(c, o, Exception.generalProtection, 0) }
  setStackOffset(c, offset &+ o.op.pointee.immediate)
  return exitBlock(c, o, target)
}
