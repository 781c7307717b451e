// SPDX-License-Identifier: Apache-2.0

/// What a PCI function is, before anybody programs it. PCI Local Bus Specification 3.0, 6.1.
public struct PCIIdentity: Sendable {
  public var vendor: UInt16
  public var device: UInt16
  /// Base class, sub-class and programming interface, as in bits 8...31 of register 08h.
  public var classCode: UInt32
  public var revision: UInt8
  public var subsystemVendor: UInt16
  public var subsystem: UInt16
  /// 0 for a plain function; bit 7 marks a multi-function device.
  public var headerType: UInt8
  /// 0 for none, 1...4 for INTA#...INTD#.
  public var interruptPin: UInt8

  public init(
    vendor: UInt16, device: UInt16, classCode: UInt32, revision: UInt8 = 0, subsystemVendor: UInt16 = 0x1af4,
    subsystem: UInt16 = 0x1100, headerType: UInt8 = 0, interruptPin: UInt8 = 0
  ) {
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.revision = revision
    self.subsystemVendor = subsystemVendor
    self.subsystem = subsystem
    self.headerType = headerType
    self.interruptPin = interruptPin
  }
}

/// One base address register.
public struct PCIBaseAddress: Sendable {
  public enum Kind: Sendable {
    case io
    case memory32(prefetchable: Bool)
    case memory64(prefetchable: Bool)
    /// Expansion ROM (register 30h).
    case rom
  }

  public var kind: Kind
  /// A power of two; at least 4 for I/O, 16 for memory (or 2 without type bits, as QEMU has it), 2 KiB for a ROM.
  public var byteCount: UInt64

  public init(_ kind: Kind, byteCount: UInt64) {
    self.kind = kind
    self.byteCount = byteCount
  }

  var lowBits: UInt32 {
    switch kind {
    case .io: 1
    case .memory32(let prefetchable): prefetchable ? 8 : 0
    case .memory64(let prefetchable): prefetchable ? 0xc : 4
    case .rom: 0
    }
  }
}

/// The 256 bytes of configuration space of a function, with the write masks of the header filled in.
///
/// A device keeps one of these as part of its `State`, adds masks for registers of its own and tells what a write means
/// in `configurationDidChange`. Configuration space is saved as bytes; masks and base address sizes are fixed by the
/// device and are not.
public struct PCIConfiguration: Equatable {
  public private(set) var bytes = [UInt8](repeating: 0, count: 256)
  private var writable = [UInt8](repeating: 0, count: 256)
  private var clearOnWrite = [UInt8](repeating: 0, count: 256)
  private var sizes = [UInt64](repeating: 0, count: 7)
  private var resetBytes = [UInt8](repeating: 0, count: 256)

  /// Offsets of the type 0 header.
  public enum Register {
    public static let command = 0x04
    public static let status = 0x06
    public static let baseAddress = 0x10
    public static let rom = 0x30
    public static let capabilities = 0x34
    public static let interruptLine = 0x3c
    public static let interruptPin = 0x3d
  }

  /// Bits of the command register.
  public enum Command {
    public static let io: UInt16 = 1 << 0
    public static let memory: UInt16 = 1 << 1
    public static let busMaster: UInt16 = 1 << 2
    public static let interruptDisable: UInt16 = 1 << 10
  }

  /// `baseAddresses` are registers 0...5 by index, and 6 for the ROM.
  public init(_ identity: PCIIdentity, baseAddresses: [Int: PCIBaseAddress] = [:]) {
    store16(0x00, identity.vendor)
    store16(0x02, identity.device)
    store32(0x08, identity.classCode << 8 | UInt32(identity.revision))
    bytes[0x0e] = identity.headerType
    store16(0x2c, identity.subsystemVendor)
    store16(0x2e, identity.subsystem)
    bytes[0x3d] = identity.interruptPin
    allowWrites(0x04, mask: 0x0507)  // I/O, memory, master, SERR#, INTx disable
    clearOnWrites(0x06, mask: 0xf900)  // the error bits of the status register
    allowWrites(0x0c, mask: 0x00ff)  // cache line size
    allowWrites(0x3c, mask: 0x00ff)
    for (index, bar) in baseAddresses where (0...6).contains(index) {
      let offset = index == 6 ? Register.rom : Register.baseAddress + 4 * index
      store32(offset, bar.lowBits)
      sizes[index] = bar.byteCount
      let mask = ~(bar.byteCount &- 1)
      writableStore32(offset, UInt32(truncatingIfNeeded: mask) | (index == 6 ? 1 : 0))
      if case .memory64 = bar.kind, index < 5 { writableStore32(offset + 4, UInt32(truncatingIfNeeded: mask >> 32)) }
    }
    resetBytes = bytes
  }

