// SPDX-License-Identifier: Apache-2.0

/// FLDCW FNSTCW FNSTSW FNCLEX FNINIT FINCSTP FDECSTP FFREE FFREEP FNOP, and what the 8087 and 80287 had. SDM vol. 2.
extension X87State {
  mutating func setControl(_ value: UInt16) {
    control = value & FCW.stored | FCW.reserved
    updateSummary()
  }
}

enum X87ControlHandlers {
  static let loadControl: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return reading(GeneralAddress.self, UInt16.self, c, o) { value in
      let status = c.cpu.pointee.x87.summarized
      c.cpu.pointee.x87.setControl(value)
      if status & ~c.cpu.pointee.x87.status & FSW.summary != 0 { return errorCleared(c, o, status) }
      return next(c, o)
    }
  }
  static let storeControl: Handler = { c, o in
    return writing(GeneralAddress.self, UInt16.self, c, o) { host in
      UInt16.write(c.cpu.pointee.x87.control, host)
      return next(c, o)
    }
  }
  static let storeStatus: Handler = { c, o in
    return writing(GeneralAddress.self, UInt16.self, c, o) { host in
      c.cpu.pointee.x87.updateSummary()
      UInt16.write(c.cpu.pointee.x87.statusWord, host)
      return next(c, o)
    }
  }
  static let storeStatusAX: Handler = { c, o in
    c.cpu.pointee.x87.updateSummary()
    c[o.op.pointee.dst, as: UInt16.self] = c.cpu.pointee.x87.statusWord
    return next(c, o)
  }
  static let clear: Handler = { c, o in
    let status = c.cpu.pointee.x87.summarized
    c.cpu.pointee.x87.status = status & FSW.conditions
    if status & FSW.summary != 0 { return errorCleared(c, o, status) }
    return next(c, o)
  }
  static let initialize: Handler = { c, o in
    let status = c.cpu.pointee.x87.summarized
    c.cpu.pointee.x87.initialize()
    if status & FSW.summary != 0 { return errorCleared(c, o, status) }
    return next(c, o)
  }
  static let increment: Handler = { c, o in
    x87Register(c, o) { x87, _ in
      x87.top = (x87.top &+ 1) & 7
      x87.status &= ~FSW.c1
    }
  }
  static let decrement: Handler = { c, o in
    x87Register(c, o) { x87, _ in
      x87.top = (x87.top &- 1) & 7
      x87.status &= ~FSW.c1
    }
  }
  static let free: Handler = { c, o in
    x87Register(c, o) { x87, op in
      x87.free(op.dst)
      x87.status &= ~FSW.c1
    }
  }
  static let freePop: Handler = { c, o in
    x87Register(c, o) { x87, op in
      x87.free(op.dst)
      x87.pop()
      x87.status &= ~FSW.c1
    }
  }
  static let noOperation: Handler = { c, o in x87Register(c, o) { _, _ in } }
  /// FENI, FDISI and FSETPM, which only the 8087 and the 80287 know: nothing happens.
  static let ignored: Handler = { c, o in next(c, o) }
}

@inline(never)
private func errorCleared(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ status: UInt16) {
  note(c, o)
  clearX87Error(c, was: status)
  return endInstruction(c, o)
}
