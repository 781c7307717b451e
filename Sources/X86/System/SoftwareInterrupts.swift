// SPDX-License-Identifier: Apache-2.0

/// INT n, INT3, INT1, INTO, BOUND, the undefined opcodes, and the coprocessor's ESC opcodes and WAIT. SDM vol. 2.
enum SoftwareInterruptHandlers {
  static let int: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      // In virtual-8086 mode INT n (but not INT3 and INTO) is for the monitor, unless IOPL is 3.
      if e.isVirtual8086, e.iopl < 3 { throw .protection() }
      return try e.interrupt(UInt8(truncatingIfNeeded: o.pointee.immediate), from: .software, returnIP: e.ip(after: o))
    }
  }
  static let int3: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.interrupt(3, from: .software, returnIP: e.ip(after: o)) }
  }
  static let into: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      guard e.cpu.pointee.overflowFlag else { return .next }
      return try e.interrupt(4, from: .software, returnIP: e.ip(after: o))
    }
  }
  /// INT1 (ICEBP) makes a debug exception that no gate's privilege refuses.
  static let int1: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.interrupt(1, from: .trap, returnIP: e.ip(after: o)) }
  }
  static let bound: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      let size = e.size(o), offset = e.offset(o)
      let lower = try e.read(e.segment(o), offset, size: size)
      let upper = try e.read(e.segment(o), (offset &+ UInt64(size)) & e.addressMask(o), size: size)
      let index = e.register(o.pointee.dst, size: size)
      func signed(_ value: UInt64) -> Int32 {
        size == 2
          ? Int32(Int16(truncatingIfNeeded: value)) : Int32(truncatingIfNeeded: value)
      }
      guard signed(index) >= signed(lower), signed(index) <= signed(upper) else { throw .boundRange }
      return .end
    }
  }
  static let undefined: Handler = { c, o in execute(c, o) { (_, _) throws(Fault) in throw .undefinedOpcode } }

  /// An ESC opcode on a processor without a coprocessor: with CR0.EM and CR0.TS clear nobody answers, so registers and
  /// memory stay as they are. That is how software finds out: FNINIT, FNSTSW over a nonzero word, look at the word.
  static let escape: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      if e.cpu.pointee.cr0 & (CR0.em | CR0.ts) != 0 { throw .deviceNotAvailable }
      return .next
    }
  }
  /// WAIT looks for a pending x87 exception. SDM vol. 1, 8.3.11.
  static let wait: Handler = { c, o in
    let mask = CR0.mp | CR0.ts
    if c.cpu.pointee.cr0 & mask == mask { return fault(c, o, Exception.deviceNotAvailable) }
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return next(c, o)
  }
}
