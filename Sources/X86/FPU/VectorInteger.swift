// SPDX-License-Identifier: Apache-2.0

/// Packed logic and integer arithmetic, named by mnemonic. SDM vol. 2; vol. 1, 11.4 and 9.4.

// MARK: Logic. ANDPS and ANDPD and the like are the same instructions.

enum PAND: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { a & b }
}
enum PANDN: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { ~a & b }
}
enum POR: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { a | b }
}
enum PXOR: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { a ^ b }
}

// MARK: Addition and subtraction that wrap

enum PADDB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.bytes &+ b.bytes)
  }
}
enum PADDW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.words &+ b.words)
  }
}
enum PADDD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.dwords &+ b.dwords)
  }
}
enum PADDQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { a &+ b }
}
enum PSUBB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.bytes &- b.bytes)
  }
}
enum PSUBW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.words &- b.words)
  }
}
enum PSUBD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.dwords &- b.dwords)
  }
}
enum PSUBQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { a &- b }
}

// MARK: Addition and subtraction that saturate

enum PADDUSB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let sum = a.bytes &+ b.bytes
    return SIMD2(packed: sum) | SIMD2(mask: sum .< a.bytes)
  }
}
enum PADDUSW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let sum = a.words &+ b.words
    return SIMD2(packed: sum) | SIMD2(mask: sum .< a.words)
  }
}
enum PSUBUSB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.bytes &- b.bytes) & SIMD2(mask: a.bytes .> b.bytes)
  }
}
enum PSUBUSW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.words &- b.words) & SIMD2(mask: a.words .> b.words)
  }
}

/// The result where bit 7 of `overflow` is clear, elsewhere the limit on the side of `a`.
@inline(__always)
private func saturatedBytes(_ result: SIMD2<UInt64>, _ overflow: SIMD2<UInt64>, _ a: SIMD2<UInt64>) -> SIMD2<UInt64> {
  let limit = SIMD2(packed: (a.signedBytes &>> 7) ^ SIMD16(repeating: 0x7f))
  return result.replaced(by: limit, where: SIMD2(packed: overflow.signedBytes &>> 7))
}

/// The same for words and bit 15.
@inline(__always)
private func saturatedWords(_ result: SIMD2<UInt64>, _ overflow: SIMD2<UInt64>, _ a: SIMD2<UInt64>) -> SIMD2<UInt64> {
  let limit = SIMD2(packed: (a.signedWords &>> 15) ^ SIMD8(repeating: 0x7fff))
  return result.replaced(by: limit, where: SIMD2(packed: overflow.signedWords &>> 15))
}

enum PADDSB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let sum = SIMD2(packed: a.bytes &+ b.bytes)
    return saturatedBytes(sum, (a ^ sum) & (b ^ sum), a)
  }
}
enum PADDSW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let sum = SIMD2(packed: a.words &+ b.words)
    return saturatedWords(sum, (a ^ sum) & (b ^ sum), a)
  }
}
enum PSUBSB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let difference = SIMD2(packed: a.bytes &- b.bytes)
    return saturatedBytes(difference, (a ^ b) & (a ^ difference), a)
  }
}
enum PSUBSW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let difference = SIMD2(packed: a.words &- b.words)
    return saturatedWords(difference, (a ^ b) & (a ^ difference), a)
  }
}

// MARK: Multiplication

enum PMULLW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: a.words &* b.words)
  }
}
// Products of words, those at even places and those at odd ones, in dwords.
@inline(__always)
private func signedProducts(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> (even: SIMD4<Int32>, odd: SIMD4<Int32>) {
  let evenA = (a.signedDwords &<< 16) &>> 16, evenB = (b.signedDwords &<< 16) &>> 16
  return (evenA &* evenB, (a.signedDwords &>> 16) &* (b.signedDwords &>> 16))
}

enum PMULHW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let products = signedProducts(a, b)
    return SIMD2(packed: SIMD2(packed: products.even).dwords &>> 16)
      | SIMD2(packed: products.odd) & SIMD2(repeating: 0xffff_0000_ffff_0000)
  }
}
enum PMULHUW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let mask = SIMD4<UInt32>(repeating: 0xffff)
    let even = (a.dwords & mask) &* (b.dwords & mask), odd = (a.dwords &>> 16) &* (b.dwords &>> 16)
    return SIMD2(packed: even &>> 16) | SIMD2(packed: odd) & SIMD2(repeating: 0xffff_0000_ffff_0000)
  }
}
enum PMULUDQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    (a & SIMD2(repeating: 0xffff_ffff)) &* (b & SIMD2(repeating: 0xffff_ffff))
  }
}
/// The one overflow, of four times 8000h, wraps to 80000000h.
enum PMADDWD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let products = signedProducts(a, b)
    return SIMD2(packed: products.even &+ products.odd)
  }
}

// MARK: Averages, extremes, absolute differences

/// Rounded up: (a + b + 1) / 2 without the carry out of the lane.
enum PAVGB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: (a.bytes | b.bytes) &- ((a.bytes ^ b.bytes) &>> 1))
  }
}
enum PAVGW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(packed: (a.words | b.words) &- ((a.words ^ b.words) &>> 1))
  }
}
enum PMINUB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    a.replaced(by: b, where: SIMD2(mask: b.bytes .< a.bytes))
  }
}
enum PMAXUB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    a.replaced(by: b, where: SIMD2(mask: b.bytes .> a.bytes))
  }
}
enum PMINSW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    a.replaced(by: b, where: SIMD2(mask: b.signedWords .< a.signedWords))
  }
}
enum PMAXSW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    a.replaced(by: b, where: SIMD2(mask: b.signedWords .> a.signedWords))
  }
}
/// Sums of the absolute differences of the bytes of each quadword.
enum PSADBW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let differences = PSUBUSB.apply(a, b) | PSUBUSB.apply(b, a)
    // Pairs of bytes to words, then the four words to the top one: the sum is below 2^11.
    let mask = SIMD2<UInt64>(repeating: 0x00ff_00ff_00ff_00ff)
    let words = (differences & mask) &+ ((differences &>> 8) & mask)
    return SIMD2((words.x &* 0x0001_0001_0001_0001) &>> 48, (words.y &* 0x0001_0001_0001_0001) &>> 48)
  }
}

// MARK: Comparison

enum PCMPEQB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(mask: a.signedBytes .== b.signedBytes)
  }
}
enum PCMPEQW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(mask: a.signedWords .== b.signedWords)
  }
}
enum PCMPEQD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(mask: a.signedDwords .== b.signedDwords)
  }
}
enum PCMPGTB: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(mask: a.signedBytes .> b.signedBytes)
  }
}
enum PCMPGTW: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(mask: a.signedWords .> b.signedWords)
  }
}
enum PCMPGTD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(mask: a.signedDwords .> b.signedDwords)
  }
}
