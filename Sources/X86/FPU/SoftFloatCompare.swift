// SPDX-License-Identifier: Apache-2.0

enum SoftOrder {
  case less, equal, greater, unordered
}

/// Comparisons, MIN and MAX of one element. SDM vol. 2, CMPPS, COMISS, MINPS, MAXPS.
extension SoftFloat {
  /// `signalsQuiet`: a QNaN is an invalid operand too.
  static func compare(
    _ left: UInt64, _ right: UInt64, signalsQuiet: Bool, _ e: inout SoftEnvironment
  ) -> SoftOrder {
    let a = SoftOperand(left, F.self, e), b = SoftOperand(right, F.self, e)
    if a.isNaN || b.isNaN {
      if signalsQuiet || a.kind == .signalingNaN || b.kind == .signalingNaN { e.flags |= SIMDFlags.invalid }
      return .unordered
    }
    noteDenormals(a, b, &e)
    return order(a, b)
  }

  /// Neither is a NaN. Zeros of both signs are equal, and operands that DAZ makes zero are zeros.
  private static func order(_ a: SoftOperand, _ b: SoftOperand) -> SoftOrder {
    if a.isZero && b.isZero { return .equal }
    let left = magnitudeWithSign(a), right = magnitudeWithSign(b)
    return left == right ? .equal : (left < right ? .less : .greater)
  }

  /// A number in the order of the operand's value.
  private static func magnitudeWithSign(_ a: SoftOperand) -> Int64 {
    let magnitude = a.isZero ? 0 : Int64(bitPattern: a.bits & (F.signBit - 1))
    return a.isNegative ? -magnitude : magnitude
  }

  /// The mask of CMPPS and its kin; `predicate` 0...7: EQ LT LE UNORD NEQ NLT NLE ORD.
  static func compareMask(
    _ left: UInt64, _ right: UInt64, _ predicate: UInt8, _ e: inout SoftEnvironment
  ) -> UInt64 {
    let signalsQuiet = predicate & 3 == 1 || predicate & 3 == 2
    let order = compare(left, right, signalsQuiet: signalsQuiet, &e)
    let holds: Bool =
      switch predicate & 3 {
      case 0: order == .equal
      case 1: order == .less
      case 2: order == .less || order == .equal
      default: order == .unordered
      }
    return holds != (predicate & 4 != 0) ? F.signBit | (F.signBit - 1) : 0
  }

  /// MIN and MAX: the second operand unless the first is really less (greater), so also for NaNs, which are all
  /// invalid, and for two zeros.
  static func select(_ left: UInt64, _ right: UInt64, _ wanted: SoftOrder, _ e: inout SoftEnvironment) -> UInt64 {
    let chosen = compare(left, right, signalsQuiet: true, &e) == wanted ? left : right
    // What DAZ makes of a denormal operand is also the result.
    let operand = SoftOperand(chosen, F.self, e)
    return operand.isZero ? F.sign(operand.isNegative) : chosen
  }
}
