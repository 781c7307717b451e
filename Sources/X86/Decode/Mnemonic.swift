// SPDX-License-Identifier: Apache-2.0

/// Instruction names of the SDM (volume 2), one per operation: conditions, sizes and operand forms are not part of it.
public enum Mnemonic: UInt16, Sendable, BitwiseCopyable, CaseIterable {
  case invalid, add, or, adc, sbb, and, sub, xor, cmp, test, mov, movzx, movsx, movsxd, xchg, lea, push, pop
  case pusha, popa, pushf, popf, inc, dec, neg, not, mul, imul, div, idiv, rol, ror, rcl, rcr, shl, shr, sar
  case shld, shrd, bt, bts, btr, btc, bsf, bsr, bswap, xadd, cmpxchg, cmpxchg8b, cmpxchg16b, cbw, cwd, daa
  case das, aaa, aas, aam, aad, jmp, jcc, call, ret, jmpFar, callFar, retFar, iret, int, int3, int1, into
  case loop, loope, loopne, jcxz, setcc, cmovcc, movs, cmps, stos, lods, scas, ins, outs, `in`, out, clc, stc
  case cmc, cld, std, cli, sti, lahf, sahf, salc, xlat, enter, leave, bound, arpl, les, lds, lss, lfs, lgs
  case nop, pause, hlt, wait, lgdt, lidt, sgdt, sidt, lldt, ltr, sldt, str, lmsw, smsw, clts, lar, lsl, verr
  case verw, invd, wbinvd, invlpg, cpuid, rdtsc, rdtscp, rdmsr, wrmsr, rdpmc, ud0, ud1, ud2, sysenter, sysexit
  case syscall, sysret, swapgs, rsm, mfence, lfence, sfence, clflush, prefetch, monitor, mwait, popcnt, lzcnt
  case tzcnt, movbe, crc32, rdrand, rdseed, xgetbv, xsetbv, movnti

  // x87
  case f2xm1, fabs, fadd, faddp, fbld, fbstp, fchs, fcmovb, fcmovbe, fcmove, fcmovnb, fcmovnbe, fcmovne, fcmovnu
  case fcmovu, fcom, fcomi, fcomip, fcomp, fcompp, fcos, fdecstp, fdiv, fdivp, fdivr, fdivrp, ffree, ffreep, fiadd
  case ficom, ficomp, fidiv, fidivr, fild, fimul, fincstp, fist, fistp, fisttp, fisub, fisubr, fld, fld1, fldcw
  case fldenv, fldl2e, fldl2t, fldlg2, fldln2, fldpi, fldz, fmul, fmulp, fnclex, fndisi, fneni, fninit, fnop
  case fnsave, fnsetpm, fnstcw, fnstenv, fnstsw, fpatan, fprem, fprem1, fptan, frndint, frstor, fscale, fsin
  case fsincos, fsqrt, fst, fstp, fsub, fsubp, fsubr, fsubrp, ftst, fucom, fucomi, fucomip, fucomp, fucompp, fxam
  case fxch, fxtract, fyl2x, fyl2xp1

  // MMX, SSE to SSE4.2, AES, processor state
  case addpd, addps, addsd, addss, addsubpd, addsubps, aesdec, aesdeclast, aesenc, aesenclast, aesimc
  case aeskeygenassist, andnpd, andnps, andpd, andps, blendpd, blendps, blendvpd, blendvps, clac, clflushopt, clwb
  case cmppd, cmpps, cmpsd, cmpss, comisd, comiss, cvtdq2pd, cvtdq2ps, cvtpd2dq, cvtpd2pi, cvtpd2ps, cvtpi2pd
  case cvtpi2ps, cvtps2dq, cvtps2pd, cvtps2pi, cvtsd2si, cvtsd2ss, cvtsi2sd, cvtsi2ss, cvtss2sd, cvtss2si
  case cvttpd2dq, cvttpd2pi, cvttps2dq, cvttps2pi, cvttsd2si, cvttss2si, divpd, divps, divsd, divss, dppd, dpps
  case emms, extractps, fxrstor, fxsave, haddpd, haddps, hsubpd, hsubps, insertps, lddqu, ldmxcsr, maskmovdqu
  case maskmovq, maxpd, maxps, maxsd, maxss, minpd, minps, minsd, minss, movapd, movaps, movd, movddup, movdq2q
  case movdqa, movdqu, movhlps, movhpd, movhps, movlhps, movlpd, movlps, movmskpd, movmskps, movntdq, movntdqa
  case movntpd, movntps, movntq, movq, movq2dq, movsd, movshdup, movsldup, movss, movupd, movups, mpsadbw, mulpd
  case mulps, mulsd, mulss, orpd, orps, pabsb, pabsd, pabsw, packssdw, packsswb, packusdw, packuswb, paddb, paddd
  case paddq, paddsb, paddsw, paddusb, paddusw, paddw, palignr, pand, pandn, pavgb, pavgw, pblendvb, pblendw
  case pclmulqdq, pcmpeqb, pcmpeqd, pcmpeqq, pcmpeqw, pcmpestri, pcmpestrm, pcmpgtb, pcmpgtd, pcmpgtq, pcmpgtw
  case pcmpistri, pcmpistrm, pextrb, pextrd, pextrw, phaddd, phaddsw, phaddw, phminposuw, phsubd, phsubsw, phsubw
  case pinsrb, pinsrd, pinsrw, pmaddubsw, pmaddwd, pmaxsb, pmaxsd, pmaxsw, pmaxub, pmaxud, pmaxuw, pminsb, pminsd
  case pminsw, pminub, pminud, pminuw, pmovmskb, pmovsxbd, pmovsxbq, pmovsxbw, pmovsxdq, pmovsxwd, pmovsxwq
  case pmovzxbd, pmovzxbq, pmovzxbw, pmovzxdq, pmovzxwd, pmovzxwq, pmuldq, pmulhrsw, pmulhuw, pmulhw, pmulld
  case pmullw, pmuludq, por, psadbw, pshufb, pshufd
  case pshufhw, pshuflw, pshufw, psignb, psignd, psignw, pslld, pslldq, psllq, psllw, psrad, psraw, psrld, psrldq
  case psrlq, psrlw, psubb, psubd, psubq, psubsb, psubsw, psubusb, psubusw, psubw, ptest, punpckhbw, punpckhdq
  case punpckhqdq, punpckhwd, punpcklbw, punpckldq, punpcklqdq, punpcklwd, pxor, rcpps, rcpss, rdfsbase, rdgsbase
  case roundpd, roundps, roundsd, roundss, rsqrtps, rsqrtss, shufpd, shufps, sqrtpd, sqrtps, sqrtsd, sqrtss, stac
  case stmxcsr, subpd, subps, subsd, subss, ucomisd, ucomiss, unpckhpd, unpckhps, unpcklpd, unpcklps, wrfsbase
  case wrgsbase, xorpd, xorps, xrstor, xsave, xsaveopt
}
