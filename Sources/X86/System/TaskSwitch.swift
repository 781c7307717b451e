// SPDX-License-Identifier: Apache-2.0

/// Hardware task switches with 286 and 386 task state segments. SDM vol. 3, chapter 7.
enum TaskSwitchCause { case jump, call, interruptReturn, interrupt }

/// The dynamic part of a task state segment, wide enough for both formats.
private struct TaskImage {
  var cr3: UInt64 = 0
  var ip: UInt64 = 0
  var flags: UInt32 = 0
  var registers: InlineArray<8, UInt64> = .init(repeating: 0)
  /// ES CS SS DS FS GS.
  var selectors: InlineArray<6, UInt16> = .init(repeating: 0)
  var ldt: UInt16 = 0
  /// T: a debug trap before the task's first instruction.
  var isTraced = false
}

extension Core {
  /// Switches to a task whose descriptor is already checked for type and presence.
  ///
  /// Throws while the old task is still whole. Afterwards a bad segment of the new task is a fault of its first
  /// instruction.
  func switchTask(to task: Descriptor, cause: TaskSwitchCause, returnIP: UInt64) throws(Fault) -> Arrival {
    guard task.limit >= (task.is386 ? 0x67 : 0x2b) else { throw .invalidTSS(task.selector) }
    var image = try readImage(task)
    let old = cpu.pointee.tr
    let oldDescriptor = try lookUp(old.selector)
    let loadsCR3 = task.is386 && cpu.pointee.cr0 & CR0.pg != 0
    if loadsCR3, cpu.pointee.cr4 & CR4.pae != 0, !loadPDPTEs(c, cr3: image.cr3) { throw .protection() }

    // The old task's state. NT is cleared in the image of a task that ends with IRET.
    var oldFlags = cpu.pointee.eflags
    if cause == .interruptReturn { oldFlags &= ~Flags.nt }
    try writeImage(old, ip: returnIP, flags: oldFlags)
    if cause == .call || cause == .interrupt {
      try writeLinear(task.base, old.selector)
    }
    if let oldDescriptor, cause == .jump || cause == .interruptReturn { try setBusy(oldDescriptor, false) }
    if cause != .interruptReturn { try setBusy(task, true) }

    // The new task begins.
    if cause == .call || cause == .interrupt { image.flags |= Flags.nt }
    var tr = task.segment
    tr.attributes |= 2
    cpu.pointee.tr = tr
    cpu.pointee.cr0 |= CR0.ts
    // The local breakpoints were the old task's.
    cpu.pointee.debugRegisters[7] &= ~0x155
    updateBreakpoints(c)
    if image.isTraced {
      cpu.pointee.debugHits |= DR6.taskSwitch
      cpu.pointee.attention |= Attention.event
    }
    if loadsCR3 {
      cpu.pointee.cr3 = image.cr3
      flushTLB(c, keepGlobal: true)
    }
    for number in 0..<8 { cpu.pointee.registers[number] = image.registers[number] }
    writeFlags(image.flags, mask: 0x3f_7fd5)
    var fault: Fault?
    do {
      try loadSegments(image)
    } catch {
      fault = error
    }
    updateMode(c)
    return Arrival(ip: image.ip, fault: fault)
  }

