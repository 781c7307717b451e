// SPDX-License-Identifier: Apache-2.0

/// The handlers of one move between a register and memory, by address form.
struct VectorMoveForms {
  let flat: Handler
  let long: Handler
  let general: Handler

  subscript(form form: AddressForm) -> Handler {
    switch form {
    case .flat: flat
    case .long: long
    case .general: general
    }
  }
}

/// Instances of the moves of XMM registers.
enum VectorMoveTables {
  static let load = VectorMoveForms(
    flat: { X86.loadVector(FlatAddress.self, $0, $1) }, long: { X86.loadVector(LongAddress.self, $0, $1) },
    general: { X86.loadVector(GeneralAddress.self, $0, $1) })
  static let loadAligned = VectorMoveForms(
    flat: { X86.loadVectorAligned(FlatAddress.self, $0, $1) },
    long: { X86.loadVectorAligned(LongAddress.self, $0, $1) },
    general: { X86.loadVectorAligned(GeneralAddress.self, $0, $1) })
  static let store = VectorMoveForms(
    flat: { X86.storeVector(FlatAddress.self, $0, $1) }, long: { X86.storeVector(LongAddress.self, $0, $1) },
    general: { X86.storeVector(GeneralAddress.self, $0, $1) })
  static let storeAligned = VectorMoveForms(
    flat: { X86.storeVectorAligned(FlatAddress.self, $0, $1) },
    long: { X86.storeVectorAligned(LongAddress.self, $0, $1) },
    general: { X86.storeVectorAligned(GeneralAddress.self, $0, $1) })
  static let loadDword = VectorMoveForms(
    flat: { loadScalar(UInt32.self, FlatAddress.self, $0, $1) },
    long: { loadScalar(UInt32.self, LongAddress.self, $0, $1) },
    general: { loadScalar(UInt32.self, GeneralAddress.self, $0, $1) })
  static let loadQword = VectorMoveForms(
    flat: { loadScalar(UInt64.self, FlatAddress.self, $0, $1) },
    long: { loadScalar(UInt64.self, LongAddress.self, $0, $1) },
    general: { loadScalar(UInt64.self, GeneralAddress.self, $0, $1) })
  static let storeDword = VectorMoveForms(
    flat: { storeScalar(UInt32.self, FlatAddress.self, $0, $1) },
    long: { storeScalar(UInt32.self, LongAddress.self, $0, $1) },
    general: { storeScalar(UInt32.self, GeneralAddress.self, $0, $1) })
  static let storeQword = VectorMoveForms(
    flat: { storeScalar(UInt64.self, FlatAddress.self, $0, $1) },
    long: { storeScalar(UInt64.self, LongAddress.self, $0, $1) },
    general: { storeScalar(UInt64.self, GeneralAddress.self, $0, $1) })
  static let loadLow = VectorMoveForms(
    flat: { X86.loadLow(FlatAddress.self, $0, $1) }, long: { X86.loadLow(LongAddress.self, $0, $1) },
    general: { X86.loadLow(GeneralAddress.self, $0, $1) })
  static let loadHigh = VectorMoveForms(
    flat: { X86.loadHigh(FlatAddress.self, $0, $1) }, long: { X86.loadHigh(LongAddress.self, $0, $1) },
    general: { X86.loadHigh(GeneralAddress.self, $0, $1) })
  static let storeHigh = VectorMoveForms(
    flat: { X86.storeHigh(FlatAddress.self, $0, $1) }, long: { X86.storeHigh(LongAddress.self, $0, $1) },
    general: { X86.storeHigh(GeneralAddress.self, $0, $1) })
  static let loadDuplicated = VectorMoveForms(
    flat: { X86.loadDuplicated(FlatAddress.self, $0, $1) }, long: { X86.loadDuplicated(LongAddress.self, $0, $1) },
    general: { X86.loadDuplicated(GeneralAddress.self, $0, $1) })

  static let copy: Handler = { vectorReg(MOVAPS.self, $0, $1) }
  static let movss: Handler = { vectorReg(MOVSS.self, $0, $1) }
  static let movsd: Handler = { vectorReg(MOVSD.self, $0, $1) }
  static let movhlps: Handler = { vectorReg(MOVHLPS.self, $0, $1) }
  static let movlhps: Handler = { vectorReg(MOVLHPS.self, $0, $1) }
  static let movq: Handler = { vectorReg(MOVQ.self, $0, $1) }
  static let movddup: Handler = { vectorReg(MOVDDUP.self, $0, $1) }
  static let movdFromRegister: Handler = { generalToVector(UInt32.self, $0, $1) }
  static let movqFromRegister: Handler = { generalToVector(UInt64.self, $0, $1) }
  static let movdToRegister: Handler = { vectorToGeneral(UInt32.self, $0, $1) }
  static let movqToRegister: Handler = { vectorToGeneral(UInt64.self, $0, $1) }
}
