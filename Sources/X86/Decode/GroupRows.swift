// SPDX-License-Identifier: Apache-2.0

/// The opcode groups that bits 5...3 of ModRM extend, eight rows each in `groupRows`.
/// Reference: SDM volume 2, appendix A, table A-6.
enum DecodeGroup: UInt8, BitwiseCopyable {
  /// Group 1 (80...83).
  case arithmetic
  /// Group 1A (8F). Other values of reg are the XOP prefix, which this processor does not have.
  case pop
  /// Group 2 (C0, C1, D0...D3). /6 is an undocumented alias of SHL.
  case shift
  /// Group 11 (C6, C7).
  case moveImmediate
  /// Group 3 (F6). /1 is an undocumented alias of TEST.
  case unaryByte
  /// Group 3 (F7).
  case unary
  /// Group 4 (FE).
  case incrementByte
  /// Group 5 (FF).
  case increment
  /// Group 6 (0F 00).
  case descriptorTable
  /// Group 7 (0F 01), memory forms.
  case systemMemory
  /// Group 7 (0F 01), register forms.
  case systemRegister
  /// Group 16 (0F 18), memory forms; 4...7 are reserved no-operations.
  case prefetch
  /// Group 16, register forms: reserved no-operations.
  case hint
  /// Group 8 (0F BA).
  case bitTest
  /// Group 9 (0F C7), memory forms; REX.W makes it CMPXCHG16B.
  case compareExchange
  /// Group 9, register forms.
  case random
  /// The register forms of group 9 that a repeat prefix makes undefined.
  case none
  /// Group 15 (0F AE), memory forms.
  case stateMemory
  /// Group 15, register forms.
  case fence
  /// Group 15 with prefix 66.
  case flush
  /// Group 15 with prefix F3.
  case baseRegisters
  /// Group 12 (0F 71).
  case vectorShiftWord
  /// Group 13 (0F 72).
  case vectorShiftDword
  /// Group 14 (0F 73), MMX forms.
  case vectorShiftQword
  /// Group 14 with prefix 66.
  case vectorShiftWide
}

