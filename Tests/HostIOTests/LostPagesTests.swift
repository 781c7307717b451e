// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct LostPagesTests {
  private static let page = MappedMemory.pageByteCount

  private func file(pages: Int) throws -> FileDescriptor {
    let file = try FileDescriptor.memoryFile(named: "pages")
    try file.writeAll([UInt8](repeating: 7, count: pages * Self.page), at: 0)
    return file
  }

  @Test func `a range of memory becomes a file's, and stores stay here`() throws {
    let file = try file(pages: 4)
    defer { file.closeIgnoringErrors() }
    let memory = try MappedMemory(anonymous: 8 * Self.page)
    memory.base.storeBytes(of: 1, as: UInt8.self)
    try memory.replace(2 * Self.page..<4 * Self.page, with: file, at: Int64(Self.page))
    #expect(memory.bytes[0] == 1 && memory.bytes[2 * Self.page] == 7 && memory.bytes[4 * Self.page] == 0)
    #expect(memory.isFileBacked(3 * Self.page..<8 * Self.page) && !memory.isFileBacked(0..<2 * Self.page))
    (memory.base + 2 * Self.page).storeBytes(of: 9, as: UInt8.self)
    #expect(try file.read(upTo: 1, at: Int64(Self.page)) == [7])
    try memory.clear()
    #expect(memory.bytes.allSatisfy { $0 == 0 })
  }

  @Test(arguments: [(1, 4096, 0), (0, 4095, 0), (0, 4096, 1), (0, 8 * 4096, 0), (7 * 4096, 2 * 4096, 0), (0, 0, 0)])
  func `a range that is none is refused`(start: Int, count: Int, offset: Int64) throws {
    let file = try file(pages: 4)
    defer { file.closeIgnoringErrors() }
    let memory = try MappedMemory(anonymous: 8 * Self.page)
    #expect(throws: Errno.invalidArgument) { try memory.replace(start..<start + count, with: file, at: offset) }
  }

  @Test func `only pages that were touched exist`() throws {
    let map = try #require(PageMap())
    defer { map.close() }
    let memory = try MappedMemory(anonymous: 64 * Self.page)
    memory.adviseHugePages(false)
    for page in [3, 40] { (memory.base + page * Self.page).storeBytes(of: 0, as: UInt8.self) }
    var present: [Int] = []
    #expect(map.forEachPresent(from: memory.base, pageCount: 64) { present.append($0) })
    #expect(present == [3, 40])
  }

  @Test func `a page that the file lost reads as zeros, and is noticed`() throws {
    let file = try file(pages: 4)
    defer { file.closeIgnoringErrors() }
    let memory = try MappedMemory(anonymous: 4 * Self.page)
    try memory.replace(0..<4 * Self.page, with: file, at: 0)
    let lost = try LostPages(memory.base, byteCount: memory.byteCount)
    #expect(memory.bytes[0] == 7 && !lost.hasLostPages)
    try file.truncate(to: Int64(2 * Self.page))
    #expect(memory.bytes[Self.page] == 7 && !lost.hasLostPages)
    #expect(memory.bytes[3 * Self.page] == 0 && lost.hasLostPages)
    (memory.base + 2 * Self.page).storeBytes(of: 5, as: UInt8.self)
    #expect(memory.bytes[2 * Self.page] == 5)
    let (end, life) = try FileDescriptor.pipe()
    #expect(LostPages.waitForLoss(of: [lost], until: end))
    life.closeIgnoringErrors()
    #expect(!LostPages.waitForLoss(of: [], until: end))
    end.closeIgnoringErrors()
  }
}
