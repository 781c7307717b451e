// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import QAPI
import X86

/// What is in an image of any machine, for people and programs to read. All of it is read and checked.
struct ImageReport {
  struct Section {
    var name: String
    /// Of its field list.
    var version: UInt64
    var fields: [StateField]
  }

  /// Fields in all; far more than any machine has.
  private static let fieldLimit = 1_000_000

  var version: Int
  var isPlaced: Bool
  var sections: [Section]
  var memory: [(block: ImageShape.Block, storedPageCount: Int)]

  init(_ source: any ImageSource) throws(MigrationError) {
    var image = try IncomingImage(anyFrom: source)
    try self.init(image)
    while let pages = try image.nextPages() {
      memory[pages.block].storedPageCount += pages.bytes.count / Int(pageByteCount)
    }
  }

  /// All but the pages.
  init(_ image: IncomingImage) throws(MigrationError) {
    version = image.version
    isPlaced = image.isPlaced
    memory = image.blocks.map { ($0, 0) }
    sections = []
    var rest = Self.fieldLimit
    for section in image.sections {
      let decoded = try Self.decoded(section, limit: rest)
      rest -= min(rest, decoded.fields.count)
      sections.append(decoded)
    }
  }

  private static func decoded(_ section: MachineImage.Section, limit: Int) throws(MigrationError) -> Section {
    var fields: [StateField]
    do throws(StateError) { fields = try StateField.decode(section.bytes, limit: limit) } catch {
      throw MigrationError("\(section.name): \(error)")
    }
    guard case .integer(let version, _) = fields.first?.value else {
      throw MigrationError("\(section.name): The state image does not begin with a version")
    }
    fields.removeFirst()
    if section.name == "cpu" { fields = fields.flatMap(words) }
    return Section(name: section.name, version: version, fields: fields)
  }

  /// A processor's field of several words as one field a word.
  private static func words(_ field: StateField) -> [StateField] {
    guard case .bytes(let bytes) = field.value, let names = Processor.wordNames(ofStateField: field.name),
      bytes.count == names.count * 8
    else { return [field] }
    return names.enumerated().map { index, name in
      let word = bytes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return StateField(name: name, value: .integer(word, bitWidth: 64))
    }
  }

  /// Lines for people.
  var text: String {
    var lines = ["state file of version \(version), memory \(isPlaced ? "placed" : "packed")"]
    for (block, count) in memory {
      lines.append("memory \(block.name): \(block.byteCount) bytes, \(count) pages of \(pageByteCount) stored")
    }
    for section in sections {
      lines.append("section \(section.name), version \(section.version)")
      let width = min(24, section.fields.map(\.name.utf8.count).max() ?? 0)
      for field in section.fields {
        let padding = String(repeating: " ", count: max(0, width - field.name.utf8.count))
        lines.append("  \(field.name)\(padding)  \(field.value.text)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSON {
    [
      "version": JSON(version),
      "layout": .string(isPlaced ? "placed" : "packed"),
      "memory": .array(
        memory.map {
          ["name": .string($0.block.name), "size": JSON($0.block.byteCount), "stored-pages": JSON($0.storedPageCount)]
        }),
      "sections": .array(
        sections.map { section in
          [
            "name": .string(section.name), "version": JSON(section.version),
            "fields": .array(section.fields.map { ["name": .string($0.name), "value": $0.value.json] }),
          ]
        }),
    ]
  }
}

extension StateField.Value {
  private static let hexDigits = Array("0123456789abcdef".utf8)

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.flatMap { [hexDigits[Int($0 >> 4)], hexDigits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// As one short line: long bytes are cut.
  var text: String {
    switch self {
    case .integer(let value, _): value < 10 ? String(value) : "0x" + String(value, radix: 16)
    case .flag(let value): value ? "true" : "false"
    case .bytes(let bytes):
      "[\(bytes.count)] " + Self.hex(bytes.prefix(32)) + (bytes.count > 32 ? "…" : "")
    }
  }

  /// Bytes as hexadecimal digits.
  var json: JSON {
    switch self {
    case .integer(let value, _): JSON(value)
    case .flag(let value): .bool(value)
    case .bytes(let bytes): .string(Self.hex(bytes))
    }
  }
}
