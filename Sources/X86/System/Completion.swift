// SPDX-License-Identifier: Apache-2.0

/// How an instruction that did not fault ends.
enum Completion {
  /// Go on with the next op of the block.
  case next
  /// Go on with the next op unless something asks for attention (after I/O and device memory).
  case end
  /// Leave the block; the next instruction is at this IP, in the mode that now holds.
  case exit(UInt64)
  /// The instruction is done (a task switch), but this fault belongs to the instruction at the new IP.
  case faultAfter(UInt64, Fault)
  /// A repeated instruction stopped between two iterations; it goes on at its own IP.
  case interrupted
}

/// The body of a system instruction: finishes, or throws before it has changed architectural state.
typealias Body = (Core, UnsafePointer<Op>) throws(Fault) -> Completion

/// Runs the body of a system instruction and leaves the op as it says: the one shape of all handlers of this folder.
///
/// One function for all of them, so that there is one place whose exits must be jumps.
@inline(never)
func execute(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: Body) {
  return executeInline(c, o, body)
}

/// `execute` for bodies that are worth being compiled into their handler.
@inline(__always)
func executeInline(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: Body) {
  let core = Core(c)
  let op = o.op
  note(c, o)
  let completion: Completion
  do {
    completion = try body(core, op)
  } catch {
    return fault(c, o, error)
  }
  switch completion {
  case .next: return next(c, o)
  case .end: return endInstruction(c, o)
  case .exit(let ip): return exitBlock(c, o, ip)
  case .interrupted:
    // What interrupts or traps here finds RF set in its saved flags, so that a breakpoint on the instruction is met once.
    c.cpu.pointee.systemFlags |= Flags.rf
    return exitBlock(c, o, core.ip(of: op))
  case .faultAfter(let ip, let fault): return leaveFaulting(c, o, ip, fault)
  }
}

/// Ends the chain with a fault of the instruction at `o`.
@inline(never)
func fault(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ error: Fault) {
  Core(c).setPending(error)
  return takeFault(c, o)
}

/// Ends the chain after `o` with a fault of the instruction at `ip`.
@inline(never)
private func leaveFaulting(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ ip: UInt64, _ error: Fault
) {
  Core(c).setPending(error)
  return leave(c, o, ip)
}

extension Core {
  func setPending(_ error: Fault) {
    cpu.pointee.pendingVector = error.vector
    cpu.pointee.pendingKind = EventKind.fault
    cpu.pointee.pendingHasErrorCode = error.hasErrorCode
    cpu.pointee.pendingErrorCode = error.errorCode
  }
}
