// SPDX-License-Identifier: Apache-2.0

/// Packed conversions to narrower integers, interleaving and shuffles. SDM vol. 2.

// MARK: Narrowing with saturation: the lanes of the destination, then those of the source

@inline(__always)
private func clampedWords(_ value: SIMD2<UInt64>, _ low: Int16, _ high: Int16) -> SIMD8<Int16> {
  let lowest = SIMD2(packed: SIMD8<Int16>(repeating: low)), highest = SIMD2(packed: SIMD8<Int16>(repeating: high))
  let above = value.replaced(by: lowest, where: SIMD2(mask: value.signedWords .< lowest.signedWords))
  return above.replaced(by: highest, where: SIMD2(mask: above.signedWords .> highest.signedWords)).signedWords
}

@inline(__always)
private func clampedDwords(_ value: SIMD2<UInt64>) -> SIMD4<Int32> {
  let lowest = SIMD2(packed: SIMD4<Int32>(repeating: -0x8000)), highest = SIMD2(packed: SIMD4<Int32>(repeating: 0x7fff))
  let above = value.replaced(by: lowest, where: SIMD2(mask: value.signedDwords .< lowest.signedDwords))
  return above.replaced(by: highest, where: SIMD2(mask: above.signedDwords .> highest.signedDwords)).signedDwords
}

// The low halves of clamped lanes are the narrowed ones.
enum PACKSSWB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let low = SIMD2(packed: clampedWords(a, -0x80, 0x7f)), high = SIMD2(packed: clampedWords(b, -0x80, 0x7f))
    return SIMD2(packed: SIMD16<UInt8>(lowHalf: low.bytes.evenHalf, highHalf: high.bytes.evenHalf))
  }
}
enum PACKUSWB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let low = SIMD2(packed: clampedWords(a, 0, 0xff)), high = SIMD2(packed: clampedWords(b, 0, 0xff))
    return SIMD2(packed: SIMD16<UInt8>(lowHalf: low.bytes.evenHalf, highHalf: high.bytes.evenHalf))
  }
}
enum PACKSSDW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let low = SIMD2(packed: clampedDwords(a)), high = SIMD2(packed: clampedDwords(b))
    return SIMD2(packed: SIMD8<UInt16>(lowHalf: low.words.evenHalf, highHalf: high.words.evenHalf))
  }
}

// MARK: Interleaving: lanes of the destination at even places, of the source at odd ones

@inline(__always)
private func interleaved(_ a: SIMD8<UInt8>, _ b: SIMD8<UInt8>) -> SIMD2<UInt64> {
  var lanes = SIMD16<UInt8>()
  lanes.evenHalf = a
  lanes.oddHalf = b
  return SIMD2(packed: lanes)
}
@inline(__always)
private func interleaved(_ a: SIMD4<UInt16>, _ b: SIMD4<UInt16>) -> SIMD2<UInt64> {
  var lanes = SIMD8<UInt16>()
  lanes.evenHalf = a
  lanes.oddHalf = b
  return SIMD2(packed: lanes)
}
@inline(__always)
private func interleaved(_ a: SIMD2<UInt32>, _ b: SIMD2<UInt32>) -> SIMD2<UInt64> {
  var lanes = SIMD4<UInt32>()
  lanes.evenHalf = a
  lanes.oddHalf = b
  return SIMD2(packed: lanes)
}

enum PUNPCKLBW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    interleaved(a.bytes.lowHalf, b.bytes.lowHalf)
  }
}
enum PUNPCKHBW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    interleaved(a.bytes.highHalf, b.bytes.highHalf)
  }
}
enum PUNPCKLWD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    interleaved(a.words.lowHalf, b.words.lowHalf)
  }
}
enum PUNPCKHWD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    interleaved(a.words.highHalf, b.words.highHalf)
  }
}
/// Also UNPCKLPS.
enum PUNPCKLDQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    interleaved(a.dwords.lowHalf, b.dwords.lowHalf)
  }
}
/// Also UNPCKHPS.
enum PUNPCKHDQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    interleaved(a.dwords.highHalf, b.dwords.highHalf)
  }
}
/// Also UNPCKLPD.
enum PUNPCKLQDQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(a.x, b.x) }
}
/// Also UNPCKHPD.
enum PUNPCKHQDQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(a.y, b.y) }
}

// MARK: Shuffles by an immediate of two bits for each lane

/// Four words of a quadword in the order that the immediate says.
@inline(__always)
func shuffledWords(_ value: UInt64, _ immediate: UInt8) -> UInt64 {
  let order = UInt64(immediate)
  @inline(__always) func word(_ place: UInt64) -> UInt64 {
    ((value &>> (((order &>> (2 &* place)) & 3) &* 16)) & 0xffff) &<< (16 &* place)
  }
  return word(0) | word(1) | word(2) | word(3)
}

@inline(__always)
private func lane(_ value: SIMD4<UInt32>, _ immediate: UInt8, _ place: UInt8) -> UInt32 {
  value[Int((immediate &>> (2 &* place)) & 3)]
}

enum PSHUFD: VectorImmediateOperation {
  @inline(__always)
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ immediate: UInt8) -> SIMD2<UInt64> {
    let source = b.dwords
    return SIMD2(
      packed: SIMD4(
        lane(source, immediate, 0), lane(source, immediate, 1), lane(source, immediate, 2), lane(source, immediate, 3)))
  }
}
enum PSHUFLW: VectorImmediateOperation {
  @inline(__always)
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ immediate: UInt8) -> SIMD2<UInt64> {
    SIMD2(shuffledWords(b.x, immediate), b.y)
  }
}
enum PSHUFHW: VectorImmediateOperation {
  @inline(__always)
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ immediate: UInt8) -> SIMD2<UInt64> {
    SIMD2(b.x, shuffledWords(b.y, immediate))
  }
}
/// The low half comes from the destination, the high half from the source.
enum SHUFPS: VectorImmediateOperation {
  @inline(__always)
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ immediate: UInt8) -> SIMD2<UInt64> {
    let first = a.dwords, second = b.dwords
    return SIMD2(
      packed: SIMD4(
        lane(first, immediate, 0), lane(first, immediate, 1), lane(second, immediate, 2), lane(second, immediate, 3)))
  }
}
enum SHUFPD: VectorImmediateOperation {
  @inline(__always)
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ immediate: UInt8) -> SIMD2<UInt64> {
    SIMD2(immediate & 1 == 0 ? a.x : a.y, immediate & 2 == 0 ? b.x : b.y)
  }
}
