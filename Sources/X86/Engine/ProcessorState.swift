// SPDX-License-Identifier: Apache-2.0

/// What saves, loads or describes a processor's state: one visit names every field in order.
///
/// A saving visitor reads the values it is given, a loading one replaces them.
public protocol CPUStateVisitor {
  associatedtype Failure: Error
  /// Version of the field list that is visited; see `Processor.stateVersion`.
  var version: Int { get }
  /// A number of up to 64 bits.
  mutating func field(_ name: StaticString, _ value: inout UInt64) throws(Failure)
  /// A run of bytes of variable length.
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(Failure)
  /// What to throw when a loaded value cannot be.
  func invalid(_ name: StaticString) -> Failure
}

extension CPUStateVisitor {
  public var version: Int { Processor.stateVersion }
}

extension Processor {
  /// Version of the field list; raised when a field is added, which is then visited only if the visitor's version has it.
  public static let stateVersion = 4

  /// Visits everything the guest can observe: registers, hidden segment parts, pending events, the instruction count and
  /// the translations that the TLBs hold. Host addresses and decoded code are not part of it.
  ///
  /// Loading decodes into a copy, validates that, and only then changes the processor; after an error nothing has
  /// changed. Only between runs.
  public func visit<V: CPUStateVisitor>(_ visitor: inout V) throws(V.Failure) {
    var image = ProcessorImage(self)
    let before = image
    try image.visit(&visitor)
    if let name = image.problem { throw visitor.invalid(name) }
    if image != before { image.store(in: self) }
  }
}

/// The processor's state as plain values.
struct ProcessorImage: Equatable {
  var general = [UInt64](repeating: 0, count: 16)
  var ip: UInt64 = 0
  var flags: UInt64 = 0
  var cpl: UInt64 = 0
  /// ES CS SS DS FS GS LDTR TR: selector, attributes, limit, base.
  var segments = [UInt64](repeating: 0, count: 32)
  /// GDTR and IDTR: base, limit.
  var tables = [UInt64](repeating: 0, count: 4)
  /// CR0 CR2 CR3 CR4 EFER, four PDPTEs.
  var control = [UInt64](repeating: 0, count: 9)
  var debug = [UInt64](repeating: 0, count: 8)
  /// SYSENTER CS ESP EIP, PAT, TSC offset, STAR, LSTAR, CSTAR, FMASK, KernelGSBase, TSC_AUX.
  var model = [UInt64](repeating: 0, count: 11)
  var mtrr = [UInt64](repeating: 0, count: 32)
  /// IA32_MCG_STATUS, IA32_MCG_CTL, then the banks.
  var machineCheck = [UInt64](repeating: 0, count: 42)
  /// Pending vector, kind, has error code, error code; breakpoints met.
  var pending = [UInt64](repeating: 0, count: 5)
  /// R0...R7 as significand, sign and exponent; FCW, FSW, valid registers, FOP, FIP, FDP and their selectors.
  var x87 = [UInt64](repeating: 0, count: 24)
  /// XMM0...XMM15, low half first, and MXCSR.
  var sse = [UInt64](repeating: 0, count: 33)
  var interruptShadow: UInt64 = 0
  /// Bits: INTR line, NMI pending, NMI blocked, halted, shut down, A20 enabled; waiting in MWAIT, which a masked interrupt
  /// ends; MONITOR switched off.
  var signals: UInt64 = 0
  var monitoredLine = MonitorState.none
  var instructionCount: UInt64 = 0
  var dataTranslations: [UInt8] = []
  var codeTranslations: [UInt8] = []

