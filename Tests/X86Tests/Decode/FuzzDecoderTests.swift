// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import Testing
import X86

/// Random and nearly legal bytes through the decoder and the disassemblers.
struct FuzzDecoderTests {
  private static let rows = Decoder.allRows
  private static let prefixes: [UInt8] = [
    0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x40, 0x48, 0x4f, 0x0f,
  ]

  private func decode(_ bytes: [UInt8], _ available: Int, _ size: CodeSize) -> (DecodeResult, Instruction) {
    var instruction = Instruction()
    let result = bytes.withUnsafeBufferPointer { buffer -> DecodeResult in
      guard let start = buffer.baseAddress else { return .invalid }
      return Decoder.decode(start, available: available, size: size, into: &instruction)
    }
    return (result, instruction)
  }

  private func candidate(_ random: inout FuzzRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    if random.oneIn(3) {
      bytes = random.bytes(16)
    } else {
      for _ in 0..<random.below(4) { bytes.append(Self.prefixes[random.below(Self.prefixes.count)]) }
      bytes += Self.rows[random.below(Self.rows.count)].example
      if random.oneIn(2) { bytes = random.damaged(bytes) }
    }
    return Array((bytes + random.bytes(16)).prefix(16))
  }

  @Test func `no bytes trap, outgrow fifteen, or depend on what lies behind them`() {
    Fuzzing.run("decoder", atLeast: 20_000) { random in
      let bytes = candidate(&random)
      for size in [CodeSize.bits16, .bits32, .bits64] {
        let (result, instruction) = decode(bytes, 16, size)
        let length = Int(instruction.length)
        #expect(result != .needsMoreBytes && length <= 15, "seed \(random.seed)")
        guard result == .ok else { continue }
        #expect(length >= 1)
        let (exact, alone) = decode(bytes, length, size)
        #expect(exact == .ok && alone.mnemonic == instruction.mnemonic && alone.length == instruction.length)
        if length > 1 { #expect(decode(bytes, random.below(length), size).0 == .needsMoreBytes) }
        let address = random.word()
        #expect(!Disassembler.intel(instruction, address: address).isEmpty)
        #expect(!Disassembler.att(instruction, address: address).isEmpty)
        #expect(!Disassembler.monitor(instruction, address: address).isEmpty)
      }
    }
  }

  @Test func `a monitor's line consumes what it shows`() {
    Fuzzing.run("monitor lines", atLeast: 20_000) { random in
      let bytes = Array(candidate(&random).prefix(random.below(17)))
      for size in [CodeSize.bits16, .bits32, .bits64] {
        if let line = Disassembler.monitor(bytes, address: random.word(), size: size) {
          #expect((1...15).contains(line.length) && line.length <= bytes.count, "seed \(random.seed)")
        }
      }
    }
  }
}
