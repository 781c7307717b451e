// SPDX-License-Identifier: Apache-2.0

/// Far RET and IRET. SDM vol. 2.
extension Core {
  /// The code segment that a return goes to: never to an inner level.
  private func returnCode(_ selector: UInt16) throws(Fault) -> Descriptor {
    let code = try targetDescriptor(selector)
    guard code.isCode, code.rpl >= cpl else { throw .protection(selector) }
    guard code.isConforming ? code.dpl <= code.rpl : code.dpl == code.rpl else { throw .protection(selector) }
    if isLongMode, code.isLongCode, code.is32Bit { throw .protection(selector) }
    guard code.isPresent else { throw .notPresent(selector) }
    return code
  }

  /// The stack segment of the outer level. A return to 64-bit code may have a null SS below level 3.
  private func returnStack(_ selector: UInt16, _ code: Descriptor) throws(Fault) -> Segment {
    if isLongMode, code.isLongCode, Core.isNull(selector) {
      guard code.rpl < 3, UInt8(selector & 3) == code.rpl else { throw .protection() }
      var segment = Segment.null(selector)
      segment.attributes = UInt16(code.rpl) << 5
      return segment
    }
    return try stackSegment(selector, privilege: code.rpl) { .protection($0) }
  }

  private func commitOuter(_ code: Descriptor, _ stackSegment: Segment, _ pointer: UInt64) {
    setCodeSegment(code, privilege: code.rpl)
    setSegment(SegmentIndex.ss, stackSegment)
    setStackPointer(pointer, mask: is64Bit ? ~0 : stackSegment.is32Bit ? 0xffff_ffff : 0xffff)
    nullInaccessibleSegments()
  }

  // MARK: RETF

  @inline(never)
  func farReturn(_ o: UnsafePointer<Op>, dropping byteCount: UInt64) throws(Fault) -> Completion {
    let size = size(o)
    var stack = StackCursor(current: self)
    let ip = try stack.peek(self, 0, size: size)
    let selector = UInt16(truncatingIfNeeded: try stack.peek(self, 1, size: size))
    if hasParagraphSegments {
      guard ip <= UInt64(cpu.pointee.segments[SegmentIndex.cs].limit) else { throw .protection() }
      stack.drop(UInt64(2 * size) &+ byteCount)
      stack.commit(self)
      setParagraph(SegmentIndex.cs, selector)
      updateMode(c)
      return .exit(ip)
    }
    var code = try returnCode(selector)
    if code.rpl == cpl {
      try checkTarget(ip, in: code)
      try markAccessed(&code)
      stack.drop(UInt64(2 * size) &+ byteCount)
      stack.commit(self)
      setCodeSegment(code, privilege: cpl)
    } else {
      stack.drop(UInt64(2 * size) &+ byteCount)
      let pointer = try stack.peek(self, 0, size: size)
      let outer = try returnStack(UInt16(truncatingIfNeeded: try stack.peek(self, 1, size: size)), code)
      try checkTarget(ip, in: code)
      try markAccessed(&code)
      commitOuter(code, outer, pointer &+ byteCount)
    }
    updateMode(c)
    return .exit(ip)
  }

  // MARK: IRET

  @inline(never)
  func interruptReturn(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let completion = try returnFromInterrupt(o)
    cpu.pointee.nmiBlocked = false
    return completion
  }

