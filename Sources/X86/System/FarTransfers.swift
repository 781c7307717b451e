// SPDX-License-Identifier: Apache-2.0

/// Where control arrives after a transfer that may have gone through a task switch.
struct Arrival {
  var ip: UInt64
  /// A fault of the new task's first instruction (a segment of its task state segment was bad).
  var fault: Fault?

  var completion: Completion {
    if let fault { return .faultAfter(ip, fault) }
    return .exit(ip)
  }
}

/// Far JMP and CALL: direct, through call gates, task gates and task state segments. SDM vol. 2, JMP, CALL; vol. 3, 5.8.
extension Core {
  /// #GP(0) unless `ip` can be fetched from the segment.
  func checkTarget(_ ip: UInt64, in descriptor: Descriptor) throws(Fault) {
    if isLongMode, descriptor.isLongCode {
      let top = Int64(bitPattern: ip) >> 47
      guard top == 0 || top == -1 else { throw .protection() }
    } else {
      guard ip <= UInt64(descriptor.limit) else { throw .protection() }
    }
  }

  /// The descriptor of a far pointer's or gate's selector.
  func targetDescriptor(_ selector: UInt16) throws(Fault) -> Descriptor {
    guard !Core.isNull(selector) else { throw .protection() }
    guard let descriptor = try lookUp(selector) else { throw .protection(selector) }
    return descriptor
  }

  /// The rules for reaching code without a gate: conforming from the same or a lower privilege, other from the same.
  private func checkDirect(_ descriptor: Descriptor) throws(Fault) {
    let selector = descriptor.selector
    guard descriptor.isCode else { throw .protection(selector) }
    if descriptor.isConforming {
      guard descriptor.dpl <= cpl else { throw .protection(selector) }
    } else {
      guard descriptor.rpl <= cpl, descriptor.dpl == cpl else { throw .protection(selector) }
    }
    guard descriptor.isPresent else { throw .notPresent(selector) }
    if isLongMode, descriptor.isLongCode, descriptor.is32Bit { throw .protection(selector) }
  }

  private func checkGatePrivilege(_ gate: Descriptor) throws(Fault) {
    guard gate.dpl >= cpl, gate.dpl >= gate.rpl else { throw .protection(gate.selector) }
  }

  // MARK: JMP

  @inline(never)
  func farJump(_ o: UnsafePointer<Op>, _ selector: UInt16, _ offset: UInt64) throws(Fault) -> Completion {
    if hasParagraphSegments {
      guard offset <= UInt64(cpu.pointee.segments[SegmentIndex.cs].limit) else { throw .protection() }
      setParagraph(SegmentIndex.cs, selector)
      updateMode(c)
      return .exit(offset)
    }
    var target = try targetDescriptor(selector)
    guard target.isSystem else {
      try checkDirect(target)
      try checkTarget(offset, in: target)
      try markAccessed(&target)
      setCodeSegment(target, privilege: cpl)
      updateMode(c)
      return .exit(offset)
    }
    switch target.type {
    case SystemType.callGate16 where !isLongMode, SystemType.callGate32:
      var (code, ip) = try gateTarget(target)
      guard code.isConforming || code.dpl == cpl else { throw .protection(code.selector) }
      try checkTarget(ip, in: code)
      try markAccessed(&code)
      setCodeSegment(code, privilege: cpl)
      updateMode(c)
      return .exit(ip)
    default:
      return try switchTask(to: try task(through: target), cause: .jump, returnIP: self.ip(after: o)).completion
    }
  }

  /// The code segment and entry point behind a call gate, checked as far as JMP and CALL have in common.
  private func gateTarget(_ gate: Descriptor) throws(Fault) -> (Descriptor, UInt64) {
    try checkGatePrivilege(gate)
    guard gate.isPresent else { throw .notPresent(gate.selector) }
    var offset = gate.gateOffset
    if isLongMode { offset |= try upperHalf(of: gate) << 32 }
    let code = try targetDescriptor(gate.gateSelector)
    guard code.isCode, code.dpl <= cpl else { throw .protection(code.selector) }
    if isLongMode, !code.isLongCode || code.is32Bit { throw .protection(code.selector) }
    guard code.isPresent else { throw .notPresent(code.selector) }
    return (code, gate.is386 ? offset : offset & 0xffff)
  }

