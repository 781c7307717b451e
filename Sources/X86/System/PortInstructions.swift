// SPDX-License-Identifier: Apache-2.0

/// IN and OUT, and the permission that INS and OUTS need as well. SDM vol. 1, chapter 18.
extension Core {
  /// #GP(0) unless IOPL or the I/O permission bitmap of the task allows all `size` ports from `port`.
  func checkPort(_ port: UInt16, size: Int) throws(Fault) {
    guard isProtected, cpl > iopl || isVirtual8086 else { return }
    let tr = cpu.pointee.tr
    guard tr.isPresent, tr.type & 9 == 9, tr.limit >= 103 else { throw .protection() }
    let map = UInt64(try readLinear(tr.base &+ 102, as: UInt16.self))
    let offset = map + UInt64(port >> 3)
    // Two bytes are read, because a wide port may straddle them; both must lie in the segment.
    guard offset + 1 <= UInt64(tr.limit) else { throw .protection() }
    let bits = try readLinear(tr.base &+ offset, as: UInt16.self)
    guard (bits >> (port & 7)) & ((1 << UInt16(size)) - 1) == 0 else { throw .protection() }
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    notePort(port, size: size)
    let machine = cpu.pointee.machine
    return machine.portRead(machine.context, port, UInt8(size))
  }

  func writePort(_ port: UInt16, _ value: UInt32, size: Int) {
    notePort(port, size: size)
    let machine = cpu.pointee.machine
    machine.portWrite(machine.context, port, UInt8(size), value)
  }

  var portInDX: UInt16 { UInt16(truncatingIfNeeded: cpu.pointee.registers[2]) }

  fileprivate func input(_ o: UnsafePointer<Op>, _ port: UInt16) throws(Fault) -> Completion {
    let size = min(size(o), 4)
    try checkPort(port, size: size)
    setRegister(0, UInt64(readPort(port, size: size)), size: size)
    return .end
  }

  fileprivate func output(_ o: UnsafePointer<Op>, _ port: UInt16) throws(Fault) -> Completion {
    let size = min(size(o), 4)
    try checkPort(port, size: size)
    writePort(port, UInt32(truncatingIfNeeded: register(0, size: size)), size: size)
    return .end
  }
}

enum PortHandlers {
  static let inImmediate: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.input(o, UInt16(truncatingIfNeeded: o.pointee.immediate & 0xff)) }
  }
  static let inDX: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.input(o, e.portInDX) } }
  static let outImmediate: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.output(o, UInt16(truncatingIfNeeded: o.pointee.immediate & 0xff)) }
  }
  static let outDX: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.output(o, e.portInDX) } }
}
