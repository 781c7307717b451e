// SPDX-License-Identifier: Apache-2.0

/// Two register instructions as one op: half the dispatching where compilers move and combine registers. Neither of the
/// two touches memory, faults, or stores flags (which later instructions of the block overwrite), so nothing can tell.
///
/// In a pair's op `dst`, `src` and `immediate` belong to the first step, `base`, `index` and `displacement` (sign-extended)
/// to the second.
protocol PairStep {
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64)
}

@inline(__always)
func pair<A: PairStep, B: PairStep>(_: A.Type, _: B.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let op = o.op
  A.apply(c, op.pointee.dst, op.pointee.src, op.pointee.immediate)
  B.apply(c, op.pointee.base, op.pointee.index, UInt64(bitPattern: Int64(op.pointee.displacement)))
  return next(c, o)
}

/// A register, or none, plus a constant: moves, sums with constants, LEA.
enum MoveStep<W: Width>: PairStep {
  @inline(__always)
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64) {
    c[dst, as: W.self] = c[src, as: W.self] &+ W(low: immediate)
  }
}

enum ALUStep<O: ALUOperation, W: Width>: PairStep {
  @inline(__always)
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64) {
    c[dst, as: W.self] = O.apply(c[dst, as: W.self], c[src, as: W.self], c).0
  }
}

enum ALUImmediateStep<O: ALUOperation, W: Width>: PairStep {
  @inline(__always)
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64) {
    c[dst, as: W.self] = O.apply(c[dst, as: W.self], W(low: immediate), c).0
  }
}

/// The count is below the width and not zero.
enum ShiftStep<O: ShiftOperation, W: Width>: PairStep {
  @inline(__always)
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64) {
    c[dst, as: W.self] = O.apply(c[dst, as: W.self], Int(truncatingIfNeeded: immediate & 63), DropFlags.self, c)
  }
}

enum ZeroByteStep: PairStep {
  @inline(__always)
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64) {
    c[dst, as: UInt64.self] = UInt64(c[src, as: UInt8.self])
  }
}

enum SignDoubleStep: PairStep {
  @inline(__always)
  static func apply(_ c: UnsafeMutableRawPointer, _ dst: UInt8, _ src: UInt8, _ immediate: UInt64) {
    c[dst, as: UInt64.self] = c[src, as: UInt32.self].flagWord
  }
}

typealias MoveD = MoveStep<UInt32>
typealias AddD = ALUStep<Add, UInt32>
typealias SubD = ALUStep<Subtract, UInt32>
typealias AndD = ALUStep<And, UInt32>
typealias OrD = ALUStep<Or, UInt32>
typealias XorD = ALUStep<Xor, UInt32>
typealias AndImmD = ALUImmediateStep<And, UInt32>
typealias XorImmD = ALUImmediateStep<Xor, UInt32>
typealias ShlD = ShiftStep<ShiftLeft, UInt32>
typealias ShrD = ShiftStep<ShiftRight, UInt32>
typealias RorD = ShiftStep<RotateRight, UInt32>
typealias MoveQ = MoveStep<UInt64>
typealias AddQ = ALUStep<Add, UInt64>
typealias SubQ = ALUStep<Subtract, UInt64>
typealias XorQ = ALUStep<Xor, UInt64>
typealias ShlQ = ShiftStep<ShiftLeft, UInt64>
typealias ShrQ = ShiftStep<ShiftRight, UInt64>
typealias ByteD = ZeroByteStep
typealias SignQ = SignDoubleStep

/// What a half of a pair does, in the order of the tables.
enum PairKind: UInt8 {
  case moveD, addD, subD, andD, orD, xorD, andImmD, xorImmD, shlD, shrD, rorD
  case moveQ, addQ, subQ, xorQ, shlQ, shrQ, byteD, signQ
}

/// An instruction as a half of a pair.
struct PairHalf {
  var kind: PairKind
  var dst: UInt8
  var src: UInt8 = StateOffset.zero
  var immediate: Int32 = 0

  /// Nil unless the instruction can be one; its flags, if it writes any, are not needed.
  init?(_ instruction: Instruction) {
    let first = instruction.operands.0, second = instruction.operands.1
    let is64 = instruction.operandSize == 8
    if instruction.mnemonic == .cbw, is64 {  // CDQE
      (kind, dst, src) = (.signQ, 0, 0)
      return
    }
    guard first.kind == .register, is64 || instruction.operandSize == 4 else { return nil }
    dst = first.register * 8
    kind = is64 ? .moveQ : .moveD

    switch (instruction.mnemonic, second.kind) {
    case (.mov, .register): src = second.register * 8
    case (.mov, .immediate): guard set(instruction.immediate, is64) else { return nil }
    case (.add, .immediate):
      src = dst
      guard set(instruction.immediate, is64) else { return nil }
    case (.sub, .immediate):
      src = dst
      guard set(0 &- instruction.immediate, is64) else { return nil }
    case (.inc, .none), (.dec, .none):
      src = dst
      immediate = instruction.mnemonic == .inc ? 1 : -1
    case (.lea, .memory):
      let base = instruction.memoryBase
      guard instruction.memoryIndex == Instruction.noRegister, base != Instruction.instructionPointer,
        instruction.addressSize == 8 || (instruction.addressSize == 4 && !is64),
        set(UInt64(bitPattern: instruction.displacement), is64)
      else { return nil }
      if base != Instruction.noRegister { src = base * 8 }
    case (.xor, .register), (.sub, .register):
      guard second.register != first.register else { break }  // zero
      src = second.register * 8
      kind = instruction.mnemonic == .xor ? (is64 ? .xorQ : .xorD) : (is64 ? .subQ : .subD)
    case (.add, .register):
      src = second.register * 8
      kind = is64 ? .addQ : .addD
    case (.and, .register) where !is64, (.or, .register) where !is64:
      src = second.register * 8
      kind = instruction.mnemonic == .and ? .andD : .orD
    case (.and, .immediate) where !is64, (.xor, .immediate) where !is64:
      kind = instruction.mnemonic == .and ? .andImmD : .xorImmD
      guard set(instruction.immediate, is64) else { return nil }
    case (.not, .none) where !is64:
      kind = .xorImmD
      immediate = -1
    case (.shl, .immediate), (.shl, .one): kind = is64 ? .shlQ : .shlD
    case (.shr, .immediate), (.shr, .one): kind = is64 ? .shrQ : .shrD
    case (.ror, .immediate) where !is64, (.ror, .one) where !is64, (.rol, .immediate) where !is64,
      (.rol, .one) where !is64:
      kind = .rorD
    case (.movzx, .register) where second.size == 1:
      kind = .byteD
      src = second.register >= 16 ? (second.register & 3) * 8 + 1 : second.register * 8
    case (.movsxd, .register) where is64 && second.size == 4:
      kind = .signQ
      src = second.register * 8
    default: return nil
    }

    guard kind == .shlD || kind == .shrD || kind == .rorD || kind == .shlQ || kind == .shrQ else { return }
    let width: UInt64 = is64 ? 64 : 32
    let count = second.kind == .one ? 1 : instruction.immediate & (width - 1)
    guard count != 0 else { return nil }
    immediate = Int32(truncatingIfNeeded: instruction.mnemonic == .rol ? width - count : count)
  }

  /// False if the constant does not fit.
  private mutating func set(_ value: UInt64, _ is64: Bool) -> Bool {
    immediate = Int32(truncatingIfNeeded: value)
    return !is64 || Int64(immediate) == Int64(bitPattern: value)
  }
}
