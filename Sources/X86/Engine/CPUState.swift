// SPDX-License-Identifier: Apache-2.0

/// The state of one virtual processor: plain memory behind a pointer, so that handlers touch no reference counts.
///
/// The first fields have pinned offsets (see `StateOffset`): decoded ops name registers by byte offset into this value,
/// so that AH is just offset 1 and an absent base or index register reads `zero`.
public struct CPUState {
  /// RAX RCX RDX RBX RSP RBP RSI RDI R8…R15. Outside 64-bit mode the upper halves are kept as silicon keeps them.
  public var registers: InlineArray<16, UInt64> = .init(repeating: 0)
  /// Constant zero, the register slot of "none".
  var zero: UInt64 = 0
  /// IP (not linear) of the first instruction of the block that runs; between runs, of the next instruction.
  var blockIP: UInt64 = 0xfff0
  /// Instructions that may still be executed in this run, the whole current block already taken off.
  var remaining: Int64 = 0
  /// The fast translation table of the current privilege (see `TLB`).
  var fastTLB: UnsafeMutableRawPointer
  /// Lazy status flags, first word: last result, sign-extended to 64 bits. ZF, SF, PF come from it.
  var flagResult: UInt64 = 1
  /// Lazy status flags, second word; see `LazyFlags`.
  var flagCarries: UInt32 = 0
  /// EFLAGS without CF PF AF ZF SF OF (those bits are zero here): TF IF DF IOPL NT RF VM AC VIF VIP ID, and bit 1 set.
  public internal(set) var systemFlags: UInt32 = 2
  /// Nonzero: leave the chain after the current instruction and look at `interruptLine`, requests, deadlines.
  var attention: UInt64 = 0
  /// Segment bases ES CS SS DS FS GS, then two constant zeros. In 64-bit mode ES CS SS DS hold zero.
  var segmentBases: InlineArray<8, UInt64> = .init(repeating: 0)
  /// Highest offset at which a one-byte access is allowed (expand-up); general accesses test through `Segment`.
  var segments: InlineArray<6, Segment> = .init(repeating: Segment())
  /// Decoding and legality key of the current mode; see `ModeKey`.
  var modeKey: UInt32 = 0
  /// Current privilege level, 0...3 (3 in virtual-8086 mode).
  public internal(set) var cpl: UInt8 = 0

  // Faults and events
  /// The exception that ends the current chain (`Exception.none` if there is none); delivered by the run loop.
  var pendingVector: UInt8 = 0xff
  var pendingHasErrorCode = false
  var pendingErrorCode: UInt32 = 0
  /// How the pending event arose (fault, trap, software interrupt): decides the saved IP and double-fault rules.
  var pendingKind: UInt8 = 0
  /// Level of INTR, set by the machine.
  var interruptLine = false
  /// NMI latched, and NMI blocked until IRET.
  var nmiPending = false
  var nmiBlocked = false
  /// One-instruction shadow of STI (1), MOV SS and POP SS (2): interrupts are not taken before the next instruction.
  var interruptShadow: UInt8 = 0
  /// Waiting in HLT, or in MWAIT (see `monitor`).
  public internal(set) var isHalted = false
  /// Triple fault: the processor is shut down until reset.
  public internal(set) var isShutDown = false

  // System registers
  public internal(set) var cr0: UInt64 = 0x6000_0010
  public internal(set) var cr2: UInt64 = 0
  public internal(set) var cr3: UInt64 = 0
  public internal(set) var cr4: UInt64 = 0
  public internal(set) var efer: UInt64 = 0
  var debugRegisters: InlineArray<8, UInt64> = .init(repeating: 0)
  var gdtr = DescriptorTableRegister()
  var idtr = DescriptorTableRegister()
  var ldtr = Segment()
  var tr = Segment()
  var sysenterCS: UInt64 = 0
  var sysenterESP: UInt64 = 0
  var sysenterEIP: UInt64 = 0
  var pat: UInt64 = 0x0007_0406_0007_0406
  var mtrr: InlineArray<32, UInt64> = .init(repeating: 0)
  var tscOffset: UInt64 = 0
  /// A20M# inactive: address bit 20 passes (true) or is forced to zero (false).
  public internal(set) var a20Enabled = true

