// SPDX-License-Identifier: Apache-2.0

/// Instances of packed logic and integer arithmetic on XMM registers.
enum VectorIntegerTables {
  static let pand = PackedForms(
    reg: { vectorReg(PAND.self, $0, $1) },
    long: { vectorMem(PAND.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PAND.self, GeneralAddress.self, $0, $1) })
  static let pandn = PackedForms(
    reg: { vectorReg(PANDN.self, $0, $1) },
    long: { vectorMem(PANDN.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PANDN.self, GeneralAddress.self, $0, $1) })
  static let por = PackedForms(
    reg: { vectorReg(POR.self, $0, $1) },
    long: { vectorMem(POR.self, LongAddress.self, $0, $1) },
    general: { vectorMem(POR.self, GeneralAddress.self, $0, $1) })
  static let pxor = PackedForms(
    reg: { vectorReg(PXOR.self, $0, $1) },
    long: { vectorMem(PXOR.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PXOR.self, GeneralAddress.self, $0, $1) })
  static let paddb = PackedForms(
    reg: { vectorReg(PADDB.self, $0, $1) },
    long: { vectorMem(PADDB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDB.self, GeneralAddress.self, $0, $1) })
  static let paddw = PackedForms(
    reg: { vectorReg(PADDW.self, $0, $1) },
    long: { vectorMem(PADDW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDW.self, GeneralAddress.self, $0, $1) })
  static let paddd = PackedForms(
    reg: { vectorReg(PADDD.self, $0, $1) },
    long: { vectorMem(PADDD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDD.self, GeneralAddress.self, $0, $1) })
  static let paddq = PackedForms(
    reg: { vectorReg(PADDQ.self, $0, $1) },
    long: { vectorMem(PADDQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDQ.self, GeneralAddress.self, $0, $1) })
  static let psubb = PackedForms(
    reg: { vectorReg(PSUBB.self, $0, $1) },
    long: { vectorMem(PSUBB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBB.self, GeneralAddress.self, $0, $1) })
  static let psubw = PackedForms(
    reg: { vectorReg(PSUBW.self, $0, $1) },
    long: { vectorMem(PSUBW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBW.self, GeneralAddress.self, $0, $1) })
  static let psubd = PackedForms(
    reg: { vectorReg(PSUBD.self, $0, $1) },
    long: { vectorMem(PSUBD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBD.self, GeneralAddress.self, $0, $1) })
  static let psubq = PackedForms(
    reg: { vectorReg(PSUBQ.self, $0, $1) },
    long: { vectorMem(PSUBQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBQ.self, GeneralAddress.self, $0, $1) })
  static let paddusb = PackedForms(
    reg: { vectorReg(PADDUSB.self, $0, $1) },
    long: { vectorMem(PADDUSB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDUSB.self, GeneralAddress.self, $0, $1) })
  static let paddusw = PackedForms(
    reg: { vectorReg(PADDUSW.self, $0, $1) },
    long: { vectorMem(PADDUSW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDUSW.self, GeneralAddress.self, $0, $1) })
  static let psubusb = PackedForms(
    reg: { vectorReg(PSUBUSB.self, $0, $1) },
    long: { vectorMem(PSUBUSB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBUSB.self, GeneralAddress.self, $0, $1) })
  static let psubusw = PackedForms(
    reg: { vectorReg(PSUBUSW.self, $0, $1) },
    long: { vectorMem(PSUBUSW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBUSW.self, GeneralAddress.self, $0, $1) })
  static let paddsb = PackedForms(
    reg: { vectorReg(PADDSB.self, $0, $1) },
    long: { vectorMem(PADDSB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDSB.self, GeneralAddress.self, $0, $1) })
  static let paddsw = PackedForms(
    reg: { vectorReg(PADDSW.self, $0, $1) },
    long: { vectorMem(PADDSW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PADDSW.self, GeneralAddress.self, $0, $1) })
  static let psubsb = PackedForms(
    reg: { vectorReg(PSUBSB.self, $0, $1) },
    long: { vectorMem(PSUBSB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBSB.self, GeneralAddress.self, $0, $1) })
  static let psubsw = PackedForms(
    reg: { vectorReg(PSUBSW.self, $0, $1) },
    long: { vectorMem(PSUBSW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSUBSW.self, GeneralAddress.self, $0, $1) })
  static let pmullw = PackedForms(
    reg: { vectorReg(PMULLW.self, $0, $1) },
    long: { vectorMem(PMULLW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMULLW.self, GeneralAddress.self, $0, $1) })
  static let pmulhw = PackedForms(
    reg: { vectorReg(PMULHW.self, $0, $1) },
    long: { vectorMem(PMULHW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMULHW.self, GeneralAddress.self, $0, $1) })
  static let pmulhuw = PackedForms(
    reg: { vectorReg(PMULHUW.self, $0, $1) },
    long: { vectorMem(PMULHUW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMULHUW.self, GeneralAddress.self, $0, $1) })
  static let pmuludq = PackedForms(
    reg: { vectorReg(PMULUDQ.self, $0, $1) },
    long: { vectorMem(PMULUDQ.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMULUDQ.self, GeneralAddress.self, $0, $1) })
  static let pmaddwd = PackedForms(
    reg: { vectorReg(PMADDWD.self, $0, $1) },
    long: { vectorMem(PMADDWD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMADDWD.self, GeneralAddress.self, $0, $1) })
  static let pavgb = PackedForms(
    reg: { vectorReg(PAVGB.self, $0, $1) },
    long: { vectorMem(PAVGB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PAVGB.self, GeneralAddress.self, $0, $1) })
  static let pavgw = PackedForms(
    reg: { vectorReg(PAVGW.self, $0, $1) },
    long: { vectorMem(PAVGW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PAVGW.self, GeneralAddress.self, $0, $1) })
  static let pminub = PackedForms(
    reg: { vectorReg(PMINUB.self, $0, $1) },
    long: { vectorMem(PMINUB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMINUB.self, GeneralAddress.self, $0, $1) })
  static let pmaxub = PackedForms(
    reg: { vectorReg(PMAXUB.self, $0, $1) },
    long: { vectorMem(PMAXUB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMAXUB.self, GeneralAddress.self, $0, $1) })
  static let pminsw = PackedForms(
    reg: { vectorReg(PMINSW.self, $0, $1) },
    long: { vectorMem(PMINSW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMINSW.self, GeneralAddress.self, $0, $1) })
  static let pmaxsw = PackedForms(
    reg: { vectorReg(PMAXSW.self, $0, $1) },
    long: { vectorMem(PMAXSW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PMAXSW.self, GeneralAddress.self, $0, $1) })
  static let psadbw = PackedForms(
    reg: { vectorReg(PSADBW.self, $0, $1) },
    long: { vectorMem(PSADBW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PSADBW.self, GeneralAddress.self, $0, $1) })
  static let pcmpeqb = PackedForms(
    reg: { vectorReg(PCMPEQB.self, $0, $1) },
    long: { vectorMem(PCMPEQB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PCMPEQB.self, GeneralAddress.self, $0, $1) })
  static let pcmpeqw = PackedForms(
    reg: { vectorReg(PCMPEQW.self, $0, $1) },
    long: { vectorMem(PCMPEQW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PCMPEQW.self, GeneralAddress.self, $0, $1) })
  static let pcmpeqd = PackedForms(
    reg: { vectorReg(PCMPEQD.self, $0, $1) },
    long: { vectorMem(PCMPEQD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PCMPEQD.self, GeneralAddress.self, $0, $1) })
  static let pcmpgtb = PackedForms(
    reg: { vectorReg(PCMPGTB.self, $0, $1) },
    long: { vectorMem(PCMPGTB.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PCMPGTB.self, GeneralAddress.self, $0, $1) })
  static let pcmpgtw = PackedForms(
    reg: { vectorReg(PCMPGTW.self, $0, $1) },
    long: { vectorMem(PCMPGTW.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PCMPGTW.self, GeneralAddress.self, $0, $1) })
  static let pcmpgtd = PackedForms(
    reg: { vectorReg(PCMPGTD.self, $0, $1) },
    long: { vectorMem(PCMPGTD.self, LongAddress.self, $0, $1) },
    general: { vectorMem(PCMPGTD.self, GeneralAddress.self, $0, $1) })
}
