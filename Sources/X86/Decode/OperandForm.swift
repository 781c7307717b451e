// SPDX-License-Identifier: Apache-2.0

/// Operand forms in the letters of the SDM (volume 2, appendix A.2): addressing letter, then size letter.
///
/// Where the manual has no letter: `sIb` is an immediate byte sign-extended to the operand size, `Zb`/`Zv` is the register
/// in the low bits of the opcode, `RvMw` a whole register or a 16-bit memory word. Cases up to `lastModRM` read ModRM.
public enum OperandForm: UInt8, Sendable, BitwiseCopyable {
  // General register or memory, from ModRM.rm.
  case Eb, Ew, Ed, Ev, Ey, Ez
  /// Register of the operand size, or memory of the fixed size.
  case RvMw, RdMb, RdMw
  /// Register only: of the mode's width with mod ignored (MOV to and from CRn), of REX.W's width, of the operand size.
  case Ry, RyW, Rv
  // Memory only: M without size, Ma the pair of BOUND, Mp a far pointer, Ms a pseudo-descriptor, the rest fixed sizes.
  case M, Mb, Mw, Md, Mq, Mt, Mx, Mv, My, Ma, Mp, Ms, Mq2, Menv, Mstate, Mfx
  // Registers from ModRM.reg.
  case Gb, Gw, Gd, Gv, Gy, Sw, SwDestination, Cd, Dd
  // MMX: reg; rm or memory; rm only.
  case Pq, Qd, Qq, Nq
  // XMM: reg; rm or memory of a size; rm only.
  case Vx, Wx, Wq, Wd, Ww, Ux
  /// x87 register from ModRM.rm.
  case STi
  // Immediates, branch targets, absolute offsets.
  case Ib, sIb, Ib2, Iw, Iz, Iv, Jb, Jz, Ap, Ob, Ov
  // Registers from the opcode.
  case Zb, Zv
  // Constants.
  case one, AL, AX, rAX, CL, DX, ES, CS, SS, DS, FS, GS, ST0, XMM0
  case none

  static let lastModRM = OperandForm.STi

  /// The form is described by the ModRM byte.
  @inline(__always)
  var readsModRM: Bool { rawValue <= OperandForm.lastModRM.rawValue }
}