  /// The task that a far pointer names, as a task state segment or through a task gate.
  private func task(through descriptor: Descriptor) throws(Fault) -> Descriptor {
    guard !isLongMode else { throw .protection(descriptor.selector) }
    try checkGatePrivilege(descriptor)
    switch descriptor.type {
    case SystemType.availableTSS16, SystemType.availableTSS32:
      guard descriptor.isPresent else { throw .notPresent(descriptor.selector) }
      return descriptor
    case SystemType.taskGate:
      guard descriptor.isPresent else { throw .notPresent(descriptor.selector) }
      return try gatedTask(descriptor.gateSelector)
    default: throw .protection(descriptor.selector)
    }
  }

  /// The available task state segment that a task gate names.
  func gatedTask(_ selector: UInt16) throws(Fault) -> Descriptor {
    guard selector & 4 == 0, !Core.isNull(selector), let descriptor = try lookUp(selector), descriptor.isSystem,
      descriptor.type == SystemType.availableTSS16 || descriptor.type == SystemType.availableTSS32
    else { throw .protection(selector) }
    guard descriptor.isPresent else { throw .notPresent(selector) }
    return descriptor
  }

  // MARK: CALL

  @inline(never)
  func farCall(_ o: UnsafePointer<Op>, _ selector: UInt16, _ offset: UInt64) throws(Fault) -> Completion {
    let size = size(o), returnIP = ip(after: o)
    let returnCS = UInt64(cpu.pointee.segments[SegmentIndex.cs].selector)
    var stack = StackCursor(current: self)
    if hasParagraphSegments {
      try stack.checkRoom(self, 2 * size)
      guard offset <= UInt64(cpu.pointee.segments[SegmentIndex.cs].limit) else { throw .protection() }
      try stack.push(self, returnCS, size: size)
      try stack.push(self, returnIP, size: size)
      stack.commit(self)
      setParagraph(SegmentIndex.cs, selector)
      updateMode(c)
      return .exit(offset)
    }
    var target = try targetDescriptor(selector)
    guard target.isSystem else {
      try checkDirect(target)
      try stack.checkRoom(self, 2 * size)
      try checkTarget(offset, in: target)
      try stack.push(self, returnCS, size: size)
      try stack.push(self, returnIP, size: size)
      try markAccessed(&target)
      stack.commit(self)
      setCodeSegment(target, privilege: cpl)
      updateMode(c)
      return .exit(offset)
    }
    switch target.type {
    case SystemType.callGate16 where !isLongMode, SystemType.callGate32:
      return try callGate(target, returnIP: returnIP)
    default:
      return try switchTask(to: try task(through: target), cause: .call, returnIP: returnIP).completion
    }
  }

  private func callGate(_ gate: Descriptor, returnIP: UInt64) throws(Fault) -> Completion {
    var (code, ip) = try gateTarget(gate)
    let returnCS = UInt64(cpu.pointee.segments[SegmentIndex.cs].selector)
    let size = isLongMode ? 8 : gate.is386 ? 4 : 2
    guard !code.isConforming, code.dpl < cpl else {
      var stack = StackCursor(current: self)
      if isLongMode { stack = StackCursor(flat: stackPointer, isSupervisor: cpl != 3) }
      try stack.checkRoom(self, 2 * size)
      try checkTarget(ip, in: code)
      try stack.push(self, returnCS, size: size)
      try stack.push(self, returnIP, size: size)
      try markAccessed(&code)
      stack.commit(self)
      setCodeSegment(code, privilege: cpl)
      updateMode(c)
      return .exit(ip)
    }
    // More privilege: its stack comes from the task state segment, the parameters from the caller's stack.
    let privilege = code.dpl
    let old = StackCursor(current: self)
    let oldSS = UInt64(old.segment.selector)
    let (segment, pointer) = try innerStack(privilege)
    var stack = StackCursor(
      new: segment, pointer: pointer, privilege: privilege, errorCode: UInt32(segment.selector & 0xfffc))
    if isLongMode { stack = StackCursor(flat: pointer, isSupervisor: true) }
    let parameterCount = isLongMode ? 0 : gate.parameterCount
    try stack.checkRoom(self, (4 + parameterCount) * size)
    try checkTarget(ip, in: code)
    try stack.push(self, oldSS, size: size)
    try stack.push(self, old.pointer, size: size)
    for index in stride(from: parameterCount - 1, through: 0, by: -1) {
      try stack.push(self, try old.peek(self, index, size: size), size: size)
    }
    try stack.push(self, returnCS, size: size)
    try stack.push(self, returnIP, size: size)
    try markAccessed(&code)
    setCodeSegment(code, privilege: privilege)
    setSegment(SegmentIndex.ss, segment)
    stack.commit(self)
    updateMode(c)
    return .exit(ip)
  }

