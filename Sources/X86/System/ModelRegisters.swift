// SPDX-License-Identifier: Apache-2.0

/// Model-specific registers and counters: RDMSR WRMSR RDTSC RDTSCP RDPMC. SDM vol. 4, chapter 2.
enum ModelRegister {
  static let timeStamp: UInt32 = 0x10
  static let platformID: UInt32 = 0x17
  static let apicBase: UInt32 = 0x1b
  static let powerOn: UInt32 = 0x2a
  static let microcode: UInt32 = 0x8b
  static let mtrrCapabilities: UInt32 = 0xfe
  static let l2Control: UInt32 = 0x119
  static let sysenterCS: UInt32 = 0x174
  static let sysenterESP: UInt32 = 0x175
  static let sysenterEIP: UInt32 = 0x176
  static let miscEnable: UInt32 = 0x1a0
  static let debugControl: UInt32 = 0x1d9
  static let pat: UInt32 = 0x277
  /// System configuration, hardware configuration and errata registers of AMD's processors, which system software reads
  /// and sets without asking. Nothing stands behind them: they read as zero.
  static let amdRange: ClosedRange<UInt32> = 0xc001_0000...0xc001_ffff
  /// Number of errata about which OSVW_STATUS says something, and that: a bit is set where system software must work
  /// around one. AMD APM vol. 2, appendix E ("OS-Visible Workarounds").
  static let workaroundCount: UInt32 = 0xc001_0140, workaroundStatus: UInt32 = 0xc001_0141
  static let efer: UInt32 = 0xc000_0080
  static let star: UInt32 = 0xc000_0081
  static let lstar: UInt32 = 0xc000_0082
  static let cstar: UInt32 = 0xc000_0083
  static let syscallMask: UInt32 = 0xc000_0084
  static let fsBase: UInt32 = 0xc000_0100
  static let gsBase: UInt32 = 0xc000_0101
  static let kernelGSBase: UInt32 = 0xc000_0102
  static let tscAux: UInt32 = 0xc000_0103

  /// Where a memory type range register lies in `CPUState.mtrr`, nil if it is none.
  /// Eight variable pairs, eleven fixed ranges, the default type.
  static func mtrrSlot(_ index: UInt32) -> Int? {
    switch index {
    case 0x200...0x20f: Int(index - 0x200)
    case 0x250: 16
    case 0x258, 0x259: Int(index - 0x258) + 17
    case 0x268...0x26f: Int(index - 0x268) + 19
    case 0x2ff: 27
    default: nil
    }
  }

  /// Memory types that PAT and MTRR accept: UC, WC, WT, WP, WB, and UC- in PAT.
  static func isMemoryType(_ value: UInt8) -> Bool { value == 0 || value == 1 || (4...6).contains(value) }
}

extension Core {
  var timeStampCounter: UInt64 {
    let machine = cpu.pointee.machine
    return machine.timeStamp(machine.context) &+ cpu.pointee.tscOffset
  }

  fileprivate func setPair(_ value: UInt64) {
    cpu.pointee.registers[0] = value & 0xffff_ffff
    cpu.pointee.registers[2] = value >> 32
  }

  fileprivate func readTimeStamp() throws(Fault) {
    guard cpu.pointee.features.feature1EDX & F1.tsc != 0 else { throw .undefinedOpcode }
    if cpu.pointee.cr4 & CR4.tsd != 0, cpl != 0 { throw .protection() }
    setPair(timeStampCounter)
  }

