// SPDX-License-Identifier: Apache-2.0
import HostIO
import Migration
import Platform
import Testing

/// The state file by itself: what is written is read back, what is damaged is refused.
struct MachineImageTests {
  private func block(_ name: String, pages: Int, filling seed: UInt8) throws -> RAMBlock {
    let block = try RAMBlock(name: name, byteCount: pages * 4096)
    for page in stride(from: 0, to: pages, by: 3) { block.contents[page * 4096 + Int(seed)] = seed | 1 }
    return block
  }

  private func saved(_ sections: [MachineImage.Section], _ blocks: [RAMBlock]) throws -> [UInt8] {
    let file = try FileDescriptor.memoryFile(named: "state")
    defer { file.closeIgnoringErrors() }
    try CapturedMachine(sections: sections, blocks: blocks).write(to: file)
    return try file.read(upTo: 1 << 20, at: 0)
  }

  private func load(_ bytes: [UInt8], _ blocks: [RAMBlock]) throws -> [MachineImage.Section] {
    let file = try FileDescriptor.memoryFile(named: "state")
    defer { file.closeIgnoringErrors() }
    try file.writeAll(bytes, at: 0)
    let shape = ImageShape(blocks: blocks.map { .init(name: $0.name, byteCount: $0.byteCount) })
    var image = try IncomingImage(file, expecting: shape)
    while let pages = try image.nextPages() { pages.copy(into: blocks) }
    return image.sections
  }

  private let sections: [MachineImage.Section] = [
    .init(name: "cpu", bytes: [1, 2, 3]), .init(name: "empty", bytes: []),
    .init(name: "big", bytes: [UInt8](repeating: 7, count: 9000)),
  ]

  @Test func `sections and pages come back`() throws {
    let blocks = [try block("ram", pages: 10, filling: 5), try block("vram", pages: 4, filling: 9)]
    let bytes = try saved(sections, blocks)
    let fresh = [try block("ram", pages: 10, filling: 0), try RAMBlock(name: "vram", byteCount: 4 * 4096)]
    fresh[0].contents[0] = 0
    for index in fresh[0].contents.indices { fresh[0].contents[index] = 0 }
    let loaded = try load(bytes, fresh)
    #expect(loaded == sections)
    for (a, b) in zip(blocks, fresh) { #expect(a.contents.elementsEqual(b.contents)) }
  }

  @Test func `zero pages take no room`() throws {
    let empty = try RAMBlock(name: "ram", byteCount: 1 << 26)
    #expect(try saved([], [empty]).count == 8192)
  }

  @Test func `every truncation is refused`() throws {
    let blocks = [try block("ram", pages: 6, filling: 5)]
    let bytes = try saved(sections, blocks)
    for count in stride(from: 0, to: bytes.count, by: 511) {
      #expect(throws: MigrationError.self) { try load(Array(bytes.prefix(count)), blocks) }
    }
  }

  @Test(arguments: ["a\nb", "\u{1b}[2J", "caf\u{e9}", String(repeating: "x", count: 256)])
  func `a name that cannot be shown is refused`(name: String) throws {
    let blocks = [try block("ram", pages: 1, filling: 5)]
    let bytes = try saved([.init(name: name, bytes: [])], blocks)
    #expect {
      try load(bytes, blocks)
    } throws: {
      ($0 as? MigrationError)?.description == "The state file has a section with a damaged name"
    }
  }

  @Test func `another machine's memory is refused by name and size`() throws {
    let bytes = try saved(sections, [try block("ram", pages: 6, filling: 5)])
    #expect(throws: MigrationError.self) { try load(bytes, [try block("ram", pages: 7, filling: 5)]) }
    #expect(throws: MigrationError.self) { try load(bytes, [try block("other", pages: 6, filling: 5)]) }
    #expect(throws: MigrationError.self) { try load(bytes, []) }
  }

  @Test func `Fuzz: a damaged byte anywhere is noticed`() throws {
    let blocks = [try block("ram", pages: 6, filling: 5)]
    let bytes = try saved(sections, blocks)
    // The padding after header and tables carries nothing and is not checked.
    let used = Array(0..<44) + Array(4096..<4096 + 9000) + Array((bytes.count - 8192)..<bytes.count)
    for position in used where position % 13 == 0 || position < 44 {
      var damaged = bytes
      damaged[position] ^= 0x41
      #expect(throws: MigrationError.self, "byte \(position)") { try load(damaged, blocks) }
    }
  }
}
