// SPDX-License-Identifier: Apache-2.0

/// An internal snapshot: an entry of the snapshot table.
///
/// *Reference:* QEMU's docs/interop/qcow2, "Snapshots".
public struct QCOW2Snapshot: Sendable, Equatable {
  /// Unique within the image.
  public var id: String
  public var name: String
  /// When it was taken, seconds and nanoseconds since 1970.
  public var seconds: UInt32
  public var nanoseconds: UInt32
  /// How long the guest had run, in nanoseconds.
  public var guestNanoseconds: UInt64
  /// Length of the state of the machine that lies behind the disk.
  public var stateByteCount: UInt64
  /// Length of the disk.
  public var byteCount: Int64
  /// Executed instructions; nil without record and replay.
  public var instructionCount: UInt64?
  var l1Offset: Int64
  var l1EntryCount: Int
  /// Extra data behind what is known, kept.
  var unknown: [UInt8] = []

  static let maximumTableByteCount = 1 << 30
  static let maximumExtraByteCount = 1024

  /// Parses one entry at `place` and moves it behind. Nil if it does not fit into the bytes.
  static func parse(_ bytes: [UInt8], at place: inout Int, header: QCOW2Header) throws(BlockError) -> QCOW2Snapshot? {
    guard place <= bytes.count - 40 else { return nil }
    let idCount = Int(bytes.bigEndian16(at: place + 12))
    let nameCount = Int(bytes.bigEndian16(at: place + 14))
    let extraCount = Int(bytes.bigEndian32(at: place + 36))
    guard extraCount <= maximumExtraByteCount else {
      throw .invalidImage("Too much extra metadata in snapshot table entry")
    }
    let extra = place + 40
    let text = extra + extraCount
    guard text + idCount + nameCount <= bytes.count else { return nil }
    func string(_ start: Int, _ count: Int) -> String { String(decoding: bytes[start..<start + count], as: UTF8.self) }
    let l1Entries = bytes.bigEndian32(at: place + 8)
    guard l1Entries <= 4 << 20 else { throw .invalidImage("Snapshot L1 table too large") }
    let l1Offset = bytes.bigEndian64(at: place)
    guard l1Offset & UInt64(header.clusterByteCount - 1) == 0, l1Offset < 1 << 56 else {
      throw .invalidImage("Snapshot L1 table offset invalid")
    }
    let size = extraCount >= 16 ? bytes.bigEndian64(at: extra + 8) : UInt64(header.byteCount)
    guard size <= UInt64(Int64.max), QCOW2Geometry(header).l1EntryCount(for: Int64(size)) != nil else {
      throw .invalidImage("Snapshot disk size too large")
    }
    let icount = extraCount >= 24 ? bytes.bigEndian64(at: extra + 16) : .max
    let snapshot = QCOW2Snapshot(
      id: string(text, idCount), name: string(text + idCount, nameCount), seconds: bytes.bigEndian32(at: place + 16),
      nanoseconds: bytes.bigEndian32(at: place + 20), guestNanoseconds: bytes.bigEndian64(at: place + 24),
      stateByteCount: extraCount >= 8 ? bytes.bigEndian64(at: extra) : UInt64(bytes.bigEndian32(at: place + 32)),
      byteCount: Int64(clamping: size), instructionCount: icount == .max ? nil : icount, l1Offset: Int64(l1Offset),
      l1EntryCount: Int(l1Entries), unknown: extraCount > 24 ? Array(bytes[extra + 24..<text]) : [])
    place = (text + idCount + nameCount + 7) & ~7
    return snapshot
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    let idBytes = Array(id.utf8.prefix(0xffff))
    let nameBytes = Array(name.utf8.prefix(0xffff))
    bytes.appendBigEndian(UInt64(bitPattern: l1Offset))
    bytes.appendBigEndian(UInt32(l1EntryCount))
    bytes.appendBigEndian(UInt16(idBytes.count))
    bytes.appendBigEndian(UInt16(nameBytes.count))
    bytes.appendBigEndian(seconds)
    bytes.appendBigEndian(nanoseconds)
    bytes.appendBigEndian(guestNanoseconds)
    bytes.appendBigEndian(stateByteCount <= UInt64(UInt32.max) ? UInt32(stateByteCount) : 0)
    bytes.appendBigEndian(UInt32(24 + unknown.count))
    bytes.appendBigEndian(stateByteCount)
    bytes.appendBigEndian(UInt64(bitPattern: byteCount))
    bytes.appendBigEndian(instructionCount ?? .max)
    bytes += unknown + idBytes + nameBytes
    bytes.pad(to: 8)
    return bytes
  }

  /// Parses a whole table. `read` gives a part of the file, shorter where it ends.
  static func parseTable(
    _ header: QCOW2Header, read: (Int64, Int) throws(BlockError) -> [UInt8]
  ) throws(BlockError) -> [QCOW2Snapshot] {
    var snapshots: [QCOW2Snapshot] = []
    var bytes: [UInt8] = []
    var place = 0
    while snapshots.count < header.snapshotCount {
      if let snapshot = try parse(bytes, at: &place, header: header) {
        snapshots.append(snapshot)
        continue
      }
      guard bytes.count < maximumTableByteCount else { throw .invalidImage("Snapshot table is too big") }
      let more = try read(header.snapshotsOffset + Int64(bytes.count), max(65536, bytes.count))
      guard !more.isEmpty else { throw .invalidImage("Failed to read snapshot table") }
      bytes += more
    }
    return snapshots
  }
}
