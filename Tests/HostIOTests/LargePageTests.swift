// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

/// Memory in large pages is memory like any other.
struct LargePageTests {
  @Test func `large mappings begin where a large page can`() throws {
    for byteCount in [2 << 20, 5 << 20, (64 << 20) + 4096] {
      let memory = try MappedMemory(anonymous: byteCount)
      #expect(Int(bitPattern: memory.base) % LargePage.byteCount == 0 && memory.byteCount == byteCount)
      memory.adviseHugePages(true)
      #expect(memory.bytes.first == 0 && memory.bytes.last == 0)
      memory.base.storeBytes(of: 7, toByteOffset: byteCount - 1, as: UInt8.self)
      #expect(memory.bytes.last == 7)
    }
  }

  @Test func `ranges without a whole large page are left alone`() throws {
    let memory = try MappedMemory(anonymous: 4 << 20)
    LargePage.advise(UnsafeMutableRawBufferPointer(start: memory.base + 4096, count: 2 << 20))
    LargePage.advise(UnsafeMutableRawBufferPointer(start: memory.base + 4096, count: 100))
    LargePage.advise(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    #expect(memory.bytes.first == 0)
  }

  @Test func `code stays what it is while its pages become large ones`() throws {
    let memory = try ExecutableMemory(8 << 20)
    for (index, offset) in stride(from: 0, to: memory.byteCount, by: 300_000).enumerated() {
      memory.writable.storeBytes(of: UInt32(index), toByteOffset: offset, as: UInt32.self)
      memory.useLargePages(upTo: offset)
    }
    memory.useLargePages(upTo: .max / 2)
    for (index, offset) in stride(from: 0, to: memory.byteCount, by: 300_000).enumerated() {
      #expect(memory.executable.loadUnaligned(fromByteOffset: offset, as: UInt32.self) == UInt32(index))
    }
    memory.writable.storeBytes(of: 0xc3, toByteOffset: 5 << 20, as: UInt8.self)
    #expect(memory.executable.load(fromByteOffset: 5 << 20, as: UInt8.self) == 0xc3)
  }
}
