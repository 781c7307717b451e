// SPDX-License-Identifier: Apache-2.0

/// What decoding came to.
public enum DecodeResult: UInt8, Sendable, BitwiseCopyable {
  /// The instruction is complete.
  case ok
  /// The bytes given end inside the instruction.
  case needsMoreBytes
  /// No such instruction: #UD. `length` tells how many bytes were looked at.
  case invalid
  /// More than 15 bytes: #GP(0).
  case tooLong
}

/// Turns bytes into an `Instruction`. It never allocates and never traps, whatever the bytes.
///
/// Follows Intel where vendors differ: 66h does not change near branches of 64-bit code, MOV to and from CRn and DRn
/// ignores ModRM.mod, LOCK before anything but a lockable operation on memory is #UD. The implicit memory operands of
/// string instructions and XLAT are not listed in `operands`; `segment` and `addressSize` describe them.
///
/// *Not decoded:* VEX, EVEX, XOP, 3DNow!, VMX, SVM and the 386's test registers, which are #UD.
/// *Reference:* Intel SDM volume 2, chapter 2 and appendix A.
public enum Decoder {
  /// The longest legal instruction, in bytes.
  public static let maximumLength = 15

  /// Decodes the instruction at `bytes`, of which `available` may be read.
  ///
  /// - Returns: `.ok`, or why there is no instruction; `instruction` is complete only with `.ok`.
  public static func decode(
    _ bytes: UnsafePointer<UInt8>, available: Int, size: CodeSize, into instruction: inout Instruction
  ) -> DecodeResult {
    instruction = Instruction()
    let limit = available < maximumLength ? available : maximumLength
    var reader = InstructionReader(bytes: bytes, limit: limit, size: size)
    reader.readPrefixes()
    let valid = reader.readInstruction(&instruction)
    if reader.overrun { return available < maximumLength ? .needsMoreBytes : .tooLong }
    instruction.length = UInt8(truncatingIfNeeded: reader.position)
    return valid ? .ok : .invalid
  }
}

/// The state of one decoding: the cursor, the prefixes, the sizes that follow from them.
struct InstructionReader {
  let bytes: UnsafePointer<UInt8>
  let limit: Int
  let size: CodeSize
  var position = 0
  /// A byte past the limit was wanted; it read as 0.
  var overrun = false

  var hasOperandSizePrefix = false
  var hasAddressSizePrefix = false
  var rex: UInt8 = 0
  var repeatPrefix = RepeatPrefix.none
  var lock = false
  var override: SegmentRegister?

  var operandSize: UInt8 = 4
  var addressSize: UInt8 = 4
  var hasModRM = false
  var modRM: UInt8 = 0

  init(bytes: UnsafePointer<UInt8>, limit: Int, size: CodeSize) {
    self.bytes = bytes
    self.limit = limit
    self.size = size
  }

  var is64: Bool { size == .bits64 }
  var rexW: Bool { rex & 8 != 0 }
  var mod: UInt8 { modRM &>> 6 }
  var reg: UInt8 { (modRM &>> 3) & 7 }
  var rm: UInt8 { modRM & 7 }
  /// ModRM.reg and ModRM.rm with the bits of REX.
  var wideReg: UInt8 { reg | (rex & 4) &<< 1 }
  var wideRM: UInt8 { rm | (rex & 1) &<< 3 }
  /// The size of letter z: 16 or 32 bits.
  var zSize: UInt8 { operandSize == 2 ? 2 : 4 }

  @inline(__always)
  mutating func byte() -> UInt8 {
    guard position < limit else {
      overrun = true
      return 0
    }
    let value = bytes[position]
    position &+= 1
    return value
  }

