// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import QAPI

/// How two images differ: which fields of which sections, and which pages.
struct ImageDifference {
  /// A field by its place in the section, with both values; nil where an image has no such field.
  struct Field {
    var name: String
    var first: StateField.Value?
    var second: StateField.Value?
  }

  /// A memory block in which both images are of one size.
  struct Memory {
    var name: String
    var pageCount = 0
    /// Address in the block of the first byte that differs, and both bytes.
    var first: (address: Int, first: UInt8, second: UInt8)?
  }

  /// Parts that only one image has, or both with other sizes or versions: a sentence each.
  var shape: [String] = []
  /// Sections with fields that differ.
  var sections: [(name: String, fields: [Field])] = []
  /// Blocks with pages that differ.
  var memory: [Memory] = []

  var isEmpty: Bool { shape.isEmpty && sections.isEmpty && memory.isEmpty }

  /// Reads both to the end. Errors are given the name of the image that they are about.
  init(
    _ first: (name: String, source: any ImageSource), _ second: (name: String, source: any ImageSource)
  ) throws(MigrationError) {
    var pages = (try Pages(first.name, first.source), try Pages(second.name, second.source))
    compareSections(pages.0.report.sections, pages.1.report.sections)
    let blocks = (pages.0.image.blocks, pages.1.image.blocks)
    guard blocks.0 == blocks.1 else {
      let names = (blocks.0.map(\.words), blocks.1.map(\.words))
      shape.append("memory: \(names.0.joined(separator: ", ")) | \(names.1.joined(separator: ", "))")
      return
    }
    memory = blocks.0.map { Memory(name: $0.name) }
    try compare(&pages.0, &pages.1)
    memory.removeAll { $0.pageCount == 0 }
  }

  private mutating func compareSections(_ first: [ImageReport.Section], _ second: [ImageReport.Section]) {
    for section in first where !second.contains(where: { $0.name == section.name }) {
      shape.append("section \(section.name): only in the first")
    }
    for section in second where !first.contains(where: { $0.name == section.name }) {
      shape.append("section \(section.name): only in the second")
    }
    for section in first {
      guard let other = second.first(where: { $0.name == section.name }) else { continue }
      if section.version != other.version {
        shape.append("section \(section.name): version \(section.version) | \(other.version)")
      }
      var fields: [Field] = []
      for index in 0..<max(section.fields.count, other.fields.count) {
        let pair = (section.fields.dropFirst(index).first, other.fields.dropFirst(index).first)
        guard pair.0 != pair.1 else { continue }
        fields.append(Field(name: pair.0?.name ?? pair.1?.name ?? "", first: pair.0?.value, second: pair.1?.value))
      }
      if !fields.isEmpty { sections.append((section.name, fields)) }
    }
  }

  /// Stored pages of an image one after the other.
  private struct Pages {
    private(set) var image: IncomingImage
    let report: ImageReport
    private let name: String
    private var piece: ImagePages?
    private var offsets: [Int] = []
    private var index = 0

    init(_ name: String, _ source: any ImageSource) throws(MigrationError) {
      self.name = name
      do throws(MigrationError) {
        image = try IncomingImage(anyFrom: source)
        report = try ImageReport(image)
      } catch {
        throw MigrationError("\(name): \(error)")
      }
    }

    /// Block and offset of the page that `bytes` gives; nil at the end.
    var place: (block: Int, offset: Int)? {
      guard let piece, index < offsets.count else { return nil }
      return (piece.block, offsets[index])
    }

    var bytes: ArraySlice<UInt8> {
      guard let piece else { return [] }
      return piece.bytes[index * Int(pageByteCount)..<(index + 1) * Int(pageByteCount)]
    }

    mutating func advance() throws(MigrationError) {
      index += 1
      while index >= offsets.count {
        do throws(MigrationError) { piece = try image.nextPages() } catch {
          throw MigrationError("\(name): \(error)")
        }
        guard let piece else { return offsets = [] }
        offsets = piece.ranges.flatMap { Array(stride(from: $0.lowerBound, to: $0.upperBound, by: Int(pageByteCount))) }
        index = 0
      }
    }
  }

  private mutating func compare(_ first: inout Pages, _ second: inout Pages) throws(MigrationError) {
    let zeros = [UInt8](repeating: 0, count: Int(pageByteCount))[...]
    try first.advance()
    try second.advance()
    while true {
      switch (first.place, second.place) {
      case (nil, nil): return
      case (let a?, let b?) where a == b:
        compare(a, first.bytes, second.bytes)
        try first.advance()
        try second.advance()
      case (let a?, let b) where b.map({ a < $0 }) ?? true:
        compare(a, first.bytes, zeros)
        try first.advance()
      case (_, let b):
        if let b { compare(b, zeros, second.bytes) }
        try second.advance()
      }
    }
  }

  private mutating func compare(_ place: (block: Int, offset: Int), _ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) {
    guard a != b, let index = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset else {
      return
    }
    memory[place.block].pageCount += 1
    if memory[place.block].first == nil {
      memory[place.block].first = (place.offset + index, a[a.startIndex + index], b[b.startIndex + index])
    }
  }

  // MARK: Showing it

  private static let shownFieldCount = 16

  /// Lines for people; empty when nothing differs.
  var text: String {
    var lines = shape
    for (name, fields) in sections {
      for field in fields.prefix(Self.shownFieldCount) {
        lines.append("section \(name): \(field.name): \(Self.words(field))")
      }
      if fields.count > Self.shownFieldCount {
        lines.append("section \(name): and \(fields.count - Self.shownFieldCount) fields more")
      }
    }
    for block in memory {
      guard let first = block.first else { continue }
      let address = String(first.address, radix: 16)
      let bytes = "0x\(String(first.first, radix: 16)) | 0x\(String(first.second, radix: 16))"
      lines.append(
        "memory \(block.name): \(block.pageCount) \(block.pageCount == 1 ? "page differs" : "pages differ"), "
          + "first at 0x\(address): \(bytes)")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// Both values; of bytes only what is around the first that differs.
  private static func words(_ field: Field) -> String {
    guard case .bytes(let a) = field.first, case .bytes(let b) = field.second, a.count == b.count,
      let index = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset
    else { return "\(field.first?.text ?? "none") | \(field.second?.text ?? "none")" }
    return "byte \(index) of \(a.count): 0x\(String(a[index], radix: 16)) | 0x\(String(b[index], radix: 16))"
  }

  var json: JSON {
    [
      "equal": .bool(isEmpty), "shape": .array(shape.map { .string($0) }),
      "sections": .array(
        sections.map { section in
          [
            "name": .string(section.name),
            "fields": .array(
              section.fields.map {
                ["name": .string($0.name), "first": $0.first?.json ?? .null, "second": $0.second?.json ?? .null]
              }),
          ]
        }),
      "memory": .array(
        memory.map { block in
          [
            "name": .string(block.name), "pages": JSON(block.pageCount),
            "address": block.first.map { JSON($0.address) } ?? .null,
            "first": block.first.map { JSON($0.first) } ?? .null,
            "second": block.first.map { JSON($0.second) } ?? .null,
          ]
        }),
    ]
  }
}

extension ImageShape.Block {
  fileprivate var words: String { "\(name) of \(byteCount) bytes" }
}
