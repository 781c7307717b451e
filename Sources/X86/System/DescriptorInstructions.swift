// SPDX-License-Identifier: Apache-2.0

/// LAR LSL VERR VERW ARPL, LLDT LTR SLDT STR, LGDT LIDT SGDT SIDT. SDM vol. 2.
extension Core {
  /// The r/m16 operand: a register, or memory.
  fileprivate func selector(
    _ o: UnsafePointer<Op>, _ isMemory: Bool, _ registerOffset: UInt8
  ) throws(Fault) -> UInt16 {
    isMemory
      ? try read(segment(o), offset(o), as: UInt16.self)
      : UInt16(truncatingIfNeeded: register(registerOffset, size: 2))
  }

  fileprivate func requireProtectedMode() throws(Fault) {
    if hasParagraphSegments { throw .undefinedOpcode }
  }

  fileprivate func requireSupervisor() throws(Fault) {
    if cpl != 0 { throw .protection() }
  }

  /// The descriptor if it exists and a program at this level may see it.
  private func visible(_ selector: UInt16) throws(Fault) -> Descriptor? {
    guard !Core.isNull(selector), let descriptor = try lookUp(selector) else { return nil }
    if !descriptor.isConforming, descriptor.dpl < max(cpl, descriptor.rpl) { return nil }
    return descriptor
  }

  fileprivate func loadAccessRights(_ o: UnsafePointer<Op>, _ isMemory: Bool) throws(Fault) -> Completion {
    try requireProtectedMode()
    guard let descriptor = try visible(try selector(o, isMemory, o.pointee.src)), hasAccessRights(descriptor) else {
      setZeroFlag(false)
      return .next
    }
    setRegister(o.pointee.dst, UInt64(descriptor.high & 0x00f0_ff00), size: size(o))
    setZeroFlag(true)
    return .next
  }

  private func hasAccessRights(_ descriptor: Descriptor) -> Bool {
    guard descriptor.isSystem else { return true }
    switch descriptor.type {
    case SystemType.availableTSS16, SystemType.busyTSS16, SystemType.callGate16, SystemType.taskGate: return !isLongMode
    case SystemType.ldt, SystemType.availableTSS32, SystemType.busyTSS32, SystemType.callGate32: return true
    default: return false
    }
  }

  fileprivate func loadSegmentLimit(_ o: UnsafePointer<Op>, _ isMemory: Bool) throws(Fault) -> Completion {
    try requireProtectedMode()
    guard let descriptor = try visible(try selector(o, isMemory, o.pointee.src)), hasLimit(descriptor) else {
      setZeroFlag(false)
      return .next
    }
    setRegister(o.pointee.dst, UInt64(descriptor.limit), size: size(o))
    setZeroFlag(true)
    return .next
  }

  private func hasLimit(_ descriptor: Descriptor) -> Bool {
    guard descriptor.isSystem else { return true }
    switch descriptor.type {
    case SystemType.availableTSS16, SystemType.busyTSS16: return !isLongMode
    case SystemType.ldt, SystemType.availableTSS32, SystemType.busyTSS32: return true
    default: return false
    }
  }

  fileprivate func verify(_ o: UnsafePointer<Op>, _ isMemory: Bool, writing: Bool) throws(Fault) -> Completion {
    try requireProtectedMode()
    var isAllowed = false
    if let descriptor = try visible(try selector(o, isMemory, o.pointee.dst)) {
      isAllowed = writing ? descriptor.isWritableData : descriptor.isReadable
    }
    setZeroFlag(isAllowed)
    return .next
  }

  fileprivate func adjustRPL(_ o: UnsafePointer<Op>, _ isMemory: Bool) throws(Fault) -> Completion {
    try requireProtectedMode()
    let source = UInt16(truncatingIfNeeded: register(o.pointee.src, size: 2))
    let target =
      isMemory
      ? try read(segment(o), offset(o), as: UInt16.self)
      : UInt16(truncatingIfNeeded: register(o.pointee.dst, size: 2))
    let needsRaise = target & 3 < source & 3
    if needsRaise {
      let raised = target & ~3 | source & 3
      if isMemory {
        try write(segment(o), offset(o), raised)
      } else {
        setRegister(o.pointee.dst, UInt64(raised), size: 2)
      }
    }
    setZeroFlag(needsRaise)
    return .end
  }

  fileprivate func loadLocalTable(_ selector: UInt16) throws(Fault) {
    if Core.isNull(selector) {
      cpu.pointee.ldtr = .null(selector)
      return
    }
    guard selector & 4 == 0, let descriptor = try lookUp(selector), descriptor.isSystem,
      descriptor.type == SystemType.ldt
    else { throw .protection(selector) }
    guard descriptor.isPresent else { throw .notPresent(selector) }
    var segment = descriptor.segment
    if isLongMode { segment.base |= try upperHalf(of: descriptor) << 32 }
    cpu.pointee.ldtr = segment
  }

