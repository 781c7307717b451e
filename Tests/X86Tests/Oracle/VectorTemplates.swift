// SPDX-License-Identifier: Apache-2.0

/// One encoding that the vector oracle tries, without operands.
struct VectorTemplate: Sendable {
  enum Form: Sendable { case any, register, memory, none }
  /// 66, F3 or F2.
  var prefix: UInt8?
  var opcode: UInt8
  var form = Form.any
  /// The ModRM.reg of a group.
  var reg: UInt8?
  var hasImmediate = false
  /// Memory operands must be multiples of 16.
  var isAligned = false
  /// REX.W makes a difference.
  var isWide = false
  /// The operand is an FXSAVE image.
  var isImage = false
  /// The operand becomes MXCSR.
  var loadsMXCSR = false
  /// The operand is at (E/R)DI.
  var storesAtDI = false

  var name: String {
    (prefix.map { hex(UInt64($0)) + " " } ?? "") + "0f " + hex(UInt64(opcode)) + (reg.map { " /\($0)" } ?? "")
  }
}

enum VectorTemplates {
  /// Opcodes that exist for MMX without a prefix and for XMM with 66.
  private static let paired: [UInt8] =
    [UInt8](0x60...0x6b) + [0x74, 0x75, 0x76] + [UInt8](0xd1...0xd5) + [UInt8](0xd8...0xe5)
    + [UInt8](0xe8...0xef) + [UInt8](0xf1...0xf6) + [UInt8](0xf8...0xfe)

  static let all: [VectorTemplate] = {
    typealias T = VectorTemplate
    var list: [T] = []
    func both(_ opcode: UInt8, _ form: T.Form = .any, immediate: Bool = false, reg: UInt8? = nil, aligned: Bool = true)
    {
      list.append(T(opcode: opcode, form: form, reg: reg, hasImmediate: immediate))
      list.append(T(prefix: 0x66, opcode: opcode, form: form, reg: reg, hasImmediate: immediate, isAligned: aligned))
    }
    for opcode in paired { both(opcode) }
    for reg: UInt8 in [2, 4, 6] {
      both(0x71, .register, immediate: true, reg: reg)
      both(0x72, .register, immediate: true, reg: reg)
    }
    for reg: UInt8 in [2, 6] { both(0x73, .register, immediate: true, reg: reg) }
    for reg: UInt8 in [3, 7] {
      list.append(T(prefix: 0x66, opcode: 0x73, form: .register, reg: reg, hasImmediate: true))
    }
    both(0x70, immediate: true)
    both(0xc4, immediate: true, aligned: false)
    both(0xc5, .register, immediate: true)
    both(0xd7, .register)
    both(0xe7, .memory)
    for prefix: UInt8 in [0xf2, 0xf3] {
      list.append(T(prefix: prefix, opcode: 0x70, hasImmediate: true, isAligned: true))
      list.append(T(prefix: prefix, opcode: 0xd6, form: .register))
      list.append(T(prefix: prefix, opcode: 0x10))
      list.append(T(prefix: prefix, opcode: 0x11))
      list.append(T(prefix: prefix, opcode: 0x12, isAligned: prefix == 0xf3))
    }
    for opcode: UInt8 in [0x6e, 0x7e] {
      list.append(T(opcode: opcode, isWide: true))
      list.append(T(prefix: 0x66, opcode: opcode, isWide: true))
    }
    for opcode: UInt8 in [0x6f, 0x7f] {
      list.append(T(opcode: opcode))
      list.append(T(prefix: 0x66, opcode: opcode, isAligned: true))
      list.append(T(prefix: 0xf3, opcode: opcode))
    }
    list.append(T(prefix: 0xf3, opcode: 0x7e))
    list.append(T(prefix: 0x66, opcode: 0xd6))
    list.append(T(prefix: 0xf3, opcode: 0x16, isAligned: true))
    list.append(T(prefix: 0xf2, opcode: 0xf0, form: .memory))
    for opcode: UInt8 in [0x6c, 0x6d] { list.append(T(prefix: 0x66, opcode: opcode, isAligned: true)) }
    for prefix: UInt8? in [nil, 0x66] {
      for opcode: UInt8 in [0x10, 0x11] { list.append(T(prefix: prefix, opcode: opcode)) }
      for opcode: UInt8 in [0x12, 0x16] {
        list.append(T(prefix: prefix, opcode: opcode, form: prefix == nil ? .any : .memory))
      }
      for opcode: UInt8 in [0x13, 0x17] { list.append(T(prefix: prefix, opcode: opcode, form: .memory)) }
      for opcode: UInt8 in [0x14, 0x15, 0x28, 0x29, 0x54, 0x55, 0x56, 0x57] {
        list.append(T(prefix: prefix, opcode: opcode, isAligned: true))
      }
      list.append(T(prefix: prefix, opcode: 0x2b, form: .memory, isAligned: true))
      list.append(T(prefix: prefix, opcode: 0x50, form: .register))
      list.append(T(prefix: prefix, opcode: 0xc6, hasImmediate: true, isAligned: true))
      list.append(T(prefix: prefix, opcode: 0xf7, form: .register, storesAtDI: true))
    }
    list.append(T(opcode: 0x77, form: .none))
    for _ in 0..<3 {
      list.append(T(opcode: 0xae, form: .memory, reg: 0, isAligned: true, isWide: true, isImage: true))
      list.append(T(opcode: 0xae, form: .memory, reg: 1, isAligned: true, isWide: true, isImage: true))
      list.append(T(opcode: 0xae, form: .memory, reg: 2, loadsMXCSR: true))
    }
    list.append(T(opcode: 0xae, form: .memory, reg: 3))
    for reg: UInt8 in [5, 6, 7] { list.append(T(opcode: 0xae, form: .register, reg: reg)) }
    list.append(T(opcode: 0xae, form: .memory, reg: 7))
    for reg: UInt8 in 0...3 { list.append(T(opcode: 0x18, form: .memory, reg: reg)) }
    list.append(T(opcode: 0xc3, form: .memory, isWide: true))
    return list
  }()
}
