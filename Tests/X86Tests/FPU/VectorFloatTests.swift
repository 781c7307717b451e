// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import X86

/// What SSE floating point does beside computing, told by bare-metal programs, and the estimates, which each processor
/// makes in its own way.
struct VectorFloatTests {
  @Test(arguments: Program.vectorFloats)
  func `a floating-point program reports what the manual says`(_ program: Program) throws {
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    bench.processor.setModel(try #require(CPUModel.named(program.model)))
    _ = bench.run()
    #expect(bench.text == program.expected)
  }

  @Test(
    .enabled(if: access("/usr/bin/qemu-system-x86_64", X_OK) == 0),
    arguments: Program.vectorFloats.filter { $0.quirk == nil })
  func `another emulator agrees on floating point`(_ program: Program) throws {
    let image = try Assembler.assemble(program.text, name: "other " + program.name)
    let stem = Assembler.directory + "/f" + String(UInt(bitPattern: program.name.hashValue), radix: 36)
    try Assembler.write(image, to: stem + ".rom")
    _ = system(
      "timeout 60 qemu-system-x86_64 -M pc -m 16 -cpu \(program.model) -bios \(stem).rom -display none -nodefaults -no-reboot "
        + "-debugcon file:\(stem).out -device isa-debug-exit >/dev/null 2>&1")
    #expect(String(decoding: Assembler.read(stem + ".out") ?? [], as: UTF8.self) == program.expected)
  }

  /// What an instruction makes of four singles in XMM1; its result is in XMM0.
  private func estimate(_ core: CoreUnderTest, _ bytes: [UInt8], _ values: SIMD4<UInt32>) throws -> SIMD4<UInt32> {
    let processor = try #require(core.processor)
    return try withUnsafeTemporaryAllocation(byteCount: 512, alignment: 16) { image in
      let base = try #require(image.baseAddress)
      base.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
      // Everything unmasked, DAZ and FTZ set: none of it matters.
      base.storeBytes(of: 0x8040, toByteOffset: 24, as: UInt32.self)
      base.storeBytes(of: values, toByteOffset: 176, as: SIMD4<UInt32>.self)
      processor.loadFloating(from: base)
      var result = RegisterFile()
      #expect(core.run(bytes, count: 1, mode: .flat, RegisterFile(), into: &result) == 0xff)
      processor.storeFloating(to: base)
      #expect(base.load(fromByteOffset: 24, as: UInt32.self) == 0x8040)
      return base.load(fromByteOffset: 160, as: SIMD4<UInt32>.self)
    }
  }

  private static let reciprocal: [UInt8] = [0x0f, 0x53, 0xc1]
  private static let reciprocalRoot: [UInt8] = [0x0f, 0x52, 0xc1]

  @Test func `estimates are as near as the manual asks for`() throws {
    let core = CoreUnderTest()
    var random = SplitMix(state: 4)
    let bound = 1.5 * 0x1p-12
    for _ in 0..<5000 {
      var values = SIMD4<UInt32>()
      // Results of a reciprocal are tiny beyond 2^126.
      for index in 0..<4 {
        values[index] = UInt32(1 + random.below(251)) << 23 | UInt32(truncatingIfNeeded: random.next()) & 0x7f_ffff
        if random.chance(50) { values[index] |= 1 << 31 }
      }
      let quotients = try estimate(core, Self.reciprocal, values)
      let roots = try estimate(core, Self.reciprocalRoot, values & SIMD4(repeating: 0x7fff_ffff))
      for index in 0..<4 {
        let value = Double(Float(bitPattern: values[index]))
        let quotient = Double(Float(bitPattern: quotients[index])), root = Double(Float(bitPattern: roots[index]))
        #expect(abs(quotient * value - 1) <= bound)
        // Of a root the square has twice the relative error.
        #expect(abs(root * root * value.magnitude - 1) <= 2 * bound && root > 0)
      }
    }
  }

  @Test(arguments: [
    (0x0000_0000 as UInt32, 0x7f80_0000 as UInt32, 0x7f80_0000 as UInt32),
    (0x8000_0000, 0xff80_0000, 0xff80_0000), (0x0000_0001, 0x7f80_0000, 0x7f80_0000),
    (0x807f_ffff, 0xff80_0000, 0xff80_0000), (0x7f80_0000, 0, 0), (0xff80_0000, 0x8000_0000, 0xffc0_0000),
    (0x7f80_0001, 0x7fc0_0001, 0x7fc0_0001), (0xffc1_2345, 0xffc1_2345, 0xffc1_2345),
    (0x3f80_0000, 0x3f80_0000, 0x3f80_0000), (0xbf80_0000, 0xbf80_0000, 0xffc0_0000),
    (0x7f7f_ffff, 0, 0x1f80_0000), (0xff7f_ffff, 0x8000_0000, 0xffc0_0000), (0x0080_0000, 0x7e80_0000, 0x5f00_0000),
  ])
  func `estimates of special operands`(_ value: UInt32, _ quotient: UInt32, _ root: UInt32) throws {
    let core = CoreUnderTest()
    #expect(try estimate(core, Self.reciprocal, SIMD4(repeating: value)) == SIMD4(repeating: quotient))
    #expect(try estimate(core, Self.reciprocalRoot, SIMD4(repeating: value)) == SIMD4(repeating: root))
    // The scalar forms leave the rest of the destination.
    #expect(try estimate(core, [0xf3] + Self.reciprocal, SIMD4(value, 1, 2, 3)) == SIMD4(quotient, 0, 0, 0))
    #expect(try estimate(core, [0xf3] + Self.reciprocalRoot, SIMD4(value, 1, 2, 3)) == SIMD4(root, 0, 0, 0))
  }
}