  fileprivate func loadTaskRegister(_ selector: UInt16) throws(Fault) {
    guard !Core.isNull(selector) else { throw .protection() }
    guard selector & 4 == 0, let descriptor = try lookUp(selector), descriptor.isSystem,
      descriptor.type == SystemType.availableTSS32 || descriptor.type == SystemType.availableTSS16 && !isLongMode
    else { throw .protection(selector) }
    guard descriptor.isPresent else { throw .notPresent(selector) }
    var segment = descriptor.segment
    if isLongMode { segment.base |= try upperHalf(of: descriptor) << 32 }
    try setBusy(descriptor, true)
    segment.attributes |= 2
    cpu.pointee.tr = segment
  }

  fileprivate func storeSelector(
    _ o: UnsafePointer<Op>, _ selector: UInt16, _ isMemory: Bool
  ) throws(Fault) -> Completion {
    try requireProtectedMode()
    if isMemory {
      try write(segment(o), offset(o), selector)
      return .end
    }
    setRegister(o.pointee.dst, UInt64(selector), size: size(o))
    return .next
  }

  fileprivate func storeTable(_ o: UnsafePointer<Op>, _ table: DescriptorTableRegister) throws(Fault) -> Completion {
    let offset = offset(o), next = (offset &+ 2) & addressMask(o)
    // The image is 6 or 10 bytes; the operand size does not matter since the 386.
    try probe(segment(o), next, size: is64Bit ? 8 : 4)
    try write(segment(o), offset, table.limit)
    if is64Bit {
      try write(segment(o), next, table.base)
    } else {
      try write(segment(o), next, UInt32(truncatingIfNeeded: table.base))
    }
    return .end
  }

  fileprivate func tableOperand(_ o: UnsafePointer<Op>) throws(Fault) -> DescriptorTableRegister {
    try requireSupervisor()
    let offset = offset(o), next = (offset &+ 2) & addressMask(o)
    var table = DescriptorTableRegister()
    table.limit = try read(segment(o), offset, as: UInt16.self)
    if is64Bit {
      table.base = try read(segment(o), next, as: UInt64.self)
      let top = Int64(bitPattern: table.base) >> 47
      guard top == 0 || top == -1 else { throw .protection() }
    } else {
      let base = try read(segment(o), next, as: UInt32.self)
      // With a 16-bit operand size only 24 bits of the base are loaded.
      table.base = UInt64(size(o) == 2 ? base & 0xff_ffff : base)
    }
    return table
  }
}

enum DescriptorHandlers {
  static let larRegister: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadAccessRights(o, false) }
  }
  static let larMemory: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadAccessRights(o, true) } }
  static let lslRegister: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadSegmentLimit(o, false) }
  }
  static let lslMemory: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.loadSegmentLimit(o, true) } }
  static let verrRegister: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.verify(o, false, writing: false) }
  }
  static let verrMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.verify(o, true, writing: false) }
  }
  static let verwRegister: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.verify(o, false, writing: true) }
  }
  static let verwMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.verify(o, true, writing: true) }
  }
  static let arplRegister: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.adjustRPL(o, false) } }
  static let arplMemory: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.adjustRPL(o, true) } }

  static let lldtRegister: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.lldt(o, false) } }
  static let lldtMemory: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.lldt(o, true) } }
  static let ltrRegister: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.ltr(o, false) } }
  static let ltrMemory: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.ltr(o, true) } }
  static let sldtRegister: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.storeSelector(o, e.cpu.pointee.ldtr.selector, false) }
  }
  static let sldtMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.storeSelector(o, e.cpu.pointee.ldtr.selector, true) }
  }
  static let strRegister: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.storeSelector(o, e.cpu.pointee.tr.selector, false) }
  }
  static let strMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.storeSelector(o, e.cpu.pointee.tr.selector, true) }
  }

  static let sgdt: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.storeTable(o, e.cpu.pointee.gdtr) }
  }
  static let sidt: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.storeTable(o, e.cpu.pointee.idtr) }
  }
  static let lgdt: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.cpu.pointee.gdtr = try e.tableOperand(o)
      return .next
    }
  }
  static let lidt: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.cpu.pointee.idtr = try e.tableOperand(o)
      return .next
    }
  }
}

extension Core {
  fileprivate func lldt(_ o: UnsafePointer<Op>, _ isMemory: Bool) throws(Fault) -> Completion {
    try requireProtectedMode()
    try requireSupervisor()
    try loadLocalTable(try selector(o, isMemory, o.pointee.dst))
    return .next
  }

  fileprivate func ltr(_ o: UnsafePointer<Op>, _ isMemory: Bool) throws(Fault) -> Completion {
    try requireProtectedMode()
    try requireSupervisor()
    try loadTaskRegister(try selector(o, isMemory, o.pointee.dst))
    return .next
  }
}
