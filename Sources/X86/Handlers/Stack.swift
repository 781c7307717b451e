// SPDX-License-Identifier: Apache-2.0

/// PUSH POP PUSHA POPA ENTER LEAVE. SDM vol. 2.

/// How stack handlers address the stack. The builder sets the op's segment to SS where it has no memory operand.
protocol StackAddressing {
  static var mask: UInt64 { get }
  static func pointer(_ c: UnsafeMutableRawPointer) -> UInt64
  static func setPointer(_ c: UnsafeMutableRawPointer, _ value: UInt64)
  static func mayRead(_ c: UnsafeMutableRawPointer, _ offset: UInt64, _ byteCount: Int) -> Bool
  static func mayWrite(_ c: UnsafeMutableRawPointer, _ offset: UInt64, _ byteCount: Int) -> Bool
  static func linear(_ c: UnsafeMutableRawPointer, _ offset: UInt64) -> UInt64
}

/// ESP in a flat segment.
enum FlatStack: StackAddressing {
  @inline(__always) static var mask: UInt64 { 0xffff_ffff }
  @inline(__always) static func pointer(_ c: UnsafeMutableRawPointer) -> UInt64 { UInt64(c[32, as: UInt32.self]) }
  @inline(__always) static func setPointer(_ c: UnsafeMutableRawPointer, _ value: UInt64) {
    c[32, as: UInt32.self] = UInt32(truncatingIfNeeded: value)
  }
  @inline(__always) static func mayRead(_: UnsafeMutableRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always) static func mayWrite(_: UnsafeMutableRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always) static func linear(_: UnsafeMutableRawPointer, _ offset: UInt64) -> UInt64 { offset }
}

/// RSP in 64-bit mode.
enum LongStack: StackAddressing {
  @inline(__always) static var mask: UInt64 { ~0 }
  @inline(__always) static func pointer(_ c: UnsafeMutableRawPointer) -> UInt64 { c[32, as: UInt64.self] }
  @inline(__always) static func setPointer(_ c: UnsafeMutableRawPointer, _ value: UInt64) {
    c[32, as: UInt64.self] = value
  }
  @inline(__always) static func mayRead(_: UnsafeMutableRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always) static func mayWrite(_: UnsafeMutableRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always) static func linear(_: UnsafeMutableRawPointer, _ offset: UInt64) -> UInt64 { offset }
}

/// SP or ESP in any segment.
enum GeneralStack: StackAddressing {
  @inline(__always) static var mask: UInt64 { 0xffff_ffff }
  @inline(__always) static func pointer(_ c: UnsafeMutableRawPointer) -> UInt64 { stackOffset(c) }
  @inline(__always) static func setPointer(_ c: UnsafeMutableRawPointer, _ value: UInt64) { setStackOffset(c, value) }
  @inline(__always)
  static func mayRead(_ c: UnsafeMutableRawPointer, _ offset: UInt64, _ byteCount: Int) -> Bool {
    c.cpu.pointee.segmentWindows[unchecked: SegmentIndex.ss].allowsRead(offset, byteCount)
  }
  @inline(__always)
  static func mayWrite(_ c: UnsafeMutableRawPointer, _ offset: UInt64, _ byteCount: Int) -> Bool {
    c.cpu.pointee.segmentWindows[unchecked: SegmentIndex.ss].allowsWrite(offset, byteCount)
  }
  @inline(__always) static func linear(_ c: UnsafeMutableRawPointer, _ offset: UInt64) -> UInt64 {
    (offset &+ c.cpu.pointee.segmentBases[unchecked: SegmentIndex.ss]) & 0xffff_ffff
  }
}

@inline(__always)
private func below<S: StackAddressing>(_: S.Type, _ c: UnsafeMutableRawPointer, _ byteCount: Int) -> UInt64 {
  let mask = S.self == GeneralStack.self ? c.cpu.pointee.stackMask : S.mask
  return (S.pointer(c) &- UInt64(byteCount)) & mask
}

