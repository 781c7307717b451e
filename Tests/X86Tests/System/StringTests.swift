// SPDX-License-Identifier: Apache-2.0

import Testing
import X86

/// MOVS, STOS, LODS, CMPS, SCAS with random operands against a plain byte-by-byte model.
struct StringTests {
  /// The guest fetches an operation and its operands from port 400h, runs it, and hands the registers back.
  private static func text(_ operations: [String]) -> String {
    let table = operations.indices.map { "    dd operation\($0)" }.joined(separator: "\n")
    let bodies = operations.enumerated()
      .map { "  operation\($0):\n    \($1)\n    jmp finished" }.joined(separator: "\n")
    return """
      table:
      \(table)
      \(bodies)
      main:
        mov dx, 0x400
        in eax, dx
        cmp eax, -1
        je finish32
        mov ebx, eax
        in eax, dx
        push eax
        in eax, dx
        mov esi, eax
        in eax, dx
        mov edi, eax
        in eax, dx
        mov ecx, eax
        in eax, dx
        popfd
        jmp [table + ebx * 4]
      finished:
        pushfd
        cld
        mov dx, 0x401
        out dx, eax
        mov eax, esi
        out dx, eax
        mov eax, edi
        out dx, eax
        mov eax, ecx
        out dx, eax
        pop eax
        out dx, eax
        jmp main

      """
  }

  private struct Registers: Equatable {
    var eax: UInt32, esi: UInt32, edi: UInt32, ecx: UInt32, flags: UInt32
  }