  /// Sets a read-only value, as construction or the device itself does.
  public mutating func store16(_ offset: Int, _ value: UInt16) {
    bytes[offset & 0xff] = UInt8(truncatingIfNeeded: value)
    bytes[(offset + 1) & 0xff] = UInt8(truncatingIfNeeded: value >> 8)
  }

  public mutating func store32(_ offset: Int, _ value: UInt32) {
    store16(offset, UInt16(truncatingIfNeeded: value))
    store16(offset + 2, UInt16(truncatingIfNeeded: value >> 16))
  }

  public mutating func store8(_ offset: Int, _ value: UInt8) { bytes[offset & 0xff] = value }

  public func load8(_ offset: Int) -> UInt8 { bytes[offset & 0xff] }
  public func load16(_ offset: Int) -> UInt16 { UInt16(load8(offset)) | UInt16(load8(offset + 1)) << 8 }
  public func load32(_ offset: Int) -> UInt32 { UInt32(load16(offset)) | UInt32(load16(offset + 2)) << 16 }

  /// Lets the guest write the masked bits of a 16-bit register.
  public mutating func allowWrites(_ offset: Int, mask: UInt16) {
    writable[offset & 0xff] |= UInt8(truncatingIfNeeded: mask)
    writable[(offset + 1) & 0xff] |= UInt8(truncatingIfNeeded: mask >> 8)
  }

  /// Lets the guest clear the masked bits of a 16-bit register by writing ones.
  public mutating func clearOnWrites(_ offset: Int, mask: UInt16) {
    clearOnWrite[offset & 0xff] |= UInt8(truncatingIfNeeded: mask)
    clearOnWrite[(offset + 1) & 0xff] |= UInt8(truncatingIfNeeded: mask >> 8)
  }

  private mutating func writableStore32(_ offset: Int, _ mask: UInt32) {
    allowWrites(offset, mask: UInt16(truncatingIfNeeded: mask))
    allowWrites(offset + 2, mask: UInt16(truncatingIfNeeded: mask >> 16))
  }

  /// The values now present become those that `reset` restores; call at the end of construction.
  public mutating func freezeResetValues() { resetBytes = bytes }

  public mutating func reset() { bytes = resetBytes }

  /// Reads 1, 2 or 4 bytes.
  public func read(_ offset: UInt8, _ width: AccessWidth) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<width.byteCount where index < 4 {
      value |= UInt32(load8(Int(offset) + index)) << UInt32(8 * index)
    }
    return value
  }

  /// Writes the bits that the guest may write.
  public mutating func write(_ offset: UInt8, _ width: AccessWidth, _ value: UInt32) {
    for index in 0..<width.byteCount where index < 4 {
      let position = (Int(offset) + index) & 0xff
      let byte = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
      bytes[position] = (bytes[position] & ~writable[position]) | (byte & writable[position])
      bytes[position] &= ~(byte & clearOnWrite[position])
    }
  }

  public var command: UInt16 { load16(Register.command) }

  /// Where a base address register maps its region now, or nil when decoding is off or the address is out of reach.
  public func address(ofRegion index: Int) -> UInt64? {
    guard (0...6).contains(index), sizes[index] != 0 else { return nil }
    let offset = index == 6 ? Register.rom : Register.baseAddress + 4 * index
    let low = load32(offset)
    if index < 6, resetBytes[offset] & 1 != 0 {
      guard command & Command.io != 0 else { return nil }
      let address = UInt64(low & ~3) & ~(sizes[index] &- 1)
      return address != 0 && address + sizes[index] <= 0x10000 ? address : nil
    }
    guard command & Command.memory != 0, index != 6 || low & 1 != 0 else { return nil }
    // The type bits are 0 where a range smaller than PCI has leaves them to the address.
    var address = UInt64(low) & ~min(0xf, sizes[index] &- 1)
    if index < 5, resetBytes[offset] & 6 == 4 { address |= UInt64(load32(offset + 4)) << 32 }
    address &= ~(sizes[index] &- 1)
    let last = address &+ (sizes[index] &- 1)
    return address != 0 && last >= address && last != 0xffff_ffff && last < 1 << 52 ? address : nil
  }

  /// Size in bytes of a base address register's region, 0 if it has none.
  public func byteCount(ofRegion index: Int) -> UInt64 { (0...6).contains(index) ? sizes[index] : 0 }

  public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.bytes("config", &bytes)
    guard visitor.isLoading else { return }
    for index in bytes.indices where (bytes[index] ^ resetBytes[index]) & ~(writable[index] | clearOnWrite[index]) != 0
    {
      // Registers that the device changes itself are allowed to differ only beyond the header.
      guard index >= 0x40 || index == 0x06 || index == 0x07 else { throw .outOfRange("config") }
    }
  }
}
