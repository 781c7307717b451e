// SPDX-License-Identifier: Apache-2.0

/// MOV to and from CR and DR, SMSW LMSW CLTS, INVLPG, INVD, WBINVD. SDM vol. 2; vol. 3, 2.5 and 17.2.
extension Core {
  func requireCPL0() throws(Fault) {
    if cpl != 0 { throw .protection() }
  }

  // MARK: Control registers

  fileprivate func readControl(_ number: UInt8) throws(Fault) -> UInt64 {
    switch number {
    case 0: return cpu.pointee.cr0
    case 2: return cpu.pointee.cr2
    case 3: return cpu.pointee.cr3
    case 4: return cpu.pointee.cr4
    case 8 where is64Bit: return UInt64(cpu.pointee.machine.taskPriorityRead(cpu.pointee.machine.context)) & 15
    default: throw .undefinedOpcode
    }
  }

  fileprivate func writeControl(_ number: UInt8, _ value: UInt64) throws(Fault) {
    switch number {
    case 0: try writeCR0(value)
    case 2: cpu.pointee.cr2 = value
    case 3: try writeCR3(value)
    case 4: try writeCR4(value)
    case 8 where is64Bit:
      guard value < 16 else { throw .protection() }
      cpu.pointee.machine.taskPriorityWrite(cpu.pointee.machine.context, UInt8(value))
    default: throw .undefinedOpcode
    }
  }

  func writeCR0(_ value: UInt64) throws(Fault) {
    guard value >> 32 == 0 else { throw .protection() }
    let new = value & CR0.defined | CR0.et
    let old = cpu.pointee.cr0
    if new & CR0.pg != 0, new & CR0.pe == 0 { throw .protection() }
    if new & CR0.nw != 0, new & CR0.cd == 0 { throw .protection() }
    if new & CR0.pg != 0, old & CR0.pg == 0 {
      if cpu.pointee.efer & EFER.lme != 0 {
        guard cpu.pointee.cr4 & CR4.pae != 0, !cpu.pointee.segments[1].isLongCode,
          cpu.pointee.tr.type != SystemType.busyTSS16 || !cpu.pointee.tr.isPresent
        else { throw .protection() }
      } else if cpu.pointee.cr4 & CR4.pae != 0 {
        try loadDirectoryPointers(cpu.pointee.cr3)
      }
    }
    if new & CR0.pg == 0, is64Bit { throw .protection() }
    cpu.pointee.cr0 = new
    if (new ^ old) & CR0.pg != 0, cpu.pointee.efer & EFER.lme != 0 {
      if new & CR0.pg != 0 { cpu.pointee.efer |= EFER.lma } else { cpu.pointee.efer &= ~EFER.lma }
    }
    // Rights are folded into cached translations, so a change of WP drops them as well.
    if (new ^ old) & (CR0.pg | CR0.pe | CR0.wp) != 0 { flushTLB(c, keepGlobal: false) }
    updateMode(c)
  }

  fileprivate func writeCR3(_ value: UInt64) throws(Fault) {
    if isLongMode {
      guard value >> physicalAddressBits == 0 else { throw .protection() }
    } else if cpu.pointee.cr0 & CR0.pg != 0, cpu.pointee.cr4 & CR4.pae != 0 {
      try loadDirectoryPointers(value)
    }
    cpu.pointee.cr3 = value
    flushTLB(c, keepGlobal: true)
  }

  fileprivate func writeCR4(_ value: UInt64) throws(Fault) {
    guard value & ~cpu.pointee.features.cr4Mask == 0 else { throw .protection() }
    let old = cpu.pointee.cr4
    if isLongMode, value & CR4.pae == 0 { throw .protection() }
    if cpu.pointee.cr0 & CR0.pg != 0, !isLongMode, value & CR4.pae != 0,
      (value ^ old) & (CR4.pae | CR4.pge | CR4.pse) != 0
    {
      try loadDirectoryPointers(cpu.pointee.cr3)
    }
    cpu.pointee.cr4 = value
    if (value ^ old) & (CR4.pae | CR4.pge | CR4.pse) != 0 { flushTLB(c, keepGlobal: false) }
    updateMode(c)
    if (value ^ old) & CR4.de != 0 { updateBreakpoints(c) }
  }

  var physicalAddressBits: UInt64 { MMU.physicalAddressBits }

