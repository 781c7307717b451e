// SPDX-License-Identifier: Apache-2.0

/// x87 memory forms: eight rows for each of D8...DF, by ModRM.reg. Reference: SDM volume 2, appendix A.5.
let x87MemoryRows: InlineArray<64, DecodeRow> = [
  // D8
  x87(0, .fadd, .Md),
  x87(1, .fmul, .Md),
  x87(2, .fcom, .Md),
  x87(3, .fcomp, .Md),
  x87(4, .fsub, .Md),
  x87(5, .fsubr, .Md),
  x87(6, .fdiv, .Md),
  x87(7, .fdivr, .Md),

  // D9
  x87(0, .fld, .Md),
  undefined(1),
  x87(2, .fst, .Md),
  x87(3, .fstp, .Md),
  x87(4, .fldenv, .Menv),
  x87(5, .fldcw, .Mw),
  x87(6, .fnstenv, .Menv),
  x87(7, .fnstcw, .Mw),

  // DA
  x87(0, .fiadd, .Md),
  x87(1, .fimul, .Md),
  x87(2, .ficom, .Md),
  x87(3, .ficomp, .Md),
  x87(4, .fisub, .Md),
  x87(5, .fisubr, .Md),
  x87(6, .fidiv, .Md),
  x87(7, .fidivr, .Md),

  // DB
  x87(0, .fild, .Md),
  x87(1, .fisttp, .Md),
  x87(2, .fist, .Md),
  x87(3, .fistp, .Md),
  undefined(4),
  x87(5, .fld, .Mt),
  undefined(6),
  x87(7, .fstp, .Mt),

  // DC
  x87(0, .fadd, .Mq),
  x87(1, .fmul, .Mq),
  x87(2, .fcom, .Mq),
  x87(3, .fcomp, .Mq),
  x87(4, .fsub, .Mq),
  x87(5, .fsubr, .Mq),
  x87(6, .fdiv, .Mq),
  x87(7, .fdivr, .Mq),

  // DD
  x87(0, .fld, .Mq),
  x87(1, .fisttp, .Mq),
  x87(2, .fst, .Mq),
  x87(3, .fstp, .Mq),
  x87(4, .frstor, .Mstate),
  undefined(5),
  x87(6, .fnsave, .Mstate),
  x87(7, .fnstsw, .Mw),

  // DE
  x87(0, .fiadd, .Mw),
  x87(1, .fimul, .Mw),
  x87(2, .ficom, .Mw),
  x87(3, .ficomp, .Mw),
  x87(4, .fisub, .Mw),
  x87(5, .fisubr, .Mw),
  x87(6, .fidiv, .Mw),
  x87(7, .fidivr, .Mw),

  // DF
  x87(0, .fild, .Mw),
  x87(1, .fisttp, .Mw),
  x87(2, .fist, .Mw),
  x87(3, .fistp, .Mw),
  x87(4, .fbld, .Mt),
  x87(5, .fild, .Mq),
  x87(6, .fbstp, .Mt),
  x87(7, .fistp, .Mq),
]

