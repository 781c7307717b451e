// SPDX-License-Identifier: Apache-2.0

/// Instances of packing, interleaving and shuffles on XMM registers.
enum VectorPackingTables {
  static let packsswb = PackedForms(
    reg: { vectorReg(PACKSSWB.self, $0, $1) },
    long: { vectorMem(PACKSSWB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PACKSSWB.self, GeneralAddress.self, $0, $1) })
  static let packuswb = PackedForms(
    reg: { vectorReg(PACKUSWB.self, $0, $1) },
    long: { vectorMem(PACKUSWB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PACKUSWB.self, GeneralAddress.self, $0, $1) })
  static let packssdw = PackedForms(
    reg: { vectorReg(PACKSSDW.self, $0, $1) },
    long: { vectorMem(PACKSSDW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PACKSSDW.self, GeneralAddress.self, $0, $1) })
  static let punpcklbw = PackedForms(
    reg: { vectorReg(PUNPCKLBW.self, $0, $1) },
    long: { vectorMem(PUNPCKLBW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKLBW.self, GeneralAddress.self, $0, $1) })
  static let punpckhbw = PackedForms(
    reg: { vectorReg(PUNPCKHBW.self, $0, $1) },
    long: { vectorMem(PUNPCKHBW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKHBW.self, GeneralAddress.self, $0, $1) })
  static let punpcklwd = PackedForms(
    reg: { vectorReg(PUNPCKLWD.self, $0, $1) },
    long: { vectorMem(PUNPCKLWD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKLWD.self, GeneralAddress.self, $0, $1) })
  static let punpckhwd = PackedForms(
    reg: { vectorReg(PUNPCKHWD.self, $0, $1) },
    long: { vectorMem(PUNPCKHWD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKHWD.self, GeneralAddress.self, $0, $1) })
  static let punpckldq = PackedForms(
    reg: { vectorReg(PUNPCKLDQ.self, $0, $1) },
    long: { vectorMem(PUNPCKLDQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKLDQ.self, GeneralAddress.self, $0, $1) })
  static let punpckhdq = PackedForms(
    reg: { vectorReg(PUNPCKHDQ.self, $0, $1) },
    long: { vectorMem(PUNPCKHDQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKHDQ.self, GeneralAddress.self, $0, $1) })
  static let punpcklqdq = PackedForms(
    reg: { vectorReg(PUNPCKLQDQ.self, $0, $1) },
    long: { vectorMem(PUNPCKLQDQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKLQDQ.self, GeneralAddress.self, $0, $1) })
  static let punpckhqdq = PackedForms(
    reg: { vectorReg(PUNPCKHQDQ.self, $0, $1) },
    long: { vectorMem(PUNPCKHQDQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PUNPCKHQDQ.self, GeneralAddress.self, $0, $1) })
  static let movsldup = PackedForms(
    reg: { vectorReg(MOVSLDUP.self, $0, $1) },
    long: { vectorMem(MOVSLDUP.self, LongAddress.self, $0, $1) },
    general: { vectorMem(MOVSLDUP.self, GeneralAddress.self, $0, $1) })
  static let movshdup = PackedForms(
    reg: { vectorReg(MOVSHDUP.self, $0, $1) },
    long: { vectorMem(MOVSHDUP.self, LongAddress.self, $0, $1) },
    general: { vectorMem(MOVSHDUP.self, GeneralAddress.self, $0, $1) })

  static let pshufd = PackedForms(
    reg: { vectorRegImm(PSHUFD.self, $0, $1) },
    long: { vectorMemImm(PSHUFD.self, LongAddress.self, $0, $1) },
    general: { vectorMemImm(PSHUFD.self, GeneralAddress.self, $0, $1) })
  static let pshuflw = PackedForms(
    reg: { vectorRegImm(PSHUFLW.self, $0, $1) },
    long: { vectorMemImm(PSHUFLW.self, LongAddress.self, $0, $1) },
    general: { vectorMemImm(PSHUFLW.self, GeneralAddress.self, $0, $1) })
  static let pshufhw = PackedForms(
    reg: { vectorRegImm(PSHUFHW.self, $0, $1) },
    long: { vectorMemImm(PSHUFHW.self, LongAddress.self, $0, $1) },
    general: { vectorMemImm(PSHUFHW.self, GeneralAddress.self, $0, $1) })
  static let shufps = PackedForms(
    reg: { vectorRegImm(SHUFPS.self, $0, $1) },
    long: { vectorMemImm(SHUFPS.self, LongAddress.self, $0, $1) },
    general: { vectorMemImm(SHUFPS.self, GeneralAddress.self, $0, $1) })
  static let shufpd = PackedForms(
    reg: { vectorRegImm(SHUFPD.self, $0, $1) },
    long: { vectorMemImm(SHUFPD.self, LongAddress.self, $0, $1) },
    general: { vectorMemImm(SHUFPD.self, GeneralAddress.self, $0, $1) })
}