  /// SS and (E)SP of an inner privilege level from the task state segment. SDM vol. 3, 5.8.5.
  func innerStack(_ privilege: UInt8) throws(Fault) -> (Segment, UInt64) {
    let tr = cpu.pointee.tr
    let level = UInt64(privilege)
    if isLongMode {
      guard 4 + level * 8 + 7 <= UInt64(tr.limit) else { throw .invalidTSS(tr.selector) }
      let pointer = try readLinear(tr.base &+ 4 &+ level &* 8, as: UInt64.self)
      let top = Int64(bitPattern: pointer) >> 47
      guard top == 0 || top == -1 else { throw .stack() }
      var segment = Segment.null(UInt16(privilege))
      segment.attributes = UInt16(privilege) << 5
      return (segment, pointer)
    }
    let selector: UInt16
    let pointer: UInt64
    if tr.type & 8 != 0 {
      guard 4 + level * 8 + 5 <= UInt64(tr.limit) else { throw .invalidTSS(tr.selector) }
      pointer = UInt64(try readLinear(tr.base &+ 4 &+ level &* 8, as: UInt32.self))
      selector = try readLinear(tr.base &+ 8 &+ level &* 8, as: UInt16.self)
    } else {
      guard 2 + level * 4 + 3 <= UInt64(tr.limit) else { throw .invalidTSS(tr.selector) }
      pointer = UInt64(try readLinear(tr.base &+ 2 &+ level &* 4, as: UInt16.self))
      selector = try readLinear(tr.base &+ 4 &+ level &* 4, as: UInt16.self)
    }
    return (try stackSegment(selector, privilege: privilege) { .invalidTSS($0) }, pointer)
  }

  /// The far pointer in memory: offset of the operand size, then the selector.
  fileprivate func farPointer(_ o: UnsafePointer<Op>) throws(Fault) -> (UInt16, UInt64) {
    let size = size(o), place = offset(o)
    let offset = try read(segment(o), place, size: size)
    let selector = try read(segment(o), (place &+ UInt64(size)) & addressMask(o), as: UInt16.self)
    return (selector, offset)
  }

  /// The far pointer in the instruction: the selector is in the upper half of the immediate.
  fileprivate func immediatePointer(_ o: UnsafePointer<Op>) -> (UInt16, UInt64) {
    let offset = o.pointee.immediate & 0xffff_ffff
    let selector = UInt16(truncatingIfNeeded: o.pointee.immediate >> 32)
    return (selector, size(o) == 2 ? offset & 0xffff : offset)
  }
}

enum FarTransferHandlers {
  static let jumpImmediate: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      let (selector, offset) = e.immediatePointer(o)
      return try e.farJump(o, selector, offset)
    }
  }
  static let jumpMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      let (selector, offset) = try e.farPointer(o)
      return try e.farJump(o, selector, offset)
    }
  }
  static let callImmediate: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      let (selector, offset) = e.immediatePointer(o)
      return try e.farCall(o, selector, offset)
    }
  }
  static let callMemory: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      let (selector, offset) = try e.farPointer(o)
      return try e.farCall(o, selector, offset)
    }
  }
}