/// x87 register forms: eight rows for each of D8...DF, by ModRM.reg. DC D0, DC D8, DD C8, DE D0 and DF C0...DF D8 are
/// undocumented aliases that every processor executes.
let x87RegisterRows: InlineArray<64, DecodeRow> = [
  // D8
  x87(0, .fadd, .ST0, .STi),
  x87(1, .fmul, .ST0, .STi),
  x87(2, .fcom, .STi),
  x87(3, .fcomp, .STi),
  x87(4, .fsub, .ST0, .STi),
  x87(5, .fsubr, .ST0, .STi),
  x87(6, .fdiv, .ST0, .STi),
  x87(7, .fdivr, .ST0, .STi),

  // D9
  x87(0, .fld, .STi),
  x87(1, .fxch, .STi),
  link(2, .x87RM, 0),
  x87(3, .fstp, .STi),
  link(4, .x87RM, 1),
  link(5, .x87RM, 2),
  link(6, .x87RM, 3),
  link(7, .x87RM, 4),

  // DA
  x87(0, .fcmovb, .ST0, .STi),
  x87(1, .fcmove, .ST0, .STi),
  x87(2, .fcmovbe, .ST0, .STi),
  x87(3, .fcmovu, .ST0, .STi),
  undefined(4),
  link(5, .x87RM, 5),
  undefined(6),
  undefined(7),

  // DB
  x87(0, .fcmovnb, .ST0, .STi),
  x87(1, .fcmovne, .ST0, .STi),
  x87(2, .fcmovnbe, .ST0, .STi),
  x87(3, .fcmovnu, .ST0, .STi),
  link(4, .x87RM, 6),
  x87(5, .fucomi, .ST0, .STi),
  x87(6, .fcomi, .ST0, .STi),
  undefined(7),

  // DC
  x87(0, .fadd, .STi, .ST0),
  x87(1, .fmul, .STi, .ST0),
  x87(2, .fcom, .STi),
  x87(3, .fcomp, .STi),
  x87(4, .fsubr, .STi, .ST0),
  x87(5, .fsub, .STi, .ST0),
  x87(6, .fdivr, .STi, .ST0),
  x87(7, .fdiv, .STi, .ST0),

  // DD
  x87(0, .ffree, .STi),
  x87(1, .fxch, .STi),
  x87(2, .fst, .STi),
  x87(3, .fstp, .STi),
  x87(4, .fucom, .STi),
  x87(5, .fucomp, .STi),
  undefined(6),
  undefined(7),

  // DE
  x87(0, .faddp, .STi, .ST0),
  x87(1, .fmulp, .STi, .ST0),
  x87(2, .fcomp, .STi),
  link(3, .x87RM, 7),
  x87(4, .fsubrp, .STi, .ST0),
  x87(5, .fsubp, .STi, .ST0),
  x87(6, .fdivrp, .STi, .ST0),
  x87(7, .fdivp, .STi, .ST0),

  // DF
  x87(0, .ffreep, .STi),
  x87(1, .fxch, .STi),
  x87(2, .fstp, .STi),
  x87(3, .fstp, .STi),
  link(4, .x87RM, 8),
  x87(5, .fucomip, .ST0, .STi),
  x87(6, .fcomip, .ST0, .STi),
  undefined(7),
]

/// x87 register forms without operand, sets of eight by ModRM.rm.
let x87RMRows: InlineArray<72, DecodeRow> = [
  // D9 D0
  x87(0, .fnop),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // D9 E0
  x87(0, .fchs),
  x87(1, .fabs),
  undefined(2),
  undefined(3),
  x87(4, .ftst),
  x87(5, .fxam),
  undefined(6),
  undefined(7),

  // D9 E8
  x87(0, .fld1),
  x87(1, .fldl2t),
  x87(2, .fldl2e),
  x87(3, .fldpi),
  x87(4, .fldlg2),
  x87(5, .fldln2),
  x87(6, .fldz),
  undefined(7),

  // D9 F0
  x87(0, .f2xm1),
  x87(1, .fyl2x),
  x87(2, .fptan),
  x87(3, .fpatan),
  x87(4, .fxtract),
  x87(5, .fprem1),
  x87(6, .fdecstp),
  x87(7, .fincstp),

  // D9 F8
  x87(0, .fprem),
  x87(1, .fyl2xp1),
  x87(2, .fsqrt),
  x87(3, .fsincos),
  x87(4, .frndint),
  x87(5, .fscale),
  x87(6, .fsin),
  x87(7, .fcos),

  // DA E8
  undefined(0),
  x87(1, .fucompp),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // DB E0
  x87(0, .fneni),
  x87(1, .fndisi),
  x87(2, .fnclex),
  x87(3, .fninit),
  x87(4, .fnsetpm),
  undefined(5),
  undefined(6),
  undefined(7),

  // DE D8
  undefined(0),
  x87(1, .fcompp),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),

  // DF E0
  x87(0, .fnstsw, .AX),
  undefined(1),
  undefined(2),
  undefined(3),
  undefined(4),
  undefined(5),
  undefined(6),
  undefined(7),
]