  /// A little-endian number of 1, 2, 4 or 8 bytes, zero-extended.
  @inline(__always)
  mutating func number(_ byteCount: UInt8) -> UInt64 {
    guard position &+ Int(byteCount) <= limit else {
      overrun = true
      return 0
    }
    let raw = UnsafeRawPointer(bytes + position)
    position &+= Int(byteCount)
    switch byteCount {
    case 1: return UInt64(raw.load(as: UInt8.self))
    case 2: return UInt64(UInt16(littleEndian: raw.loadUnaligned(as: UInt16.self)))
    case 4: return UInt64(UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self)))
    default: return UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
    }
  }

  @inline(__always)
  mutating func signedNumber(_ byteCount: UInt8) -> Int64 {
    let value = Int64(bitPattern: number(byteCount))
    let unused = Int64(64) &- Int64(byteCount) &* 8
    return (value &<< unused) &>> unused
  }

  /// Consumes legacy prefixes and REX. A REX that is not the last prefix has no effect.
  @inline(__always)
  mutating func readPrefixes() {
    while position < limit {
      let value = bytes[position]
      switch value {
      case 0x26: setOverride(.es)
      case 0x2e: setOverride(.cs)
      case 0x36: setOverride(.ss)
      case 0x3e: setOverride(.ds)
      case 0x64: setOverride(.fs)
      case 0x65: setOverride(.gs)
      case 0x66: hasOperandSizePrefix = true
      case 0x67: hasAddressSizePrefix = true
      case 0xf0: lock = true
      case 0xf2: repeatPrefix = .repeatNotEqual
      case 0xf3: repeatPrefix = .repeatEqual
      case 0x40...0x4f:
        guard is64 else { return }
        rex = value
        position &+= 1
        continue
      default: return
      }
      rex = 0
      position &+= 1
    }
  }

  /// In 64-bit mode only FS and GS can be overrides.
  private mutating func setOverride(_ segment: SegmentRegister) {
    if is64, segment != .fs, segment != .gs { return }
    override = segment
  }

  /// Reads the opcode and all that follows; false if there is no such instruction.
  mutating func readInstruction(_ instruction: inout Instruction) -> Bool {
    let opcode = byte()
    instruction.opcode = UInt16(opcode)
    var row = oneByteRows[Int(opcode)]
    setSizes()
    if row.link != .leaf {
      guard follow(&row, &instruction) else { return false }
    }
    guard row.mnemonic != .invalid else { return false }
    if is64 {
      if row.flags.contains(.i64) { return false }
      if row.flags.contains(.f64) {
        operandSize = 8
      } else if row.flags.contains(.d64), operandSize == 4 {
        operandSize = 8
      }
    } else if row.flags.contains(.o64) {
      return false
    }
    if row.flags.contains(.noW), operandSize == 8 { operandSize = 4 }

    instruction.mnemonic = row.mnemonic
    instruction.operandSize = operandSize
    instruction.addressSize = addressSize
    instruction.codeSize = size
    instruction.checks = row.checks
    instruction.repeatPrefix = repeatPrefix
    instruction.lock = lock
    if let override {
      instruction.segment = override
      instruction.hasSegmentOverride = true
    }
    if row.flags.contains(.condition) { instruction.condition = UInt8(truncatingIfNeeded: instruction.opcode) & 15 }
    var bits: UInt8 = hasOperandSizePrefix ? 1 : 0
    if hasAddressSizePrefix { bits |= 2 }
    if rex != 0 { bits |= rexW ? 12 : 4 }
    instruction.prefixBits = bits

    if row.a != .none {
      guard readOperands(row, &instruction) else { return false }
    }
    instruction.modRM = modRM
    if row.flags.contains(.byte) { instruction.operandSize = 1 }
    if row.mnemonic == .cmpxchg8b, operandSize == 8 { instruction.mnemonic = .cmpxchg16b }
    if lock { return row.flags.contains(.lock) && instruction.operands.0.kind == .memory }
    return true
  }

  @inline(__always)
  private mutating func setSizes() {
    switch size {
    case .bits16:
      operandSize = hasOperandSizePrefix ? 4 : 2
      addressSize = hasAddressSizePrefix ? 4 : 2
    case .bits32:
      operandSize = hasOperandSizePrefix ? 2 : 4
      addressSize = hasAddressSizePrefix ? 2 : 4
    case .bits64:
      operandSize = rexW ? 8 : hasOperandSizePrefix ? 2 : 4
      addressSize = hasAddressSizePrefix ? 4 : 8
    }
  }

  @inline(__always)
  mutating func readModRM() {
    guard !hasModRM else { return }
    hasModRM = true
    modRM = byte()
  }

  @inline(__always)
  private func hasMemoryForm(_ row: DecodeRow) -> Bool { !row.flags.contains(.control) && mod != 3 }

  /// Walks from row to row until one is an instruction.
  private mutating func follow(_ row: inout DecodeRow, _ instruction: inout Instruction) -> Bool {
    while true {
      switch row.link {
      case .leaf:
        return true
      case .twoByte:
        let opcode = byte()
        instruction.opcode = 1 &<< 8 | UInt16(opcode)
        row = twoByteRows[Int(opcode)]
      case .map0F38:
        let opcode = byte()
        instruction.opcode = 2 &<< 8 | UInt16(opcode)
        guard !overrun, select(vectorRows0F38.span, opcode, &row) else { return false }
      case .map0F3A:
        let opcode = byte()
        instruction.opcode = 3 &<< 8 | UInt16(opcode)
        guard !overrun, select(vectorRows0F3A.span, opcode, &row) else { return false }
      case .vector:
        guard select(vectorRows0F.span, row.position, &row) else { return false }
      case .group:
        readModRM()
        row.descend(to: groupRows[Int(row.index) &* 8 &+ Int(reg)])
      case .mod:
        readModRM()
        row.descend(to: modRows[Int(row.index) &* 2 &+ (mod == 3 ? 1 : 0)])
      case .rm:
        readModRM()
        row.descend(to: rmRows[Int(row.index) &* 8 &+ Int(rm)])
      case .mode:
        row = modeRows[Int(row.index) &* 2 &+ (is64 ? 1 : 0)]
      case .nop:
        if rex & 1 != 0 {
          row = oneByteRows[0x91]
        } else if repeatPrefix == .repeatEqual {
          row = DecodeRow(leaf: .pause)
          repeatPrefix = .none
        } else {
          row = DecodeRow(leaf: .nop)
        }
        return true
      case .x87:
        readModRM()
        let place = Int(row.position & 7) &* 8 &+ Int(reg)
        row = mod == 3 ? x87RegisterRows[place] : x87MemoryRows[place]
      case .x87RM:
        row = x87RMRows[Int(row.index) &* 8 &+ Int(rm)]
      }
    }
  }

  /// Finds the row of a mandatory prefix by bisection and takes the prefix away from the operation.
  private mutating func select(_ rows: Span<VectorRow>, _ opcode: UInt8, _ row: inout DecodeRow) -> Bool {
    let prefix: MandatoryPrefix =
      switch repeatPrefix {
      case .repeatEqual: .xF3
      case .repeatNotEqual: .xF2
      case .none: hasOperandSizePrefix ? .x66 : .np
      }
    let key = VectorRow.key(opcode: opcode, prefix: prefix)
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low &+ high) &>> 1
      if rows[middle].key < key { low = middle &+ 1 } else { high = middle }
    }
    guard low < rows.count, rows[low].key == key else { return false }
    row = rows[low].row
    repeatPrefix = .none
    return true
  }
}

extension DecodeRow {
  /// An instruction without operands.
  @inline(__always)
  init(leaf mnemonic: Mnemonic) {
    self.init(
      mnemonic: mnemonic, flags: [], checks: [], position: 0, link: .leaf, index: 0, a: .none, b: .none, c: .none)
  }

  /// Takes the more precise row; operands it leaves out stay, flags and checks add up.
  @inline(__always)
  mutating func descend(to next: DecodeRow) {
    let outer = self
    self = next
    flags.formUnion(outer.flags)
    checks.formUnion(outer.checks)
    if a == .none {
      a = outer.a
      b = outer.b
      c = outer.c
    }
  }
}
