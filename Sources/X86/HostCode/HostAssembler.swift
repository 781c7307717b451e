// SPDX-License-Identifier: Apache-2.0

/// A general register of an x86-64 host, by its number in instructions.
enum HostRegister: UInt8 {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
}

/// The operations of opcodes 00…3F and 80…83, by number. SDM vol. 2, appendix A.
enum HostALU: UInt8 {
  case add, or, adc, sbb, and, sub, xor, cmp
}

/// The operations of opcodes C0, C1, D0…D3, by number.
enum HostShift: UInt8 {
  case rol, ror, rcl, rcr, shl, shr, sal, sar
}

/// Condition codes of Jcc, SETcc and CMOVcc. SDM vol. 1, appendix B.
enum HostCondition {
  static let carry: UInt8 = 2, zero: UInt8 = 4, notZero: UInt8 = 5, sign: UInt8 = 8
}

/// An operand in memory: a register plus an index (never RSP), scaled by a power of two, plus a displacement.
struct HostMemory {
  var base: HostRegister?
  var index: HostRegister?
  var scale: UInt8 = 0
  var displacement: Int32 = 0

  init(_ base: HostRegister?, index: HostRegister? = nil, scale: UInt8 = 0, _ displacement: Int = 0) {
    (self.base, self.index, self.scale) = (base, index, scale)
    self.displacement = Int32(truncatingIfNeeded: displacement)
  }
}

/// Writes x86-64 instructions into memory of a fixed size. What does not fit is left out and noted in `isFull`.
///
/// Sizes of operands are 1, 2, 4 or 8 bytes. Reference: SDM vol. 2, chapter 2 (formats) and the instructions' pages.
struct HostAssembler {
  private let bytes: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  /// Bytes written.
  private(set) var count = 0
  private(set) var isFull = false

  init(_ bytes: UnsafeMutablePointer<UInt8>, capacity: Int) {
    (self.bytes, self.capacity) = (bytes, capacity)
  }

  // MARK: Bytes

  private mutating func byte(_ value: UInt8) {
    guard count < capacity else {
      isFull = true
      return
    }
    bytes[count] = value
    count += 1
  }

