// SPDX-License-Identifier: Apache-2.0

/// One decoded instruction: a plain value that execution, the disassembler and the tests read.
///
/// Operands are in Intel order (destination first). Immediates are already sign- or zero-extended to 64 bits as the
/// manual says for the form. A memory operand appears at most once and is described by the `memory…` fields.
public struct Instruction: BitwiseCopyable, Sendable {
  /// What the instruction does; condition codes are in `condition`.
  public var mnemonic: Mnemonic = .invalid
  /// Length in bytes, prefixes included, 1...15.
  public var length: UInt8 = 0
  /// Effective operand size in bytes: 1, 2, 4 or 8 (16, 32 for vector forms).
  public var operandSize: UInt8 = 4
  /// Effective address size in bytes: 2, 4 or 8.
  public var addressSize: UInt8 = 4
  /// Condition code 0...15 of Jcc, SETcc, CMOVcc.
  public var condition: UInt8 = 0
  /// Number of operands in use, 0...4, implicit ones (AL, DX, 1, CL) that the manual writes included.
  public var operandCount: UInt8 = 0
  public var operands: (Operand, Operand, Operand, Operand) = (Operand(), Operand(), Operand(), Operand())
  /// LOCK was present (the decoder reports an illegal LOCK as `.invalid`).
  public var lock = false
  /// F3 (REP, REPE) or F2 (REPNE) was present and is not a mandatory prefix.
  public var repeatPrefix: RepeatPrefix = .none
  /// The effective segment of the memory operand (default or override); for string instructions that of the source.
  public var segment: SegmentRegister = .ds
  /// An explicit segment override prefix was given (kept for the disassembler).
  public var hasSegmentOverride = false
  /// REX or legacy prefix bytes, kept for the disassembler: bit 0 operand size 66h, bit 1 address size 67h, bit 2 REX present, bit 3 REX.W.
  public var prefixBits: UInt8 = 0
  /// Base register of the memory operand 0...15, `noRegister`, or `instructionPointer`.
  public var memoryBase: UInt8 = Instruction.noRegister
  /// Index register 0...15 or `noRegister`.
  public var memoryIndex: UInt8 = Instruction.noRegister
  /// log2 of the scale, 0...3.
  public var memoryScale: UInt8 = 0
  /// Displacement, sign-extended; for `MOV moffs` the whole 64-bit offset. RIP-relative: relative to the next instruction.
  public var displacement: Int64 = 0
  /// First immediate, extended to 64 bits; for relative branches the signed displacement; for far pointers the offset.
  public var immediate: UInt64 = 0
  /// Second immediate: nesting level of ENTER, selector of a far pointer.
  public var immediate2: UInt16 = 0
  /// Mode, privilege and feature requirements that execution must test.
  public var checks: LegalityChecks = []
  /// Opcode map and byte, for diagnostics and the coverage page: map (0 one-byte, 1 0F, 2 0F38, 3 0F3A) << 8 | byte.
  public var opcode: UInt16 = 0
  /// The ModRM byte if any (0 otherwise).
  public var modRM: UInt8 = 0

  /// The mode it was decoded for, which the disassembler needs.
  public var codeSize: CodeSize = .bits32

  public static let noRegister: UInt8 = 0xff
  public static let instructionPointer: UInt8 = 0xfe

  public init() {}

  public struct Operand: BitwiseCopyable, Sendable {
    public var kind: OperandKind = .none
    /// Register number for register kinds. Byte registers: 0...15 are the low bytes; 16...19 are AH, CH, DH, BH.
    public var register: UInt8 = 0
    /// Size in bytes of this operand; 0 where the instruction has none (LEA's memory, INVLPG).
    public var size: UInt8 = 0
    public init(kind: OperandKind = .none, register: UInt8 = 0, size: UInt8 = 0) {
      self.kind = kind
      self.register = register
      self.size = size
    }
  }
}

/// What an operand is.
public enum OperandKind: UInt8, Sendable, BitwiseCopyable {
  case none, register, memory, immediate
  /// Second immediate (ENTER's level); far pointers are one operand of kind `farPointer`.
  case immediate2, farPointer
  /// A branch target relative to the next instruction, displacement in `immediate`.
  case relative
  case segment, control, debug, test
  case x87, mmx, xmm, ymm
  /// A constant the manual writes: 1 of the D0/D1 shift forms.
  case one
}

public enum SegmentRegister: UInt8, Sendable, BitwiseCopyable {
  case es = 0, cs, ss, ds, fs, gs
}

public enum RepeatPrefix: UInt8, Sendable, BitwiseCopyable {
  case none, repeatEqual, repeatNotEqual
}

/// Legality as data: what must hold for the instruction to execute; failing gives the fault named.
public struct LegalityChecks: OptionSet, BitwiseCopyable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// #GP(0) unless CPL is 0 (real mode counts as 0; virtual-8086 always fails).
  public static let cpl0 = LegalityChecks(rawValue: 1 << 0)
  /// #GP(0) unless CPL <= IOPL (CLI, STI; not IN and OUT, which consult the I/O bitmap).
  public static let iopl = LegalityChecks(rawValue: 1 << 1)
  /// #UD in real and virtual-8086 mode (LAR, LSL, VERR, VERW, SLDT, STR, LLDT, LTR, ARPL).
  public static let protectedMode = LegalityChecks(rawValue: 1 << 2)
  /// In virtual-8086 mode #GP(0) unless IOPL is 3 (PUSHF, POPF, INT n, IRET).
  public static let v86IOPL = LegalityChecks(rawValue: 1 << 3)
  /// x87 instruction: #NM if CR0.EM or CR0.TS.
  public static let x87 = LegalityChecks(rawValue: 1 << 4)
  /// MMX: #UD if CR0.EM, #NM if CR0.TS.
  public static let mmx = LegalityChecks(rawValue: 1 << 5)
  /// SSE: #UD if CR0.EM or not CR4.OSFXSR, #NM if CR0.TS.
  public static let sse = LegalityChecks(rawValue: 1 << 6)
}

/// The mode bits that decoding depends on.
public enum CodeSize: UInt8, Sendable, BitwiseCopyable {
  case bits16 = 0, bits32 = 1, bits64 = 2
}
