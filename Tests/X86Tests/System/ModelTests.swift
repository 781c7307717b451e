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
    // VME; APIC, as this machine has none.
    #expect(edx & 0x202 == 0)
    #expect(edx & (1 << 3) != 0)
    #expect((edx & (1 << 8) != 0) == (model != "486"))
    #expect((edx & (1 << 15) != 0) == (model != "486" && model != "pentium"))
    let has64Bit = model == "qemu64" || model == "max"
    if try leaf(model, 0x8000_0000)[0] >= 0x8000_0001 {
      #expect((try leaf(model, 0x8000_0001)[3] & (1 << 29) != 0) == has64Bit)
    }
  }

  /// EAX, EBX, ECX, EDX as QEMU 7.2 shows them, but for leaf 5 where MONITOR exists.
  @Test(
    arguments: [
      ("qemu32", 2, [0x1, 0, 0x4d, 0x002c_307d]), ("qemu64", 2, [0, 0, 0, 0]), ("qemu64", 4, [0, 0, 0, 0]),
      ("qemu64", 5, [0, 0, 3, 0]), ("max", 5, [64, 64, 3, 0x11]), ("qemu64", 0xb, [0, 1, 0x100, 0]),
      ("qemu64", 0x8000_0000, [0x8000_000a]),
      ("qemu64", 0x8000_0005, [0x01ff_01ff, 0x01ff_01ff, 0x4002_0140, 0x4002_0140]),
      ("qemu64", 0x8000_0006, [0, 0x4200_4200, 0x0200_8140, 0x0080_8140]), ("qemu64", 0x8000_0008, [0x3028, 0, 0, 0]),
      ("qemu32", 4, [0x121, 0x01c0_003f, 0x3f, 1]), ("486", 0x8000_0000, [0, 0x800]),
    ] as [(String, UInt32, [UInt32])])
  func `caches, topology and sizes`(_ model: String, _ number: UInt32, _ expected: [UInt32]) throws {
    let words = try leaf(model, number)
    for (index, value) in expected.enumerated() where index > 0 || value != 0 { #expect(words[index] == value) }
  }

  @Test func `the brand string fills three leaves`() throws {
    let words = try (2...4).flatMap { try leaf("qemu64", 0x8000_0000 + UInt32($0)) }
    #expect(text(words) == "QEMU Virtual CPU version 2.5+")
  }
}
