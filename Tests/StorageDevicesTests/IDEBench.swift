// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import StorageDevices

/// A medium whose bytes follow from their place; writes are told to somebody and forgotten.
final class PatternNode: BlockNode, @unchecked Sendable {
  // Safe: used with back ends that have no thread.
  let byteCount: Int64
  let isReadOnly = false
  let driver = "raw"
  let allocatedByteCount: Int64? = nil
  var note: (String) -> Void
  /// Offsets at and above which reads and writes fail.
  var failsFrom: Int64 = .max

  init(byteCount: Int64, note: @escaping (String) -> Void = { _ in }) {
    self.byteCount = byteCount
    self.note = note
  }

  static func byte(at offset: Int64) -> UInt8 { UInt8(truncatingIfNeeded: (offset &* 7) ^ (offset >> 9) &* 31) }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    if offset + Int64(buffer.count) > failsFrom { throw .ioError }
    for index in buffer.indices { buffer[index] = Self.byte(at: offset + Int64(index)) }
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    if offset + Int64(buffer.count) > failsFrom { throw .ioError }
    note("write \(offset) \(buffer.count) \(buffer.reduce(UInt64(5381)) { $0 &* 33 &+ UInt64($1) })")
  }
  func flush() throws(Errno) { note("flush") }
  func discard(_ range: Range<Int64>) throws(Errno) { note("discard \(range)") }
}

/// An IDE function on a bench, driven through its ports as a guest would.
final class IDEBench {
  let clock = VirtualClock()
  let ports = PortSpace()
  let memory = GuestMemory()
  let disk: MemoryNode
  let pattern: PatternNode
  let disc: PatternNode
  let diskBackend: BlockBackend
  let patternBackend: BlockBackend
  let discBackend: BlockBackend
  let irq14 = IRQLine()
  let irq15 = IRQLine()
  let ide: PIIX3IDE

  static let busMaster: UInt16 = 0xc000
  static let primary: UInt16 = 0x1f0
  static let secondary: UInt16 = 0x170

  /// A 10 MiB disk of zeros, a 512 MiB patterned one, a 4 MiB patterned disc.
  init(diskByteCount: Int = 10 << 20, discByteCount: Int64 = 4 << 20) throws {
    let queue = BlockQueue(clock: clock, mailbox: Mailbox(), timing: .atDeadline)
    disk = MemoryNode([UInt8](repeating: 0, count: diskByteCount))
    pattern = PatternNode(byteCount: 512 << 20)
    disc = PatternNode(byteCount: discByteCount)
    diskBackend = BlockBackend(
      name: "ide0-hd0", queue: queue, medium: BlockMedium(node: disk, fileName: "a"), hasThread: false)
    patternBackend = BlockBackend(
      name: "ide0-hd1", queue: queue, medium: BlockMedium(node: pattern, fileName: "b"), hasThread: false)
    discBackend = BlockBackend(
      name: "ide1-cd0", queue: queue, medium: BlockMedium(node: disc, fileName: "c"), latency: .opticalDisc,
      isRemovable: true, hasThread: false)
    let ram = try RAMBlock(name: "ram", byteCount: 1 << 20)
    memory.map.add("ram", at: 0, byteCount: 1 << 20, .ram(ram, offset: 0, isReadOnly: false))
    memory.map.commit()
    ide = PIIX3IDE(
      ports: ports, memory: memory, primaryInterrupt: irq14, secondaryInterrupt: irq15,
      drives: [.disk(diskBackend), .disk(patternBackend), .opticalDisc(discBackend)])
    configure(0x20, .dword, UInt32(Self.busMaster))
    configure(0x04, .word, 5)
  }

  func configure(_ offset: UInt8, _ width: AccessWidth, _ value: UInt32) {
    ide.configuration.write(offset, width, value)
    ide.configurationDidChange(offset, width)
  }

  func out(_ port: UInt16, _ value: UInt8) { ports.write(port, .byte, UInt32(value)) }
  func out16(_ port: UInt16, _ value: UInt16) { ports.write(port, .word, UInt32(value)) }
  func out32(_ port: UInt16, _ value: UInt32) { ports.write(port, .dword, value) }
  func get(_ port: UInt16) -> UInt8 { UInt8(ports.read(port, .byte)) }
  func get16(_ port: UInt16) -> UInt16 { UInt16(ports.read(port, .word)) }

