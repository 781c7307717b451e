// SPDX-License-Identifier: Apache-2.0

/// Operand widths. What handlers need of a width is a requirement that each of the four types implements by itself:
/// going through the standard library's generic integer initializers and shifts instead makes each of the many instances
/// of a handler several times as expensive to compile.
protocol Width: FixedWidthInteger, UnsignedInteger, BitwiseCopyable {
  associatedtype Signed: FixedWidthInteger & SignedInteger & BitwiseCopyable
  static var byteCount: Int { get }
  /// The low bits of a word.
  init(low word: UInt64)
  /// Zero-extended.
  var wide: UInt64 { get }
  /// Sign-extended: the result as `flagResult` wants it.
  var flagWord: UInt64 { get }
  /// A vector of carries out of each bit, as `flagCarries` wants it.
  var carryWord: UInt32 { get }
  var isNegative: Bool { get }
  var signed: Signed { get }
  /// Shifts by a count below the width.
  func shiftedLeft(_ count: Int) -> Self
  func shiftedRight(_ count: Int) -> Self
  /// Reads and writes memory at any alignment.
  static func read(_ address: UnsafeRawPointer) -> Self
  static func write(_ value: Self, _ address: UnsafeMutableRawPointer)
  /// Writes a general register of this width at its address.
  static func storeRegister(_ value: Self, at address: UnsafeMutableRawPointer)
}

extension UInt8: Width {
  typealias Signed = Int8
  @inline(__always) static var byteCount: Int { 1 }
  @inline(__always) init(low word: UInt64) { self.init(truncatingIfNeeded: word) }
  @inline(__always) var wide: UInt64 { UInt64(self) }
  @inline(__always) var flagWord: UInt64 { UInt64(bitPattern: Int64(Int8(bitPattern: self))) }
  @inline(__always) var carryWord: UInt32 {
    UInt32(self) &<< 24 | UInt32(self) & LazyFlags.af
  }
  @inline(__always) var isNegative: Bool { Int8(bitPattern: self) < 0 }
  @inline(__always) var signed: Int8 { Int8(bitPattern: self) }
  @inline(__always) func shiftedLeft(_ count: Int) -> UInt8 { self &<< UInt8(truncatingIfNeeded: count) }
  @inline(__always) func shiftedRight(_ count: Int) -> UInt8 { self &>> UInt8(truncatingIfNeeded: count) }
  @inline(__always) static func read(_ address: UnsafeRawPointer) -> UInt8 { address.load(as: UInt8.self) }
  @inline(__always) static func write(_ value: UInt8, _ address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt8.self)
  }
  @inline(__always) static func storeRegister(_ value: UInt8, at address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt8.self)
  }
}

extension UInt16: Width {
  typealias Signed = Int16
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) init(low word: UInt64) { self.init(truncatingIfNeeded: word) }
  @inline(__always) var wide: UInt64 { UInt64(self) }
  @inline(__always) var flagWord: UInt64 { UInt64(bitPattern: Int64(Int16(bitPattern: self))) }
  @inline(__always) var carryWord: UInt32 {
    UInt32(self) &<< 16 | UInt32(self) & LazyFlags.af
  }
  @inline(__always) var isNegative: Bool { Int16(bitPattern: self) < 0 }
  @inline(__always) var signed: Int16 { Int16(bitPattern: self) }
  @inline(__always) func shiftedLeft(_ count: Int) -> UInt16 { self &<< UInt16(truncatingIfNeeded: count) }
  @inline(__always) func shiftedRight(_ count: Int) -> UInt16 { self &>> UInt16(truncatingIfNeeded: count) }
  @inline(__always) static func read(_ address: UnsafeRawPointer) -> UInt16 { address.loadUnaligned(as: UInt16.self) }
  @inline(__always) static func write(_ value: UInt16, _ address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt16.self)
  }
  @inline(__always) static func storeRegister(_ value: UInt16, at address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt16.self)
  }
}

extension UInt32: Width {
  typealias Signed = Int32
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) init(low word: UInt64) { self.init(truncatingIfNeeded: word) }
  @inline(__always) var wide: UInt64 { UInt64(self) }
  @inline(__always) var flagWord: UInt64 { UInt64(bitPattern: Int64(Int32(bitPattern: self))) }
  @inline(__always) var carryWord: UInt32 {
    self & LazyFlags.carryMask
  }
  @inline(__always) var isNegative: Bool { Int32(bitPattern: self) < 0 }
  @inline(__always) var signed: Int32 { Int32(bitPattern: self) }
  @inline(__always) func shiftedLeft(_ count: Int) -> UInt32 { self &<< UInt32(truncatingIfNeeded: count) }
  @inline(__always) func shiftedRight(_ count: Int) -> UInt32 { self &>> UInt32(truncatingIfNeeded: count) }
  @inline(__always) static func read(_ address: UnsafeRawPointer) -> UInt32 { address.loadUnaligned(as: UInt32.self) }
  @inline(__always) static func write(_ value: UInt32, _ address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt32.self)
  }
  @inline(__always) static func storeRegister(_ value: UInt32, at address: UnsafeMutableRawPointer) {
    address.storeBytes(of: UInt64(value), as: UInt64.self)
  }
}

extension UInt64: Width {
  typealias Signed = Int64
  @inline(__always) static var byteCount: Int { 8 }
  @inline(__always) init(low word: UInt64) { self = word }
  @inline(__always) var wide: UInt64 { self }
  @inline(__always) var flagWord: UInt64 { self }
  @inline(__always) var carryWord: UInt32 {
    UInt32(truncatingIfNeeded: self &>> 32) & 0xffff_0000 | UInt32(truncatingIfNeeded: self) & LazyFlags.af
  }
  @inline(__always) var isNegative: Bool { Int64(bitPattern: self) < 0 }
  @inline(__always) var signed: Int64 { Int64(bitPattern: self) }
  @inline(__always) func shiftedLeft(_ count: Int) -> UInt64 { self &<< UInt64(truncatingIfNeeded: count) }
  @inline(__always) func shiftedRight(_ count: Int) -> UInt64 { self &>> UInt64(truncatingIfNeeded: count) }
  @inline(__always) static func read(_ address: UnsafeRawPointer) -> UInt64 { address.loadUnaligned(as: UInt64.self) }
  @inline(__always) static func write(_ value: UInt64, _ address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt64.self)
  }
  @inline(__always) static func storeRegister(_ value: UInt64, at address: UnsafeMutableRawPointer) {
    address.storeBytes(of: value, as: UInt64.self)
  }
}
