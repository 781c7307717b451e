// SPDX-License-Identifier: Apache-2.0

import Testing
import X86

/// What CPUID says for each `-cpu` model.
struct ModelTests {
  private func leaf(_ model: String, _ number: UInt32) throws -> [UInt32] {
    let program = Program(
      "cpuid \(model) \(number)", .real,
      """
      start:
        mov eax, \(number)
        cpuid
        push eax
        push edx
        push ecx
        push ebx
        mov dx, 0x400
        out dx, eax
        pop eax
        out dx, eax
        pop eax
        out dx, eax
        pop eax
        out dx, eax
        jmp finish

      """, expect: "")
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    bench.processor.setModel(try #require(CPUModel.named(model)))
    var values: [UInt32] = []
    bench.onWrite = { _, value in values.append(value) }
    _ = bench.run()
    try #require(values.count == 4)
    return values
  }

  private func text(_ words: [UInt32]) -> String {
    String(
      decoding: words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
        .prefix { $0 != 0 }, as: UTF8.self)
  }

  @Test(
    arguments: [
      ("486", 0x480, "GenuineIntel", 1), ("pentium", 0x543, "GenuineIntel", 1), ("pentium3", 0x673, "GenuineIntel", 3),
      ("qemu32", 0x663, "GenuineIntel", 4), ("qemu64", 0x60fb1, "AuthenticAMD", 13),
      ("max", 0x60fb1, "AuthenticAMD", 13),
    ] as [(String, UInt32, String, UInt32)])
  func `signature, vendor and level`(_ model: String, _ signature: UInt32, _ vendor: String, _ level: UInt32) throws {
    let first = try leaf(model, 0)
    #expect(first[0] == level)
    #expect(text([first[1], first[3], first[2]]) == vendor)
    #expect(try leaf(model, 1)[0] == signature)
  }

  @Test(arguments: CPUModel.all.map(\.name))
  func `no unit is promised that does not execute`(_ model: String) throws {
    let edx = try leaf(model, 1)[3]
    // FPU, VME, MCE, MCA, MMX, FXSR, SSE, SSE2; APIC, as this machine has none.
    #expect(edx & 0x0780_4283 == 0)
    #expect(edx & (1 << 3) != 0)
    #expect((edx & (1 << 8) != 0) == (model != "486"))
    #expect((edx & (1 << 15) != 0) == (model != "486" && model != "pentium"))
    if try leaf(model, 0x8000_0000)[0] >= 0x8000_0001 {
      #expect(try leaf(model, 0x8000_0001)[3] & (1 << 29) == 0)
    }
  }

  @Test func `the brand string fills three leaves`() throws {
    let words = try (2...4).flatMap { try leaf("qemu64", 0x8000_0000 + UInt32($0)) }
    #expect(text(words) == "QEMU Virtual CPU version 2.5+")
  }
}