@inline(__always)
func push<W: Width, S: StackAddressing>(
  _: W.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: W
) {
  let offset = below(S.self, c, W.byteCount)
  guard S.mayWrite(c, offset, W.byteCount) else { return fault(c, o, Exception.stackFault, 0) }
  let linear = S.linear(c, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .write)
  }
  W.write(value, hostAddress(slot, linear))
  S.setPointer(c, offset)
  return next(c, o)
}

@inline(__always)
func pushReg<W: Width, S: StackAddressing>(
  _: W.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return push(W.self, S.self, c, o, c[o.op.pointee.dst, as: W.self])
}

@inline(__always)
func pushImm<W: Width, S: StackAddressing>(
  _: W.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return push(W.self, S.self, c, o, W(low: o.op.pointee.immediate))
}

@inline(__always)
func popReg<W: Width, S: StackAddressing>(
  _: W.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let offset = S.pointer(c)
  guard S.mayRead(c, offset, W.byteCount) else { return fault(c, o, Exception.stackFault, 0) }
  let linear = S.linear(c, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .read)
  }
  let value = W.read(hostAddress(slot, linear))
  // POP ESP keeps the value popped.
  S.setPointer(c, offset &+ UInt64(W.byteCount))
  c[o.op.pointee.dst, as: W.self] = value
  return next(c, o)
}

/// LEAVE: the frame pointer becomes the stack pointer, then is popped.
@inline(__always)
func leaveFrame<W: Width, S: StackAddressing>(
  _: W.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let mask = S.self == GeneralStack.self ? c.cpu.pointee.stackMask : S.mask
  let offset = c[40, as: UInt64.self] & mask
  guard S.mayRead(c, offset, W.byteCount) else { return fault(c, o, Exception.stackFault, 0) }
  let linear = S.linear(c, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .read)
  }
  let value = W.read(hostAddress(slot, linear))
  S.setPointer(c, offset &+ UInt64(W.byteCount))
  c[40, as: W.self] = value
  return next(c, o)
}

/// PUSH m makes two accesses; if one of them is not at hand the callable ones make both (again: what was at hand is
/// plain memory).
@inline(__always)
func pushMem<W: Width, S: StackAddressing>(
  _: W.Type, _: S.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let offset = GeneralAddress.offset(c, o)
  guard GeneralAddress.mayRead(c, o, offset, W.byteCount) else { return slowPushMem(c, o, W.byteCount) }
  let linear = GeneralAddress.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  let top = below(S.self, c, W.byteCount)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, W.byteCount), S.mayWrite(c, top, W.byteCount) else {
    return slowPushMem(c, o, W.byteCount)
  }
  let value = W.read(hostAddress(slot, linear))
  let stack = S.linear(c, top)
  let stackSlot = fastSlot(c, stack)
  guard stackSlot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(stack, W.byteCount) else {
    return slowPushMem(c, o, W.byteCount)
  }
  W.write(value, hostAddress(stackSlot, stack))
  S.setPointer(c, top)
  return next(c, o)
}

@inline(never)
private func slowPushMem(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ byteCount: Int) {
  note(c, o)
  pushOperand(c, o.op, byteCount)
  if faulted(c) { return takeFault(c, o) }
  return endInstruction(c, o)
}

/// Does all of PUSH m unless it faults. Not in the handler, which could then not end with a jump.
@inline(never)
private func pushOperand(_ c: UnsafeMutableRawPointer, _ op: UnsafePointer<Op>, _ byteCount: Int) {
  let segment = Int(op.pointee.segment), offset = effectiveOffset(c, op)
  let value: UInt64
  switch byteCount {
  case 2: value = UInt64(readMemory(c, segment: segment, offset: offset, as: UInt16.self))
  case 4: value = UInt64(readMemory(c, segment: segment, offset: offset, as: UInt32.self))
  default: value = readMemory(c, segment: segment, offset: offset, as: UInt64.self)
  }
  if faulted(c) { return }
  var top = stackOffset(c)
  pushValue(c, value, byteCount, &top)
  if !faulted(c) { setStackOffset(c, top) }
}