  init(_ processor: Processor) {
    let cpu = processor.cpu
    for index in 0..<16 { general[index] = cpu.pointee.registers[index] }
    ip = cpu.pointee.blockIP
    flags = UInt64(cpu.pointee.eflags)
    cpl = UInt64(cpu.pointee.cpl)
    for index in 0..<6 { put(cpu.pointee.segments[index], index) }
    put(cpu.pointee.ldtr, 6)
    put(cpu.pointee.tr, 7)
    tables = [
      cpu.pointee.gdtr.base, UInt64(cpu.pointee.gdtr.limit), cpu.pointee.idtr.base, UInt64(cpu.pointee.idtr.limit),
    ]
    control = [cpu.pointee.cr0, cpu.pointee.cr2, cpu.pointee.cr3, cpu.pointee.cr4, cpu.pointee.efer]
    for index in 0..<4 { control.append(cpu.pointee.pdptes[index]) }
    for index in 0..<8 { debug[index] = cpu.pointee.debugRegisters[index] }
    model = [
      cpu.pointee.sysenterCS, cpu.pointee.sysenterESP, cpu.pointee.sysenterEIP, cpu.pointee.pat,
      cpu.pointee.tscOffset, cpu.pointee.star, cpu.pointee.lstar, cpu.pointee.cstar, cpu.pointee.syscallMask,
      cpu.pointee.kernelGSBase, cpu.pointee.tscAux,
    ]
    for index in 0..<32 { mtrr[index] = cpu.pointee.mtrr[index] }
    machineCheck[0] = cpu.pointee.machineCheck.status
    machineCheck[1] = cpu.pointee.machineCheck.control
    for index in 0..<40 { machineCheck[2 + index] = cpu.pointee.machineCheck.banks[index] }
    if cpu.pointee.pendingVector != Exception.none {
      pending = [
        UInt64(cpu.pointee.pendingVector), UInt64(cpu.pointee.pendingKind), cpu.pointee.pendingHasErrorCode ? 1 : 0,
        UInt64(cpu.pointee.pendingErrorCode), 0,
      ]
    } else {
      pending = [UInt64(Exception.none), 0, 0, 0, 0]
    }
    pending[4] = cpu.pointee.debugHits
    putFloating(cpu)
    interruptShadow = UInt64(cpu.pointee.interruptShadow)
    let bits = [
      cpu.pointee.interruptLine, cpu.pointee.nmiPending, cpu.pointee.nmiBlocked, cpu.pointee.isHalted,
      cpu.pointee.isShutDown, cpu.pointee.a20Enabled, cpu.pointee.monitor.isWaiting,
      cpu.pointee.monitor.endsOnMaskedInterrupt, cpu.pointee.monitor.isSwitchedOff,
    ]
    for (index, bit) in bits.enumerated() where bit { signals |= 1 << UInt64(index) }
    monitoredLine = cpu.pointee.monitor.line
    instructionCount = processor.instructionCount
    dataTranslations = cpu.pointee.mmu.pointee.data.encoded
    codeTranslations = cpu.pointee.mmu.pointee.code.encoded
  }

  private mutating func putFloating(_ cpu: UnsafeMutablePointer<CPUState>) {
    for index in 0..<8 {
      x87[2 * index] = cpu.pointee.x87.registers[index].significand
      x87[2 * index + 1] = UInt64(cpu.pointee.x87.registers[index].signExponent)
    }
    x87[16] = UInt64(cpu.pointee.x87.control)
    x87[17] = UInt64(cpu.pointee.x87.statusWord)
    x87[18] = UInt64(cpu.pointee.x87.valid)
    x87[19] = UInt64(cpu.pointee.x87.opcode)
    x87[20] = cpu.pointee.x87.instructionPointer
    x87[21] = cpu.pointee.x87.dataPointer
    x87[22] = UInt64(cpu.pointee.x87.instructionSelector)
    x87[23] = UInt64(cpu.pointee.x87.dataSelector)
    for index in 0..<16 {
      sse[2 * index] = cpu.pointee.sse.registers[index].x
      sse[2 * index + 1] = cpu.pointee.sse.registers[index].y
    }
    sse[32] = UInt64(cpu.pointee.sse.mxcsr)
  }

  private func storeFloating(_ cpu: UnsafeMutablePointer<CPUState>) {
    for index in 0..<8 {
      cpu.pointee.x87.registers[index] = Extended(
        significand: x87[2 * index], signExponent: UInt16(truncatingIfNeeded: x87[2 * index + 1]))
    }
    cpu.pointee.x87.control = UInt16(truncatingIfNeeded: x87[16])
    cpu.pointee.x87.statusWord = UInt16(truncatingIfNeeded: x87[17])
    cpu.pointee.x87.valid = UInt8(truncatingIfNeeded: x87[18])
    cpu.pointee.x87.opcode = UInt16(truncatingIfNeeded: x87[19])
    cpu.pointee.x87.instructionPointer = x87[20]
    cpu.pointee.x87.dataPointer = x87[21]
    cpu.pointee.x87.instructionSelector = UInt16(truncatingIfNeeded: x87[22])
    cpu.pointee.x87.dataSelector = UInt16(truncatingIfNeeded: x87[23])
    for index in 0..<16 { cpu.pointee.sse.registers[index] = SIMD2(sse[2 * index], sse[2 * index + 1]) }
    cpu.pointee.sse.mxcsr = UInt32(truncatingIfNeeded: sse[32])
  }

