// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

/// Decodes bytes given in hex.
func decode(_ hex: String, _ size: CodeSize, available: Int? = nil) -> (result: DecodeResult, instruction: Instruction)
{
  let bytes = bytes(hex)
  var instruction = Instruction()
  let result = bytes.withUnsafeBufferPointer {
    Decoder.decode($0.baseAddress!, available: available ?? bytes.count, size: size, into: &instruction)
  }
  return (result, instruction)
}

func bytes(_ hex: String) -> [UInt8] {
  hex.split(separator: " ").map { UInt8($0, radix: 16)! }
}

/// The steps of SplitMix64, so that every run sees the same strings.
struct Sequence64 {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
}

struct DecoderTests {
  @Test func `every row of the tables is reached by its own encoding`() {
    for row in Decoder.allRows {
      for size in row.modes {
        var instruction = Instruction()
        let result = row.example.withUnsafeBufferPointer {
          Decoder.decode($0.baseAddress!, available: $0.count, size: size, into: &instruction)
        }
        #expect(result == .ok && instruction.mnemonic == row.mnemonic, "\(row.encoding) in \(size)")
        #expect(instruction.checks == row.checks, "\(row.encoding)")
      }
    }
  }

  @Test func `rows outside their modes are undefined`() {
    for row in Decoder.allRows where row.modes.count < 3 && row.encoding != "63 /r" {
      for size in [CodeSize.bits16, .bits32, .bits64] where !row.modes.contains(size) {
        var instruction = Instruction()
        let result = row.example.withUnsafeBufferPointer {
          Decoder.decode($0.baseAddress!, available: $0.count, size: size, into: &instruction)
        }
        // 40...4F are prefixes in 64-bit mode; what they precede here is ADD.
        let isREX = size == .bits64 && row.example[0] & 0xf0 == 0x40
        #expect(isREX ? instruction.mnemonic == .add : result == .invalid, "\(row.encoding) in \(size)")
      }
    }
  }

  @Test func `every mnemonic has a row`() {
    let present = Set(Decoder.allRows.map(\.mnemonic))
    // CMPXCHG16B is CMPXCHG8B with REX.W.
    #expect(Mnemonic.allCases.filter { !present.contains($0) } == [.invalid, .cmpxchg16b])
    #expect(decode("48 0f c7 0b", .bits64).instruction.mnemonic == .cmpxchg16b)
    #expect(decode("0f c7 0b", .bits64).instruction.mnemonic == .cmpxchg8b)
  }

  @Test func `an instruction cut short asks for more, at every length`() {
    for row in Decoder.allRows {
      for size in row.modes {
        var instruction = Instruction()
        row.example.withUnsafeBufferPointer { buffer in
          _ = Decoder.decode(buffer.baseAddress!, available: buffer.count, size: size, into: &instruction)
          let length = Int(instruction.length)
          for available in 0..<length {
            let result = Decoder.decode(buffer.baseAddress!, available: available, size: size, into: &instruction)
            #expect(result == .needsMoreBytes, "\(row.encoding) with \(available) of \(length) bytes")
          }
        }
      }
    }
  }

