// SPDX-License-Identifier: Apache-2.0

/// The processor as system code sees it: one pointer, with accesses that throw `Fault`.
///
/// Everything in this folder is cold beside arithmetic and loads, so it is written for readability: operations are
/// methods that either finish or throw before they have changed architectural state.
struct Core {
  let c: UnsafeMutableRawPointer

  @inline(__always) init(_ c: UnsafeMutableRawPointer) { self.c = c }

  @inline(__always) var cpu: UnsafeMutablePointer<CPUState> { c.cpu }

  // MARK: Mode

  @inline(__always) var isProtected: Bool { cpu.pointee.cr0 & CR0.pe != 0 }
  @inline(__always) var isVirtual8086: Bool { cpu.pointee.systemFlags & Flags.vm != 0 }
  /// Real or virtual-8086 mode: selectors are paragraphs.
  @inline(__always) var hasParagraphSegments: Bool { !isProtected || isVirtual8086 }
  /// IA-32e mode, 64-bit or compatibility.
  @inline(__always) var isLongMode: Bool { cpu.pointee.efer & EFER.lma != 0 }
  /// 64-bit mode proper.
  @inline(__always) var is64Bit: Bool { isLongMode && cpu.pointee.segments[1].isLongCode }
  @inline(__always) var cpl: UInt8 { cpu.pointee.cpl }
  @inline(__always) var iopl: UInt8 { UInt8(truncatingIfNeeded: cpu.pointee.systemFlags >> 12) & 3 }

  // MARK: Instruction pointer and stack

  func ip(of o: UnsafePointer<Op>) -> UInt64 { instructionPointer(c, UnsafeRawPointer(o)) }
  func ip(after o: UnsafePointer<Op>) -> UInt64 { followingPointer(c, UnsafeRawPointer(o)) }

  var stackPointer: UInt64 { cpu.pointee.registers[4] }

  /// Writes as much of (E/R)SP as the stack segment's size says.
  func setStackPointer(_ value: UInt64, mask: UInt64) {
    let old = cpu.pointee.registers[4]
    switch mask {
    case 0xffff: cpu.pointee.registers[4] = (old & ~0xffff) | (value & 0xffff)
    default: cpu.pointee.registers[4] = value & mask
    }
  }

  // MARK: Registers by size

  func setRegister(_ offset: UInt8, _ value: UInt64, size: Int) {
    let slot = c + Int(offset)
    switch size {
    case 1: slot.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: slot.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 4: slot.storeBytes(of: value & 0xffff_ffff, as: UInt64.self)
    default: slot.storeBytes(of: value, as: UInt64.self)
    }
  }

  func register(_ offset: UInt8, size: Int) -> UInt64 {
    let slot = c + Int(offset)
    switch size {
    case 1: return UInt64(slot.loadUnaligned(as: UInt8.self))
    case 2: return UInt64(slot.loadUnaligned(as: UInt16.self))
    case 4: return UInt64(slot.loadUnaligned(as: UInt32.self))
    default: return slot.loadUnaligned(as: UInt64.self)
    }
  }

  // MARK: Memory

  /// Turns what an access recorded into a thrown fault.
  @inline(__always) private func check() throws(Fault) {
    if cpu.pointee.pendingVector != 0xff { throw takePending() }
  }

  /// Takes the recorded fault out of the state.
  @inline(never) func takePending() -> Fault {
    let vector = cpu.pointee.pendingVector
    cpu.pointee.pendingVector = 0xff
    return cpu.pointee.pendingHasErrorCode ? Fault(vector, errorCode: cpu.pointee.pendingErrorCode) : Fault(vector)
  }

  /// A read through a segment with its checks, at the current privilege.
  func read<W: Width>(_ segment: Int, _ offset: UInt64, as type: W.Type) throws(Fault) -> W {
    let value = readMemory(c, segment: segment, offset: offset, as: type)
    try check()
    return value
  }

  func write<W: Width>(_ segment: Int, _ offset: UInt64, _ value: W) throws(Fault) {
    writeMemory(c, segment: segment, offset: offset, value)
    try check()
  }

  func read(_ segment: Int, _ offset: UInt64, size: Int) throws(Fault) -> UInt64 {
    switch size {
    case 1: UInt64(try read(segment, offset, as: UInt8.self))
    case 2: UInt64(try read(segment, offset, as: UInt16.self))
    case 4: UInt64(try read(segment, offset, as: UInt32.self))
    default: try read(segment, offset, as: UInt64.self)
    }
  }

  func write(_ segment: Int, _ offset: UInt64, _ value: UInt64, size: Int) throws(Fault) {
    switch size {
    case 1: try write(segment, offset, UInt8(truncatingIfNeeded: value))
    case 2: try write(segment, offset, UInt16(truncatingIfNeeded: value))
    case 4: try write(segment, offset, UInt32(truncatingIfNeeded: value))
    default: try write(segment, offset, value)
    }
  }

