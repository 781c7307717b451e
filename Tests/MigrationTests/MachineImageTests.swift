// SPDX-License-Identifier: Apache-2.0
import Fuzzing
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

  private func saved(
    _ sections: [MachineImage.Section], _ blocks: [RAMBlock], _ layout: Layout = .placed
  ) throws -> [UInt8] {
    try ImageBytes.write(CapturedMachine(sections: sections, blocks: blocks), layout)
  }

  @discardableResult
  private func load(
    _ bytes: [UInt8], _ blocks: [RAMBlock], largestPart: Int = .max
  ) throws -> [MachineImage.Section] {
    let shape = ImageShape(blocks: blocks.map { .init(name: $0.name, byteCount: $0.byteCount) })
    var image = try IncomingImage(StreamSource(bytes, largestPart: largestPart), expecting: shape)
    while let pages = try image.nextPages() { pages.copy(into: blocks) }
    return image.sections
  }

  private func refusal(_ bytes: [UInt8], _ blocks: [RAMBlock]) -> String? {
    do { try load(bytes, blocks) } catch { return "\(error)" }
    return nil
  }

  private let sections: [MachineImage.Section] = [
    .init(name: "cpu", bytes: [1, 2, 3]), .init(name: "empty", bytes: []),
    .init(name: "big", bytes: [UInt8](repeating: 7, count: 9000)),
  ]

  @Test(arguments: Layout.allCases)
  func `sections and pages come back`(layout: Layout) throws {
    let blocks = [try block("ram", pages: 10, filling: 5), try block("vram", pages: 4, filling: 9)]
    let bytes = try saved(sections, blocks, layout)
    let fresh = [try RAMBlock(name: "ram", byteCount: 10 * 4096), try RAMBlock(name: "vram", byteCount: 4 * 4096)]
    #expect(try load(bytes, fresh, largestPart: 1000) == sections)
    for (a, b) in zip(blocks, fresh) { #expect(a.contents.elementsEqual(b.contents)) }
  }

  @Test(arguments: Layout.allCases, 0..<6 as Range<UInt64>)
  func `random sparse memory comes back`(layout: Layout, seed: UInt64) throws {
    var random = FuzzRandom(seed: seed)
    let blocks = try (0..<1 + random.below(3)).map { index in
      try RAMBlock(name: "m\(index)", byteCount: (1 + random.below(1500)) * 4096)
    }
    for block in blocks {
      for _ in 0..<random.below(40) {
        let start = random.below(block.byteCount / 4096)
        for page in start..<min(block.byteCount / 4096, start + 1 + random.below(random.oneIn(4) ? 400 : 4)) {
          // One byte anywhere makes the page.
          block.contents[page * 4096 + random.below(4096)] = random.byte() | 1
        }
      }
      // A page that was written, with zeros.
      block.contents[random.below(block.byteCount)] = 0
    }
    let bytes = try saved([], blocks, layout)
    let fresh = try blocks.map { try RAMBlock(name: $0.name, byteCount: $0.byteCount) }
    try load(bytes, fresh, largestPart: 1 + random.below(100_000))
    for (a, b) in zip(blocks, fresh) {
      let isSame = a.contents.elementsEqual(b.contents)
      #expect(isSame, "\(a.name)")
    }
  }

  /// The last page is stored in one, and is not in the other.
  @Test(arguments: [10, 12])
  func `a sink that is no descriptor gets the same file`(pages: Int) throws {
    let blocks = [try block("ram", pages: pages, filling: 5)]
    let sink = BlockSink()
    try CapturedMachine(sections: sections, blocks: blocks).write(to: sink)
    let isSame = try sink.bytes == saved(sections, blocks)
    #expect(isSame)
  }

  @Test func `zero pages take no room`() throws {
    let empty = try RAMBlock(name: "ram", byteCount: 1 << 26)
    for page in 0..<2000 { empty.contents[page * 4096] = 0 }
    #expect(try saved([], [empty], .packed).count == 8192 + 48)
    let file = try FileDescriptor.memoryFile(named: "state")
    defer { file.closeIgnoringErrors() }
    try CapturedMachine(sections: [], blocks: [empty]).write(to: file)
    #expect(try file.length() == 2 << 20 + 1 << 26)
    #expect(try file.status().allocatedByteCount == 8192)
  }

  @Test func `progress ends with everything looked at`() throws {
    let block = try block("ram", pages: 1000, filling: 5)
    let sink = StreamSink()
    var reports: [ImageProgress] = []
    try CapturedMachine(sections: sections, blocks: [block]).write(
      to: sink,
      progress: { (progress) throws(MigrationError) in
        reports.append(progress)
      })
    let last = try #require(reports.last)
    #expect(last.totalByteCount == 1000 * 4096 && last.remainingByteCount == 0)
    #expect(last.normalPageCount == 334 && last.zeroPageCount == 666)
    #expect(last.transferredByteCount == sink.bytes.count)
    #expect(zip(reports, reports.dropFirst()).allSatisfy { $0.remainingByteCount - $1.remainingByteCount <= 1 << 20 })
  }

  @Test(arguments: Layout.allCases)
  func `what progress throws ends the work`(layout: Layout) throws {
    let block = try block("ram", pages: 1000, filling: 5)
    let file = try FileDescriptor.memoryFile(named: "state")
    defer { file.closeIgnoringErrors() }
    let sink: any ImageSink = layout == .placed ? file : StreamSink()
    var count = 0
    #expect(throws: MigrationError("cancelled")) {
      try CapturedMachine(sections: sections, blocks: [block]).write(
        to: sink,
        progress: { (_) throws(MigrationError) in
          count += 1
          if count == 3 { throw MigrationError("cancelled") }
        })
    }
    #expect(count == 3)
    if layout == .placed {
      // No header: never taken for an image.
      #expect(try file.read(upTo: 8, at: 0).allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: Layout.allCases)
  func `every truncation is refused`(layout: Layout) throws {
    let blocks = [try block("ram", pages: 6, filling: 5)]
    let bytes = try saved(sections, blocks, layout)
    // A placed image has a hole before memory.
    let counts =
      (0..<min(bytes.count, 16384)).filter { $0 % 97 == 0 }
      + (max(0, bytes.count - 30000)..<bytes.count)
      .filter { $0 % 89 == 0 } + [bytes.count - 1, 11, 12, 4095, 4096]
    for count in counts {
      let sentence = try #require(refusal(Array(bytes.prefix(count)), blocks), "\(count) bytes")
      #expect(sentence.hasPrefix("The state file ends inside ") && !sentence.contains("\n"), "\(count): \(sentence)")
    }
  }

  @Test(arguments: ["a\nb", "\u{1b}[2J", "caf\u{e9}", String(repeating: "x", count: 256)])
  func `a name that cannot be shown is refused`(name: String) throws {
    let blocks = [try block("ram", pages: 1, filling: 5)]
    let bytes = try saved([.init(name: name, bytes: [])], blocks)
    #expect(refusal(bytes, blocks) == "The state file has a section with a damaged name")
  }

  @Test func `another machine's memory is refused by name and size`() throws {
    let bytes = try saved(sections, [try block("ram", pages: 6, filling: 5)])
    #expect(
      refusal(bytes, [try block("ram", pages: 7, filling: 5)])
        == "The state file has 24576 bytes of memory 'ram' where this machine has 28672 of 'ram'")
    #expect(
      refusal(bytes, [try block("other", pages: 6, filling: 5)])
        == "The state file has 24576 bytes of memory 'ram' where this machine has 24576 of 'other'")
    #expect(refusal(bytes, []) == "The state file has memory 'ram', which this machine has not")
  }

  @Test(arguments: Layout.allCases)
  func `Fuzz: a damaged byte anywhere is noticed, by the part that it is in`(layout: Layout) throws {
    let blocks = [try block("ram", pages: 6, filling: 5)]
    let bytes = try saved(sections, blocks, layout)
    let tableEnd = (ImageBytes.tables(bytes).upperBound + 4095) / 4096 * 4096
    func sentence(_ position: Int) throws -> String {
      var damaged = bytes
      damaged[position] ^= 0x41
      return try #require(refusal(damaged, blocks), "byte \(position)")
    }
    for position in 0..<4096 where position < 64 || position % 61 == 0 || position > 4080 {
      let words = try sentence(position)
      switch position {
      case 0..<8: #expect(words == "This is not a state file")
      case 8..<12: #expect(words.hasPrefix("Version "))
      default: #expect(words == "The header of the state file is damaged", "byte \(position)")
      }
    }
    for position in stride(from: 4096, to: tableEnd, by: 13) {
      #expect(try sentence(position) == "The tables of the state file are damaged", "byte \(position)")
    }
    // Placed: pages 0 and 3; what lies between them is no part of the image.
    let start = layout == .placed ? 2 << 20 : tableEnd
    let used = layout == .placed ? [0..<4096, 3 * 4096..<4 * 4096] : [0..<bytes.count - start]
    for position in used.joined() where position % 31 == 0 || position < 100 {
      let words = try sentence(start + position)
      #expect(
        words.contains("memory 'ram'") || words.contains("memory block")
          || words == "The end of the state file is damaged"
          || words.hasPrefix("The state file ends inside"), "byte \(position): \(words)")
    }
  }
}
