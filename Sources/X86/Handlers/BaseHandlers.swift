// SPDX-License-Identifier: Apache-2.0

/// The most frequent instructions with a memory operand, in flat segments and without an index: locals, fields, globals.
enum BaseHandlers {
  static let loadByte: Handler = { moveRegMem(UInt8.self, BaseAddress.self, $0, $1) }
  static let load: Handler = { moveRegMem(UInt32.self, BaseAddress.self, $0, $1) }
  static let storeByte: Handler = { moveMemReg(UInt8.self, BaseAddress.self, $0, $1) }
  static let store: Handler = { moveMemReg(UInt32.self, BaseAddress.self, $0, $1) }
  static let storeImmediate: Handler = { moveMemImm(UInt32.self, BaseAddress.self, $0, $1) }
  static let add: Handler = { aluRegMem(Add.self, UInt32.self, BaseAddress.self, $0, $1) }
  static let compare: Handler = { compareRegMem(Subtract.self, UInt32.self, BaseAddress.self, $0, $1) }

  /// The handler of an instruction whose memory operand, if it has one, has this form; nil if there is no special one.
  static func handler(_ i: Instruction) -> Handler? {
    switch (i.mnemonic, OperandShape(i), i.operandSize) {
    case (.mov, .regMem, 1): return loadByte
    case (.mov, .regMem, 4): return load
    case (.mov, .memReg, 1): return storeByte
    case (.mov, .memReg, 4): return store
    case (.mov, .memImm, 4): return storeImmediate
    case (.add, .regMem, 4): return add
    case (.cmp, .regMem, 4): return compare
    default: return nil
    }
  }
}