  private func returnFromInterrupt(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    if hasParagraphSegments { return try paragraphReturn(o) }
    if cpu.pointee.systemFlags & Flags.nt != 0 {
      guard !isLongMode else { throw .protection() }
      return try returnFromTask(o)
    }
    let size = size(o)
    var stack = StackCursor(current: self)
    let ip = try stack.peek(self, 0, size: size)
    let selector = UInt16(truncatingIfNeeded: try stack.peek(self, 1, size: size))
    let flags = UInt32(truncatingIfNeeded: try stack.peek(self, 2, size: size))
    if size == 4, flags & Flags.vm != 0, cpl == 0, !isLongMode {
      return try returnToVirtual8086(stack, ip: ip, selector: selector, flags: flags)
    }
    var mask = writableFlags(size: size)
    if size > 2, cpl == 0 { mask |= Flags.vif | Flags.vip }
    var code = try returnCode(selector)
    if code.rpl == cpl, !is64Bit {
      try checkTarget(ip, in: code)
      try markAccessed(&code)
      stack.drop(UInt64(3 * size))
      stack.commit(self)
      setCodeSegment(code, privilege: cpl)
    } else {
      // IRET in 64-bit mode always pops SS and RSP.
      let pointer = try stack.peek(self, 3, size: size)
      let outer = try returnStack(UInt16(truncatingIfNeeded: try stack.peek(self, 4, size: size)), code)
      try checkTarget(ip, in: code)
      try markAccessed(&code)
      commitOuter(code, outer, pointer)
    }
    writeFlags(flags, mask: mask)
    updateMode(c)
    return .exit(ip)
  }

  private func paragraphReturn(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    if isVirtual8086, iopl < 3 { throw .protection() }
    let size = size(o)
    var stack = StackCursor(current: self)
    let ip = try stack.pop(self, size: size)
    let selector = UInt16(truncatingIfNeeded: try stack.pop(self, size: size))
    let flags = UInt32(truncatingIfNeeded: try stack.pop(self, size: size))
    guard ip <= UInt64(cpu.pointee.segments[SegmentIndex.cs].limit) else { throw .protection() }
    stack.commit(self)
    setParagraph(SegmentIndex.cs, selector)
    // In virtual-8086 mode CPL 3 keeps IOPL; IOPL 3 lets IF through.
    writeFlags(flags, mask: writableFlags(size: size))
    updateMode(c)
    return .exit(ip)
  }

  private func returnToVirtual8086(
    _ stack: StackCursor, ip: UInt64, selector: UInt16, flags: UInt32
  ) throws(Fault) -> Completion {
    guard ip <= 0xffff else { throw .protection() }
    let pointer = try stack.peek(self, 3, size: 4)
    // SS ES DS FS GS, as the interrupt from virtual-8086 mode pushed them.
    var selectors: InlineArray<5, UInt16> = .init(repeating: 0)
    for index in 0..<5 {
      selectors[index] = UInt16(truncatingIfNeeded: try stack.peek(self, 4 + index, size: 4))
    }
    let mask =
      writableFlags(size: 4) | Flags.vm | Flags.vif | Flags.vip
    writeFlags(flags, mask: mask)
    setSegment(SegmentIndex.cs, .virtual8086(selector))
    setSegment(SegmentIndex.ss, .virtual8086(selectors[0]))
    setSegment(SegmentIndex.es, .virtual8086(selectors[1]))
    setSegment(SegmentIndex.ds, .virtual8086(selectors[2]))
    setSegment(SegmentIndex.fs, .virtual8086(selectors[3]))
    setSegment(SegmentIndex.gs, .virtual8086(selectors[4]))
    cpu.pointee.registers[4] = pointer
    cpu.pointee.cpl = 3
    updateMode(c)
    return .exit(ip)
  }

  /// IRET with NT set: back to the task in the link field.
  private func returnFromTask(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let link = try readLinear(cpu.pointee.tr.base, as: UInt16.self)
    guard link & 4 == 0, !Core.isNull(link), let task = try lookUp(link), task.isSystem,
      task.type == SystemType.busyTSS16 || task.type == SystemType.busyTSS32
    else { throw .invalidTSS(link) }
    guard task.isPresent else { throw .notPresent(link) }
    return try switchTask(to: task, cause: .interruptReturn, returnIP: ip(after: o)).completion
  }
}

enum FarReturnHandlers {
  static let ret: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.farReturn(o, dropping: 0) } }
  static let retDropping: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.farReturn(o, dropping: o.pointee.immediate & 0xffff) }
  }
  static let iret: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.interruptReturn(o) } }
}
