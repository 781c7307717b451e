// SPDX-License-Identifier: Apache-2.0

/// The run loop: events between instructions, then a chain of blocks, again and again.
extension Processor {
  /// Deliveries in a row without an executed instruction after which `run` returns, so that a guest whose exception
  /// handler faults for ever cannot keep the machine from its other work.
  private static let deliveryLimit = 1000

  /// Executes at most `budget` instructions.
  ///
  /// `exact`: the budget is used up to the last instruction unless something ends the run before; otherwise the run may
  /// end when the next block does not fit. What the guest computes is the same in both cases.
  public func run(budget: Int64, exact: Bool) -> RunExit {
    let cpu = cpu
    guard budget > 0 else { return .budget }
    cpu.pointee.runEnd &+= UInt64(budget)
    cpu.pointee.remaining = budget
    let result = loop(exact: exact)
    cpu.pointee.runEnd &-= UInt64(bitPattern: cpu.pointee.remaining)
    cpu.pointee.remaining = 0
    return result
  }

  private func loop(exact: Bool) -> RunExit {
    let c = c, cpu = cpu
    var deliveries = 0
    var lastRemaining = cpu.pointee.remaining
    while true {
      // A link found missing belongs to the lookup that follows at once, if one does.
      var link = cpu.pointee.blocks.pointee.pendingLink
      cpu.pointee.blocks.pointee.pendingLink = 0

      if cpu.pointee.debugHits != 0 { reportBreakpoints(c) }
      if cpu.pointee.pendingVector != Exception.none {
        if cpu.pointee.remaining == lastRemaining {
          deliveries += 1
          if deliveries > Processor.deliveryLimit { return .attention }
        } else {
          deliveries = 0
          lastRemaining = cpu.pointee.remaining
        }
        deliver(c)
        if cpu.pointee.debugHits != 0 { continue }
        link = 0
      }
      if cpu.pointee.isShutDown { return .shutdown }
      if cpu.pointee.attention != 0 {
        let isRequest = cpu.pointee.attention & Attention.machine != 0
        cpu.pointee.attention = 0
        if isRequest { return .attention }
      }
      if cpu.pointee.interruptShadow == 0 && takeInterrupt() { continue }
      if cpu.pointee.isHalted {
        guard cpu.pointee.interruptLine, cpu.pointee.monitor.endsOnMaskedInterrupt else { return .halted }
        endMonitoring(c)
      }
      guard cpu.pointee.remaining > 0 else { return .budget }

      let isTraced = cpu.pointee.systemFlags & Flags.tf != 0
      let hasBreakpoints = cpu.pointee.debugEnables & DebugEnables.instruction != 0
      if isTraced || hasBreakpoints || cpu.pointee.interruptShadow != 0 {
        step(isTraced: isTraced)
        continue
      }
      // RF lasts for one instruction, and nothing looks at it in this one.
      cpu.pointee.systemFlags &= ~Flags.rf
      updateFlagKey(c)
      let epoch = cpu.pointee.blocks.pointee.flushCount
      guard case .found(let block, let linkage) = lookUp(c, single: false) else { continue }
      let count = Int64(block.pointee.instructionCount)
      if count > cpu.pointee.remaining {
        guard exact else { return .budget }
        step(isTraced: false)
        continue
      }
      if linkage != .nothing {
        connect(block, linkage, link: cpu.pointee.blocks.pointee.flushCount == epoch ? link : 0)
      }
      cpu.pointee.remaining &-= count
      start(block)
      cpu.pointee.currentLeft = 0
    }
  }

  /// Runs a chain that starts with a block.
  func start(_ block: Block) {
    let handler = block.op(0).pointee.handler
    if let entry = cpu.pointee.blocks.pointee.hostCode.entry {
      entry(c, UnsafeRawPointer(block.firstOp), unsafeBitCast(handler, to: UInt.self))
    } else {
      handler(c, UnsafeRawPointer(block.firstOp))
    }
  }

  /// Takes an NMI or an interrupt if one can be; true if so.
  private func takeInterrupt() -> Bool {
    if cpu.pointee.nmiPending && !cpu.pointee.nmiBlocked {
      deliverInterrupt(c, Exception.nmi, .nonMaskable)
      return true
    }
    guard cpu.pointee.interruptLine, cpu.pointee.systemFlags & Flags.interrupt != 0 else { return false }
    let machine = cpu.pointee.machine
    let vector = machine.interruptAcknowledge(machine.context)
    guard let vector = UInt8(exactly: vector) else { return false }
    deliverInterrupt(c, vector, .external)
    return true
  }

  /// Executes one instruction, then raises the single-step trap if TF was set before it.
  func step(isTraced: Bool) {
    let c = c, cpu = cpu
    updateFlagKey(c)
    if cpu.pointee.debugEnables & DebugEnables.instruction != 0, meetsInstructionBreakpoint(c) { return }
    guard case .found(let block, _) = lookUp(c, single: true) else { return }
    cpu.pointee.interruptShadow = 0
    cpu.pointee.systemFlags &= ~Flags.rf
    // A budget of one keeps links and dispatching from going on.
    let rest = cpu.pointee.remaining &- 1
    cpu.pointee.runEnd &-= UInt64(bitPattern: rest)
    cpu.pointee.remaining = 0
    start(block)
    cpu.pointee.currentLeft = 0
    cpu.pointee.runEnd &+= UInt64(bitPattern: rest)
    cpu.pointee.remaining &+= rest
    cpu.pointee.blocks.pointee.pendingLink = 0
    // After MOV SS and POP SS the trap waits for the next boundary; INT n clears TF before it could be raised.
    guard isTraced, cpu.pointee.pendingVector == Exception.none,
      !block.pointee.isSoftwareInterrupt, cpu.pointee.interruptShadow != 2
    else { return }
    cpu.pointee.debugRegisters[6] |= DR6.singleStep
    recordFault(c, Exception.debug)
    cpu.pointee.pendingKind = EventKind.trap
  }

  /// Lets the jump table and, if there is one, the link that was missing lead to the block at `blockIP`.
  private func connect(_ block: Block, _ linkage: Linkage, link: UInt) {
    let linear =
      (cpu.pointee.blockIP &+ cpu.pointee.segmentBases[SegmentIndex.cs]) & cpu.pointee.ipMask
    let isGlobal =
      cpu.pointee.cr0 & CR0.pg != 0 && isGlobalCode(c, linear)
      && (!block.pointee.isSpanning || isGlobalCode(c, ((linear | 0xfff) &+ 1) & cpu.pointee.ipMask))
    let generation = isGlobal ? cpu.pointee.globalGeneration : cpu.pointee.linkGeneration
    if link & Gate.tag != 0 {
      if let word = UnsafeMutableRawPointer(bitPattern: link & ~Gate.tag) {
        Gate.connect(
          word - Gate.target, block, landing: cpu.pointee.blocks.pointee.landing(block), linear: linear,
          generation: generation)
      }
    } else if link != 0 && linkage == .direct {
      cpu.pointee.blocks.pointee.connect(link, block)
    }
    guard cpu.pointee.blocks.pointee.options.contains(.jumpTable) else { return }
    let guardWord = UInt64(generation) << 32 | UInt64(cpu.pointee.modeKey)
    cpu.pointee.blocks.pointee.enterJump(linear, guardWord, block)
  }
}