  private func readImage(_ task: Descriptor) throws(Fault) -> TaskImage {
    var image = TaskImage()
    let base = task.base
    if task.is386 {
      image.cr3 = UInt64(try readLinear(base &+ 0x1c, as: UInt32.self))
      image.ip = UInt64(try readLinear(base &+ 0x20, as: UInt32.self))
      image.flags = try readLinear(base &+ 0x24, as: UInt32.self)
      for number in 0..<8 {
        image.registers[number] = UInt64(try readLinear(base &+ 0x28 &+ UInt64(number * 4), as: UInt32.self))
      }
      for number in 0..<6 {
        image.selectors[number] = try readLinear(base &+ 0x48 &+ UInt64(number * 4), as: UInt16.self)
      }
      image.ldt = try readLinear(base &+ 0x60, as: UInt16.self)
      image.isTraced = try readLinear(base &+ 0x64, as: UInt16.self) & 1 != 0
    } else {
      image.ip = UInt64(try readLinear(base &+ 0x0e, as: UInt16.self))
      image.flags = UInt32(try readLinear(base &+ 0x10, as: UInt16.self))
      for number in 0..<8 {
        // The 286 knows only the low halves; the upper ones are filled with ones, as the 386 does.
        let value = try readLinear(base &+ 0x12 &+ UInt64(number * 2), as: UInt16.self)
        image.registers[number] = UInt64(value) | 0xffff_0000
      }
      for number in 0..<4 {
        image.selectors[number] = try readLinear(base &+ 0x22 &+ UInt64(number * 2), as: UInt16.self)
      }
      image.ldt = try readLinear(base &+ 0x2a, as: UInt16.self)
    }
    return image
  }

  private func writeImage(_ tr: Segment, ip: UInt64, flags: UInt32) throws(Fault) {
    let base = tr.base
    let state = cpu.pointee
    if tr.type & 8 != 0 {
      try writeLinear(base &+ 0x20, UInt32(truncatingIfNeeded: ip))
      try writeLinear(base &+ 0x24, flags)
      for number in 0..<8 {
        try writeLinear(base &+ 0x28 &+ UInt64(number * 4), UInt32(truncatingIfNeeded: state.registers[number]))
      }
      for number in 0..<6 {
        try writeLinear(base &+ 0x48 &+ UInt64(number * 4), state.segments[number].selector)
      }
    } else {
      try writeLinear(base &+ 0x0e, UInt16(truncatingIfNeeded: ip))
      try writeLinear(base &+ 0x10, UInt16(truncatingIfNeeded: flags))
      for number in 0..<8 {
        try writeLinear(base &+ 0x12 &+ UInt64(number * 2), UInt16(truncatingIfNeeded: state.registers[number]))
      }
      for number in 0..<4 {
        try writeLinear(base &+ 0x22 &+ UInt64(number * 2), state.segments[number].selector)
      }
    }
  }

  /// Loads LDTR and the segment registers of the new task. All hold their selectors, and nothing behind them, until
  /// each has been checked.
  private func loadSegments(_ image: TaskImage) throws(Fault) {
    let isV86 = image.flags & Flags.vm != 0
    cpu.pointee.cpl = isV86 ? 3 : UInt8(image.selectors[SegmentIndex.cs] & 3)
    for number in 0..<6 {
      setSegment(number, isV86 ? .virtual8086(image.selectors[number]) : .null(image.selectors[number]))
    }
    cpu.pointee.ldtr = .null(image.ldt)
    if !Core.isNull(image.ldt) {
      guard image.ldt & 4 == 0, let ldt = try lookUp(image.ldt), ldt.isSystem, ldt.type == SystemType.ldt, ldt.isPresent
      else { throw .invalidTSS(image.ldt) }
      cpu.pointee.ldtr = ldt.segment
    }
    if isV86 { return }

    let selector = image.selectors[SegmentIndex.cs]
    guard !Core.isNull(selector), var code = try lookUp(selector), code.isCode,
      code.isConforming ? code.dpl <= code.rpl : code.dpl == code.rpl
    else { throw .invalidTSS(selector) }
    guard code.isPresent else { throw .notPresent(selector) }
    try markAccessed(&code)
    setCodeSegment(code, privilege: code.rpl)

    let stack = image.selectors[SegmentIndex.ss]
    setSegment(SegmentIndex.ss, try stackSegment(stack, privilege: cpl) { .invalidTSS($0) })

    for number in [SegmentIndex.es, SegmentIndex.ds, SegmentIndex.fs, SegmentIndex.gs] {
      do {
        setSegment(number, try dataSegment(image.selectors[number]))
      } catch {
        // What MOV reports as #GP is the task state segment's fault here.
        if error.vector == 13 { throw .invalidTSS(code: error.errorCode) }
        throw error
      }
    }
    guard image.ip <= UInt64(code.limit) else { throw .protection() }
  }
}
