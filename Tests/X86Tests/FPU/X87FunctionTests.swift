// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

/// The transcendental functions against values that were worked out with 300 bits (mpmath) and rounded to nearest: sines
/// and the like are those of the argument reduced with the 66-bit pi of the manual.
struct X87FunctionTests {
  struct Value: Sendable, CustomTestStringConvertible {
    var mnemonic: Mnemonic
    /// ST(0), ST(1) and the result.
    var x: X87Value
    var y: X87Value
    var result: X87Value

    init(_ mnemonic: Mnemonic, _ x: (UInt16, UInt64), _ result: (UInt16, UInt64)) {
      self.init(mnemonic, x, (0, 0), result)
    }

    init(_ mnemonic: Mnemonic, _ x: (UInt16, UInt64), _ y: (UInt16, UInt64), _ result: (UInt16, UInt64)) {
      self.mnemonic = mnemonic
      self.x = X87Value(significand: x.1, signExponent: x.0)
      self.y = X87Value(significand: y.1, signExponent: y.0)
      self.result = X87Value(significand: result.1, signExponent: result.0)
    }

    var testDescription: String { "\(mnemonic) \(hex(UInt64(x.signExponent))):\(hex(x.significand))" }
  }

  /// Executes a D9 instruction on a stack with ST(0), ST(1) and room for one more.
  static func execute(
    _ second: UInt8, _ x: X87Value, _ y: X87Value, control: UInt16 = 0x37f
  ) throws -> (registers: [X87Value], status: UInt16) {
    let core = CoreUnderTest()
    let processor = try #require(core.processor)
    var test = X87Case()
    test.registers[0] = x
    test.registers[1] = y
    test.control = control
    test.valid = 0x03
    let image = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
    defer { image.deallocate() }
    test.store(to: image)
    processor.loadFloating(from: image)
    var state = RegisterFile(), result = RegisterFile()
    state.general[4] = OracleLayout.stack
    #expect(core.run([0xd9, second], count: 1, mode: .long, state, into: &result) == 0xff)
    processor.storeFloating(to: image)
    let registers = (0..<8).map {
      X87Value(
        significand: image.load(fromByteOffset: 32 + 16 * $0, as: UInt64.self),
        signExponent: image.load(fromByteOffset: 40 + 16 * $0, as: UInt16.self))
    }
    return (registers, image.load(fromByteOffset: 2, as: UInt16.self))
  }

  private func opcode(_ mnemonic: Mnemonic) -> UInt8 {
    switch mnemonic {
    case .f2xm1: 0xf0
    case .fyl2x: 0xf1
    case .fptan: 0xf2
    case .fpatan: 0xf3
    case .fyl2xp1: 0xf9
    case .fsin: 0xfe
    default: 0xff
    }
  }

  @Test(arguments: values)
  func `a function is the exact value rounded to nearest`(_ value: Value) throws {
    let (registers, status) = try Self.execute(opcode(value.mnemonic), value.x, value.y)
    // FPTAN has pushed a one.
    let result = registers[value.mnemonic == .fptan ? 1 : 0]
    #expect(result == value.result)
    #expect(status & 0x3f == 0x20)
  }

  @Test(arguments: [UInt8](arrayLiteral: 0xfe, 0xff, 0xf2, 0xfb))
  func `an argument of 2^63 is refused with C2`(_ opcode: UInt8) throws {
    let large = X87Value(significand: 1 << 63, signExponent: 0x403e)
    let (registers, status) = try Self.execute(opcode, large, large)
    #expect(registers[0] == large)
    #expect(status == 0x400)
  }

  @Test func `FSINCOS leaves the cosine on top of the sine`() throws {
    let x = X87Value(significand: 0xb504_f333_f9de_6484, signExponent: 0x3ffe)
    let both = try Self.execute(0xfb, x, x).registers
    #expect(both[0] == (try Self.execute(0xff, x, x)).registers[0])
    #expect(both[1] == (try Self.execute(0xfe, x, x)).registers[0])
  }
}
