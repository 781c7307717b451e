// SPDX-License-Identifier: Apache-2.0

/// Entering handlers in IA-32e mode: 16-byte gates, 64-bit frames, the interrupt stack table. SDM vol. 3, 6.14.
extension Core {
  func enterLong(
    _ vector: UInt8, _ source: EventSource, _ errorCode: UInt32?, _ returnIP: UInt64
  ) throws(Fault) -> UInt64 {
    let entry = UInt64(vector) * 16
    let gateError = UInt32(vector) * 8 + 2
    guard entry + 15 <= UInt64(cpu.pointee.idtr.limit) else { throw .protection(code: gateError) }
    let gate = Descriptor(
      raw: try readLinear(cpu.pointee.idtr.base &+ entry, as: UInt64.self), address: 0, selector: 0)
    let upper = try readLinear(cpu.pointee.idtr.base &+ entry &+ 8, as: UInt64.self)
    guard gate.isSystem, gate.type == SystemType.interruptGate32 || gate.type == SystemType.trapGate32 else {
      throw .protection(code: gateError)
    }
    if source == .software, gate.dpl < cpl { throw .protection(code: gateError) }
    guard gate.isPresent else { throw .notPresent(code: gateError) }
    var code = try targetDescriptor(gate.gateSelector)
    guard code.isCode, code.dpl <= cpl, code.isLongCode, !code.is32Bit else { throw .protection(code.selector) }
    guard code.isPresent else { throw .notPresent(code.selector) }
    let target = gate.gateOffset | upper << 32
    try checkTarget(target, in: code)
    let isInner = !code.isConforming && code.dpl < cpl
    let privilege = isInner ? code.dpl : cpl
    let old = StackCursor(current: self)
    let stackTable = UInt64(gate.high & 7)
    var pointer = old.pointer & old.mask
    var segment = old.segment
    if stackTable != 0 {
      pointer = try interruptStack(stackTable)
      if isInner { segment = nullStack(privilege) }
    } else if isInner {
      (segment, pointer) = try innerStack(privilege)
    }
    var stack = StackCursor(flat: pointer & ~15, isSupervisor: privilege != 3)
    let flags = UInt64(cpu.pointee.eflags | (source == .fault ? Flags.rf : 0))
    try stack.push(self, UInt64(old.segment.selector), size: 8)
    try stack.push(self, old.pointer & old.mask, size: 8)
    try stack.push(self, flags, size: 8)
    try stack.push(self, UInt64(cpu.pointee.segments[SegmentIndex.cs].selector), size: 8)
    try stack.push(self, returnIP, size: 8)
    if let errorCode { try stack.push(self, UInt64(errorCode), size: 8) }
    try markAccessed(&code)
    setCodeSegment(code, privilege: privilege)
    setSegment(SegmentIndex.ss, segment)
    stack.commit(self)
    var cleared = Flags.tf | Flags.nt | Flags.rf
    if gate.type & 1 == 0 { cleared |= Flags.interrupt }
    writeFlags(0, mask: cleared)
    updateMode(c)
    return target
  }

  private func nullStack(_ privilege: UInt8) -> Segment {
    var segment = Segment.null(UInt16(privilege))
    segment.attributes = UInt16(privilege) << 5
    return segment
  }

  /// An entry of the interrupt stack table, 1...7.
  private func interruptStack(_ index: UInt64) throws(Fault) -> UInt64 {
    let tr = cpu.pointee.tr
    let offset = 0x24 + (index - 1) * 8
    guard offset + 7 <= UInt64(tr.limit) else { throw .invalidTSS(tr.selector) }
    let pointer = try readLinear(tr.base &+ offset, as: UInt64.self)
    let top = Int64(bitPattern: pointer) >> 47
    guard top == 0 || top == -1 else { throw .stack() }
    return pointer
  }
}
