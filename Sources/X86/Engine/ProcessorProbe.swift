// SPDX-License-Identifier: Apache-2.0

/// What tests need beside the public interface: unprivileged states without descriptor tables or page tables, and
/// execution up to a fault without its delivery.
extension Processor {
  /// The modes that unprivileged code can be tried in.
  package enum ProbeMode: Sendable {
    /// 64-bit mode without paging, which no real processor has: linear addresses are physical.
    case long
    /// 32-bit protected mode, flat segments, CPL 3.
    case flat
    /// 32-bit protected mode with the same addresses but segments short of flat, so that all checks are made.
    case segmented
    /// 16-bit real mode.
    case real
    /// 32-bit protected mode, flat segments, CPL 0.
    case supervisor
    /// 64-bit mode without paging, CPL 0, with SYSCALL enabled.
    case longSupervisor
  }

  /// Puts the processor into a mode; general registers are left alone.
  package func enter(_ mode: ProbeMode) {
    let cpu = cpu
    cpu.pointee.isShutDown = false
    endMonitoring(c)
    cpu.pointee.isHalted = false
    cpu.pointee.pendingVector = Exception.none
    let isPrivileged = mode == .real || mode == .supervisor || mode == .longSupervisor
    cpu.pointee.efer = mode == .long || mode == .longSupervisor ? EFER.lma | EFER.lme : 0
    if mode == .supervisor || mode == .longSupervisor { cpu.pointee.efer |= EFER.sce }
    cpu.pointee.cr0 = mode == .real ? CR0.et : CR0.et | CR0.ne | CR0.pe
    cpu.pointee.cr4 = CR4.osfxsr | CR4.osxmmexcpt
    cpu.pointee.cpl = isPrivileged ? 0 : 3
    var segment = Segment()
    segment.selector = mode == .real ? 0 : (isPrivileged ? 0x28 : 0x2b)
    segment.limit = mode == .real ? 0xffff : (mode == .segmented ? 0xffff_f000 : 0xffff_ffff)
    segment.attributes = mode == .real ? 0x93 : (isPrivileged ? 0xc093 : 0xc0f3)
    for index in 0..<6 { cpu.pointee.segments[index] = segment }
    switch mode {
    case .real: segment.attributes = 0x9b
    case .long: segment.attributes = 0xa0fb
    case .longSupervisor: segment.attributes = 0xa09b
    case .supervisor: segment.attributes = 0xc09b
    default: segment.attributes = 0xc0fb
    }
    cpu.pointee.segments[SegmentIndex.cs] = segment
    flushTLB(c, keepGlobal: false)
    updateMode(c)
  }

  /// Executes exactly `count` instructions from `instructionPointer` unless one faults. The fault's vector, which is
  /// not delivered, or 0xff.
  package func probe(_ count: Int) -> UInt8 {
    let cpu = cpu
    cpu.pointee.runEnd &+= UInt64(count)
    cpu.pointee.remaining = Int64(count)
    while cpu.pointee.remaining > 0 && cpu.pointee.pendingVector == Exception.none {
      cpu.pointee.attention = 0
      let single = cpu.pointee.systemFlags & Flags.tf != 0
      guard case .found(var block, _) = lookUp(c, single: single) else { break }
      if Int64(block.pointee.instructionCount) > cpu.pointee.remaining {
        guard case .found(let short, _) = lookUp(c, single: true) else { break }
        block = short
      }
      cpu.pointee.remaining &-= Int64(block.pointee.instructionCount)
      start(block)
      cpu.pointee.currentLeft = 0
      cpu.pointee.blocks.pointee.pendingLink = 0
    }
    cpu.pointee.runEnd &-= UInt64(bitPattern: cpu.pointee.remaining)
    cpu.pointee.remaining = 0
    let vector = cpu.pointee.pendingVector
    cpu.pointee.pendingVector = Exception.none
    return vector
  }

  /// Blocks decoded since the start.
  package var builtBlockCount: Int { cpu.pointee.blocks.pointee.builtCount }

  /// Says that the processor has all optional integer instructions.
  package func enableAllFeatures() {
    cpu.pointee.features = .all
    flushBlocks(c)
  }
}