  private mutating func put(_ segment: Segment, _ index: Int) {
    segments[index * 4] = UInt64(segment.selector)
    segments[index * 4 + 1] = UInt64(segment.attributes)
    segments[index * 4 + 2] = UInt64(segment.limit)
    segments[index * 4 + 3] = segment.base
  }

  private func segment(_ index: Int) -> Segment {
    var segment = Segment()
    segment.selector = UInt16(truncatingIfNeeded: segments[index * 4])
    segment.attributes = UInt16(truncatingIfNeeded: segments[index * 4 + 1])
    segment.limit = UInt32(truncatingIfNeeded: segments[index * 4 + 2])
    segment.base = segments[index * 4 + 3]
    return segment
  }

  mutating func visit<V: CPUStateVisitor>(_ visitor: inout V) throws(V.Failure) {
    try visitor.words("general", &general)
    try visitor.field("ip", &ip)
    try visitor.field("eflags", &flags)
    try visitor.field("cpl", &cpl)
    try visitor.words("segments", &segments)
    try visitor.words("tables", &tables)
    try visitor.words("control", &control)
    try visitor.words("debug", &debug)
    try visitor.words("model", &model)
    try visitor.words("mtrr", &mtrr)
    try visitor.words("machine_check", &machineCheck)
    try visitor.words("x87", &x87)
    try visitor.words("sse", &sse)
    try visitor.words("pending", &pending)
    try visitor.field("interrupt_shadow", &interruptShadow)
    try visitor.field("signals", &signals)
    // Version 1 knew no MONITOR.
    if visitor.version >= 2 {
      try visitor.field("monitored_line", &monitoredLine)
    } else {
      monitoredLine = MonitorState.none
    }
    try visitor.field("instruction_count", &instructionCount)
    try visitor.bytes("data_translations", &dataTranslations)
    try visitor.bytes("code_translations", &codeTranslations)
    if visitor.version < 4 { try adoptSmallTables(visitor) }
  }

  /// Before version 3 the tables had fewer slots, before version 4 that of code. Pages that had different slots then have
  /// different ones now, so all translations fit; only their order is another.
  private mutating func adoptSmallTables<V: CPUStateVisitor>(_ visitor: V) throws(V.Failure) {
    let (dataSlots, codeSlots) = visitor.version < 3 ? (2048, 1024) : (MMU.slotCount, 4096)
    guard let data = TranslationTable.reordered(dataTranslations, from: dataSlots, to: MMU.slotCount) else {
      throw visitor.invalid("data_translations")
    }
    guard let code = TranslationTable.reordered(codeTranslations, from: codeSlots, to: MMU.codeSlotCount) else {
      throw visitor.invalid("code_translations")
    }
    (dataTranslations, codeTranslations) = (data, code)
  }

