// SPDX-License-Identifier: Apache-2.0

/// An exception that an instruction or an event delivery raises. SDM vol. 3, 6.15.
struct Fault: Error, BitwiseCopyable, Equatable {
  var vector: UInt8
  var hasErrorCode: Bool
  var errorCode: UInt32

  init(_ vector: UInt8) {
    self.vector = vector
    hasErrorCode = false
    errorCode = 0
  }

  init(_ vector: UInt8, errorCode: UInt32) {
    self.vector = vector
    hasErrorCode = true
    self.errorCode = errorCode
  }

  static let divide = Fault(0)
  static let debug = Fault(1)
  static let boundRange = Fault(5)
  static let undefinedOpcode = Fault(6)
  static let deviceNotAvailable = Fault(7)
  static let doubleFault = Fault(8, errorCode: 0)
  static func invalidTSS(code: UInt32) -> Fault { Fault(10, errorCode: code) }
  static func notPresent(code: UInt32) -> Fault { Fault(11, errorCode: code) }
  static func stack(code: UInt32 = 0) -> Fault { Fault(12, errorCode: code) }
  static func protection(code: UInt32 = 0) -> Fault { Fault(13, errorCode: code) }

  /// The error code of a selector: index and table bit, with bit 0 free for EXT.
  static func protection(_ selector: UInt16) -> Fault { Fault(13, errorCode: UInt32(selector & 0xfffc)) }
  static func invalidTSS(_ selector: UInt16) -> Fault { Fault(10, errorCode: UInt32(selector & 0xfffc)) }
  static func notPresent(_ selector: UInt16) -> Fault { Fault(11, errorCode: UInt32(selector & 0xfffc)) }
  static func stack(_ selector: UInt16) -> Fault { Fault(12, errorCode: UInt32(selector & 0xfffc)) }

  /// Bit 0 of the error code: the cause is outside the program (an interrupt, or an exception being delivered).
  func external(_ isExternal: Bool) -> Fault {
    // The error code of a page fault has another format, and that of a double fault is zero.
    guard isExternal, hasErrorCode, vector != 14, vector != 8 else { return self }
    return Fault(vector, errorCode: errorCode | 1)
  }

  /// What a second exception makes of the first. SDM vol. 3, table 6-4 and 6-5.
  enum Class { case benign, contributory, pageFault, doubleFault }
  var faultClass: Class {
    switch vector {
    case 0, 10, 11, 12, 13: .contributory
    case 14: .pageFault
    case 8: .doubleFault
    default: .benign
    }
  }
}
