// SPDX-License-Identifier: Apache-2.0

/// Breakpoints of DR0...DR3. SDM vol. 3, 17.2 and 17.3.
///
/// Handlers know nothing of them. While an instruction breakpoint is enabled the run loop goes instruction by
/// instruction and asks `meetsInstructionBreakpoint` before each. Pages with a data breakpoint are kept out of the fast
/// tables, so accesses to them take the slow path, which asks `noteAccess`. What an instruction meets is collected in
/// `debugHits` and raises attention; the run loop then reports it as a trap.
///
/// *Not emulated:* breakpoints on accesses that the processor makes by itself to page tables; B0...B3 of conditions
/// that are met but not enabled (which the manual leaves open).
enum DebugEnables {
  static let instruction: UInt8 = 1 << 0
  static let data: UInt8 = 1 << 1
  static let io: UInt8 = 1 << 2
}

/// Bits of DR6.
enum DR6 {
  static let singleStep: UInt64 = 1 << 14
  static let taskSwitch: UInt64 = 1 << 15
}

/// The R/W field of DR7.
private enum BreakpointCondition {
  static let instruction: UInt64 = 0
  static let write: UInt64 = 1
  static let io: UInt64 = 2
}

/// One enabled breakpoint.
private struct Breakpoint {
  var number: Int
  var address: UInt64
  var byteCount: UInt64
  var condition: UInt64

  /// Nil when neither L nor G is set.
  init?(_ cpu: UnsafeMutablePointer<CPUState>, _ number: Int) {
    let control = cpu.pointee.debugRegisters[7]
    guard control >> UInt64(2 * number) & 3 != 0 else { return nil }
    self.number = number
    let field = control >> UInt64(16 + 4 * number)
    condition = field & 3
    switch field >> 2 & 3 {
    case 0: byteCount = 1
    case 1: byteCount = 2
    case 2: byteCount = 8
    default: byteCount = 4
    }
    // The low address bits that the length covers are ignored.
    address = cpu.pointee.debugRegisters[number] & ~(byteCount - 1)
  }

  func overlaps(_ start: UInt64, _ count: Int) -> Bool {
    start &- address < byteCount || address &- start < UInt64(count)
  }
}

/// Recomputes what follows from DR0...DR3, DR7 and CR4.DE. Whatever changes one of those calls it and ends with
/// `exitBlock`.
func updateBreakpoints(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  var enables: UInt8 = 0
  for number in 0..<4 {
    guard let breakpoint = Breakpoint(cpu, number) else { continue }
    switch breakpoint.condition {
    case BreakpointCondition.instruction: enables |= DebugEnables.instruction
    case BreakpointCondition.io: if cpu.pointee.cr4 & CR4.de != 0 { enables |= DebugEnables.io }
    default: enables |= DebugEnables.data
    }
  }
  if (enables | cpu.pointee.debugEnables) & DebugEnables.data != 0 { dropFastTables(c) }
  cpu.pointee.debugEnables = enables
  // The chain that runs must leave for the run loop to see it.
  if enables != 0 { cpu.pointee.attention |= Attention.event }
}

/// Records #DB if the next instruction has a breakpoint that neither RF nor the shadow of MOV SS holds off.
///
/// It is delivered like a trap: alone among faults it leaves RF clear in the saved flags, so that the handler decides.
func meetsInstructionBreakpoint(_ c: UnsafeMutableRawPointer) -> Bool {
  let cpu = c.cpu
  guard cpu.pointee.systemFlags & Flags.rf == 0, cpu.pointee.interruptShadow != 2 else { return false }
  let linear = (cpu.pointee.blockIP &+ cpu.pointee.segmentBases[SegmentIndex.cs]) & cpu.pointee.ipMask
  var hits: UInt64 = 0
  for number in 0..<4 {
    guard let breakpoint = Breakpoint(cpu, number), breakpoint.condition == BreakpointCondition.instruction else {
      continue
    }
    if breakpoint.address == linear { hits |= 1 << UInt64(number) }
  }
  guard hits != 0 else { return false }
  cpu.pointee.debugRegisters[6] |= hits
  recordFault(c, Exception.debug)
  cpu.pointee.pendingKind = EventKind.trap
  return true
}

/// Notes the data breakpoints that an access meets.
@inline(__always)
func noteAccess(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int, write: Bool) {
  if c.cpu.pointee.debugEnables & DebugEnables.data != 0 { noteHits(c, linear, byteCount, write: write) }
}

@inline(never)
private func noteHits(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int, write: Bool) {
  let cpu = c.cpu
  for number in 0..<4 {
    guard let breakpoint = Breakpoint(cpu, number), breakpoint.condition & 1 != 0,
      write || breakpoint.condition != BreakpointCondition.write, breakpoint.overlaps(linear, byteCount)
    else { continue }
    cpu.pointee.debugHits |= 1 << UInt64(number)
    cpu.pointee.attention |= Attention.event
  }
}

/// Whether a page must stay out of the fast tables.
@inline(never)
func hasDataBreakpoint(_ c: UnsafeMutableRawPointer, _ linear: UInt64) -> Bool {
  (0..<4).contains { number in
    guard let breakpoint = Breakpoint(c.cpu, number), breakpoint.condition & 1 != 0 else { return false }
    return breakpoint.address & ~0xfff == linear & ~0xfff
  }
}

extension Core {
  /// Notes the I/O breakpoints that an access meets.
  func notePort(_ port: UInt16, size: Int) {
    guard cpu.pointee.debugEnables & DebugEnables.io != 0 else { return }
    for number in 0..<4 {
      guard let breakpoint = Breakpoint(cpu, number), breakpoint.condition == BreakpointCondition.io,
        breakpoint.overlaps(UInt64(port), size)
      else { continue }
      cpu.pointee.debugHits |= 1 << UInt64(number)
      cpu.pointee.attention |= Attention.event
    }
  }
}

/// Turns what the last instruction met into a debug trap. An instruction that faulted will run, and meet it, again; in
/// the shadow of MOV SS the trap waits for the next boundary.
func reportBreakpoints(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  let hits = cpu.pointee.debugHits
  if cpu.pointee.pendingVector == Exception.none {
    if cpu.pointee.interruptShadow == 2 { return }
    recordFault(c, Exception.debug)
    cpu.pointee.pendingKind = EventKind.trap
    cpu.pointee.debugRegisters[6] |= hits
  } else if cpu.pointee.pendingKind == EventKind.trap {
    cpu.pointee.debugRegisters[6] |= hits
  }
  cpu.pointee.debugHits = 0
}