/// Rows by group and reg. A row without operands takes those of the row that led here; flags and checks add up.
let groupRows: InlineArray<200, DecodeRow> = [
  // Group 1 (80...83).
  row(0, .add, [.lock]),
  row(1, .or, [.lock]),
  row(2, .adc, [.lock]),
  row(3, .sbb, [.lock]),
  row(4, .and, [.lock]),
  row(5, .sub, [.lock]),
  row(6, .xor, [.lock]),
  row(7, .cmp),

  // Group 1A (8F). Other values of reg are the XOP prefix, which this processor does not have.
  row(0, .pop, .Ev, [.d64]),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // Group 2 (C0, C1, D0...D3). /6 is an undocumented alias of SHL.
  row(0, .rol),
  row(1, .ror),
  row(2, .rcl),
  row(3, .rcr),
  row(4, .shl),
  row(5, .shr),
  row(6, .shl),
  row(7, .sar),

  // Group 11 (C6, C7).
  row(0, .mov),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // Group 3 (F6). /1 is an undocumented alias of TEST.
  row(0, .test, .Eb, .Ib),
  row(1, .test, .Eb, .Ib),
  row(2, .not, [.lock]),
  row(3, .neg, [.lock]),
  row(4, .mul),
  row(5, .imul),
  row(6, .div),
  row(7, .idiv),

  // Group 3 (F7).
  row(0, .test, .Ev, .Iz),
  row(1, .test, .Ev, .Iz),
  row(2, .not, [.lock]),
  row(3, .neg, [.lock]),
  row(4, .mul),
  row(5, .imul),
  row(6, .div),
  row(7, .idiv),

  // Group 4 (FE).
  row(0, .inc, [.lock]),
  row(1, .dec, [.lock]),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // Group 5 (FF).
  row(0, .inc, .Ev, [.lock]),
  row(1, .dec, .Ev, [.lock]),
  row(2, .call, .Ev, [.f64]),
  row(3, .callFar, .Mp),
  row(4, .jmp, .Ev, [.f64]),
  row(5, .jmpFar, .Mp),
  row(6, .push, .Ev, [.d64]),
  undefined(7),

  // Group 6 (0F 00).
  row(0, .sldt, .RvMw),
  row(1, .str, .RvMw),
  row(2, .lldt, .Ew, checks: [.cpl0]),
  row(3, .ltr, .Ew, checks: [.cpl0]),
  row(4, .verr, .Ew),
  row(5, .verw, .Ew),
  undefined(6),
  undefined(7),

  // Group 7 (0F 01), memory forms.
  row(0, .sgdt, .Ms),
  row(1, .sidt, .Ms),
  row(2, .lgdt, .Ms, checks: [.cpl0]),
  row(3, .lidt, .Ms, checks: [.cpl0]),
  row(4, .smsw, .RvMw),
  undefined(5),
  row(6, .lmsw, .Ew, checks: [.cpl0]),
  row(7, .invlpg, .M, checks: [.cpl0]),

  // Group 7 (0F 01), register forms.
  undefined(0),
  link(1, .rm, 0),
  link(2, .rm, 1),
  undefined(3),
  row(4, .smsw, .RvMw),
  undefined(5),
  row(6, .lmsw, .Ew, checks: [.cpl0]),
  link(7, .rm, 2),

  // Group 16 (0F 18), memory forms; 4...7 are reserved no-operations.
  row(0, .prefetch, .Mb),
  row(1, .prefetch, .Mb),
  row(2, .prefetch, .Mb),
  row(3, .prefetch, .Mb),
  row(4, .nop, .Ev),
  row(5, .nop, .Ev),
  row(6, .nop, .Ev),
  row(7, .nop, .Ev),

  // Group 16, register forms: reserved no-operations.
  row(0, .nop, .Ev),
  row(1, .nop, .Ev),
  row(2, .nop, .Ev),
  row(3, .nop, .Ev),
  row(4, .nop, .Ev),
  row(5, .nop, .Ev),
  row(6, .nop, .Ev),
  row(7, .nop, .Ev),

  // Group 8 (0F BA).
  undefined(0),
  undefined(1),
  undefined(2),
  undefined(3),
  row(4, .bt),
  row(5, .bts, [.lock]),
  row(6, .btr, [.lock]),
  row(7, .btc, [.lock]),

  // Group 9 (0F C7), memory forms; REX.W makes it CMPXCHG16B.
  undefined(0),
  row(1, .cmpxchg8b, .Mq2, [.lock]),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // Group 9, register forms.
  undefined(0),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  row(6, .rdrand, .Rv),
  row(7, .rdseed, .Rv),

  // The register forms of group 9 that a repeat prefix makes undefined.
  undefined(0),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // Group 15 (0F AE), memory forms.
  row(0, .fxsave, .Mfx, checks: [.x87]),
  row(1, .fxrstor, .Mfx, checks: [.x87]),
  row(2, .ldmxcsr, .Md, checks: [.sse]),
  row(3, .stmxcsr, .Md, checks: [.sse]),
  row(4, .xsave, .M),
  row(5, .xrstor, .M),
  row(6, .xsaveopt, .M),
  row(7, .clflush, .Mb),

  // Group 15, register forms.
  undefined(0),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  row(5, .lfence),
  row(6, .mfence),
  row(7, .sfence),

  // Group 15 with prefix 66.
  undefined(0),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  row(6, .clwb, .Mb),
  row(7, .clflushopt, .Mb),

  // Group 15 with prefix F3.
  row(0, .rdfsbase, .RyW, [.o64]),
  row(1, .rdgsbase, .RyW, [.o64]),
  row(2, .wrfsbase, .RyW, [.o64]),
  row(3, .wrgsbase, .RyW, [.o64]),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // Group 12 (0F 71).
  undefined(0),
  undefined(1),
  row(2, .psrlw),
  undefined(3),
  row(4, .psraw),
  undefined(5),
  row(6, .psllw),
  undefined(7),

  // Group 13 (0F 72).
  undefined(0),
  undefined(1),
  row(2, .psrld),
  undefined(3),
  row(4, .psrad),
  undefined(5),
  row(6, .pslld),
  undefined(7),

  // Group 14 (0F 73), MMX forms.
  undefined(0),
  undefined(1),
  row(2, .psrlq),
  undefined(3),
  undefined(4),
  undefined(5),
  row(6, .psllq),
  undefined(7),

  // Group 14 with prefix 66.
  undefined(0),
  undefined(1),
  row(2, .psrlq),
  row(3, .psrldq),
  undefined(4),
  undefined(5),
  row(6, .psllq),
  row(7, .pslldq),
]

/// Pairs for memory (ModRM.mod not 3) and register forms.
let modRows: InlineArray<16, DecodeRow> = [
  group(0, .systemMemory),
  group(1, .systemRegister),

  group(0, .prefetch),
  group(1, .hint),

  row(0, .movlps, .Vx, .Mq, checks: [.sse]),
  row(1, .movhlps, .Vx, .Ux, checks: [.sse]),

  row(0, .movhps, .Vx, .Mq, checks: [.sse]),
  row(1, .movlhps, .Vx, .Ux, checks: [.sse]),

  group(0, .stateMemory),
  group(1, .fence),

  group(0, .compareExchange),
  group(1, .random),

  group(0, .compareExchange),
  group(1, .none),

  // 0F 0D. The register form is a no-operation.
  row(0, .prefetch, .Mb),
  row(1, .nop, .Ev),
]

/// Pairs for 16- and 32-bit code, and for 64-bit code.
let modeRows: InlineArray<2, DecodeRow> = [
  row(0, .arpl, .Ew, .Gw, checks: [.protectedMode]),
  row(1, .movsxd, .Gv, .Ez),
]

/// Sets of eight selected by ModRM.rm: 0F 01 C8..., D0..., F8....
let rmRows: InlineArray<24, DecodeRow> = [
  row(0, .monitor),
  row(1, .mwait),
  row(2, .clac, checks: [.cpl0]),
  row(3, .stac, checks: [.cpl0]),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  row(0, .xgetbv),
  row(1, .xsetbv, checks: [.cpl0]),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  row(0, .swapgs, [.o64], checks: [.cpl0]),
  row(1, .rdtscp),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),
]
