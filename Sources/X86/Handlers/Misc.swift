// SPDX-License-Identifier: Apache-2.0

/// CLC STC CMC CLD STD LAHF SAHF SALC. SDM vol. 2.
enum FlagOperations {
  static let clc: Handler = { c, o in
    storeCarry(c, false)
    return next(c, o)
  }
  static let stc: Handler = { c, o in
    storeCarry(c, true)
    return next(c, o)
  }
  static let cmc: Handler = { c, o in
    c.cpu.pointee.flagCarries ^= 0xc000_0000
    return next(c, o)
  }
  static let cld: Handler = { c, o in
    c.cpu.pointee.systemFlags &= ~Flags.df
    return next(c, o)
  }
  static let std: Handler = { c, o in
    c.cpu.pointee.systemFlags |= Flags.df
    return next(c, o)
  }
  static let lahf: Handler = { c, o in
    c[1, as: UInt8.self] = UInt8(truncatingIfNeeded: c.cpu.pointee.eflags)
    return next(c, o)
  }
  /// SAHF leaves OF.
  static let sahf: Handler = { c, o in
    let overflow = c.cpu.pointee.overflowFlag ? Flags.of : 0
    c.cpu.pointee.setStatusFlags(UInt32(c[1, as: UInt8.self]) | overflow)
    return next(c, o)
  }
  static let salc: Handler = { c, o in
    c[0, as: UInt8.self] = c.cpu.pointee.carryFlag ? 0xff : 0
    return next(c, o)
  }
}

/// Handlers that only fault: what the decoder or the legality checks have already decided.
enum FaultHandlers {
  static let undefinedOpcode: Handler = { c, o in return fault(c, o, Exception.invalidOpcode) }
  static let generalProtection: Handler = { c, o in return fault(c, o, Exception.generalProtection, 0) }
  static let deviceNotAvailable: Handler = { c, o in return fault(c, o, Exception.deviceNotAvailable) }
}