  // Counting
  /// Instructions retired before the current run plus its budget: `count = runEnd - remaining - left`.
  var runEnd: UInt64 = 0
  /// `left` field of the op that called out to the machine: makes `instructionCount` exact inside callbacks.
  var currentLeft: UInt16 = 0
  /// IP offset in the block of the op that called out.
  var currentIPOffset: UInt16 = 0

  // Engine
  /// Changed when any translation of code has gone or changed: an odd number. Gates and entries of the jump table made before
  /// are void.
  var linkGeneration: UInt32 = firstLinkGeneration
  static let firstLinkGeneration: UInt32 = 1
  /// Unretained `Processor`; only cold code turns it back into a reference.
  var processor: UnsafeMutableRawPointer?
  var machine: MachineInterface

  // Derived from the above by `updateMode`, never saved
  /// Offsets allowed through each segment register; see `SegmentWindow`.
  var segmentWindows: InlineArray<6, SegmentWindow> = .init(repeating: SegmentWindow())
  /// Mask of the instruction pointer and of linear addresses: 32 bits, or all 64 in 64-bit mode.
  var ipMask: UInt64 = 0xffff_ffff
  /// Mask of the stack pointer: 16, 32 or 64 bits, from SS.B and the code size.
  var stackMask: UInt64 = 0xffff

  // Engine, second part
  var mmu: UnsafeMutablePointer<MMU>
  var blocks: UnsafeMutablePointer<BlockCache>
  /// Table of `JumpEntry`, indexed by linear address.
  var jumpTable: UnsafeMutableRawPointer
  /// Page-directory-pointer registers of PAE paging, loaded with CR3 (SDM vol. 3, 4.4.1).
  var pdptes: InlineArray<4, UInt64> = .init(repeating: 0)

  // System registers, second part
  var star: UInt64 = 0
  var lstar: UInt64 = 0
  var cstar: UInt64 = 0
  var syscallMask: UInt64 = 0
  var kernelGSBase: UInt64 = 0
  var tscAux: UInt64 = 0
  var machineCheck = MachineCheckState()
  var monitor = MonitorState()
  var x87 = X87State()
  var sse = SSEState()
  /// DR6 bits of what the instruction that runs, or one whose shadow lasts, has met; see `reportBreakpoints`.
  var debugHits: UInt64 = 0
  /// Kinds of breakpoints that are enabled, from DR7 and CR4.DE; derived, never saved. See `DebugEnables`.
  var debugEnables: UInt8 = 0
  /// What CPUID says; configuration, not state.
  var features = CPUFeatures.standard
  /// What led to a shutdown.
  var faultChain = FaultChain()
  /// Changed when a global translation of code has gone or changed: an even number. Gates and entries that rely on global
  /// translations alone survive a load of CR3.
  var globalGeneration: UInt32 = firstGlobalGeneration
  static let firstGlobalGeneration: UInt32 = 2
  /// Operands of flags that host code has not stored yet; see `DeferredFlags`. Meaningless outside it.
  var deferredFirst: UInt64 = 0
  var deferredSecond: UInt64 = 0

  init(
    fastTLB: UnsafeMutableRawPointer, machine: MachineInterface, mmu: UnsafeMutablePointer<MMU>,
    blocks: UnsafeMutablePointer<BlockCache>, jumpTable: UnsafeMutableRawPointer
  ) {
    self.fastTLB = fastTLB
    self.machine = machine
    self.mmu = mmu
    self.blocks = blocks
    self.jumpTable = jumpTable
    debugRegisters[6] = 0xffff_0ff0
    debugRegisters[7] = 0x400
  }
}

/// The offsets that may be used through a segment register, as two windows that one comparison tests:
/// an access of `n` bytes at `offset` is allowed iff `(offset &- low) &+ (n - 1) <= span` (unsigned).
/// Expand-down segments have their window above the limit; a window that allows nothing has a `low` beyond any offset.
struct SegmentWindow: BitwiseCopyable {
  var readLow = SegmentWindow.nothing
  var readSpan: UInt64 = 0
  var writeLow = SegmentWindow.nothing
  var writeSpan: UInt64 = 0