  /// Error, count, low, mid, high, device, status: registers 1...7.
  func registers(_ base: UInt16) -> [UInt8] { (1...7).map { get(base + UInt16($0)) } }

  func waitWhileBusy(_ base: UInt16) {
    var rounds = 0
    while get(base + 0x206) & 0x80 != 0, rounds < 1000 {
      clock.advance(by: 100 * .microsecond)
      rounds += 1
    }
  }

  /// Writes task file and command; the 28-bit form.
  func command(
    _ command: UInt8, base: UInt16 = primary, device: UInt8 = 0xe0, feature: UInt8 = 0, count: UInt8 = 1,
    lba: UInt32 = 0
  ) {
    out(base + 6, device | UInt8(lba >> 24 & 0xf))
    out(base + 1, feature)
    out(base + 2, count)
    out(base + 3, UInt8(truncatingIfNeeded: lba))
    out(base + 4, UInt8(truncatingIfNeeded: lba >> 8))
    out(base + 5, UInt8(truncatingIfNeeded: lba >> 16))
    out(base + 7, command)
  }

  /// Takes data blocks until the drive offers no more.
  func takeData(_ base: UInt16, blockByteCount: Int = 512) -> [UInt8] {
    var bytes: [UInt8] = []
    waitWhileBusy(base)
    while get(base + 7) & 8 != 0 {
      for _ in 0..<blockByteCount / 2 {
        let word = get16(base)
        bytes += [UInt8(truncatingIfNeeded: word), UInt8(truncatingIfNeeded: word >> 8)]
      }
      waitWhileBusy(base)
    }
    return bytes
  }

  func giveData(_ base: UInt16, _ bytes: [UInt8]) {
    for index in stride(from: 0, to: bytes.count, by: 2) {
      if index % 512 == 0 { waitWhileBusy(base) }
      out16(base, UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
    }
    waitWhileBusy(base)
  }

  /// Sends a packet command by PIO and returns what it answered.
  func packet(_ bytes: [UInt8], limit: UInt16 = 0xfffe) -> [UInt8] {
    let base = Self.secondary
    beginPacket(bytes, limit: limit, feature: 0)
    var result: [UInt8] = []
    waitWhileBusy(base)
    while get(base + 7) & 8 != 0 {
      let count = Int(get(base + 4)) | Int(get(base + 5)) << 8
      for _ in 0..<(count + 1) / 2 {
        let word = get16(base)
        result += [UInt8(truncatingIfNeeded: word), UInt8(truncatingIfNeeded: word >> 8)]
      }
      waitWhileBusy(base)
    }
    return result
  }

  func beginPacket(_ bytes: [UInt8], limit: UInt16 = 0xfffe, feature: UInt8) {
    let base = Self.secondary
    out(base + 6, 0xa0)
    out(base + 1, feature)
    out(base + 4, UInt8(truncatingIfNeeded: limit))
    out(base + 5, UInt8(limit >> 8))
    out(base + 7, 0xa0)
    let padded = bytes + [UInt8](repeating: 0, count: 12 - bytes.count)
    for index in stride(from: 0, to: 12, by: 2) {
      out16(base, UInt16(padded[index]) | UInt16(padded[index + 1]) << 8)
    }
  }

  /// Sense key and code after a failure.
  func sense() -> [UInt8] {
    let data = packet([3, 0, 0, 0, 18])
    return [data[2], data[12]]
  }

  /// Lays out a descriptor table and points the bus master at it.
  func prepareDMA(_ channel: UInt16, table: UInt32 = 0x1000, _ pieces: [(address: UInt32, count: UInt16)]) {
    for (index, piece) in pieces.enumerated() {
      let isLast = index == pieces.count - 1
      memory.write(UInt64(table) + UInt64(8 * index), integer: piece.address)
      memory.write(
        UInt64(table) + UInt64(8 * index) + 4, integer: UInt32(piece.count) | (isLast ? 0x8000_0000 : 0))
    }
    out32(Self.busMaster + 8 * channel + 4, table)
    out(Self.busMaster + 8 * channel + 2, 6)
  }

  static func expected(_ offset: Int64, _ count: Int) -> [UInt8] {
    (0..<count).map { PatternNode.byte(at: offset + Int64($0)) }
  }
}
