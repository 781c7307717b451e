// SPDX-License-Identifier: Apache-2.0

/// The handlers of an instruction whose source is a register or memory.
struct VectorForms {
  let register: Handler
  let flat: Handler
  let long: Handler
  let general: Handler

  @inline(__always)
  init(
    register: @escaping Handler, flat: @escaping Handler, long: @escaping Handler, general: @escaping Handler
  ) {
    self.register = register
    self.flat = flat
    self.long = long
    self.general = general
  }

  /// Those that are too rare for a flat form.
  @inline(__always)
  init(register: @escaping Handler, long: @escaping Handler, general: @escaping Handler) {
    self.init(register: register, flat: general, long: long, general: general)
  }

  func callAsFunction(_ instruction: Instruction, _ mode: SelectionMode) -> Handler {
    guard instruction.operands.1.kind == .memory else { return register }
    switch mode.address(instruction) {
    case .flat: return flat
    case .long: return long
    case .general: return general
    }
  }
}

/// The same where the source may be an MMX register or memory.
struct MMXForms {
  let register: Handler
  let memory: Handler

  func callAsFunction(_ instruction: Instruction) -> Handler {
    instruction.operands.1.kind == .memory ? memory : register
  }
}

/// Instances of ADD SUB MUL DIV SQRT MIN MAX.
enum VectorArithmeticHandlers {
  static let addss = VectorForms(
    register: { scalarRegister(FastAdd.self, Binary32.self, $0, $1) },
    flat: { scalarMemory(FastAdd.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastAdd.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastAdd.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let subss = VectorForms(
    register: { scalarRegister(FastSubtract.self, Binary32.self, $0, $1) },
    flat: { scalarMemory(FastSubtract.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastSubtract.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastSubtract.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let mulss = VectorForms(
    register: { scalarRegister(FastMultiply.self, Binary32.self, $0, $1) },
    flat: { scalarMemory(FastMultiply.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastMultiply.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastMultiply.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let divss = VectorForms(
    register: { scalarRegister(FastDivide.self, Binary32.self, $0, $1) },
    flat: { scalarMemory(FastDivide.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastDivide.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastDivide.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let sqrtss = VectorForms(
    register: { scalarRegister(FastSquareRoot.self, Binary32.self, $0, $1) },
    long: { scalarMemory(FastSquareRoot.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastSquareRoot.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let minss = VectorForms(
    register: { scalarRegister(FastMinimum.self, Binary32.self, $0, $1) },
    long: { scalarMemory(FastMinimum.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastMinimum.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let maxss = VectorForms(
    register: { scalarRegister(FastMaximum.self, Binary32.self, $0, $1) },
    long: { scalarMemory(FastMaximum.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastMaximum.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let addsd = VectorForms(
    register: { scalarRegister(FastAdd.self, Binary64.self, $0, $1) },
    flat: { scalarMemory(FastAdd.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastAdd.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastAdd.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let subsd = VectorForms(
    register: { scalarRegister(FastSubtract.self, Binary64.self, $0, $1) },
    flat: { scalarMemory(FastSubtract.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastSubtract.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastSubtract.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let mulsd = VectorForms(
    register: { scalarRegister(FastMultiply.self, Binary64.self, $0, $1) },
    flat: { scalarMemory(FastMultiply.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastMultiply.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastMultiply.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let divsd = VectorForms(
    register: { scalarRegister(FastDivide.self, Binary64.self, $0, $1) },
    flat: { scalarMemory(FastDivide.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { scalarMemory(FastDivide.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastDivide.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let sqrtsd = VectorForms(
    register: { scalarRegister(FastSquareRoot.self, Binary64.self, $0, $1) },
    long: { scalarMemory(FastSquareRoot.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastSquareRoot.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let minsd = VectorForms(
    register: { scalarRegister(FastMinimum.self, Binary64.self, $0, $1) },
    long: { scalarMemory(FastMinimum.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastMinimum.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let maxsd = VectorForms(
    register: { scalarRegister(FastMaximum.self, Binary64.self, $0, $1) },
    long: { scalarMemory(FastMaximum.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { scalarMemory(FastMaximum.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let addps = VectorForms(
    register: { packedRegister(FastAdd.self, Binary32.self, $0, $1) },
    flat: { packedMemory(FastAdd.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastAdd.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastAdd.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let subps = VectorForms(
    register: { packedRegister(FastSubtract.self, Binary32.self, $0, $1) },
    flat: { packedMemory(FastSubtract.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastSubtract.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastSubtract.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let mulps = VectorForms(
    register: { packedRegister(FastMultiply.self, Binary32.self, $0, $1) },
    flat: { packedMemory(FastMultiply.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastMultiply.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastMultiply.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let divps = VectorForms(
    register: { packedRegister(FastDivide.self, Binary32.self, $0, $1) },
    flat: { packedMemory(FastDivide.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastDivide.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastDivide.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let sqrtps = VectorForms(
    register: { packedRegister(FastSquareRoot.self, Binary32.self, $0, $1) },
    long: { packedMemory(FastSquareRoot.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastSquareRoot.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let minps = VectorForms(
    register: { packedRegister(FastMinimum.self, Binary32.self, $0, $1) },
    long: { packedMemory(FastMinimum.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastMinimum.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let maxps = VectorForms(
    register: { packedRegister(FastMaximum.self, Binary32.self, $0, $1) },
    long: { packedMemory(FastMaximum.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastMaximum.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let addpd = VectorForms(
    register: { packedRegister(FastAdd.self, Binary64.self, $0, $1) },
    flat: { packedMemory(FastAdd.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastAdd.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastAdd.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let subpd = VectorForms(
    register: { packedRegister(FastSubtract.self, Binary64.self, $0, $1) },
    flat: { packedMemory(FastSubtract.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastSubtract.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastSubtract.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let mulpd = VectorForms(
    register: { packedRegister(FastMultiply.self, Binary64.self, $0, $1) },
    flat: { packedMemory(FastMultiply.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastMultiply.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastMultiply.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let divpd = VectorForms(
    register: { packedRegister(FastDivide.self, Binary64.self, $0, $1) },
    flat: { packedMemory(FastDivide.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { packedMemory(FastDivide.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastDivide.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let sqrtpd = VectorForms(
    register: { packedRegister(FastSquareRoot.self, Binary64.self, $0, $1) },
    long: { packedMemory(FastSquareRoot.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastSquareRoot.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let minpd = VectorForms(
    register: { packedRegister(FastMinimum.self, Binary64.self, $0, $1) },
    long: { packedMemory(FastMinimum.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastMinimum.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let maxpd = VectorForms(
    register: { packedRegister(FastMaximum.self, Binary64.self, $0, $1) },
    long: { packedMemory(FastMaximum.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { packedMemory(FastMaximum.self, Binary64.self, GeneralAddress.self, $0, $1) })
}