  /// The model: one element at a time on a copy of memory.
  private static func model(
    _ operation: Operation, _ input: Registers, _ memory: inout [UInt8], base: Int, wide: Bool
  ) -> Registers {
    var state = input
    let size = operation.size
    let mask: UInt32 = wide ? 0xffff_ffff : 0xffff
    let step = input.flags & 0x400 != 0 ? UInt32(bitPattern: Int32(-size)) : UInt32(size)
    func load(_ offset: UInt32) -> UInt32 {
      (0..<size).reduce(0) { $0 | UInt32(memory[Int(offset & mask) - base + $1]) << UInt32(8 * $1) }
    }
    func store(_ value: UInt32) {
      for index in 0..<size {
        memory[Int(state.edi & mask) - base + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
      }
    }
    func moved(_ register: UInt32, by amount: UInt32) -> UInt32 { register & ~mask | (register &+ amount) & mask }
    func compare(_ a: UInt32, _ b: UInt32) {
      let top = UInt32(1) << UInt32(size * 8 - 1)
      let result = (a &- b) & (top | (top - 1))
      var flags: UInt32 = 0
      if a < b { flags |= 1 }
      if UInt8(truncatingIfNeeded: result).nonzeroBitCount % 2 == 0 { flags |= 4 }
      if a & 15 < b & 15 { flags |= 16 }
      if result == 0 { flags |= 64 }
      if result & top != 0 { flags |= 128 }
      if (a ^ b) & (a ^ result) & top != 0 { flags |= 2048 }
      state.flags = state.flags & ~0x8d5 | flags
    }
    while operation.prefix == nil || state.ecx & mask != 0 {
      switch operation.name {
      case "movs":
        let value = load(state.esi)
        store(value)
      case "stos":
        store(state.eax)
      case "lods":
        let keep: UInt32 = size == 4 ? 0 : ~UInt32(0) << UInt32(8 * size)
        state.eax = state.eax & keep | load(state.esi)
      case "cmps": compare(load(state.esi), load(state.edi))
      default: compare(state.eax & (size == 4 ? ~0 : (1 << UInt32(8 * size)) - 1), load(state.edi))
      }
      if operation.name != "stos" && operation.name != "scas" { state.esi = moved(state.esi, by: step) }
      if operation.name != "lods" { state.edi = moved(state.edi, by: step) }
      guard let prefix = operation.prefix else { break }
      state.ecx = moved(state.ecx, by: ~0)
      if operation.name == "cmps" || operation.name == "scas" {
        if (state.flags & 64 != 0) != (prefix == "repe") { break }
      }
    }
    return state
  }

  private struct Operation {
    var prefix: String?
    var name: String
    var size: Int
    var text: String { (prefix.map { $0 + " " } ?? "") + name + [1: "b", 2: "w", 4: "d"][size, default: "b"] }
  }

  private static let operations: [Operation] = {
    var all: [Operation] = []
    for size in [1, 2, 4] {
      for name in ["movs", "stos", "lods"] {
        for prefix in [nil, "rep"] { all.append(Operation(prefix: prefix, name: name, size: size)) }
      }
      for name in ["cmps", "scas"] {
        for prefix in [nil, "repe", "repne"] { all.append(Operation(prefix: prefix, name: name, size: size)) }
      }
    }
    return all
  }()

  @Test(arguments: [true, false])
  func `string instructions equal a byte-by-byte model`(wide: Bool) throws {
    let operations = Self.operations
    let program = Program(
      "strings \(wide)", .protected, Self.text(operations.map { (wide ? "" : "a16 ") + $0.text }), expect: "")
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    var generator = SystemRandomNumberGenerator.seeded(wide ? 1 : 2)
    var queue: [UInt32] = []
    var answers: [UInt32] = []
    var expected: Registers?
    var memory: [UInt8] = []
    var rounds = 0
    let window = wide ? 0x10_0000..<0x10_8000 : 0xc000..<0xf000
    for address in window { bench[address] = UInt8(generator.next() & 1) }

    bench.onRead = { _ in
      if queue.isEmpty {
        rounds += 1
        if rounds > 3000 { return ~0 }
        let index = Int(generator.next() % UInt64(operations.count))
        let operation = operations[index]
        // Operands stay in the window, ends near page borders are frequent, and overlaps too.
        let middle = UInt32(window.lowerBound) + 0x1000 + UInt32(generator.next() & 0xfff)
        let other =
          generator.next() & 1 == 0
          ? middle &+ UInt32(generator.next() & 31) &- 16
          : UInt32(window.lowerBound) + 0x1000 + UInt32(generator.next() & 0xfff)
        let count = UInt32([0, 1, 2, 9, 300, 900][Int(generator.next() % 6)])
        let flags: UInt32 = 2 | (generator.next() & 1 == 0 ? 0x400 : 0)
        let junk: UInt32 = wide ? 0 : UInt32(truncatingIfNeeded: generator.next()) & 0xffff_0000
        let input = Registers(
          eax: UInt32(truncatingIfNeeded: generator.next()) & 0x0101_0101, esi: middle | junk, edi: other | junk,
          ecx: count | junk, flags: flags)
        memory = window.map { bench[$0] }
        expected = Self.model(operation, input, &memory, base: window.lowerBound, wide: wide)
        queue = [UInt32(index), input.flags, input.esi, input.edi, input.ecx, input.eax]
        return queue.removeFirst()
      }
      return queue.removeFirst()
    }
    bench.onWrite = { _, value in
      answers.append(value)
      guard answers.count == 5, let wanted = expected else { return }
      let got = Registers(
        eax: answers[0], esi: answers[1], edi: answers[2], ecx: answers[3], flags: answers[4])
      answers = []
      let mask: UInt32 = 0xcd5
      #expect(got.eax == wanted.eax && got.esi == wanted.esi && got.edi == wanted.edi && got.ecx == wanted.ecx)
      #expect(got.flags & mask == wanted.flags & mask)
      for address in window where bench[address] != memory[address - window.lowerBound] {
        Issue.record("memory differs at \(address)")
        break
      }
    }
    _ = bench.run(limit: 100_000_000)
    #expect(bench.exitCode == 0)
  }
}

/// A small reproducible generator (xorshift64*).
struct Random: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }
}

extension SystemRandomNumberGenerator {
  static func seeded(_ seed: UInt64) -> Random { Random(state: seed &* 0x9e37_79b9_7f4a_7c15 | 1) }
}