  /// The first field whose value no processor can have.
  var problem: StaticString? {
    if cpl > 3 { return "cpl" }
    if flags > 0xffff_ffff { return "eflags" }
    for index in 0..<8 {
      if segments[index * 4] > 0xffff || segments[index * 4 + 1] > 0xffff || segments[index * 4 + 2] > 0xffff_ffff {
        return "segments"
      }
    }
    if tables[1] > 0xffff || tables[3] > 0xffff { return "tables" }
    if control[0] & (CR0.pg | CR0.pe) == CR0.pg { return "control" }
    if pending[0] > 0xff || pending[1] > 3 || pending[2] > 1 || pending[3] > 0xffff_ffff || pending[4] > 0xffff {
      return "pending"
    }
    for index in 0..<8 where x87[2 * index + 1] > 0xffff { return "x87" }
    if x87[16] > 0xffff || x87[17] > 0xffff || x87[18] > 0xff || x87[19] > 0x7ff || x87[22] > 0xffff || x87[23] > 0xffff
    {
      return "x87"
    }
    if sse[32] > UInt64(SSEState.mxcsrMask) { return "sse" }
    if interruptShadow > 2 { return "interrupt_shadow" }
    // Who waits in MWAIT is halted and has a line to wait for.
    if signals > 511 || signals & 0x48 == 0x40 || signals & 0xc0 == 0x80 { return "signals" }
    if monitoredLine == MonitorState.none {
      if signals & 0x40 != 0 { return "signals" }
    } else if monitoredLine & (MonitorState.lineByteCount - 1) != 0
      || monitoredLine >> MMU.physicalAddressBits != 0
    {
      return "monitored_line"
    }
    if !TranslationTable.isValid(dataTranslations, slotCount: MMU.slotCount) { return "data_translations" }
    if !TranslationTable.isValid(codeTranslations, slotCount: MMU.codeSlotCount, hasAlternatives: true) {
      return "code_translations"
    }
    return nil
  }

  /// Makes this the processor's state.
  func store(in processor: Processor) {
    let cpu = processor.cpu, c = processor.c
    for index in 0..<16 { cpu.pointee.registers[index] = general[index] }
    cpu.pointee.blockIP = ip
    cpu.pointee.eflags = UInt32(truncatingIfNeeded: flags)
    cpu.pointee.systemFlags |= UInt32(truncatingIfNeeded: flags) & (Flags.vm | Flags.rf)
    cpu.pointee.cpl = UInt8(truncatingIfNeeded: cpl)
    for index in 0..<6 { cpu.pointee.segments[index] = segment(index) }
    cpu.pointee.ldtr = segment(6)
    cpu.pointee.tr = segment(7)
    cpu.pointee.gdtr.base = tables[0]
    cpu.pointee.gdtr.limit = UInt16(truncatingIfNeeded: tables[1])
    cpu.pointee.idtr.base = tables[2]
    cpu.pointee.idtr.limit = UInt16(truncatingIfNeeded: tables[3])
    cpu.pointee.cr0 = control[0]
    cpu.pointee.cr2 = control[1]
    cpu.pointee.cr3 = control[2]
    cpu.pointee.cr4 = control[3]
    cpu.pointee.efer = control[4]
    for index in 0..<4 { cpu.pointee.pdptes[index] = control[5 + index] }
    for index in 0..<8 { cpu.pointee.debugRegisters[index] = debug[index] }
    cpu.pointee.sysenterCS = model[0]
    cpu.pointee.sysenterESP = model[1]
    cpu.pointee.sysenterEIP = model[2]
    cpu.pointee.pat = model[3]
    cpu.pointee.tscOffset = model[4]
    cpu.pointee.star = model[5]
    cpu.pointee.lstar = model[6]
    cpu.pointee.cstar = model[7]
    cpu.pointee.syscallMask = model[8]
    cpu.pointee.kernelGSBase = model[9]
    cpu.pointee.tscAux = model[10]
    for index in 0..<32 { cpu.pointee.mtrr[index] = mtrr[index] }
    cpu.pointee.machineCheck.status = machineCheck[0]
    cpu.pointee.machineCheck.control = machineCheck[1]
    for index in 0..<40 { cpu.pointee.machineCheck.banks[index] = machineCheck[2 + index] }
    storeFloating(cpu)
    cpu.pointee.pendingVector = UInt8(truncatingIfNeeded: pending[0])
    cpu.pointee.pendingKind = UInt8(truncatingIfNeeded: pending[1])
    cpu.pointee.pendingHasErrorCode = pending[2] != 0
    cpu.pointee.pendingErrorCode = UInt32(truncatingIfNeeded: pending[3])
    cpu.pointee.debugHits = pending[4]
    cpu.pointee.interruptShadow = UInt8(truncatingIfNeeded: interruptShadow)
    cpu.pointee.interruptLine = signals & 1 != 0
    cpu.pointee.nmiPending = signals & 2 != 0
    cpu.pointee.nmiBlocked = signals & 4 != 0
    cpu.pointee.isHalted = signals & 8 != 0
    cpu.pointee.isShutDown = signals & 16 != 0
    cpu.pointee.a20Enabled = signals & 32 != 0
    cpu.pointee.monitor.isWaiting = signals & 64 != 0
    cpu.pointee.monitor.endsOnMaskedInterrupt = signals & 128 != 0
    cpu.pointee.monitor.isSwitchedOff = signals & 256 != 0
    cpu.pointee.monitor.line = monitoredLine
    watchMonitoredPage(c)
    cpu.pointee.runEnd = instructionCount
    cpu.pointee.remaining = 0
    cpu.pointee.currentLeft = 0
    flushTLB(c, keepGlobal: false)
    cpu.pointee.mmu.pointee.data.load(dataTranslations)
    cpu.pointee.mmu.pointee.code.load(codeTranslations)
    // RAM may have been loaded with the state.
    flushBlocks(c)
    processor.invalidateMap()
    updateMode(c)
    updateBreakpoints(c)
  }
}

