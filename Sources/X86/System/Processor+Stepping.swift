// SPDX-License-Identifier: Apache-2.0

/// One instruction at a time, for debuggers and for tools that compare the processor with another one.
extension Processor {
  /// What one step came to.
  package enum Step: Sendable, Equatable {
    case executed
    /// An exception was delivered, of the instruction (which then has not been executed) or a trap after it; the next
    /// instruction is the handler's first.
    case exception(UInt8)
    /// Nothing happened: the processor waits in HLT or MWAIT, or is shut down.
    case halted, shutDown
  }

  /// Executes one instruction (one iteration of a repeated one) and delivers what it raises. Interrupts stay where they
  /// are, and requests for attention are forgotten.
  package func stepInstruction() -> Step {
    cpu.pointee.attention = 0
    if cpu.pointee.isShutDown { return .shutDown }
    if cpu.pointee.isHalted {
      guard cpu.pointee.interruptLine, cpu.pointee.monitor.endsOnMaskedInterrupt else { return .halted }
      endMonitoring(c)
    }
    if cpu.pointee.pendingVector == Exception.none {
      cpu.pointee.runEnd &+= 1
      cpu.pointee.remaining = 1
      step(isTraced: cpu.pointee.systemFlags & Flags.tf != 0)
      cpu.pointee.runEnd &-= UInt64(bitPattern: cpu.pointee.remaining)
      cpu.pointee.remaining = 0
      if cpu.pointee.debugHits != 0 { reportBreakpoints(c) }
    }
    let vector = cpu.pointee.pendingVector
    guard vector != Exception.none else { return .executed }
    deliver(c)
    return cpu.pointee.isShutDown ? .shutDown : .exception(vector)
  }

  /// Takes an external interrupt now, whatever the interrupt line and IF say.
  package func takeInterrupt(_ vector: UInt8) { deliverInterrupt(c, vector, .external) }

  /// System registers that can be replaced as a whole.
  package struct SystemRegisters: Sendable {
    package var cr0: UInt64 = 0
    package var cr2: UInt64 = 0
    package var cr3: UInt64 = 0
    package var cr4: UInt64 = 0
    package var efer: UInt64 = 0
    package var segments: [Segment] = []
    package var ldtr = Segment()
    package var tr = Segment()
    package var gdtr = DescriptorTableRegister()
    package var idtr = DescriptorTableRegister()
    package var debug: [UInt64] = []
    package var privilege: UInt8 = 0
    package init() {}
  }

  /// Replaces the system registers, unchecked, and forgets translations.
  package func replaceSystemRegisters(_ new: SystemRegisters) {
    cpu.pointee.cr0 = new.cr0
    cpu.pointee.cr2 = new.cr2
    cpu.pointee.cr3 = new.cr3
    cpu.pointee.cr4 = new.cr4
    cpu.pointee.efer = new.efer
    for (index, segment) in new.segments.prefix(6).enumerated() { cpu.pointee.segments[index] = segment }
    cpu.pointee.ldtr = new.ldtr
    cpu.pointee.tr = new.tr
    cpu.pointee.gdtr = new.gdtr
    cpu.pointee.idtr = new.idtr
    for (index, value) in new.debug.prefix(8).enumerated() { cpu.pointee.debugRegisters[index] = value }
    cpu.pointee.cpl = new.privilege & 3
    endMonitoring(c)
    cpu.pointee.isHalted = false
    cpu.pointee.interruptShadow = 0
    cpu.pointee.pendingVector = Exception.none
    if new.cr0 & CR0.pg != 0, new.cr4 & CR4.pae != 0, new.efer & EFER.lma == 0 { _ = loadPDPTEs(c, cr3: new.cr3) }
    flushTLB(c, keepGlobal: false)
    updateMode(c)
    updateBreakpoints(c)
  }
}
