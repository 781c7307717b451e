// SPDX-License-Identifier: Apache-2.0

/// Why `Processor.run` returned.
public enum RunExit: UInt8, Sendable {
  /// The budget is used up, or (not exact) the next block does not fit into what is left.
  case budget
  /// `requestAttention` was called; nothing is wrong and the run may go on.
  case attention
  /// HLT or MWAIT: nothing to do until an interrupt, NMI, INIT or reset, or a write to the line that MWAIT waits for.
  case halted
  /// Triple fault: nothing but INIT or a reset helps.
  case shutdown
}

/// One x86 processor: executes instructions on the calling thread, knows no device.
///
/// The machine owns it, gives it `MachineInterface`, and calls `run` with budgets; everything it may change from inside
/// a callback (lines, map, attention) takes effect before the next instruction. Not `Sendable`: one thread.
///
/// Reference: Intel SDM volumes 1 to 3.
public final class Processor {
  let c: UnsafeMutableRawPointer
  private let mmu: UnsafeMutablePointer<MMU>
  private let blocks: UnsafeMutablePointer<BlockCache>

  /// Creates a processor in its power-up state.
  public init(machine: MachineInterface) {
    mmu = .allocate(capacity: 1)
    mmu.initialize(to: MMU())
    blocks = .allocate(capacity: 1)
    blocks.initialize(to: BlockCache())
    let jumpTable = UnsafeMutableRawPointer.allocate(
      byteCount: JumpEntry.count * MemoryLayout<JumpEntry>.stride, alignment: 64)
    jumpTable.initializeMemory(
      as: UInt8.self, repeating: 0, count: JumpEntry.count * MemoryLayout<JumpEntry>.stride)
    blocks.pointee.jumpTable = jumpTable
    c = .allocate(byteCount: MemoryLayout<CPUState>.size, alignment: 64)
    let table = UnsafeMutableRawPointer(mmu.pointee.supervisor.slots)
    c.initializeMemory(
      as: CPUState.self,
      to: CPUState(fastTLB: table, machine: machine, mmu: mmu, blocks: blocks, jumpTable: jumpTable))
    c.cpu.pointee.processor = Unmanaged.passUnretained(self).toOpaque()
    reset()
  }

  deinit {
    c.cpu.pointee.jumpTable.deallocate()
    c.deallocate()
    mmu.pointee.deallocate()
    mmu.deallocate()
    blocks.pointee.deallocate()
    blocks.deallocate()
  }

  var cpu: UnsafeMutablePointer<CPUState> { c.cpu }

  /// Instructions executed since power-up; exact at any time, inside callbacks too.
  public var instructionCount: UInt64 {
    cpu.pointee.runEnd &- UInt64(bitPattern: cpu.pointee.remaining) &- UInt64(cpu.pointee.currentLeft)
  }

  /// Lets the processor compile code that runs often. Both addresses lead to the same memory, which may be written at one and
  /// executed at the other and must stay for as long as the processor runs. Before the first run; on hosts other than x86-64
  /// nothing happens.
  public func setHostCodeMemory(
    writable: UnsafeMutableRawPointer, executable: UnsafeRawPointer, byteCount: Int
  ) {
    blocks.pointee.hostCode.setMemory(writable: writable, executable: executable, byteCount: byteCount)
  }

  /// Bytes of the memory for host code that hold some, from the start.
  public var hostCodeByteCount: Int { blocks.pointee.hostCode.used }

