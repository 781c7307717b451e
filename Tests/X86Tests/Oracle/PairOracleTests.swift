// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

/// Register instructions that share an op, in runs whose flags nobody needs, against the host's processor.
private struct PairCases {
  var random: SplitMix
  let is32Bit: Bool

  /// Any register but the stack pointer.
  private mutating func register() -> UInt8 {
    while true {
      let number = UInt8(random.below(is32Bit ? 8 : 16))
      if number != 4 { return number }
    }
  }

  private mutating func constant() -> [UInt8] {
    let value = random.chance(40) ? UInt64(bitPattern: Int64(random.below(300) - 150)) : random.next()
    return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  /// REX, opcode, ModRM with a register operand.
  private func form(_ opcode: [UInt8], _ reg: UInt8, _ rm: UInt8, isWide: Bool, mode: UInt8 = 3) -> [UInt8] {
    let rex: UInt8 = 0x40 | (isWide ? 8 : 0) | (reg >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0)
    return (is32Bit ? [] : [rex]) + opcode + [mode << 6 | (reg & 7) << 3 | rm & 7]
  }

  private mutating func step() -> [UInt8] {
    let isWide = !is32Bit && random.chance(50)
    let a = register(), b = random.chance(30) ? a : register()
    switch random.below(18) {
    case 0, 1: return form([0x89], b, a, isWide: isWide)
    case 2: return form([0xc7], 0, a, isWide: isWide) + constant()
    case 3: return form([0x81], random.chance(50) ? 0 : 5, a, isWide: isWide) + constant()
    case 4: return form([0xff], random.chance(50) ? 0 : 1, a, isWide: isWide)
    case 5: return b & 7 == 4 ? [0x90] : form([0x8d], a, b, isWide: isWide, mode: 2) + constant()
    case 6, 7: return form([random.chance(50) ? 0x01 : 0x29], b, a, isWide: isWide)
    case 8: return form([0x31], b, a, isWide: isWide)
    case 9: return form([random.chance(50) ? 0x21 : 0x09], b, a, isWide: isWide)
    case 10: return form([0x81], random.chance(50) ? 4 : 6, a, isWide: isWide) + constant()
    case 11: return form([0xf7], 2, a, isWide: isWide)
    case 12, 13:
      let count = UInt8(random.below(70)), kinds: [UInt8] = [0, 1, 4, 5]
      return form([0xc1], kinds[random.below(4)], a, isWide: isWide) + [count]
    case 14: return form([0xd1], random.chance(50) ? 4 : 1, a, isWide: isWide)
    case 15:
      // In 32-bit code registers above 3 are the high bytes; without REX in 64-bit code too.
      if !is32Bit, random.chance(40) { return [0x0f, 0xb6, 0xc0 | (a & 3) << 3 | UInt8(random.below(8))] }
      return form([0x0f, 0xb6], a, b, isWide: isWide)
    case 16: return is32Bit ? [0x98] : [0x48, 0x98]
    default: return is32Bit ? form([0x89], b, a, isWide: false) : form([0x63], a, b, isWide: true)
    }
  }

  /// Steps, then a TEST that makes their flags dead.
  mutating func bytes() -> (bytes: [UInt8], count: Int) {
    let count = 2 + random.below(12)
    return ((0..<count).flatMap { _ in step() } + [0x85, 0xc0], count + 1)
  }

  mutating func state() -> RegisterFile {
    var state = RegisterFile()
    for number in 0..<16 { state.general[number] = is32Bit ? random.next() & 0xffff_ffff : random.next() }
    state.general[4] = OracleLayout.boundary
    state.flags = 2 | random.next() & 0x8d5
    return state
  }
}

extension OracleTests {
  @Test(arguments: [false, true], [false, true])
  func `runs of register instructions do what the host's processor does`(is32Bit: Bool, compiles: Bool) throws {
    let host = try #require(HostProcessor())
    let core = CoreUnderTest(compiles: compiles)
    // CF PF ZF SF OF; AF is undefined after TEST.
    let flags: UInt64 = 0x8c5
    for seed in 0..<UInt64(30_000) {
      var cases = PairCases(random: SplitMix(state: seed &* 0x1_0000_0001), is32Bit: is32Bit)
      let (bytes, count) = cases.bytes()
      let state = cases.state()
      var signal: Int32 = 0
      let expected = try #require(host.run(bytes, is32Bit: is32Bit, state, signal: &signal))
      var actual = RegisterFile()
      let vector = core.run(bytes, count: count, mode: is32Bit ? .flat : .long, state, into: &actual)
      let registers = is32Bit ? actual.general.prefix(8).map { $0 & 0xffff_ffff } : actual.general
      let isEqual =
        vector == 0xff && Array(registers) == Array(expected.general.prefix(registers.count))
        && (actual.flags ^ expected.flags) & flags == 0
      let text = bytes.map { hex(UInt64($0)) }.joined(separator: " ")
      try #require(isEqual, "seed \(seed): \(text)")
    }
  }
}