  fileprivate func readModelRegister() throws(Fault) -> UInt64 {
    let index = UInt32(truncatingIfNeeded: cpu.pointee.registers[1])
    let features = cpu.pointee.features
    let machine = cpu.pointee.machine
    if let slot = ModelRegister.mtrrSlot(index), features.feature1EDX & F1.mtrr != 0 { return cpu.pointee.mtrr[slot] }
    switch index {
    case ModelRegister.timeStamp: return timeStampCounter
    case ModelRegister.sysenterCS where features.feature1EDX & F1.sep != 0: return cpu.pointee.sysenterCS
    case ModelRegister.sysenterESP where features.feature1EDX & F1.sep != 0: return cpu.pointee.sysenterESP
    case ModelRegister.sysenterEIP where features.feature1EDX & F1.sep != 0: return cpu.pointee.sysenterEIP
    case ModelRegister.pat where features.feature1EDX & F1.pat != 0: return cpu.pointee.pat
    case ModelRegister.mtrrCapabilities where features.feature1EDX & F1.mtrr != 0:
      return 0x508  // eight variable ranges, fixed ranges, write combining
    case ModelRegister.miscEnable where features.family >= 6:
      return 1 | (hasMonitor ? MonitorState.enableBit : 0)  // fast strings, MONITOR
    case ModelRegister.microcode where features.family >= 6: return 1 << 32
    case ModelRegister.platformID, ModelRegister.powerOn, ModelRegister.l2Control, ModelRegister.debugControl:
      // Registers of the P6 family that system software reads without asking; nothing stands behind them here.
      guard features.family >= 6 else { throw .protection() }
      return 0
    case ModelRegister.efer where hasEFER: return cpu.pointee.efer
    case ModelRegister.star where hasSyscall: return cpu.pointee.star
    case ModelRegister.lstar where features.hasLongMode: return cpu.pointee.lstar
    case ModelRegister.cstar where features.hasLongMode: return cpu.pointee.cstar
    case ModelRegister.syscallMask where features.hasLongMode: return cpu.pointee.syscallMask
    case ModelRegister.fsBase where features.hasLongMode: return cpu.pointee.segments[SegmentIndex.fs].base
    case ModelRegister.gsBase where features.hasLongMode: return cpu.pointee.segments[SegmentIndex.gs].base
    case ModelRegister.kernelGSBase where features.hasLongMode: return cpu.pointee.kernelGSBase
    case ModelRegister.tscAux where features.hasTSCAux: return cpu.pointee.tscAux
    case MachineCheckState.range where features.hasMachineCheck: return try readMachineCheck(index)
    case ModelRegister.workaroundCount where features.hasWorkaroundStatus: return 4
    case ModelRegister.workaroundStatus where features.hasWorkaroundStatus: return 0
    case ModelRegister.amdRange where features.isAMD: return 0
    default:
      var value: UInt64 = 0
      guard machine.msrRead(machine.context, index, &value) else { throw .protection() }
      return value
    }
  }

  private var hasSyscall: Bool { cpu.pointee.features.extended1EDX & FX.syscall != 0 }
  private var hasEFER: Bool { cpu.pointee.features.extended1EDX & (FX.syscall | FX.nx | FX.lm) != 0 }

  private func requireCanonical(_ value: UInt64) throws(Fault) {
    let top = Int64(bitPattern: value) >> 47
    guard top == 0 || top == -1 else { throw .protection() }
  }

  fileprivate func writeModelRegister() throws(Fault) {
    let index = UInt32(truncatingIfNeeded: cpu.pointee.registers[1])
    let value = cpu.pointee.registers[0] & 0xffff_ffff | cpu.pointee.registers[2] << 32
    let features = cpu.pointee.features
    let machine = cpu.pointee.machine
    if let slot = ModelRegister.mtrrSlot(index), features.feature1EDX & F1.mtrr != 0 {
      cpu.pointee.mtrr[slot] = try checkedRange(index, value)
      return
    }
    switch index {
    case ModelRegister.timeStamp: cpu.pointee.tscOffset = value &- machine.timeStamp(machine.context)
    case ModelRegister.sysenterCS where features.feature1EDX & F1.sep != 0: cpu.pointee.sysenterCS = value & 0xffff_ffff
    case ModelRegister.sysenterESP where features.feature1EDX & F1.sep != 0:
      try requireCanonical(value)
      cpu.pointee.sysenterESP = value
    case ModelRegister.sysenterEIP where features.feature1EDX & F1.sep != 0:
      try requireCanonical(value)
      cpu.pointee.sysenterEIP = value
    case ModelRegister.pat where features.feature1EDX & F1.pat != 0:
      for index in 0..<8 {
        let type = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
        guard ModelRegister.isMemoryType(type) || type == 7 else { throw .protection() }
      }
      cpu.pointee.pat = value
    case ModelRegister.platformID, ModelRegister.mtrrCapabilities: throw .protection()
    case ModelRegister.miscEnable where features.family >= 6:
      cpu.pointee.monitor.isSwitchedOff = value & MonitorState.enableBit == 0
    case ModelRegister.miscEnable, ModelRegister.microcode, ModelRegister.powerOn, ModelRegister.l2Control,
      ModelRegister.debugControl:
      guard features.family >= 6 else { throw .protection() }
    case ModelRegister.efer where hasEFER: try writeEFER(value)
    case ModelRegister.star where hasSyscall: cpu.pointee.star = value
    case ModelRegister.lstar where features.hasLongMode:
      try requireCanonical(value)
      cpu.pointee.lstar = value
    case ModelRegister.cstar where features.hasLongMode:
      try requireCanonical(value)
      cpu.pointee.cstar = value
    case ModelRegister.syscallMask where features.hasLongMode: cpu.pointee.syscallMask = value & 0xffff_ffff
    case ModelRegister.fsBase where features.hasLongMode: try setBase(SegmentIndex.fs, value)
    case ModelRegister.gsBase where features.hasLongMode: try setBase(SegmentIndex.gs, value)
    case ModelRegister.kernelGSBase where features.hasLongMode:
      try requireCanonical(value)
      cpu.pointee.kernelGSBase = value
    case ModelRegister.tscAux where features.hasTSCAux: cpu.pointee.tscAux = value & 0xffff_ffff
    case MachineCheckState.range where features.hasMachineCheck: try writeMachineCheck(index, value)
    case ModelRegister.amdRange where features.isAMD: break
    default:
      guard machine.msrWrite(machine.context, index, value) else { throw .protection() }
    }
  }