  private mutating func word(_ value: UInt64, byteCount: Int) {
    for index in 0..<byteCount { byte(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  private mutating func immediate(_ value: Int32, size: UInt8) {
    word(UInt64(bitPattern: Int64(value)), byteCount: size == 8 ? 4 : Int(size))
  }

  /// Prefixes and opcode of an instruction with a register field and an r/m operand, of which `b` and `x` are the base (or
  /// register) and index. `isByte`: registers 4…7 mean SPL…DIL, which takes a REX prefix.
  private mutating func start(
    _ size: UInt8, _ opcode: UInt16, r: UInt8, x: UInt8 = 0, b: UInt8, isByte: Bool = false, rmIsByte: Bool = false
  ) {
    if size == 2 { byte(0x66) }
    var rex: UInt8 = size == 8 ? 8 : 0
    rex |= (r >> 3) << 2 | (x >> 3) << 1 | b >> 3
    if rex != 0 || (isByte && r >= 4) || (rmIsByte && b >= 4) { byte(0x40 | rex) }
    if opcode > 0xff { byte(0x0f) }
    byte(UInt8(truncatingIfNeeded: opcode))
  }

  private mutating func registers(
    _ size: UInt8, _ opcode: UInt16, _ reg: UInt8, _ rm: HostRegister, isByte: Bool = false, rmIsByte: Bool = false
  ) {
    start(size, opcode, r: reg, b: rm.rawValue, isByte: isByte, rmIsByte: rmIsByte)
    byte(0xc0 | (reg & 7) << 3 | rm.rawValue & 7)
  }

  private mutating func memory(_ size: UInt8, _ opcode: UInt16, _ reg: UInt8, _ rm: HostMemory, isByte: Bool = false) {
    let base = rm.base?.rawValue ?? 5
    start(size, opcode, r: reg, x: rm.index?.rawValue ?? 0, b: rm.base?.rawValue ?? 0, isByte: isByte)
    let displacement = rm.displacement
    let isShort = Int32(Int8(truncatingIfNeeded: displacement)) == displacement
    let mode: UInt8 = rm.base == nil || (displacement == 0 && base & 7 != 5) ? 0 : isShort ? 1 : 2
    if rm.index != nil || rm.base == nil || base & 7 == 4 {
      byte(mode << 6 | (reg & 7) << 3 | 4)
      byte(rm.scale << 6 | ((rm.index?.rawValue ?? 4) & 7) << 3 | base & 7)
    } else {
      byte(mode << 6 | (reg & 7) << 3 | base & 7)
    }
    if mode == 1 {
      byte(UInt8(truncatingIfNeeded: displacement))
    } else if mode == 2 || rm.base == nil {
      immediate(displacement, size: 4)
    }
  }

  // MARK: Moves

  /// A 32-bit move clears the upper half; smaller ones keep the rest.
  mutating func move(_ dst: HostRegister, _ src: HostRegister, _ size: UInt8) {
    registers(size, size == 1 ? 0x88 : 0x89, src.rawValue, dst, isByte: size == 1, rmIsByte: size == 1)
  }
  mutating func load(_ dst: HostRegister, _ src: HostMemory, _ size: UInt8) {
    memory(size, size == 1 ? 0x8a : 0x8b, dst.rawValue, src, isByte: size == 1)
  }
  mutating func store(_ dst: HostMemory, _ src: HostRegister, _ size: UInt8) {
    memory(size, size == 1 ? 0x88 : 0x89, src.rawValue, dst, isByte: size == 1)
  }
  /// The value is sign-extended to 64 bits if the size is 8.
  mutating func store(_ dst: HostMemory, _ value: Int32, _ size: UInt8) {
    memory(size, size == 1 ? 0xc6 : 0xc7, 0, dst)
    immediate(value, size: size)
  }
  /// Any value, in the shortest form that does not touch the flags.
  mutating func move(_ dst: HostRegister, _ value: UInt64) {
    if value >> 32 == 0 {
      start(4, 0xb8 | UInt16(dst.rawValue & 7), r: 0, b: dst.rawValue)
      word(value, byteCount: 4)
    } else if UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value))) == value {
      registers(8, 0xc7, 0, dst)
      word(value, byteCount: 4)
    } else {
      start(8, 0xb8 | UInt16(dst.rawValue & 7), r: 0, b: dst.rawValue)
      word(value, byteCount: 8)
    }
  }
  /// Any value, always in as many bytes.
  mutating func moveWide(_ dst: HostRegister, _ value: UInt64) {
    start(8, 0xb8 | UInt16(dst.rawValue & 7), r: 0, b: dst.rawValue)
    word(value, byteCount: 8)
  }
  /// Zero or sign extension of 1, 2 or (sign only) 4 bytes to `size`.
  mutating func extend(_ dst: HostRegister, _ src: HostRegister, from: UInt8, to size: UInt8, signed: Bool) {
    registers(size, extensionOpcode(from, signed), dst.rawValue, src, rmIsByte: from == 1)
  }
  mutating func extend(_ dst: HostRegister, _ src: HostMemory, from: UInt8, to size: UInt8, signed: Bool) {
    memory(size, extensionOpcode(from, signed), dst.rawValue, src)
  }
  private func extensionOpcode(_ from: UInt8, _ signed: Bool) -> UInt16 {
    from == 4 ? 0x63 : (signed ? 0x0fbe : 0x0fb6) | (from == 1 ? 0 : 1)
  }
  mutating func lea(_ dst: HostRegister, _ src: HostMemory, _ size: UInt8) { memory(size, 0x8d, dst.rawValue, src) }
  mutating func moveIf(_ condition: UInt8, _ dst: HostRegister, _ src: HostRegister, _ size: UInt8) {
    registers(size, 0x0f40 | UInt16(condition), dst.rawValue, src)
  }
  /// Sets the low byte to 0 or 1.
  mutating func setIf(_ condition: UInt8, _ dst: HostRegister) {
    registers(1, 0x0f90 | UInt16(condition), 0, dst, rmIsByte: true)
  }
  mutating func swapBytes(_ dst: HostRegister, _ size: UInt8) {
    start(size, 0x0fc8 | UInt16(dst.rawValue & 7), r: 0, b: dst.rawValue)
  }

  /// PREFETCHT0 of a line of memory.
  mutating func prefetch(_ src: HostMemory) { memory(4, 0x0f18, 1, src) }

  // MARK: Arithmetic

