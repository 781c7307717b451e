// SPDX-License-Identifier: Apache-2.0

/// The primitives every handler is made of. A handler has the shape
/// `(c: UnsafeMutableRawPointer /* CPUState */, o: UnsafeRawPointer /* Op */)` and its last act is `return` of one of
/// the exits below; all exits are tail calls.

extension UnsafeMutableRawPointer {
  /// The processor state behind a handler's first argument.
  @inline(__always) var cpu: UnsafeMutablePointer<CPUState> { assumingMemoryBound(to: CPUState.self) }

  /// The general register (or byte of one) at a byte offset into the state, as ops name it. Writing 32 bits clears the
  /// upper half, writing 8 or 16 bits leaves the rest. SDM vol. 1, 3.4.1.1.
  @inline(__always) subscript<W: Width>(offset: UInt8, as type: W.Type) -> W {
    get { W.read(self + Int(offset)) }
    nonmutating set { W.storeRegister(newValue, at: self + Int(offset)) }
  }
}

extension UnsafeMutablePointer where Pointee == CPUState {
  /// See the same subscript of the raw pointer.
  @inline(__always) subscript<W: Width>(offset: UInt8, as type: W.Type) -> W {
    get { UnsafeMutableRawPointer(self)[offset, as: W.self] }
    nonmutating set { UnsafeMutableRawPointer(self)[offset, as: W.self] = newValue }
  }
}

extension UnsafeRawPointer {
  /// The op behind a handler's second argument.
  @inline(__always) var op: UnsafePointer<Op> { assumingMemoryBound(to: Op.self) }
}

/// Size of an op slot in bytes.
let opStride = 32

/// Continues with the next op of the block. Must be the last act of a handler.
@inline(__always)
func next(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let following = o + opStride
  return following.op.pointee.handler(c, following)
}

/// Notes which instruction is running, so that `instructionCount` and `currentIP` are exact inside a callback. Every
/// handler that can call the machine (I/O, MMIO through callable accesses, RDTSC) does this first.
@inline(__always)
func note(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c.cpu.pointee.currentLeft = o.op.pointee.left
  c.cpu.pointee.currentIPOffset = o.op.pointee.ipOffset
}

/// IP of the instruction that `o` belongs to.
@inline(__always)
func instructionPointer(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
  (c.cpu.pointee.blockIP &+ UInt64(o.op.pointee.ipOffset)) & c.cpu.pointee.ipMask
}

/// IP of the instruction after the one that `o` belongs to.
@inline(__always)
func followingPointer(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
  (c.cpu.pointee.blockIP &+ UInt64(o.op.pointee.ipOffset) &+ UInt64(o.op.pointee.length)) & c.cpu.pointee.ipMask
}

/// Records an exception without leaving; for code below a handler (address checks, page walks). The first one wins.
@inline(never)
func recordFault(_ c: UnsafeMutableRawPointer, _ vector: UInt8, _ error: UInt32? = nil) {
  let cpu = c.cpu
  guard cpu.pointee.pendingVector == Exception.none else { return }
  cpu.pointee.pendingVector = vector
  cpu.pointee.pendingKind = EventKind.fault
  cpu.pointee.pendingHasErrorCode = error != nil
  cpu.pointee.pendingErrorCode = error ?? 0
}

/// True when a callable access or check below this handler has recorded a fault.
@inline(__always)
func faulted(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.pendingVector != Exception.none }

/// Ends the chain with an exception: IP stays at this instruction, which counts as not executed. The run loop delivers
/// it. No architectural state may have been written.
@inline(never)
func fault(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ vector: UInt8, _ error: UInt32? = nil) {
  recordFault(c, vector, error)
  return takeFault(c, o)
}

/// Ends the chain with the exception that a callable access has recorded.
@inline(never)
func takeFault(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c.cpu.pointee.blockIP = instructionPointer(c, o)
  c.cpu.pointee.remaining &+= Int64(o.op.pointee.left)
}

/// Ends the chain with a software interrupt (INT n, INT3, INT1, INTO): the instruction counts as executed and IP points
/// after it.
@inline(never)
func softwareInterrupt(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ vector: UInt8) {
  let cpu = c.cpu
  cpu.pointee.pendingVector = vector
  cpu.pointee.pendingKind = EventKind.software
  cpu.pointee.pendingHasErrorCode = false
  cpu.pointee.pendingErrorCode = 0
  return leave(c, o, followingPointer(c, o))
}

/// Returns to the run loop after this instruction; execution goes on at `newIP`.
@inline(never)
func leave(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ newIP: UInt64) {
  c.cpu.pointee.blockIP = newIP & c.cpu.pointee.ipMask
  c.cpu.pointee.remaining &+= Int64(o.op.pointee.left) &- 1
}

/// Returns to the run loop in the middle of a repeated instruction: IP stays at it, and it has been charged for the
/// iterations done so far (`done`, at least 1), of which the block's own charge covers the first.
@inline(never)
func leaveRepeating(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return leave(c, o, instructionPointer(c, o))
}

/// The instruction is done and execution goes on at `newIP`, but whatever follows must be looked up anew: ends every
/// instruction that changes mode, segments, IF, IOPL, TF, maps or translations. Refreshes the flag bits of the mode key.
@inline(never)
func exitBlock(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ newIP: UInt64) {
  let cpu = c.cpu
  cpu.pointee.blockIP = newIP & cpu.pointee.ipMask
  cpu.pointee.remaining &+= Int64(o.op.pointee.left) &- 1
  updateFlagKey(c)
  if cpu.pointee.eventMayBePending { return }
  return dispatch(c, o)
}

/// `exitBlock` at the instruction after this one.
@inline(__always)
func exitBlockAfter(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return exitBlock(c, o, followingPointer(c, o))
}

/// Like `next`, but leaves to the run loop if the instruction raised attention (I/O, MMIO).
@inline(__always)
func endInstruction(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  if c.cpu.pointee.attention != 0 { return leave(c, o, followingPointer(c, o)) }
  return next(c, o)
}

extension CPUState {
  /// The run loop has something to look at before the next instruction.
  var eventMayBePending: Bool {
    attention != 0 || interruptShadow != 0 || systemFlags & (Flags.tf | Flags.rf) != 0 || isHalted || isShutDown
      || pendingVector != Exception.none || (interruptLine && systemFlags & Flags.interrupt != 0)
      || (nmiPending && !nmiBlocked)
  }
}
