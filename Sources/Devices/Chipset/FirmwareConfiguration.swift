// SPDX-License-Identifier: Apache-2.0
import Platform

/// QEMU's firmware configuration device (fw_cfg) at 510h...51Bh: numbered items and named files that firmware reads
/// through a data port or by DMA.
///
/// Contents are fixed by the board before the first reset; the guest may write only items declared writable.
/// Reference: QEMU "fw_cfg" specification (docs/specs/fw_cfg), interface revision with DMA.
public final class FirmwareConfiguration: Device, WidePortDevice {
  /// Numbers of well-known items.
  public enum Key {
    public static let signature: UInt16 = 0x00, identity: UInt16 = 0x01, uuid: UInt16 = 0x02, ramSize: UInt16 = 0x03
    public static let noGraphic: UInt16 = 0x04, cpuCount: UInt16 = 0x05, machineID: UInt16 = 0x06
    public static let kernelAddress: UInt16 = 0x07, kernelSize: UInt16 = 0x08, initrdAddress: UInt16 = 0x0a
    public static let initrdSize: UInt16 = 0x0b, kernelEntry: UInt16 = 0x10, kernelData: UInt16 = 0x11
    public static let initrdData: UInt16 = 0x12, commandLineAddress: UInt16 = 0x13, commandLineSize: UInt16 = 0x14
    public static let commandLineData: UInt16 = 0x15, setupAddress: UInt16 = 0x16, setupSize: UInt16 = 0x17
    public static let setupData: UInt16 = 0x18
    public static let bootDevice: UInt16 = 0x0c, numa: UInt16 = 0x0d, bootMenu: UInt16 = 0x0e
    public static let maximumCPUs: UInt16 = 0x0f, fileDirectory: UInt16 = 0x19, firstFile: UInt16 = 0x20
    public static let acpiTables: UInt16 = 0x8000, smbios: UInt16 = 0x8001, irq0Override: UInt16 = 0x8002
    public static let e820: UInt16 = 0x8003
  }

  public struct State: DeviceState {
    public static let name: StaticString = "fw_cfg"
    public static let version = 1
    var selected: UInt16 = 0
    var offset: UInt32 = 0
    var dmaAddress: UInt64 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("cur_entry", &selected)
      try visitor.field("cur_offset", &offset)
      try visitor.field("dma_addr", &dmaAddress)
    }
  }

  public var state = State()
  private var items: [UInt16: [UInt8]] = [:]
  private var files: [(name: String, key: UInt16)] = []
  private let memory: GuestMemory

  public init(memory: GuestMemory) {
    self.memory = memory
    items[Key.signature] = Array("QEMU".utf8)
    items[Key.identity] = littleEndian(UInt32(3))  // traditional and DMA interface
    rebuildDirectory()
  }

  private func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
  }

  private func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] { littleEndian(value).reversed() }

  public func set(_ key: UInt16, _ bytes: [UInt8]) { items[key] = bytes }
  public func set<T: FixedWidthInteger>(_ key: UInt16, integer value: T) { items[key] = littleEndian(value) }

  /// Adds or replaces a named file; firmware finds it through the directory, which is sorted by name.
  public func setFile(_ name: String, _ bytes: [UInt8]) {
    if let file = files.first(where: { $0.name == name }) {
      items[file.key] = bytes
    } else {
      let key = Key.firstFile + UInt16(truncatingIfNeeded: files.count)
      files.append((name, key))
      items[key] = bytes
    }
    rebuildDirectory()
  }

  private func rebuildDirectory() {
    var directory = bigEndian(UInt32(truncatingIfNeeded: files.count))
    for file in files.sorted(by: { $0.name < $1.name }) {
      directory += bigEndian(UInt32(truncatingIfNeeded: items[file.key]?.count ?? 0))
      directory += bigEndian(file.key) + [0, 0]
      var name = Array(file.name.utf8.prefix(55))
      name += [UInt8](repeating: 0, count: 56 - name.count)
      directory += name
    }
    items[Key.fileDirectory] = directory
  }

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  public func stateDidLoad() {}

  private func select(_ key: UInt16) {
    state.selected = key
    state.offset = 0
  }

  private func nextByte() -> UInt8 {
    guard let item = items[state.selected & ~0x4000], Int(state.offset) < item.count else { return 0 }
    defer { state.offset += 1 }
    return item[Int(state.offset)]
  }

  /// Mapped at 510h...51Bh: selector (word, little-endian), data (byte), DMA address (two big-endian dwords).
  public func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    switch offset {
    case 0...1: return width == .byte ? UInt32(nextByte()) : 0
    case 4...11:
      let signature = Array("QEMU CFG".utf8)
      var value: UInt32 = 0
      for index in 0..<width.byteCount {
        let position = Int(offset) - 4 + index
        if position < 8 { value |= UInt32(signature[position]) << UInt32(8 * index) }
      }
      return value
    default: return .max
    }
  }

  public func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    switch (offset, width) {
    case (0, .word): select(UInt16(truncatingIfNeeded: value))
    case (4, .dword):
      state.dmaAddress = state.dmaAddress & 0xffff_ffff | UInt64(value.byteSwapped) << 32
    case (8, .dword):
      state.dmaAddress = state.dmaAddress & ~0xffff_ffff | UInt64(value.byteSwapped)
      let descriptor = state.dmaAddress
      state.dmaAddress = 0
      transfer(descriptor)
    default: break  // writes to the data port are ignored since the DMA interface exists
    }
  }

  /// Carries out one DMA descriptor: control, length, address, all big-endian; clears control when done.
  private func transfer(_ descriptor: UInt64) {
    let control = memory.read(descriptor, as: UInt32.self).byteSwapped
    let length = memory.read(descriptor &+ 4, as: UInt32.self).byteSwapped
    let address = memory.read(descriptor &+ 8, as: UInt64.self).byteSwapped
    if control & 8 != 0 { select(UInt16(truncatingIfNeeded: control >> 16)) }
    var failed = false
    let item = items[state.selected & ~0x4000] ?? []
    let available = UInt32(clamping: max(0, item.count - Int(state.offset)))
    if control & 2 != 0 {
      let count = min(length, available)
      if count > 0 {
        let start = Int(state.offset)
        item.withUnsafeBytes {
          memory.write(address, from: UnsafeRawBufferPointer(rebasing: $0[start..<start + Int(count)]))
        }
      }
      if length - count <= Self.longestFill {
        fill(address &+ UInt64(count), length - count)
      } else {
        failed = true
      }
      state.offset &+= count
    } else if control & 4 != 0 {
      state.offset &+= min(length, available)
    } else if control & 16 != 0 {
      failed = true  // no item is writable
    }
    memory.write(descriptor, integer: UInt32(failed ? 1 : 0).byteSwapped)
  }

  /// The most bytes beyond an item's end that one read may ask for; the interface sets no limit, but a guest that asks
  /// for 4 GiB of zeroes must not stand still for seconds in one instruction. Such a read ends with the error bit.
  static let longestFill: UInt32 = 1 << 20

  /// Zeroes what a read asks for beyond the item's end.
  private func fill(_ start: UInt64, _ count: UInt32) {
    let zeroes = [UInt8](repeating: 0, count: 4096)
    var done: UInt32 = 0
    while done < count {
      let size = min(4096, count - done)
      memory.write(start &+ UInt64(done), size == 4096 ? zeroes : Array(zeroes.prefix(Int(size))))
      done += size
    }
  }
}