  static let nothing: UInt64 = 1 << 40
}

/// Pinned byte offsets into `CPUState` that ops use as register numbers.
enum StateOffset {
  static let zero: UInt8 = 128
  static let blockIP: UInt8 = 136
}

/// A segment register with its hidden part. SDM vol. 3, 3.4.3.
public struct Segment: BitwiseCopyable, Sendable, Equatable {
  public var selector: UInt16 = 0
  /// Descriptor bits 40...55 as in the high dword's bits 8...23 (type, S, DPL, P, limit bits masked out, AVL, L, D/B, G).
  public var attributes: UInt16 = 0
  /// Limit in bytes, granularity applied.
  public var limit: UInt32 = 0
  public var base: UInt64 = 0
  public init() {}
}

public struct DescriptorTableRegister: BitwiseCopyable, Sendable, Equatable {
  public var base: UInt64 = 0
  public var limit: UInt16 = 0xffff
  public init() {}
}

/// How the two words of lazy status flags encode CF PF AF ZF SF OF.
///
/// `flagResult`: the result sign-extended to 64 bits. `flagCarries`: bit 31 CF; bit 30 carry into the sign bit
/// (OF = bit 31 xor bit 30); bit 3 AF; bit 0 inverts SF; bits 8...15 are xored into the low result byte before parity.
enum LazyFlags {
  static let cf: UInt32 = 1 << 31
  static let carryIntoSign: UInt32 = 1 << 30
  static let af: UInt32 = 1 << 3
  static let invertSign: UInt32 = 1
  static let parityShift: UInt32 = 8
  /// Bits of a raw carry vector that must be cleared before it is stored.
  static let carryMask: UInt32 = 0xffff_00fe
}

extension CPUState {
  @inline(__always) var carryFlag: Bool { flagCarries &>> 31 != 0 }
  @inline(__always) var zeroFlag: Bool { flagResult == 0 }
  @inline(__always) var signFlag: Bool { (flagResult &>> 63) ^ UInt64(flagCarries & 1) != 0 }
  @inline(__always) var overflowFlag: Bool { (flagCarries ^ (flagCarries &<< 1)) &>> 31 != 0 }
  @inline(__always) var adjustFlag: Bool { flagCarries & LazyFlags.af != 0 }
  @inline(__always) var parityFlag: Bool {
    ((UInt32(truncatingIfNeeded: flagResult) ^ (flagCarries &>> 8)) & 0xff).nonzeroBitCount & 1 == 0
  }

  /// EFLAGS as PUSHF stores it (VM and RF are the caller's affair).
  var eflags: UInt32 {
    @inline(__always) get {
      var value = systemFlags
      if carryFlag { value |= 1 << 0 }
      if parityFlag { value |= 1 << 2 }
      if adjustFlag { value |= 1 << 4 }
      if zeroFlag { value |= 1 << 6 }
      if signFlag { value |= 1 << 7 }
      if overflowFlag { value |= 1 << 11 }
      return value
    }
    @inline(__always) set {
      systemFlags = (newValue & 0x003f_7700) | 2
      setStatusFlags(newValue)
    }
  }

  /// Sets CF PF AF ZF SF OF from their EFLAGS positions and leaves the other flags.
  @inline(__always)
  mutating func setStatusFlags(_ value: UInt32) {
    let zero = value & (1 << 6) != 0
    let cf = value & 1, of = (value >> 11) & 1, sf = (value >> 7) & 1, pf = (value >> 2) & 1
    // A nonzero result has the low byte 1 (odd parity) and a clear sign; a zero one has even parity and a clear sign.
    flagResult = zero ? 0 : 1
    let parityIsEven: UInt32 = zero ? 1 : 0
    flagCarries = (cf << 31) | ((cf ^ of) << 30) | (((value >> 4) & 1) << 3) | sf | ((pf ^ parityIsEven) << 8)
  }
}
