// SPDX-License-Identifier: Apache-2.0

/// Loading segment registers with the checks of each mode. SDM vol. 2, MOV; vol. 3, 5.6 and 5.7.
extension Core {
  /// Stores a segment register with its hidden part; `updateMode` is the caller's affair.
  func setSegment(_ number: Int, _ segment: Segment) {
    cpu.pointee.segments[number] = segment
    cpu.pointee.segmentBases[number] = segment.base
  }

  /// Loads ES, SS, DS, FS or GS as MOV, POP and the LxS family do, and recomputes the mode.
  func loadSegment(_ number: Int, _ selector: UInt16) throws(Fault) {
    if hasParagraphSegments {
      setParagraph(number, selector)
    } else if number == SegmentIndex.ss {
      setSegment(number, try stackSegment(selector, privilege: cpl) { .protection($0) })
    } else {
      setSegment(number, try dataSegment(selector))
    }
    updateMode(c, segment: number)
  }

  /// Real mode moves the base and leaves limit and rights as they were (which is how big real mode works);
  /// virtual-8086 mode sets all of it.
  func setParagraph(_ number: Int, _ selector: UInt16) {
    if isVirtual8086 {
      setSegment(number, .virtual8086(selector))
    } else {
      var segment = cpu.pointee.segments[number]
      segment.selector = selector
      segment.base = UInt64(selector) << 4
      // A selector that was null in protected mode is usable again; silicon keeps real-mode data segments writable.
      if !segment.isPresent {
        segment.attributes = Segment.realData
        segment.limit = 0xffff
      }
      setSegment(number, segment)
    }
  }

  /// Checks and fetches a segment for ES, DS, FS or GS in protected mode.
  func dataSegment(_ selector: UInt16) throws(Fault) -> Segment {
    if Core.isNull(selector) { return .null(selector) }
    guard var descriptor = try lookUp(selector) else { throw .protection(selector) }
    guard descriptor.isReadable else { throw .protection(selector) }
    if !descriptor.isConforming {
      guard descriptor.dpl >= descriptor.rpl, descriptor.dpl >= cpl else { throw .protection(selector) }
    }
    guard descriptor.isPresent else { throw .notPresent(selector) }
    try markAccessed(&descriptor)
    return descriptor.segment
  }

  /// Checks and fetches a segment for SS at `privilege`. `violation` makes the fault of a failed check: #GP for loads
  /// and returns, #TS when the selector comes from a task state segment.
  func stackSegment(
    _ selector: UInt16, privilege: UInt8, violation: (UInt16) -> Fault
  ) throws(Fault) -> Segment {
    if Core.isNull(selector) {
      guard is64Bit, privilege < 3, UInt8(selector & 3) == privilege else { throw violation(selector) }
      var segment = Segment.null(selector)
      segment.attributes = UInt16(privilege) << 5
      return segment
    }
    guard var descriptor = try lookUp(selector) else { throw violation(selector) }
    guard descriptor.rpl == privilege, descriptor.isWritableData, descriptor.dpl == privilege else {
      throw violation(selector)
    }
    guard descriptor.isPresent else { throw .stack(selector) }
    try markAccessed(&descriptor)
    return descriptor.segment
  }

  /// After a return to an outer level: a data segment the new level may not use becomes null. SDM vol. 3, 5.8.6.
  func nullInaccessibleSegments() {
    for number in SegmentIndex.es...SegmentIndex.gs where number != SegmentIndex.cs && number != SegmentIndex.ss {
      let segment = cpu.pointee.segments[number]
      // In IA-32e mode FS and GS have bases of their own behind null selectors.
      if isLongMode, number >= SegmentIndex.fs, Core.isNull(segment.selector) { continue }
      if !segment.isConforming, segment.dpl < cpl { setSegment(number, .null(0)) }
    }
  }

  /// Loads CS with an already checked code descriptor; its RPL becomes `privilege`.
  func setCodeSegment(_ descriptor: Descriptor, privilege: UInt8) {
    var segment = descriptor.segment
    segment.selector = segment.selector & 0xfffc | UInt16(privilege)
    setSegment(SegmentIndex.cs, segment)
    cpu.pointee.cpl = privilege
  }

  /// Reads a far pointer's selector and loads a segment register and a general one: LDS, LES, LSS, LFS, LGS.
  func loadFarPointer(_ o: UnsafePointer<Op>, _ number: Int) throws(Fault) -> Completion {
    let size = size(o), offset = offset(o)
    let value = try read(segment(o), offset, size: size)
    let selector = try read(segment(o), (offset &+ UInt64(size)) & addressMask(o), as: UInt16.self)
    try loadSegment(number, selector)
    setRegister(o.pointee.dst, value, size: size)
    return .exit(ip(after: o))
  }

  /// Starts the one-instruction shadow of MOV SS and POP SS: nothing interrupts before the next instruction.
  func startStackShadow() {
    cpu.pointee.interruptShadow = 2
  }
}

enum SegmentHandlers {
  /// MOV Sreg, r16.
  static let moveFromRegister: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      try core.moveToSegment(o, UInt16(truncatingIfNeeded: core.register(o.pointee.src, size: 2)))
    }
  }
  /// MOV Sreg, m16.
  static let moveFromMemory: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      try core.moveToSegment(o, try core.read(core.segment(o), core.offset(o), as: UInt16.self))
    }
  }
  /// MOV r, Sreg: a 16-bit register keeps its upper part, wider ones are zero-extended.
  static let moveToRegister: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      let selector = core.cpu.pointee.segments[Int(o.pointee.src)].selector
      core.setRegister(o.pointee.dst, UInt64(selector), size: core.size(o))
      return .next
    }
  }
  /// MOV m16, Sreg.
  static let moveToMemory: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      let selector = core.cpu.pointee.segments[Int(o.pointee.src)].selector
      try core.write(core.segment(o), core.offset(o), selector)
      return .end
    }
  }
  static let push: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      var stack = StackCursor(current: core)
      try stack.push(core, UInt64(core.cpu.pointee.segments[Int(o.pointee.dst)].selector), size: core.size(o))
      stack.commit(core)
      return .end
    }
  }
  static let pop: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      var stack = StackCursor(current: core)
      // Only the selector's two bytes are read, whatever the operand size moves the stack pointer by.
      let selector = try stack.popSelector(core, size: core.size(o))
      let number = Int(o.pointee.dst)
      try core.loadSegment(number, selector)
      stack.commit(core)
      if number == SegmentIndex.ss { core.startStackShadow() }
      return .exit(core.ip(after: o))
    }
  }
  static let lds: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadFarPointer(o, SegmentIndex.ds) }
  }
  static let les: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadFarPointer(o, SegmentIndex.es) }
  }
  static let lss: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadFarPointer(o, SegmentIndex.ss) }
  }
  static let lfs: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadFarPointer(o, SegmentIndex.fs) }
  }
  static let lgs: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadFarPointer(o, SegmentIndex.gs) }
  }
}

extension Core {
  fileprivate func moveToSegment(_ o: UnsafePointer<Op>, _ selector: UInt16) throws(Fault) -> Completion {
    let number = Int(o.pointee.dst)
    guard number < 6, number != SegmentIndex.cs else { throw .undefinedOpcode }
    try loadSegment(number, selector)
    if number == SegmentIndex.ss { startStackShadow() }
    return .exit(ip(after: o))
  }
}
