// SPDX-License-Identifier: Apache-2.0

/// An eight-byte entry of a descriptor table. SDM vol. 3, 3.4.5 and 5.8.3.
struct Descriptor: BitwiseCopyable {
  var raw: UInt64
  /// Linear address of the entry, for the accessed and busy bits.
  var address: UInt64
  var selector: UInt16

  var high: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }
  var type: UInt8 { UInt8(truncatingIfNeeded: raw >> 40) & 15 }
  var isSystem: Bool { raw & 1 << 44 == 0 }
  var dpl: UInt8 { UInt8(truncatingIfNeeded: raw >> 45) & 3 }
  var isPresent: Bool { raw & 1 << 47 != 0 }
  var rpl: UInt8 { UInt8(truncatingIfNeeded: selector) & 3 }

  var isCode: Bool { !isSystem && type & 8 != 0 }
  var isConforming: Bool { isCode && type & 4 != 0 }
  var isReadable: Bool { !isSystem && (type & 8 == 0 || type & 2 != 0) }
  var isWritableData: Bool { !isSystem && type & 10 == 2 }
  var isLongCode: Bool { isCode && raw & 1 << 53 != 0 }
  var is32Bit: Bool { raw & 1 << 54 != 0 }

  var limit: UInt32 {
    let limit = UInt32(truncatingIfNeeded: raw & 0xffff) | UInt32(truncatingIfNeeded: raw >> 32) & 0xf_0000
    return raw & 1 << 55 != 0 ? limit << 12 | 0xfff : limit
  }
  var base: UInt64 { (raw >> 16) & 0xff_ffff | (raw >> 32) & 0xff00_0000 }
  var attributes: UInt16 { UInt16(truncatingIfNeeded: raw >> 40) & 0xf0ff }

  var segment: Segment {
    var segment = Segment()
    segment.selector = selector
    segment.attributes = attributes
    segment.limit = limit
    segment.base = base
    return segment
  }

  // As a gate
  var gateSelector: UInt16 { UInt16(truncatingIfNeeded: raw >> 16) }
  var gateOffset: UInt64 { raw & 0xffff | (raw >> 32) & 0xffff_0000 }
  var parameterCount: Int { Int(raw >> 32) & 31 }
  /// Of a gate or task state segment: the 386 form.
  var is386: Bool { type & 8 != 0 }
}

/// Types of system descriptors. SDM vol. 3, table 3-2.
enum SystemType {
  static let availableTSS16: UInt8 = 1
  static let ldt: UInt8 = 2
  static let busyTSS16: UInt8 = 3
  static let callGate16: UInt8 = 4
  static let taskGate: UInt8 = 5
  static let interruptGate16: UInt8 = 6
  static let trapGate16: UInt8 = 7
  static let availableTSS32: UInt8 = 9
  static let busyTSS32: UInt8 = 11
  static let callGate32: UInt8 = 12
  static let interruptGate32: UInt8 = 14
  static let trapGate32: UInt8 = 15
}

extension Segment {
  var type: UInt8 { UInt8(truncatingIfNeeded: attributes) & 15 }
  var isSystemSegment: Bool { attributes & 1 << 4 == 0 }
  var dpl: UInt8 { UInt8(truncatingIfNeeded: attributes >> 5) & 3 }
  var isPresent: Bool { attributes & 1 << 7 != 0 }
  var isLongCode: Bool { attributes & 1 << 13 != 0 }
  var is32Bit: Bool { attributes & 1 << 14 != 0 }
  var isCode: Bool { attributes & 0x18 == 0x18 }
  var isConforming: Bool { attributes & 0x1c == 0x1c }
  var isExpandDown: Bool { attributes & 0x1c == 0x14 }
  var isWritable: Bool { attributes & 0x1a == 0x12 }

  static let realData: UInt16 = 0x93
  static let virtual8086Data: UInt16 = 0xf3

  /// A paragraph address as virtual-8086 mode loads it.
  static func virtual8086(_ selector: UInt16) -> Segment {
    var segment = Segment()
    segment.selector = selector
    segment.base = UInt64(selector) << 4
    segment.limit = 0xffff
    segment.attributes = virtual8086Data
    return segment
  }

  static func null(_ selector: UInt16) -> Segment {
    var segment = Segment()
    segment.selector = selector
    return segment
  }
}

extension Core {
  static func isNull(_ selector: UInt16) -> Bool { selector & 0xfffc == 0 }

  /// The entry a selector names, or nil if it lies beyond its table's limit. The null selector is the caller's affair.
  func lookUp(_ selector: UInt16) throws(Fault) -> Descriptor? {
    let offset = UInt64(selector & 0xfff8)
    let base: UInt64
    if selector & 4 != 0 {
      let ldt = cpu.pointee.ldtr
      guard ldt.isPresent, offset + 7 <= UInt64(ldt.limit) else { return nil }
      base = ldt.base
    } else {
      guard offset + 7 <= UInt64(cpu.pointee.gdtr.limit) else { return nil }
      base = cpu.pointee.gdtr.base
    }
    let address = wrap(base &+ offset)
    return Descriptor(raw: try readLinear(address, as: UInt64.self), address: address, selector: selector)
  }

  /// The upper half of a 16-byte system descriptor or gate of IA-32e mode.
  func upperHalf(of descriptor: Descriptor) throws(Fault) -> UInt64 {
    let offset = UInt64(descriptor.selector & 0xfff8)
    let limit = descriptor.selector & 4 != 0 ? cpu.pointee.ldtr.limit : UInt32(cpu.pointee.gdtr.limit)
    guard offset + 15 <= UInt64(limit) else { throw .protection(descriptor.selector) }
    let upper = try readLinear(descriptor.address &+ 8, as: UInt64.self)
    guard (upper >> 40) & 31 == 0 else { throw .protection(descriptor.selector) }
    return upper
  }

  /// Sets the accessed bit in memory if it is clear.
  func markAccessed(_ descriptor: inout Descriptor) throws(Fault) {
    guard !descriptor.isSystem, descriptor.type & 1 == 0 else { return }
    descriptor.raw |= 1 << 40
    try writeLinear(descriptor.address &+ 5, UInt8(truncatingIfNeeded: descriptor.raw >> 40))
  }

  func setBusy(_ descriptor: Descriptor, _ isBusy: Bool) throws(Fault) {
    let byte = UInt8(truncatingIfNeeded: descriptor.raw >> 40)
    try writeLinear(descriptor.address &+ 5, isBusy ? byte | 2 : byte & ~2)
  }
}
