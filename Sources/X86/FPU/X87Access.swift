// SPDX-License-Identifier: Apache-2.0

/// What every x87 handler begins with: a pending exception comes first, and the pointers of FNSTENV follow.

/// Bits of the op's immediate that the block builder sets for ESC instructions: FOP.
let x87OpcodeMask: UInt16 = 0x7ff

/// FSW.ES: an unmasked exception waits for the next instruction that looks.
@inline(__always)
func isX87ErrorPending(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.x87.status & FSW.summary != 0 }

/// An instruction met a pending x87 exception: #MF if CR0.NE; else FERR# is raised, which the board turns into an
/// interrupt request. If that can be taken now it is, with this instruction still to be done; otherwise the instruction
/// executes, as with IGNNE# active. A real processor would stand still here until it can be, for ever if interrupts are
/// disabled; QEMU goes on too. SDM vol. 1, 8.7 and D.2.1.2.
@inline(never)
func raiseX87Error(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let cpu = c.cpu
  if cpu.pointee.cr0 & CR0.ne != 0 { return fault(c, o, Exception.floatingPoint) }
  note(c, o)
  let machine = cpu.pointee.machine
  machine.ferr(machine.context, true)
  if cpu.pointee.interruptLine && cpu.pointee.systemFlags & Flags.interrupt != 0 { return leaveRepeating(c, o) }
  cpu.pointee.x87.status &= ~(FSW.summary | FSW.busy)
  return o.op.pointee.handler(c, o)
}

/// Tells the board that no error is pending any more, if one was.
@inline(__always)
func clearX87Error(_ c: UnsafeMutableRawPointer, was status: UInt16) {
  let cpu = c.cpu
  guard status & ~cpu.pointee.x87.status & FSW.summary != 0, cpu.pointee.cr0 & CR0.ne == 0 else { return }
  let machine = cpu.pointee.machine
  machine.ferr(machine.context, false)
}

/// Notes FOP, FIP and FCS of an instruction that is not a control instruction. SDM vol. 1, 8.1.8 and 8.1.9.
@inline(__always)
func trackX87(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let cpu = c.cpu
  cpu.pointee.x87.opcode = UInt16(truncatingIfNeeded: o.op.pointee.immediate)
  cpu.pointee.x87.instructionPointer = instructionPointer(c, o)
  cpu.pointee.x87.instructionSelector = cpu.pointee.segments[SegmentIndex.cs].selector
}

/// `trackX87`, with FDP and FDS of a memory operand.
@inline(__always)
func trackX87<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let cpu = c.cpu
  trackX87(c, o)
  cpu.pointee.x87.dataPointer = A.offset(c, o)
  // Safe: the builder stores segment numbers below 6 only.
  cpu.pointee.x87.dataSelector = cpu.pointee.segments[unchecked: Int(o.op.pointee.segment)].selector
}

/// The shape of an instruction without memory operand: `body` does all of it.
@inline(__always)
func x87Register(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (inout X87State, Op) -> Void) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  trackX87(c, o)
  body(&c.cpu.pointee.x87, o.op.pointee)
  return next(c, o)
}

/// The shape of an instruction that reads memory.
@inline(__always)
func x87Reading<A: Addressing, W: Width>(
  _: A.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (inout X87State, W) -> Void
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(A.self, W.self, c, o) { value in
    trackX87(A.self, c, o)
    body(&c.cpu.pointee.x87, value)
    return next(c, o)
  }
}

/// What a store is about to do: the bits for memory, and what its conversion met.
struct X87Store {
  var bits: UInt64
  var flags: UInt16
  /// An unmasked exception keeps memory and stack as they are.
  var isSuppressed: Bool
}

/// The shape of an instruction that writes memory, in two steps since an access can fault: `convert` looks at the state,
/// and the rest happens when the access is certain.
@inline(__always)
func x87Writing<A: Addressing, W: Width>(
  _: A.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, pops: Bool,
  _ convert: (inout X87State) -> X87Store
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  let store = convert(&c.cpu.pointee.x87)
  if store.isSuppressed {
    trackX87(A.self, c, o)
    c.cpu.pointee.x87.report(store.flags)
    return next(c, o)
  }
  return writing(A.self, W.self, c, o) { host in
    W.write(W(truncatingIfNeeded: store.bits), host)
    trackX87(A.self, c, o)
    c.cpu.pointee.x87.report(store.flags)
    if pops { c.cpu.pointee.x87.pop() }
    return next(c, o)
  }
}

/// `reading` for operands of ten bytes.
@inline(__always)
func readingTen<A: Addressing>(
  _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (UInt64, UInt16) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayRead(c, o, offset, 10) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, 10) else { return slowAccess(c, o, linear, 10, .read) }
  let host = hostAddress(slot, linear)
  return body(UInt64.read(host), UInt16.read(host + 8))
}

/// `writing` for operands of ten bytes.
@inline(__always)
func writingTen<A: Addressing>(
  _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (UnsafeMutableRawPointer) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayWrite(c, o, offset, 10) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, 10) else {
    return slowAccess(c, o, linear, 10, .write)
  }
  return body(hostAddress(slot, linear))
}
