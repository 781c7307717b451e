// SPDX-License-Identifier: Apache-2.0
import PC

/// What firmware does with the tables: brings the files into memory and carries out the script.
struct FirmwareModel {
  enum Refusal: Error, Equatable {
    case command(UInt32), file(String), range, alignment(UInt32)
  }

  private let files: [String: [UInt8]]
  /// Files in memory, by name.
  private(set) var loaded: [String: (address: Int, bytes: [UInt8], zone: UInt8)] = [:]
  private var nextAddress: [UInt8: Int]

  /// - Parameter start: where files that may be anywhere go.
  init(_ tables: ACPITables, start: Int = 0x7fe_0000) throws {
    files = Dictionary(uniqueKeysWithValues: tables.files.map { ($0.name, $0.contents) })
    nextAddress = [1: start, 2: 0xf_5000]
    guard let script = files["etc/table-loader"] else { throw Refusal.file("etc/table-loader") }
    guard script.count % 128 == 0 else { throw Refusal.range }
    for start in stride(from: 0, to: script.count, by: 128) { try run(Array(script[start..<start + 128])) }
  }

  private static func integer(_ bytes: [UInt8], _ offset: Int, _ byteCount: Int = 4) -> Int {
    bytes[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private static func text(_ bytes: [UInt8], _ offset: Int) -> String {
    String(decoding: bytes[offset..<offset + 56].prefix { $0 != 0 }, as: UTF8.self)
  }

  private mutating func run(_ entry: [UInt8]) throws {
    let name = Self.text(entry, 4)
    switch Self.integer(entry, 0) {
    case 1: try allocate(name, alignment: Self.integer(entry, 60), zone: entry[64])
    case 2:
      let target = Self.text(entry, 60)
      try addPointer(in: name, at: Self.integer(entry, 116), byteCount: Int(entry[120]), to: target)
    case 3:
      let (offset, start) = (Self.integer(entry, 60), Self.integer(entry, 64))
      try addChecksum(in: name, at: offset, of: start..<start + Self.integer(entry, 68))
    case let other: throw Refusal.command(UInt32(other))
    }
  }

  private mutating func allocate(_ name: String, alignment: Int, zone: UInt8) throws {
    guard let bytes = files[name], loaded[name] == nil, let free = nextAddress[zone] else { throw Refusal.file(name) }
    guard alignment > 0, alignment & (alignment - 1) == 0 else { throw Refusal.alignment(UInt32(alignment)) }
    let address = (free + alignment - 1) & ~(alignment - 1)
    loaded[name] = (address, bytes, zone)
    nextAddress[zone] = address + bytes.count
  }

  private mutating func addPointer(in name: String, at offset: Int, byteCount: Int, to target: String) throws {
    guard var file = loaded[name], let address = loaded[target]?.address else { throw Refusal.file(name) }
    guard [1, 2, 4, 8].contains(byteCount), offset + byteCount <= file.bytes.count else { throw Refusal.range }
    let value = Self.integer(file.bytes, offset, byteCount) + address
    for index in 0..<byteCount { file.bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    loaded[name] = file
  }

  private mutating func addChecksum(in name: String, at offset: Int, of range: Range<Int>) throws {
    guard var file = loaded[name] else { throw Refusal.file(name) }
    guard range.contains(offset), range.upperBound <= file.bytes.count else { throw Refusal.range }
    file.bytes[offset] &-= file.bytes[range].reduce(0, &+)
    loaded[name] = file
  }

  // MARK: What an operating system sees

  struct Table {
    let address: Int
    let bytes: [UInt8]

    var signature: String { String(decoding: bytes.prefix(4), as: UTF8.self) }
    var sum: UInt8 { bytes.reduce(0, &+) }
    func integer(at offset: Int, byteCount: Int = 4) -> Int { FirmwareModel.integer(bytes, offset, byteCount) }
  }

  /// Bytes of memory; nil when no file is there.
  func memory(_ address: Int, _ byteCount: Int) -> [UInt8]? {
    for file in loaded.values where address >= file.address && address + byteCount <= file.address + file.bytes.count {
      return Array(file.bytes[(address - file.address)...].prefix(byteCount))
    }
    return nil
  }

  /// The table at an address, as long as its header says.
  func table(at address: Int) -> Table? {
    guard let header = memory(address, 8), let bytes = memory(address, Self.integer(header, 4)) else { return nil }
    return Table(address: address, bytes: bytes)
  }

  var rootPointer: Table? {
    guard let file = loaded["etc/acpi/rsdp"], file.zone == 2 else { return nil }
    return Table(address: file.address, bytes: file.bytes)
  }

  var root: Table? { rootPointer.flatMap { table(at: $0.integer(at: 16)) } }

  /// The tables that the root table lists.
  var listed: [Table] {
    guard let root else { return [] }
    return stride(from: 36, to: root.bytes.count, by: 4).compactMap { table(at: root.integer(at: $0)) }
  }

  func listed(_ signature: String) -> Table? { listed.first { $0.signature == signature } }

  var description: Table? { listed("FACP").flatMap { table(at: $0.integer(at: 40)) } }
}