  @Test func `any bytes decode without a trap and within fifteen bytes`() {
    var sequence = Sequence64(state: 1)
    var buffer = [UInt8](repeating: 0, count: 16)
    for round in 0..<300_000 {
      for place in buffer.indices { buffer[place] = sequence.byte() }
      let size = CodeSize(rawValue: UInt8(round % 3))!
      var instruction = Instruction()
      let result = buffer.withUnsafeBufferPointer {
        Decoder.decode($0.baseAddress!, available: $0.count, size: size, into: &instruction)
      }
      #expect(result != .needsMoreBytes && instruction.length <= 15)
      if result == .ok { #expect(instruction.length >= 1 && instruction.mnemonic != .invalid) }
    }
  }

  @Test(
    "fifteen bytes are legal and sixteen are not",
    arguments: [
      ("66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", DecodeResult.ok),
      ("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", .tooLong),
      ("2e 2e 2e 2e 2e 2e 2e 2e c7 05 00 00 00 00 00 00 00 00", .tooLong),
      ("2e 2e 2e 2e 2e c7 05 00 00 00 00 00 00 00 00", .ok),
      ("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", .tooLong),
      ("66 66 66 66 66 66 66 66 66 66 66 66 66 66", .needsMoreBytes),
    ])
  func limit(hex: String, expected: DecodeResult) {
    #expect(decode(hex, .bits32).result == expected)
  }

  @Test(
    "operand and address sizes follow mode and prefixes",
    arguments: [
      ("01 c8", CodeSize.bits16, 2, 2), ("66 01 c8", .bits16, 4, 2), ("67 01 c8", .bits16, 2, 4),
      ("01 c8", .bits32, 4, 4), ("66 01 c8", .bits32, 2, 4), ("67 01 c8", .bits32, 4, 2),
      ("01 c8", .bits64, 4, 8), ("66 01 c8", .bits64, 2, 8), ("67 01 c8", .bits64, 4, 4),
      ("48 01 c8", .bits64, 8, 8), ("66 48 01 c8", .bits64, 8, 8), ("48 66 01 c8", .bits64, 2, 8),
      ("00 c8", .bits64, 1, 8), ("48 00 c8", .bits64, 1, 8), ("50", .bits64, 8, 8), ("66 50", .bits64, 2, 8),
      ("6a ff", .bits64, 8, 8), ("66 6a ff", .bits16, 4, 2), ("9c", .bits64, 8, 8), ("c9", .bits64, 8, 8),
      ("66 e8 00 00 00 00", .bits64, 8, 8), ("66 ff d0", .bits64, 8, 8), ("66 c3", .bits64, 8, 8),
      ("66 0f 84 00 00 00 00", .bits64, 8, 8), ("66 e8 00 00", .bits32, 2, 4), ("cb", .bits64, 4, 8),
      ("a4", .bits32, 1, 4), ("a5", .bits16, 2, 2), ("48 a5", .bits64, 8, 8), ("48 6d", .bits64, 4, 8),
      ("48 ed", .bits64, 4, 8), ("ee", .bits32, 1, 4), ("66 ef", .bits32, 2, 4), ("e2 fe", .bits64, 8, 8),
      ("67 e3 fe", .bits64, 8, 4), ("67 e3 fe", .bits32, 4, 2), ("0f b6 c0", .bits32, 4, 4),
      ("0f 90 c0", .bits32, 1, 4), ("d7", .bits32, 4, 4), ("d0 e0", .bits32, 1, 4),
    ])
  func sizes(hex: String, size: CodeSize, operand: Int, address: Int) {
    let (result, instruction) = decode(hex, size)
    #expect(result == .ok)
    #expect(Int(instruction.length) == bytes(hex).count)
    #expect(Int(instruction.operandSize) == operand)
    #expect(Int(instruction.addressSize) == address)
  }

  @Test(
    "LOCK is legal only on lockable operations with a memory destination",
    arguments: [
      ("f0 01 08", true), ("f0 01 c8", false), ("f0 03 08", false), ("f0 39 08", false), ("f0 83 38 00", false),
      ("f0 83 08 00", true), ("f0 87 08", true), ("f0 87 c8", false), ("f0 0f b1 08", true), ("f0 0f c1 08", true),
      ("f0 0f c7 08", true), ("f0 0f a3 08", false), ("f0 0f ab 08", true), ("f0 0f ba 20 01", false),
      ("f0 0f ba 28 01", true), ("f0 f7 10", true), ("f0 f7 20", false), ("f0 fe 00", true), ("f0 ff 30", false),
      ("f0 8b 00", false), ("f0 90", false), ("f0 a4", false), ("f0 82 00 01", true), ("f0 0f 22 c0", false),
    ])
  func lockLegality(hex: String, isLegal: Bool) {
    let (result, instruction) = decode(hex, .bits32)
    #expect(result == (isLegal ? .ok : .invalid))
    #expect(instruction.lock)
  }

  @Test(
    "segments come from the base register or the last override",
    arguments: [
      ("8b 03", CodeSize.bits32, SegmentRegister.ds), ("8b 45 00", .bits32, .ss), ("8b 04 24", .bits32, .ss),
      ("8b 04 2b", .bits32, .ds), ("8b 44 1d 00", .bits32, .ss), ("8b 05 00 00 00 00", .bits32, .ds),
      ("8b 04 2d 00 00 00 00", .bits32, .ds), ("3e 8b 45 00", .bits32, .ds), ("2e 64 8b 03", .bits32, .fs),
      ("64 26 8b 03", .bits32, .es), ("8b 02", .bits16, .ss), ("8b 00", .bits16, .ds), ("8b 46 00", .bits16, .ss),
      ("8b 06 00 00", .bits16, .ds), ("64 2e 8b 03", .bits64, .fs), ("2e 8b 03", .bits64, .ds),
      ("65 a4", .bits64, .gs), ("a4", .bits16, .ds), ("2e a4", .bits16, .cs), ("26 a2 00 00", .bits16, .es),
      ("41 8b 45 00", .bits64, .ds), ("2e d7", .bits16, .cs),
    ])
  func segments(hex: String, size: CodeSize, expected: SegmentRegister) {
    let (result, instruction) = decode(hex, size)
    #expect(result == .ok)
    #expect(instruction.segment == expected)
  }

  @Test(
    "byte registers depend on REX",
    arguments: [("88 e0", 16), ("40 88 e0", 4), ("88 f8", 19), ("40 88 f8", 7), ("44 88 e0", 12), ("44 88 c0", 8)])
  func byteRegisters(hex: String, source: Int) {
    #expect(Int(decode(hex, .bits64).instruction.operands.1.register) == source)
  }

  @Test(
    "immediates are extended to the operand size",
    arguments: [
      ("83 c0 ff", CodeSize.bits32, 0xffff_ffff as UInt64), ("66 83 c0 ff", .bits32, 0xffff),
      ("48 83 c0 ff", .bits64, .max), ("48 81 c0 00 00 00 80", .bits64, 0xffff_ffff_8000_0000),
      ("81 c0 00 00 00 80", .bits64, 0x8000_0000), ("80 c0 ff", .bits32, 0xff), ("6a ff", .bits16, 0xffff),
      ("6a ff", .bits64, .max), ("48 b8 08 07 06 05 04 03 02 01", .bits64, 0x0102_0304_0506_0708),
      ("cd ff", .bits32, 0xff), ("c2 ff ff", .bits32, 0xffff), ("e8 fe ff ff ff", .bits32, .max - 1),
      ("eb fe", .bits16, .max - 1), ("ea 34 12 78 56", .bits16, 0x1234), ("c8 34 12 05", .bits32, 0x1234),
    ])
  func immediates(hex: String, size: CodeSize, expected: UInt64) {
    #expect(decode(hex, size).instruction.immediate == expected)
  }

  @Test func `far pointers and ENTER have a second immediate`() {
    #expect(decode("ea 34 12 78 56", .bits16).instruction.immediate2 == 0x5678)
    #expect(decode("9a 44 33 22 11 78 56", .bits32).instruction.immediate2 == 0x5678)
    #expect(decode("c8 34 12 05", .bits32).instruction.immediate2 == 5)
  }

  @Test(
    "undocumented encodings do what processors do",
    arguments: [
      ("82 c0 01", CodeSize.bits32, Mnemonic.add), ("d0 f0", .bits32, .shl), ("d3 f0", .bits32, .shl),
      ("c1 f0 01", .bits32, .shl), ("f6 c8 01", .bits32, .test), ("f7 c8 01 00 00 00", .bits32, .test),
      ("d6", .bits16, .salc), ("f1", .bits32, .int1), ("0f b9 c0", .bits32, .ud1), ("0f ff c0", .bits32, .ud0),
      ("0f 1f c0", .bits32, .nop), ("0f 18 e0", .bits32, .nop), ("0f 19 00", .bits32, .nop),
      ("0f 1e fa", .bits64, .nop),
      ("f3 90", .bits32, .pause), ("41 90", .bits64, .xchg), ("48 90", .bits64, .nop), ("dd c8", .bits32, .fxch),
      ("0f 0d c0", .bits32, .nop), ("0f 0d 08", .bits32, .prefetch), ("63 c0", .bits64, .movsxd),
      ("63 c0", .bits32, .arpl), ("62 00", .bits32, .bound), ("c4 00", .bits32, .les), ("c5 00", .bits16, .lds),
    ])
  func aliases(hex: String, size: CodeSize, expected: Mnemonic) {
    let (result, instruction) = decode(hex, size)
    #expect(result == .ok)
    #expect(instruction.mnemonic == expected)
  }

  @Test(
    "undefined encodings are invalid",
    arguments: [
      ("82 c0 01", CodeSize.bits64), ("d6", .bits64), ("62 c0", .bits32), ("62 00", .bits64), ("c4 c0", .bits32),
      ("c5 c0", .bits16), ("c4 00", .bits64), ("c5 f8 77", .bits64), ("ff f8", .bits32), ("ff 38", .bits32),
      ("fe d0", .bits32), ("8f c8", .bits32), ("c6 c8 00", .bits32), ("8e c8", .bits32), ("8e f0", .bits32),
      ("8c f0", .bits32), ("0f 20 c8", .bits32), ("0f 22 e8", .bits32), ("44 0f 21 c0", .bits64), ("0f 24 c0", .bits32),
      ("0f 04", .bits32), ("0f 0a", .bits32), ("0f a6", .bits32), ("0f ba c0 01", .bits32), ("8d c0", .bits32),
      ("ff d8", .bits32), ("ff e8", .bits32), ("0f b2 c0", .bits32), ("0f c7 c8", .bits32), ("06", .bits64),
      ("9a 00 00 00 00 00 00", .bits64), ("ea 00 00 00 00 00 00", .bits64), ("60", .bits64), ("27", .bits64),
      ("d4 0a", .bits64), ("ce", .bits64), ("0f 01 f8", .bits32), ("f3 0f 60 c0", .bits32), ("0f 01 e8", .bits32),
      ("d9 d1", .bits32), ("0f 00 30", .bits32),
    ])
  func undefined(hex: String, size: CodeSize) {
    let (result, instruction) = decode(hex, size)
    #expect(result == .invalid)
    #expect(instruction.length >= 1)
  }

  @Test func `a REX prefix before another prefix has no effect`() {
    let instruction = decode("48 66 05 34 12", .bits64).instruction
    #expect(instruction.operandSize == 2 && instruction.length == 5)
    #expect(decode("49 48 01 c0", .bits64).instruction.operands.0.register == 0)
  }

  @Test func `mandatory prefixes are not repeat prefixes`() {
    #expect(decode("f3 0f 10 c0", .bits32).instruction.repeatPrefix == .none)
    #expect(decode("f3 0f b8 c0", .bits32).instruction.mnemonic == .popcnt)
    #expect(decode("66 f2 0f 38 f1 c0", .bits32).instruction.mnemonic == .crc32)
    #expect(decode("66 f2 0f 38 f1 c0", .bits32).instruction.operands.1.size == 2)
    #expect(decode("f3 a4", .bits32).instruction.repeatPrefix == .repeatEqual)
    #expect(decode("f3 f2 a4", .bits32).instruction.repeatPrefix == .repeatNotEqual)
  }

  @Test func `MOV to and from control registers ignores mod`() {
    for modRM in ["00", "40", "80", "c0"] {
      let (result, instruction) = decode("0f 20 \(modRM)", .bits32)
      #expect(result == .ok && instruction.length == 3)
      #expect(instruction.operands.0.kind == .register && instruction.operands.0.size == 4)
    }
    #expect(decode("44 0f 20 c0", .bits64).instruction.operands.1.register == 8)
    #expect(decode("0f 20 c0", .bits64).instruction.operands.0.size == 8)
  }

  @Test(
    "memory operands describe the address",
    arguments: [
      ("8b 84 8d 78 56 34 12", CodeSize.bits32, 5, 1, 2, 0x1234_5678 as Int64),
      ("8b 04 25 78 56 34 12", .bits32, 0xff, 0xff, 0, 0x1234_5678),
      ("8b 05 f8 ff ff ff", .bits64, 0xfe, 0xff, 0, -8), ("8b 05 f8 ff ff ff", .bits32, 0xff, 0xff, 0, -8),
      ("8b 04 25 f8 ff ff ff", .bits64, 0xff, 0xff, 0, -8), ("43 8b 44 e5 10", .bits64, 13, 12, 3, 16),
      ("41 8b 04 24", .bits64, 12, 0xff, 0, 0), ("8b 40 f0", .bits16, 3, 6, 0, -16), ("8b 41 01", .bits16, 3, 7, 0, 1),
      ("8b 42 01", .bits16, 5, 6, 0, 1), ("8b 43 01", .bits16, 5, 7, 0, 1), ("8b 44 01", .bits16, 6, 0xff, 0, 1),
      ("8b 45 01", .bits16, 7, 0xff, 0, 1), ("8b 46 01", .bits16, 5, 0xff, 0, 1), ("8b 47 01", .bits16, 3, 0xff, 0, 1),
      ("a1 f0 ff", .bits16, 0xff, 0xff, 0, 0xfff0),
      ("a1 08 07 06 05 04 03 02 01", .bits64, 0xff, 0xff, 0, 0x0102_0304_0506_0708),
    ])
  func memory(hex: String, size: CodeSize, base: Int, index: Int, scale: Int, displacement: Int64) {
    let (result, instruction) = decode(hex, size)
    #expect(result == .ok)
    #expect(Int(instruction.memoryBase) == base)
    #expect(Int(instruction.memoryIndex) == index)
    #expect(index == 0xff || Int(instruction.memoryScale) == scale)
    #expect(instruction.displacement == displacement)
  }

  @Test(
    "legality is carried as data",
    arguments: [
      ("f4", LegalityChecks.cpl0), ("0f 22 c0", .cpl0), ("0f 01 10", .cpl0), ("0f 01 00", []), ("fa", .iopl),
      ("0f 30", .cpl0), ("0f 00 d0", [.cpl0, .protectedMode]), ("0f 02 c0", .protectedMode), ("63 c0", .protectedMode),
      ("9c", .v86IOPL), ("cd 80", .v86IOPL), ("cc", []), ("ce", []), ("cf", .v86IOPL), ("d9 e8", .x87), ("0f 77", .mmx),
      ("0f 10 c0", .sse), ("0f 71 d0 01", .mmx), ("66 0f 71 d0 01", .sse), ("0f 2a c0", [.mmx, .sse]),
      ("0f c3 00", []), ("e4 10", []), ("0f ae 00", .x87), ("0f ae 10", .sse), ("0f ae e8", []),
    ] as [(String, LegalityChecks)])
  func checks(hex: String, expected: LegalityChecks) {
    let (result, instruction) = decode(hex, .bits32)
    #expect(result == .ok)
    #expect(instruction.checks == expected)
  }

  @Test func `the coverage page lists every row once`() {
    let rows = Decoder.allRows
    let page = InstructionCoverage.page { $0.mnemonic == .add }
    let lines = page.split(separator: "\n")
    #expect(lines.filter { $0.hasSuffix("| executed |") }.count == rows.filter { $0.mnemonic == .add }.count)
    #expect(lines.filter { $0.hasSuffix("| unimplemented |") }.count == rows.filter { $0.mnemonic != .add }.count)
    #expect(lines.contains("| 00 /r | ADD | Eb, Gb | 16 32 64 | executed |"))
  }
}