  /// With PAE paging, loading CR3 reads four page-directory pointers and refuses reserved bits. SDM vol. 3, 4.4.1.
  private func loadDirectoryPointers(_ cr3: UInt64) throws(Fault) {
    guard loadPDPTEs(c, cr3: cr3) else { throw .protection() }
  }

  fileprivate func moveToControl(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    try requireCPL0()
    let value = register(o.pointee.src, size: is64Bit ? 8 : 4)
    try writeControl(o.pointee.dst, value)
    return .exit(ip(after: o))
  }

  fileprivate func moveFromControl(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    try requireCPL0()
    setRegister(o.pointee.dst, try readControl(o.pointee.src), size: is64Bit ? 8 : 4)
    return .next
  }

  // MARK: Debug registers

  /// DR4 and DR5 are DR6 and DR7 unless CR4.DE; with DR7.GD any access is a debug exception.
  private func debugRegister(_ number: UInt8) throws(Fault) -> Int {
    guard number < 8 else { throw .undefinedOpcode }
    if number & 6 == 4, cpu.pointee.cr4 & CR4.de != 0 { throw .undefinedOpcode }
    try requireCPL0()
    if cpu.pointee.debugRegisters[7] & 1 << 13 != 0 {
      cpu.pointee.debugRegisters[6] |= 1 << 13
      cpu.pointee.debugRegisters[7] &= ~(1 << 13)
      throw .debug
    }
    return Int(number & 6 == 4 ? number + 2 : number)
  }

  fileprivate func moveToDebug(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let number = try debugRegister(o.pointee.dst)
    let value = register(o.pointee.src, size: is64Bit ? 8 : 4)
    if number >= 6 {
      guard value >> 32 == 0 else { throw .protection() }
      // Bits that read as fixed values. SDM vol. 3, 17.2.3 and 17.2.4.
      cpu.pointee.debugRegisters[number] = number == 6 ? value & 0xe00f | 0xffff_0ff0 : value & 0xffff_23ff | 0x400
    } else {
      cpu.pointee.debugRegisters[number] = value
    }
    updateBreakpoints(c)
    return .exit(ip(after: o))
  }

  fileprivate func moveFromDebug(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let number = try debugRegister(o.pointee.src)
    setRegister(o.pointee.dst, cpu.pointee.debugRegisters[number], size: is64Bit ? 8 : 4)
    return .next
  }

  // MARK: Machine status word

  fileprivate func loadStatusWord(_ o: UnsafePointer<Op>, _ value: UInt64) throws(Fault) -> Completion {
    // LMSW reaches PE MP EM TS, and can set PE but not clear it.
    let old = cpu.pointee.cr0
    try writeCR0(old & ~(CR0.mp | CR0.em | CR0.ts) | value & 0xf)
    return .exit(ip(after: o))
  }

  fileprivate func invalidate(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    try requireCPL0()
    invalidatePage(c, wrap(cpu.pointee.segmentBases[segment(o)] &+ offset(o)))
    return .exit(ip(after: o))
  }
}

enum ControlHandlers {
  static let toControl: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.moveToControl(o) } }
  static let fromControl: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.moveFromControl(o) } }
  static let toDebug: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.moveToDebug(o) } }
  static let fromDebug: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.moveFromDebug(o) } }

  static let lmswRegister: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireCPL0()
      return try e.loadStatusWord(o, e.register(o.pointee.dst, size: 2))
    }
  }
  static let lmswMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireCPL0()
      return try e.loadStatusWord(o, UInt64(try e.read(e.segment(o), e.offset(o), as: UInt16.self)))
    }
  }
  static let smswRegister: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.setRegister(o.pointee.dst, e.cpu.pointee.cr0, size: e.size(o))
      return .next
    }
  }
  static let smswMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.write(e.segment(o), e.offset(o), UInt16(truncatingIfNeeded: e.cpu.pointee.cr0))
      return .end
    }
  }
  static let clts: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireCPL0()
      e.cpu.pointee.cr0 &= ~CR0.ts
      updateMode(e.c)
      return .exit(e.ip(after: o))
    }
  }
  static let invlpg: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.invalidate(o) } }
  /// INVD and WBINVD: there are no caches to write back.
  static let cacheControl: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireCPL0()
      return .next
    }
  }
}
