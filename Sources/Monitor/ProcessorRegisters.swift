// SPDX-License-Identifier: Apache-2.0

/// Every register `info registers` shows, and those `$name` in an expression means.
public struct ProcessorRegisters: Hashable, Sendable {
  /// A segment register with its hidden part.
  public struct Segment: Hashable, Sendable {
    public var selector: UInt16
    public var base: UInt64
    /// In bytes, after scaling by the granularity bit.
    public var limit: UInt32
    /// Bits 8 to 23 of the descriptor's second double word, at their places: type at 8, S 12, DPL 13, P 15, AVL 20, L
    /// 21, D/B 22, G 23; other bits zero.
    public var attributes: UInt32

    public init(selector: UInt16 = 0, base: UInt64 = 0, limit: UInt32 = 0xFFFF, attributes: UInt32 = 0) {
      (self.selector, self.base, self.limit, self.attributes) = (selector, base, limit, attributes)
    }
  }

  /// A descriptor table register.
  public struct Table: Hashable, Sendable {
    public var base: UInt64
    public var limit: UInt32
    public init(base: UInt64 = 0, limit: UInt32 = 0xFFFF) { (self.base, self.limit) = (base, limit) }
  }

  /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: the encoding's order. Always 16.
  public var general = [UInt64](repeating: 0, count: 16)
  public var instructionPointer: UInt64 = 0
  /// EFLAGS with every flag evaluated.
  public var flags: UInt64 = 2
  public var privilegeLevel = 0
  /// The interrupt shadow after STI or MOV SS.
  public var isInterruptInhibited = false
  public var isA20Enabled = true
  public var isInSMM = false
  public var isHalted = false

  /// ES, CS, SS, DS, FS, GS: the encoding's order. Always 6.
  public var segments = [Segment](repeating: Segment(), count: 6)
  public var localDescriptorTable = Segment()
  public var task = Segment()
  public var globalDescriptorTable = Table()
  public var interruptDescriptorTable = Table()

  public var cr0: UInt64 = 0
  public var cr2: UInt64 = 0
  public var cr3: UInt64 = 0
  public var cr4: UInt64 = 0
  /// DR0 to DR3. Always 4.
  public var debugAddresses = [UInt64](repeating: 0, count: 4)
  public var dr6: UInt64 = 0xFFFF_0FF0
  public var dr7: UInt64 = 0x400
  public var efer: UInt64 = 0

  /// A floating-point register: 64-bit significand, then sign and exponent.
  public struct ExtendedReal: Hashable, Sendable {
    public var significand: UInt64
    public var signExponent: UInt16
    public init(significand: UInt64 = 0, signExponent: UInt16 = 0) {
      (self.significand, self.signExponent) = (significand, signExponent)
    }
  }

  /// A 128-bit register.
  public struct Vector: Hashable, Sendable {
    public var low: UInt64
    public var high: UInt64
    public init(low: UInt64 = 0, high: UInt64 = 0) { (self.low, self.high) = (low, high) }
  }

  public var fpuControl: UInt16 = 0x037F
  /// With the stack top in bits 11 to 13.
  public var fpuStatus: UInt16 = 0
  /// One bit per physical register, 1 = in use.
  public var fpuTagsInUse: UInt8 = 0
  public var mxcsr: UInt32 = 0x1F80
  /// In physical order. Always 8.
  public var fpu = [ExtendedReal](repeating: ExtendedReal(), count: 8)
  /// Always 16.
  public var xmm = [Vector](repeating: Vector(), count: 16)

  public init() {}

  /// Long mode with a 64-bit code segment: EFER.LMA and CS.L.
  public var is64Bit: Bool { efer & (1 << 10) != 0 && segments[1].attributes & (1 << 21) != 0 }
}
