// SPDX-License-Identifier: Apache-2.0

/// SYSENTER and SYSEXIT, SYSCALL and SYSRET, SWAPGS. SDM vol. 2; AMD APM vol. 3 for SYSCALL outside 64-bit mode.
extension Core {
  private func flat(_ selector: UInt16, _ attributes: UInt16) -> Segment {
    var segment = Segment()
    segment.selector = selector
    segment.attributes = attributes
    segment.limit = 0xffff_ffff
    return segment
  }

  fileprivate func requireFastCalls() throws(Fault) {
    guard cpu.pointee.features.feature1EDX & F1.sep != 0 else { throw .undefinedOpcode }
    guard isProtected, cpu.pointee.sysenterCS & 0xfffc != 0 else { throw .protection() }
  }

  fileprivate func sysenter() -> Completion {
    let selector = UInt16(truncatingIfNeeded: cpu.pointee.sysenterCS) & 0xfffc
    let isLong = isLongMode
    writeFlags(0, mask: Flags.vm | Flags.interrupt | Flags.rf)
    setSegment(SegmentIndex.cs, flat(selector, isLong ? 0xa09b : 0xc09b))
    setSegment(SegmentIndex.ss, flat(selector &+ 8, 0xc093))
    cpu.pointee.cpl = 0
    cpu.pointee.registers[4] = isLong ? cpu.pointee.sysenterESP : cpu.pointee.sysenterESP & 0xffff_ffff
    updateMode(c)
    return .exit(isLong ? cpu.pointee.sysenterEIP : cpu.pointee.sysenterEIP & 0xffff_ffff)
  }

  fileprivate func sysexit(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let isLong = size(o) == 8
    let stack = cpu.pointee.registers[1], ip = cpu.pointee.registers[2]
    if isLong, !isCanonical(stack) || !isCanonical(ip) { throw .protection() }
    let selector = UInt16(truncatingIfNeeded: cpu.pointee.sysenterCS) &+ (isLong ? 32 : 16) | 3
    setSegment(SegmentIndex.cs, flat(selector, isLong ? 0xa0fb : 0xc0fb))
    setSegment(SegmentIndex.ss, flat(selector &+ 8, 0xc0f3))
    cpu.pointee.cpl = 3
    cpu.pointee.registers[4] = isLong ? stack : stack & 0xffff_ffff
    updateMode(c)
    return .exit(isLong ? ip : ip & 0xffff_ffff)
  }
}

extension Core {
  private func requireSyscall() throws(Fault) {
    guard cpu.pointee.efer & EFER.sce != 0, isProtected else { throw .undefinedOpcode }
  }

  fileprivate func syscall(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    try requireSyscall()
    let selector = UInt16(truncatingIfNeeded: cpu.pointee.star >> 32) & 0xfffc
    let target: UInt64
    cpu.pointee.registers[1] = ip(after: o)
    if isLongMode {
      let flags = cpu.pointee.eflags & ~Flags.rf
      cpu.pointee.registers[11] = UInt64(flags)
      target = is64Bit ? cpu.pointee.lstar : cpu.pointee.cstar
      writeFlags(0, mask: UInt32(truncatingIfNeeded: cpu.pointee.syscallMask) | Flags.rf)
      setSegment(SegmentIndex.cs, flat(selector, 0xa09b))
    } else {
      target = cpu.pointee.star & 0xffff_ffff
      writeFlags(0, mask: Flags.vm | Flags.interrupt | Flags.rf)
      setSegment(SegmentIndex.cs, flat(selector, 0xc09b))
    }
    setSegment(SegmentIndex.ss, flat(selector &+ 8, 0xc093))
    cpu.pointee.cpl = 0
    updateMode(c)
    return .exit(target)
  }

  fileprivate func sysret(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    try requireSyscall()
    try requireCPL0()
    let isLong = size(o) == 8
    let base = UInt16(truncatingIfNeeded: cpu.pointee.star >> 48)
    let target = isLong ? cpu.pointee.registers[1] : cpu.pointee.registers[1] & 0xffff_ffff
    if isLong {
      let top = Int64(bitPattern: target) >> 47
      guard top == 0 || top == -1 else { throw .protection() }
    }
    if isLongMode {
      // Every bit but RF and VM comes from R11.
      writeFlags(UInt32(truncatingIfNeeded: cpu.pointee.registers[11]), mask: 0x003c_7fd7)
    } else {
      writeFlags(Flags.interrupt, mask: Flags.interrupt)
    }
    setSegment(SegmentIndex.cs, flat((isLong ? base &+ 16 : base) | 3, isLong ? 0xa0fb : 0xc0fb))
    setSegment(SegmentIndex.ss, flat((base &+ 8) | 3, 0xc0f3))
    cpu.pointee.cpl = 3
    updateMode(c)
    return .exit(target)
  }

  fileprivate func swapGS() throws(Fault) {
    guard is64Bit else { throw .undefinedOpcode }
    try requireCPL0()
    let base = cpu.pointee.segments[SegmentIndex.gs].base
    cpu.pointee.segments[SegmentIndex.gs].base = cpu.pointee.kernelGSBase
    cpu.pointee.kernelGSBase = base
    updateMode(c)
  }
}

enum FastCallHandlers {
  static let syscall: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.syscall(o) } }
  static let sysret: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.sysret(o) } }
  static let swapgs: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.swapGS()
      return .exit(e.ip(after: o))
    }
  }
  static let sysenter: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireFastCalls()
      return e.sysenter()
    }
  }
  static let sysexit: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireFastCalls()
      try e.requireCPL0()
      return try e.sysexit(o)
    }
  }
}