/// POP m: a destination based on the stack pointer is addressed after the increment.
@inline(__always)
func popMem<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  note(c, o)
  let old = c.cpu.pointee.registers[4]
  let offset = stackOffset(c)
  let value = readMemory(c, segment: SegmentIndex.ss, offset: offset, as: W.self)
  if faulted(c) { return takeFault(c, o) }
  setStackOffset(c, offset &+ UInt64(W.byteCount))
  writeMemory(c, segment: Int(o.op.pointee.segment), offset: effectiveOffset(c, o.op), value)
  if faulted(c) {
    c.cpu.pointee.registers[4] = old
    return takeFault(c, o)
  }
  return endInstruction(c, o)
}

@inline(__always)
func pushAll<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  note(c, o)
  let size = UInt64(W.byteCount), mask = c.cpu.pointee.stackMask
  var offset = stackOffset(c)
  // All eight are checked first, so that a fault leaves memory as it was.
  for _ in 0..<8 {
    offset = (offset &- size) & mask
    probeWrite(c, segment: SegmentIndex.ss, offset: offset, size: W.byteCount)
    if faulted(c) { return takeFault(c, o) }
  }
  offset = stackOffset(c)
  for register in 0..<8 {
    offset = (offset &- size) & mask
    writeMemory(c, segment: SegmentIndex.ss, offset: offset, c[UInt8(register * 8), as: W.self])
  }
  setStackOffset(c, offset)
  return endInstruction(c, o)
}

@inline(__always)
func popAll<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  note(c, o)
  let size = UInt64(W.byteCount), mask = c.cpu.pointee.stackMask
  var values: InlineArray<8, W> = .init(repeating: 0)
  var offset = stackOffset(c)
  for register in 0..<8 {
    values[7 - register] = readMemory(c, segment: SegmentIndex.ss, offset: offset, as: W.self)
    if faulted(c) { return takeFault(c, o) }
    offset = (offset &+ size) & mask
  }
  for register in 0..<8 where register != 4 { c[UInt8(register * 8), as: W.self] = values[register] }
  setStackOffset(c, offset)
  return endInstruction(c, o)
}

/// ENTER: size of the locals in `immediate`, nesting level in `displacement`.
@inline(__always)
func enterFrame<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  note(c, o)
  let size = UInt64(W.byteCount), mask = c.cpu.pointee.stackMask
  let level = Int(o.op.pointee.displacement) & 31
  var offset = (stackOffset(c) &- size) & mask
  writeMemory(c, segment: SegmentIndex.ss, offset: offset, c[40, as: W.self])
  if faulted(c) { return takeFault(c, o) }
  let frame = offset
  if level > 0 {
    var source = c.cpu.pointee.registers[5] & mask
    for _ in 1..<max(level, 1) {
      source = (source &- size) & mask
      offset = (offset &- size) & mask
      let value = readMemory(c, segment: SegmentIndex.ss, offset: source, as: W.self)
      if faulted(c) { return takeFault(c, o) }
      writeMemory(c, segment: SegmentIndex.ss, offset: offset, value)
      if faulted(c) { return takeFault(c, o) }
    }
    offset = (offset &- size) & mask
    writeMemory(c, segment: SegmentIndex.ss, offset: offset, W(truncatingIfNeeded: frame))
    if faulted(c) { return takeFault(c, o) }
  }
  offset = (offset &- (o.op.pointee.immediate & 0xffff)) & mask
  // The new top of the stack must be writable. SDM vol. 2, ENTER.
  probeWrite(c, segment: SegmentIndex.ss, offset: offset, size: W.byteCount)
  if faulted(c) { return takeFault(c, o) }
  c[40, as: W.self] = W(truncatingIfNeeded: frame)
  setStackOffset(c, offset)
  return endInstruction(c, o)
}