  private func setBase(_ number: Int, _ value: UInt64) throws(Fault) {
    try requireCanonical(value)
    var segment = cpu.pointee.segments[number]
    segment.base = value
    setSegment(number, segment)
    updateMode(c)
  }

  private func writeEFER(_ value: UInt64) throws(Fault) {
    let features = cpu.pointee.features.extended1EDX
    var allowed = EFER.lma
    if features & FX.syscall != 0 { allowed |= EFER.sce }
    if features & FX.nx != 0 { allowed |= EFER.nxe }
    if features & FX.lm != 0 { allowed |= EFER.lme }
    guard value & ~allowed == 0 else { throw .protection() }
    let old = cpu.pointee.efer
    if (value ^ old) & EFER.lme != 0, cpu.pointee.cr0 & CR0.pg != 0 { throw .protection() }
    cpu.pointee.efer = value & ~EFER.lma | old & EFER.lma
    if (value ^ old) & EFER.nxe != 0 { flushTLB(c, keepGlobal: false) }
    updateMode(c)
  }

  /// Refuses reserved bits and undefined memory types. SDM vol. 3, 11.11.2.
  private func checkedRange(_ index: UInt32, _ value: UInt64) throws(Fault) -> UInt64 {
    switch index {
    case 0x2ff:
      guard value & ~0xcff == 0, ModelRegister.isMemoryType(UInt8(truncatingIfNeeded: value)) else {
        throw .protection()
      }
    case 0x200...0x20f:
      guard value >> physicalAddressBits == 0 else { throw .protection() }
      if index & 1 == 0 {
        guard value & 0xf00 == 0, ModelRegister.isMemoryType(UInt8(truncatingIfNeeded: value)) else {
          throw .protection()
        }
      } else {
        guard value & 0x7ff == 0 else { throw .protection() }
      }
    default:
      for index in 0..<8 {
        let type = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
        guard ModelRegister.isMemoryType(type) else { throw .protection() }
      }
    }
    return value
  }
}

enum ModelRegisterHandlers {
  static let rdmsr: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      guard e.cpu.pointee.features.feature1EDX & F1.msr != 0 else { throw .undefinedOpcode }
      try e.requireCPL0()
      e.setPair(try e.readModelRegister())
      return .end
    }
  }
  static let wrmsr: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      guard e.cpu.pointee.features.feature1EDX & F1.msr != 0 else { throw .undefinedOpcode }
      try e.requireCPL0()
      try e.writeModelRegister()
      return .exit(e.ip(after: o))
    }
  }
  static let rdtsc: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.readTimeStamp()
      return .next
    }
  }
  static let rdtscp: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      guard e.cpu.pointee.features.hasTSCAux else { throw .undefinedOpcode }
      try e.readTimeStamp()
      e.cpu.pointee.registers[1] = e.cpu.pointee.tscAux
      return .next
    }
  }
  static let rdpmc: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      guard e.cpu.pointee.features.family >= 6 else { throw .undefinedOpcode }
      if e.cpu.pointee.cr4 & CR4.pce == 0, e.cpl != 0 { throw .protection() }
      // Two counters that never count.
      guard e.cpu.pointee.registers[1] & 0xffff_ffff < 2 else { throw .protection() }
      e.setPair(0)
      return .next
    }
  }
  static let cpuid: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.cpuid()
      return .next
    }
  }
}