  /// Where decoded instructions are, from the start on: much of it is used all the time, the host may like to know.
  public var decodedCode: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: blocks.pointee.arena, count: BlockCache.arenaByteCount)
  }

  /// Parts of blocks compiled to host code since the start.
  package var compiledCount: Int { blocks.pointee.hostCode.compiledCount }

  // MARK: Signals

  /// Makes `run` return before the next instruction. Machine thread only (from callbacks or between runs).
  public func requestAttention() { cpu.pointee.attention |= Attention.machine }

  /// The level of INTR.
  public func setInterruptLine(_ isHigh: Bool) {
    cpu.pointee.interruptLine = isHigh
    if isHigh { cpu.pointee.attention |= Attention.event }
  }

  /// An edge of NMI: latched until it is taken.
  public func raiseNMI() {
    cpu.pointee.nmiPending = true
    cpu.pointee.attention |= Attention.event
  }

  /// A20M#: with the gate off, bit 20 of every physical address is zero.
  public func setA20(_ isEnabled: Bool) {
    guard cpu.pointee.a20Enabled != isEnabled else { return }
    cpu.pointee.a20Enabled = isEnabled
    dropFastTables(c)
    staleAllLinks(c)
    // Links inside a page keep a running block from noticing, so it must leave.
    cpu.pointee.attention |= Attention.event
  }

  // MARK: Memory notices

  /// The memory map has changed (a commit): host addresses are forgotten, blocks whose bytes are no longer what the map
  /// shows are dropped. Translations stay: they are the guest's.
  public func invalidateMap() {
    dropFastTables(c)
    for index in 0..<MMU.physicalSlotCount { mmu.pointee.physical[index].tag = PhysicalSlot.none }
    for page in blocks.pointee.codePageAddresses {
      let host = physicalSlot(c, page).pointee.readAddress
      if host != blocks.pointee.host(page) { codeMayChange(c, page, 0x1000) }
    }
    staleAllLinks(c)
    cpu.pointee.attention |= Attention.event
  }

  /// The same for a part of the map only: far cheaper where a device switches a window often.
  public func invalidateMap(_ address: UInt64, length: UInt64) {
    let first = address & ~0xfff, end = (address &+ length &+ 0xfff) & ~0xfff
    guard first < end else { return }
    mmu.pointee.supervisor.drop(frames: first..<end)
    mmu.pointee.user.drop(frames: first..<end)
    mmu.pointee.forEachPhysicalSlot(in: first..<end) { $0.pointee.tag = PhysicalSlot.none }
    let pages =
      end - first <= 1 << 20
      ? Array(stride(from: first, to: end, by: 0x1000))
      : blocks.pointee.codePageAddresses.filter((first..<end).contains)
    for page in pages where blocks.pointee.hasCode(page) {
      let host = physicalSlot(c, page).pointee.readAddress
      if host != blocks.pointee.host(page) { codeMayChange(c, page, 0x1000) }
    }
    cpu.pointee.attention |= Attention.event
  }

  /// Physical memory was written by someone else (DMA, a monitor): code decoded from it is dropped, and a wait for it
  /// ends. Only pages for which `MachineInterface.codePage` said true matter.
  public func physicalMemoryWritten(_ address: UInt64, length: UInt64) {
    noteForeignWrite(c, address, length)
    var position = address
    let end = address &+ length
    while position < end {
      let inPage = min(0x1000 - (position & 0xfff), end - position)
      codeMayChange(c, position, Int(inPage))
      position += inPage
    }
  }

  /// The dirty log of memory was cleared: the next write to each of its pages is announced, at whatever address the
  /// guest sees it.
  public func announceWrites(to memory: UnsafeRawBufferPointer) {
    let start = UInt64(UInt(bitPattern: memory.baseAddress)), end = start &+ UInt64(memory.count)
    guard start < end else { return }
    mmu.pointee.supervisor.dropWrites(hosts: start..<end)
    mmu.pointee.user.dropWrites(hosts: start..<end)
    for index in 0..<MMU.physicalSlotCount where (start..<end).contains(mmu.pointee.physical[index].writeAddress) {
      mmu.pointee.physical[index].flags = PhysicalSlot.logged
    }
  }

  /// Drops all decoded code (not the guest's business: only speed changes). Not from a callback.
  public func flushDecodedCode() { flushBlocks(c) }

  // MARK: Reset

  /// RESET: everything to its power-up value. SDM vol. 3, table 10-1. The instruction count goes on.
  public func reset() {
    endMonitoring(c)
    watchMonitoredPage(c)
    let features = cpu.pointee.features
    let fresh = CPUState(
      fastTLB: cpu.pointee.fastTLB, machine: cpu.pointee.machine, mmu: mmu, blocks: blocks,
      jumpTable: cpu.pointee.jumpTable)
    let kept = (
      cpu.pointee.runEnd, cpu.pointee.remaining, cpu.pointee.currentLeft, cpu.pointee.linkGeneration,
      cpu.pointee.globalGeneration,
      cpu.pointee.a20Enabled, cpu.pointee.interruptLine, cpu.pointee.processor, cpu.pointee.attention
    )
    cpu.pointee = fresh
    cpu.pointee.features = features
    (
      cpu.pointee.runEnd, cpu.pointee.remaining, cpu.pointee.currentLeft, cpu.pointee.linkGeneration,
      cpu.pointee.globalGeneration,
      cpu.pointee.a20Enabled, cpu.pointee.interruptLine, cpu.pointee.processor, cpu.pointee.attention
    ) = kept
    initializeCore()
  }

  /// INIT: like RESET but for CR0.CD and CR0.NW, the MSRs and caches. SDM vol. 3, table 10-1.
  public func initSignal() {
    cpu.pointee.registers = .init(repeating: 0)
    cpu.pointee.cr2 = 0
    cpu.pointee.cr3 = 0
    cpu.pointee.cr4 = 0
    cpu.pointee.efer = 0
    cpu.pointee.cr0 = cpu.pointee.cr0 & (CR0.cd | CR0.nw) | CR0.et
    cpu.pointee.debugRegisters = .init(repeating: 0)
    cpu.pointee.debugRegisters[6] = 0xffff_0ff0
    cpu.pointee.debugRegisters[7] = 0x400
    initializeCore()
  }

  private func initializeCore() {
    cpu.pointee.registers[2] = UInt64(cpu.pointee.features.signature)
    cpu.pointee.eflags = 2
    cpu.pointee.cpl = 0
    cpu.pointee.blockIP = 0xfff0
    cpu.pointee.pendingVector = Exception.none
    endMonitoring(c)
    cpu.pointee.isHalted = false
    cpu.pointee.isShutDown = false
    cpu.pointee.interruptShadow = 0
    cpu.pointee.nmiPending = false
    cpu.pointee.nmiBlocked = false
    var segment = Segment()
    segment.limit = 0xffff
    // Present, read/write data, accessed.
    segment.attributes = 0x93
    for index in 0..<6 { cpu.pointee.segments[index] = segment }
    // Present, readable code; the first fetch is at FFFFFFF0h.
    segment.attributes = 0x9b
    segment.selector = 0xf000
    segment.base = 0xffff_0000
    cpu.pointee.segments[SegmentIndex.cs] = segment
    var table = Segment()
    table.limit = 0xffff
    table.attributes = 0x82
    cpu.pointee.ldtr = table
    table.attributes = 0x8b
    cpu.pointee.tr = table
    cpu.pointee.gdtr = DescriptorTableRegister()
    cpu.pointee.idtr = DescriptorTableRegister()
    cpu.pointee.debugHits = 0
    flushTLB(c, keepGlobal: false)
    updateMode(c)
    updateBreakpoints(c)
  }
}