extension CPUStateVisitor {
  /// Several words of fixed number as little-endian bytes.
  fileprivate mutating func words(_ name: StaticString, _ values: inout [UInt64]) throws(Failure) {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(values.count * 8)
    for value in values { append(value, to: &encoded) }
    try bytes(name, &encoded)
    guard encoded.count == values.count * 8 else { throw invalid(name) }
    for index in values.indices { values[index] = word(encoded, index * 8) }
  }
}

private func append(_ value: UInt64, to bytes: inout [UInt8]) {
  for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
}

private func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
  (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
}

extension TranslationTable {
  /// Set in an encoded entry that is in the second slot of its page.
  private static let isSecond: UInt64 = 1 << 8

  /// The valid translations in slot order: 16 bytes each, linear page and entry.
  fileprivate var encoded: [UInt8] {
    var result: [UInt8] = []
    for index in 0..<slotCount where slots[index].tag != 0 {
      let page = slots[index].tag & ~0xfff
      append(page, to: &result)
      append(
        slots[index].entry & ~Translation.listed | (index == self.index(page) ? 0 : TranslationTable.isSecond),
        to: &result)
    }
    return result
  }

  /// Whether an encoding is one that `encoded` can give.
  fileprivate static func isValid(_ bytes: [UInt8], slotCount: Int, hasAlternatives: Bool = false) -> Bool {
    guard bytes.count % 16 == 0, bytes.count / 16 <= slotCount else { return false }
    var last = -1
    for offset in stride(from: 0, to: bytes.count, by: 16) {
      let linear = word(bytes, offset), entry = word(bytes, offset + 8)
      var index = Int(truncatingIfNeeded: (linear >> 12) & UInt64(slotCount - 1))
      let isSecond = hasAlternatives && entry & TranslationTable.isSecond != 0
      if isSecond { index = alternative(linear, index, slotCount >> 10) }
      guard linear & 0xfff == 0, entry & 0xf80 == (isSecond ? TranslationTable.isSecond : 0), index > last else {
        return false
      }
      guard entry >> MMU.physicalAddressBits == 0 else { return false }
      last = index
    }
    return true
  }

  /// The encoding for a larger table of what a smaller one held; nil if that is not valid.
  fileprivate static func reordered(_ bytes: [UInt8], from smaller: Int, to larger: Int) -> [UInt8]? {
    guard isValid(bytes, slotCount: smaller) else { return nil }
    let pages = stride(from: 0, to: bytes.count, by: 16).map { (linear: word(bytes, $0), entry: word(bytes, $0 + 8)) }
    var result: [UInt8] = []
    for page in pages.sorted(by: { ($0.linear >> 12) & UInt64(larger - 1) < ($1.linear >> 12) & UInt64(larger - 1) }) {
      append(page.linear, to: &result)
      append(page.entry, to: &result)
    }
    return result
  }

  /// Replaces all translations by those of a valid encoding.
  fileprivate mutating func load(_ bytes: [UInt8]) {
    for index in 0..<slotCount { slots[index] = Translation() }
    for offset in stride(from: 0, to: bytes.count, by: 16) {
      let linear = word(bytes, offset)
      let entry = word(bytes, offset + 8)
      let isSecond = entry & TranslationTable.isSecond != 0
      slots[isSecond ? alternative(linear) : index(linear)] = Translation(
        tag: linear | 1, entry: entry & ~TranslationTable.isSecond)
    }
    relist()
  }
}
