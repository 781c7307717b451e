// SPDX-License-Identifier: Apache-2.0

/// What makes control enter a handler.
enum EventSource {
  /// INTR or NMI.
  case interrupt
  /// A fault or abort: the saved image has RF set, so that the instruction may be restarted past a breakpoint.
  case fault
  /// A debug trap: IP is after the instruction.
  case trap
  /// INT n, INT3, INTO: the gate's privilege counts and EXT is clear.
  case software
}

/// Entering handlers through the vector table of real mode and the gates of protected mode. SDM vol. 3, chapter 6.
extension Core {
  /// Enters the handler of `vector` as an instruction (INT n and its kin) does.
  @inline(never)
  func interrupt(_ vector: UInt8, from source: EventSource, returnIP: UInt64) throws(Fault) -> Completion {
    try enter(vector, source, errorCode: nil, returnIP: returnIP).completion
  }

  /// Enters a handler; throws, with nothing changed, the fault that the attempt raises.
  func enter(
    _ vector: UInt8, _ source: EventSource, errorCode: UInt32?, returnIP: UInt64
  ) throws(Fault) -> Arrival {
    endMonitoring(c)
    do {
      if !isProtected { return Arrival(ip: try enterReal(vector, returnIP), fault: nil) }
      if isLongMode { return Arrival(ip: try enterLong(vector, source, errorCode, returnIP), fault: nil) }
      return try enterProtected(vector, source, errorCode, returnIP)
    } catch {
      throw error.external(source != .software)
    }
  }

  private func enterReal(_ vector: UInt8, _ returnIP: UInt64) throws(Fault) -> UInt64 {
    let entry = UInt64(vector) * 4
    guard entry + 3 <= UInt64(cpu.pointee.idtr.limit) else { throw .protection(code: UInt32(vector) * 8 + 2) }
    let pointer = try readLinear(cpu.pointee.idtr.base &+ entry, as: UInt32.self)
    var stack = StackCursor(current: self)
    try stack.checkRoom(self, 6)
    try stack.push(self, UInt64(cpu.pointee.eflags), size: 2)
    try stack.push(self, UInt64(cpu.pointee.segments[SegmentIndex.cs].selector), size: 2)
    try stack.push(self, returnIP, size: 2)
    stack.commit(self)
    setParagraph(SegmentIndex.cs, UInt16(truncatingIfNeeded: pointer >> 16))
    writeFlags(0, mask: Flags.interrupt | Flags.tf | Flags.rf | Flags.ac)
    updateMode(c)
    return UInt64(pointer & 0xffff)
  }

  /// EFLAGS as a handler finds them on its stack.
  private func savedFlags(_ source: EventSource) -> UInt64 {
    UInt64(cpu.pointee.eflags | (source == .fault ? Flags.rf : 0))
  }

  private func enterProtected(
    _ vector: UInt8, _ source: EventSource, _ errorCode: UInt32?, _ returnIP: UInt64
  ) throws(Fault) -> Arrival {
    let entry = UInt64(vector) * 8
    let gateError = UInt32(vector) * 8 + 2
    guard entry + 7 <= UInt64(cpu.pointee.idtr.limit) else { throw .protection(code: gateError) }
    let gate = Descriptor(
      raw: try readLinear(cpu.pointee.idtr.base &+ entry, as: UInt64.self), address: 0, selector: 0)
    switch gate.isSystem ? gate.type : 0 {
    case SystemType.taskGate, SystemType.interruptGate16, SystemType.trapGate16, SystemType.interruptGate32,
      SystemType.trapGate32:
      break
    default: throw .protection(code: gateError)
    }
    if source == .software, gate.dpl < cpl { throw .protection(code: gateError) }
    guard gate.isPresent else { throw .notPresent(code: gateError) }
    if gate.type == SystemType.taskGate {
      return try enterTask(gate, source, errorCode, returnIP)
    }
    var code = try targetDescriptor(gate.gateSelector)
    guard code.isCode, code.dpl <= cpl else { throw .protection(code.selector) }
    guard code.isPresent else { throw .notPresent(code.selector) }
    let target = gate.is386 ? gate.gateOffset : gate.gateOffset & 0xffff
    let size = gate.is386 ? 4 : 2
    let isInner = !code.isConforming && code.dpl < cpl
    // From virtual-8086 mode only handlers at level 0 can be reached.
    if isVirtual8086, !isInner || code.dpl != 0 { throw .protection(code.selector) }
    let privilege = isInner ? code.dpl : cpl
    var stack = StackCursor(current: self)
    let oldSS = UInt64(stack.segment.selector), oldPointer = stack.pointer
    let flags = savedFlags(source)
    let errorSlots = errorCode == nil ? 0 : 1
    if isInner {
      let (segment, pointer) = try innerStack(privilege)
      stack = StackCursor(
        new: segment, pointer: pointer, privilege: privilege, errorCode: UInt32(segment.selector & 0xfffc))
      try stack.checkRoom(self, ((isVirtual8086 ? 9 : 5) + errorSlots) * size)
      try checkTarget(target, in: code)
      if isVirtual8086 {
        for number in [SegmentIndex.gs, SegmentIndex.fs, SegmentIndex.ds, SegmentIndex.es] {
          try stack.push(self, UInt64(cpu.pointee.segments[number].selector), size: size)
        }
      }
      try stack.push(self, oldSS, size: size)
      try stack.push(self, oldPointer, size: size)
    } else {
      try stack.checkRoom(self, (3 + errorSlots) * size)
      try checkTarget(target, in: code)
    }
    try stack.push(self, flags, size: size)
    try stack.push(self, UInt64(cpu.pointee.segments[SegmentIndex.cs].selector), size: size)
    try stack.push(self, returnIP, size: size)
    if let errorCode { try stack.push(self, UInt64(errorCode), size: size) }
    try markAccessed(&code)

    // Nothing can fault from here on.
    if isVirtual8086 {
      for number in [SegmentIndex.gs, SegmentIndex.fs, SegmentIndex.ds, SegmentIndex.es] {
        setSegment(number, .null(0))
      }
    }
    setCodeSegment(code, privilege: privilege)
    if isInner { setSegment(SegmentIndex.ss, stack.segment) }
    stack.commit(self)
    var cleared = Flags.tf | Flags.nt | Flags.rf | Flags.vm
    if gate.type & 1 == 0 { cleared |= Flags.interrupt }
    writeFlags(0, mask: cleared)
    updateMode(c)
    return Arrival(ip: target, fault: nil)
  }

