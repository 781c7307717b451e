// SPDX-License-Identifier: Apache-2.0

/// CLI STI PUSHF POPF HLT and writes of EFLAGS as a whole. SDM vol. 2; vol. 1, 3.4.3.
extension Core {
  /// Replaces the bits of `mask`. An interrupt that waited for IF, a single step, or RF, is seen when the block is left.
  func writeFlags(_ value: UInt32, mask: UInt32) {
    let old = cpu.pointee.eflags
    let new = old & ~mask | value & mask
    cpu.pointee.eflags = new
    let changed = old ^ new
    if changed & (Flags.tf | Flags.iopl | Flags.vm | Flags.ac) != 0 { updateMode(c) }
  }

  /// EFLAGS bits that IRET may change at this privilege with this operand size; POPF may not set RF.
  func writableFlags(size: Int) -> UInt32 {
    var mask = Flags.status | Flags.tf | Flags.df | Flags.nt
    if cpl == 0 { mask |= Flags.iopl }
    if cpl <= iopl { mask |= Flags.interrupt }
    if size > 2 { mask |= Flags.ac | Flags.id | Flags.rf }
    return mask
  }

  @inline(never)
  fileprivate func popFlags(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    if isVirtual8086, iopl < 3 { throw .protection() }
    let size = size(o)
    var stack = StackCursor(current: self)
    let value = UInt32(truncatingIfNeeded: try stack.pop(self, size: size))
    stack.commit(self)
    let old = cpu.pointee.systemFlags
    writeFlags(value & ~Flags.rf, mask: writableFlags(size: size))
    let new = cpu.pointee.systemFlags
    let matters = Flags.tf | Flags.iopl | Flags.ac
    if (old ^ new) & matters != 0 || new & ~old & Flags.interrupt != 0 { return .exit(ip(after: o)) }
    return .end
  }
}

enum FlagHandlers {
  static let cli: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      if e.cpl > e.iopl { throw .protection() }
      e.cpu.pointee.systemFlags &= ~Flags.interrupt
      return .next
    }
  }
  /// Interrupts are taken after the instruction that follows, so that STI; HLT and STI; RET lose none.
  static let sti: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      if e.cpl > e.iopl { throw .protection() }
      guard e.cpu.pointee.systemFlags & Flags.interrupt == 0 else { return .next }
      e.cpu.pointee.systemFlags |= Flags.interrupt
      // With nothing to hold back, an instruction that follows in the same block needs no shadow: it runs before anybody
      // looks for interrupts.
      if o.pointee.left > 1, !e.cpu.pointee.interruptLine, !e.cpu.pointee.nmiPending, e.cpu.pointee.attention == 0 {
        return .next
      }
      e.cpu.pointee.interruptShadow = 1
      return .exit(e.ip(after: o))
    }
  }
  static let pushf: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      if e.isVirtual8086, e.iopl < 3 { throw .protection() }
      var stack = StackCursor(current: e)
      try stack.push(e, UInt64(e.cpu.pointee.eflags & ~(Flags.vm | Flags.rf)), size: e.size(o))
      stack.commit(e)
      return .end
    }
  }
  static let popf: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.popFlags(o) } }
  static let hlt: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.requireCPL0()
      e.cpu.pointee.isHalted = true
      return .exit(e.ip(after: o))
    }
  }
}