  func probe(_ segment: Int, _ offset: UInt64, size: Int) throws(Fault) {
    probeWrite(c, segment: segment, offset: offset, size: size)
    try check()
  }

  /// A read of a system structure: linear address, supervisor privilege unless told otherwise.
  func readLinear<W: Width>(_ address: UInt64, as type: W.Type, supervisor: Bool = true) throws(Fault) -> W {
    let value = X86.readLinear(c, wrap(address), as: type, supervisor: supervisor)
    try check()
    return value
  }

  func writeLinear<W: Width>(_ address: UInt64, _ value: W, supervisor: Bool = true) throws(Fault) {
    X86.writeLinear(c, wrap(address), value, supervisor: supervisor)
    try check()
  }

  /// Linear addresses are 32 bits wide outside IA-32e mode.
  @inline(__always) func wrap(_ address: UInt64) -> UInt64 { isLongMode ? address : address & 0xffff_ffff }

  // MARK: Operands of an op

  /// Operand size in bytes.
  @inline(__always) func size(_ o: UnsafePointer<Op>) -> Int { 1 << Int((o.pointee.flags >> OpFlags.sizeShift) & 3) }

  /// Offset of the memory operand in its segment.
  func offset(_ o: UnsafePointer<Op>) -> UInt64 { effectiveOffset(c, o) }

  /// Address-size mask of the op.
  @inline(__always) func addressMask(_ o: UnsafePointer<Op>) -> UInt64 {
    let flags = o.pointee.flags
    return flags & OpFlags.address16 != 0 ? 0xffff : flags & OpFlags.address32 != 0 ? 0xffff_ffff : ~0
  }

  func segment(_ o: UnsafePointer<Op>) -> Int { Int(o.pointee.segment) }

  // MARK: Flags

  func setZeroFlag(_ isSet: Bool) {
    let flags = cpu.pointee.eflags
    cpu.pointee.setStatusFlags(isSet ? flags | Flags.zf : flags & ~Flags.zf)
  }
}

/// EFLAGS. SDM vol. 1, 3.4.3.
enum Flags {
  static let cf: UInt32 = 1 << 0
  static let pf: UInt32 = 1 << 2
  static let af: UInt32 = 1 << 4
  static let zf: UInt32 = 1 << 6
  static let sf: UInt32 = 1 << 7
  static let tf: UInt32 = 1 << 8
  static let interrupt: UInt32 = 1 << 9
  static let df: UInt32 = 1 << 10
  static let of: UInt32 = 1 << 11
  static let iopl: UInt32 = 3 << 12
  static let nt: UInt32 = 1 << 14
  static let rf: UInt32 = 1 << 16
  static let vm: UInt32 = 1 << 17
  static let ac: UInt32 = 1 << 18
  static let vif: UInt32 = 1 << 19
  static let vip: UInt32 = 1 << 20
  static let id: UInt32 = 1 << 21
  static let status: UInt32 = cf | pf | af | zf | sf | of
}

/// CR0. SDM vol. 3, 2.5.
enum CR0 {
  static let pe: UInt64 = 1 << 0
  static let mp: UInt64 = 1 << 1
  static let em: UInt64 = 1 << 2
  static let ts: UInt64 = 1 << 3
  static let et: UInt64 = 1 << 4
  static let ne: UInt64 = 1 << 5
  static let wp: UInt64 = 1 << 16
  static let am: UInt64 = 1 << 18
  static let nw: UInt64 = 1 << 29
  static let cd: UInt64 = 1 << 30
  static let pg: UInt64 = 1 << 31
  static let defined: UInt64 = pe | mp | em | ts | et | ne | wp | am | nw | cd | pg
}

/// CR4. SDM vol. 3, 2.5.
enum CR4 {
  static let vme: UInt64 = 1 << 0
  static let pvi: UInt64 = 1 << 1
  static let tsd: UInt64 = 1 << 2
  static let de: UInt64 = 1 << 3
  static let pse: UInt64 = 1 << 4
  static let pae: UInt64 = 1 << 5
  static let mce: UInt64 = 1 << 6
  static let pge: UInt64 = 1 << 7
  static let pce: UInt64 = 1 << 8
  static let osfxsr: UInt64 = 1 << 9
  static let osxmmexcpt: UInt64 = 1 << 10
}

/// IA32_EFER. SDM vol. 3, 2.2.1.
enum EFER {
  static let sce: UInt64 = 1 << 0
  static let lme: UInt64 = 1 << 8
  static let lma: UInt64 = 1 << 10
  static let nxe: UInt64 = 1 << 11
}