  mutating func alu(_ operation: HostALU, _ dst: HostRegister, _ src: HostRegister, _ size: UInt8) {
    registers(
      size, UInt16(operation.rawValue) << 3 | (size == 1 ? 0 : 1), src.rawValue, dst, isByte: size == 1,
      rmIsByte: size == 1)
  }
  mutating func alu(_ operation: HostALU, _ dst: HostRegister, _ value: Int32, _ size: UInt8) {
    let isShort = size != 1 && Int32(Int8(truncatingIfNeeded: value)) == value
    registers(size, size == 1 ? 0x80 : isShort ? 0x83 : 0x81, operation.rawValue, dst, rmIsByte: size == 1)
    if isShort { byte(UInt8(truncatingIfNeeded: value)) } else { immediate(value, size: size) }
  }
  mutating func alu(_ operation: HostALU, _ dst: HostRegister, _ src: HostMemory, _ size: UInt8) {
    memory(size, UInt16(operation.rawValue) << 3 | (size == 1 ? 2 : 3), dst.rawValue, src, isByte: size == 1)
  }
  /// 4 or 8 bytes.
  mutating func alu(_ operation: HostALU, _ dst: HostMemory, _ value: Int32, _ size: UInt8) {
    let isShort = Int32(Int8(truncatingIfNeeded: value)) == value
    memory(size, isShort ? 0x83 : 0x81, operation.rawValue, dst)
    if isShort { byte(UInt8(truncatingIfNeeded: value)) } else { immediate(value, size: size) }
  }
  mutating func test(_ first: HostRegister, _ second: HostRegister, _ size: UInt8) {
    registers(
      size, size == 1 ? 0x84 : 0x85, second.rawValue, first, isByte: size == 1, rmIsByte: size == 1)
  }
  mutating func test(_ first: HostRegister, _ value: Int32, _ size: UInt8) {
    registers(size, size == 1 ? 0xf6 : 0xf7, 0, first, rmIsByte: size == 1)
    immediate(value, size: size)
  }
  mutating func not(_ dst: HostRegister, _ size: UInt8) {
    registers(size, size == 1 ? 0xf6 : 0xf7, 2, dst, rmIsByte: size == 1)
  }
  mutating func negate(_ dst: HostRegister, _ size: UInt8) {
    registers(size, size == 1 ? 0xf6 : 0xf7, 3, dst, rmIsByte: size == 1)
  }
  mutating func shift(_ operation: HostShift, _ dst: HostRegister, _ count: UInt8, _ size: UInt8) {
    registers(size, size == 1 ? 0xc0 : 0xc1, operation.rawValue, dst, rmIsByte: size == 1)
    byte(count)
  }
  /// By CL.
  mutating func shift(_ operation: HostShift, _ dst: HostRegister, _ size: UInt8) {
    registers(size, size == 1 ? 0xd2 : 0xd3, operation.rawValue, dst, rmIsByte: size == 1)
  }
  /// 2 bytes and more.
  mutating func multiply(_ dst: HostRegister, _ src: HostRegister, _ size: UInt8) {
    registers(size, 0x0faf, dst.rawValue, src)
  }
  mutating func multiply(_ dst: HostRegister, _ src: HostRegister, _ value: Int32, _ size: UInt8) {
    registers(size, 0x69, dst.rawValue, src)
    immediate(value, size: size)
  }
  /// Copies a bit of a 32-bit word to CF.
  mutating func bitTest(_ word: HostMemory, _ number: UInt8) {
    memory(4, 0x0fba, 4, word)
    byte(number)
  }

  // MARK: Flow

  /// A conditional jump whose target is not known yet; see `land`.
  mutating func jumpIf(_ condition: UInt8) -> Int {
    byte(0x0f)
    byte(0x80 | condition)
    word(0, byteCount: 4)
    return count
  }
  /// Makes a jump lead to here.
  mutating func land(_ jump: Int) { land(jump, at: count) }
  /// Makes a jump lead to a place so many bytes from the first instruction.
  mutating func land(_ jump: Int, at place: Int) {
    guard !isFull else { return }
    let distance = UInt32(truncatingIfNeeded: place - jump)
    for index in 0..<4 { bytes[jump - 4 + index] = UInt8(truncatingIfNeeded: distance >> UInt32(8 * index)) }
  }
  mutating func jump(to target: HostMemory) { memory(4, 0xff, 4, target) }
  mutating func jump(to target: HostRegister) { registers(4, 0xff, 4, target) }
  mutating func call(_ target: HostRegister) { registers(4, 0xff, 2, target) }
  mutating func push(_ register: HostRegister) {
    start(4, 0x50 | UInt16(register.rawValue & 7), r: 0, b: register.rawValue)
  }
  mutating func pop(_ register: HostRegister) {
    start(4, 0x58 | UInt16(register.rawValue & 7), r: 0, b: register.rawValue)
  }
  mutating func ret() { byte(0xc3) }
}