  private func enterTask(
    _ gate: Descriptor, _ source: EventSource, _ errorCode: UInt32?, _ returnIP: UInt64
  ) throws(Fault) -> Arrival {
    let task = try gatedTask(gate.gateSelector)
    // The image of the old task is what other handlers find on their stack.
    if source == .fault { cpu.pointee.systemFlags |= Flags.rf }
    var arrival = try switchTask(to: task, cause: .interrupt, returnIP: returnIP)
    if let fault = arrival.fault {
      arrival.fault = fault.external(source != .software)
    } else if let errorCode {
      var stack = StackCursor(current: self)
      do {
        try stack.push(self, UInt64(errorCode), size: task.is386 ? 4 : 2)
        stack.commit(self)
      } catch {
        arrival.fault = error.external(true)
      }
    }
    return arrival
  }

  // MARK: Events between instructions

  /// Delivers an event at the current IP, and what its delivery raises, until a handler is entered or the processor
  /// shuts down. SDM vol. 3, 6.15, interrupt 8.
  func arrive(_ first: Fault, _ firstSource: EventSource) {
    var event = first
    var source = firstSource
    var chain = FaultChain(cr2: cpu.pointee.cr2)
    cpu.pointee.interruptShadow = 0
    while true {
      // An exception of INT n's or an interrupt's own delivery is an ordinary exception.
      let isException = source == .fault
      let arrival: Arrival
      do {
        let errorCode = event.hasErrorCode && isProtected ? event.errorCode : nil
        if event.vector == 1 { cpu.pointee.debugRegisters[7] &= ~(1 << 13) }
        arrival = try enter(event.vector, source, errorCode: errorCode, returnIP: cpu.pointee.blockIP)
      } catch {
        chain.append(event)
        guard isException else {
          (event, source) = (error, .fault)
          continue
        }
        switch (event.faultClass, error.faultClass) {
        case (.doubleFault, .contributory), (.doubleFault, .pageFault), (.doubleFault, .doubleFault):
          cpu.pointee.faultChain = chain
          cpu.pointee.isShutDown = true
          return
        case (.contributory, .contributory), (.pageFault, .contributory), (.pageFault, .pageFault):
          event = .doubleFault
        default: event = error
        }
        source = .fault
        continue
      }
      cpu.pointee.blockIP = arrival.ip
      guard let late = arrival.fault else { return }
      // The registers are the new task's, so what happens begins here.
      chain = FaultChain(cr2: cpu.pointee.cr2)
      (event, source) = (late, .fault)
    }
  }
}

/// Delivers the recorded exception at `blockIP`; afterwards `blockIP` is the handler's, or the processor is shut down.
func deliver(_ c: UnsafeMutableRawPointer) {
  let core = Core(c)
  let source: EventSource =
    switch c.cpu.pointee.pendingKind {
    case EventKind.trap: .trap
    case EventKind.software: .software
    case EventKind.external: .interrupt
    default: .fault
    }
  core.arrive(core.takePending(), source)
}

/// What kind of interrupt `deliverInterrupt` enters.
enum InterruptKind { case external, nonMaskable }

/// Takes an interrupt between two instructions: ends HLT and MWAIT, enters the handler, blocks further NMIs if it is one.
func deliverInterrupt(_ c: UnsafeMutableRawPointer, _ vector: UInt8, _ kind: InterruptKind) {
  c.cpu.pointee.isHalted = false
  if kind == .nonMaskable {
    c.cpu.pointee.nmiPending = false
    c.cpu.pointee.nmiBlocked = true
  }
  Core(c).arrive(Fault(vector), .interrupt)
}
