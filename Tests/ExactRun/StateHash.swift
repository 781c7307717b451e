// SPDX-License-Identifier: Apache-2.0
import PC

/// A hash of everything the guest can observe: memory, and every part of a saved state. Fast enough to be taken hundreds
/// of times in a run: memory is read in one pass, eight words at a time.
struct StateHash {
  /// Names with hashes: memory blocks first, then state parts, in the machine's order.
  let parts: [(name: String, hash: UInt64)]

  init(_ machine: Machine) throws {
    // First, because saving does what is due.
    let states = try machine.saveState()
    var parts: [(name: String, hash: UInt64)] = []
    for block in machine.board?.memoryBlocks ?? [] {
      parts.append((block.name, Self.hash(UnsafeRawBufferPointer(block.contents))))
    }
    for part in states { parts.append((part.name, part.bytes.withUnsafeBytes(Self.hash))) }
    self.parts = parts
  }

  /// One number for all parts.
  var whole: UInt64 { parts.reduce(UInt64(parts.count)) { Self.mix($0, $1.hash) } }

  /// `whole` and then each part, as `NAME=HASH` words.
  var description: String {
    (["all=\(Self.hexadecimal(whole))"] + parts.map { "\($0.name)=\(Self.hexadecimal($0.hash))" })
      .joined(separator: " ")
  }

  static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Odd constants of SplitMix64.
  private static let first: UInt64 = 0xbf58_476d_1ce4_e5b9, second: UInt64 = 0x94d0_49bb_1331_11eb

  private static func mix(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    var value = (sum ^ word) &* first
    value ^= value >> 29
    return value &* second
  }

  /// Eight sums, each over every eighth word, and the bytes that are left over.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sums = SIMD8<UInt64>(1, 2, 3, 4, 5, 6, 7, 8)
    let wholes = bytes.count & ~63
    var offset = 0
    if let base = bytes.baseAddress {
      while offset < wholes {
        let words = base.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
        // A word changes the sum in a way that no later word takes back: multiplying by an odd number is one to one.
        sums = (sums ^ words) &* SIMD8(repeating: first)
        sums ^= sums &>> SIMD8(repeating: 31)
        offset += 64
      }
    }
    var result = UInt64(bytes.count)
    for lane in 0..<8 { result = mix(result, sums[lane]) }
    for byte in bytes[wholes...] { result = mix(result, UInt64(byte)) }
    return result
  }
}
