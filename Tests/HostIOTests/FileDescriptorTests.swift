// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct FileDescriptorTests {
  @Test func `file systems of the kernel are told from others`() throws {
    let file = try FileDescriptor.memoryFile(named: "test")
    defer { file.closeIgnoringErrors() }
    let process = try FileDescriptor.open("/proc/self/status", .readOnly)
    defer { process.closeIgnoringErrors() }
    #expect(file.isOnLocalFileSystem && !process.isOnLocalFileSystem)
  }

  @Test func `positioned reads and writes leave the file position alone`() throws {
    let folder = try TemporaryDirectory()
    let file = try FileDescriptor.open(folder("f"), .readWrite, .create)
    try file.writeAll(Array("hello".utf8), at: 3)
    #expect(try file.seek(to: 0, from: .current) == 0)
    #expect(try file.read(upTo: 100, at: 0) == [0, 0, 0] + Array("hello".utf8))
    #expect(try file.read(upTo: 100, at: 6) == Array("lo".utf8))
    #expect(try file.read(upTo: 100, at: 99).isEmpty)
    #expect(throws: Errno.invalidArgument) { try file.read(upTo: 1, at: -1) }
    try file.close()
    #expect(throws: Errno.badFileDescriptor) { try file.close() }
  }

  @Test func `a hole is found, punched and counted`() throws {
    let folder = try TemporaryDirectory()
    let file = try FileDescriptor.open(folder("f"), .readWrite, .create)
    defer { file.closeIgnoringErrors() }
    try file.writeAll([UInt8](repeating: 7, count: 65536), at: 0)
    try file.truncate(to: 1 << 20)
    try file.synchronizeData()
    #expect(try file.status().byteCount == 1 << 20)
    #expect(try file.status().allocatedByteCount < 1 << 20)
    #expect(try file.nextHole(from: 0) == 65536)
    #expect(try file.nextData(from: 65536) == nil)
    do throws(Errno) {
      try file.punchHole(at: 0, byteCount: 65536)
    } catch .notSupported {
      return
    }
    #expect(try file.nextData(from: 0) == nil)
    #expect(try file.read(upTo: 4, at: 0) == [0, 0, 0, 0])
  }

  @Test func `a lock belongs to the open file, not to the process`() throws {
    let folder = try TemporaryDirectory()
    let first = try FileDescriptor.open(folder("f"), .readWrite, .create)
    let second = try FileDescriptor.open(folder("f"), .readWrite)
    defer {
      first.closeIgnoringErrors()
      second.closeIgnoringErrors()
    }
    try first.lock(.exclusive, at: 100, byteCount: 1)
    #expect(throws: Errno.wouldBlock) { try second.lock(.shared, at: 100, byteCount: 1) }
    #expect(try !second.canLock(.shared, at: 100, byteCount: 1))
    try second.lock(.exclusive, at: 101, byteCount: 1)
    try first.lock(.unlock, at: 100, byteCount: 1)
    #expect(try second.canLock(.exclusive, at: 100, byteCount: 1))
  }

  @Test func `writing to a full non-blocking pipe waits for the reader`() throws {
    Signals.ignoreBrokenPipes()
    let (reader, writer) = try FileDescriptor.pipe()
    try writer.setNonBlocking(true)
    let bytes = (0..<500_000).map { UInt8(truncatingIfNeeded: $0) }
    let thread = try Thread(name: "writer") {
      try? writer.writeAll(bytes)
      writer.closeIgnoringErrors()
    }
    #expect(try reader.readToEnd() == bytes)
    thread.join()
    reader.closeIgnoringErrors()
  }

  @Test func `a reader that has gone is a broken pipe, not death`() throws {
    Signals.ignoreBrokenPipes()
    let (reader, writer) = try FileDescriptor.pipe()
    try reader.close()
    #expect(throws: Errno.brokenPipe) { try writer.writeAll("x") }
    try writer.close()
  }

  @Test func `reading stops at the limit`() throws {
    #expect(throws: Errno.fileTooLarge) { try BytePath("/dev/zero").contents(limit: 100_000) }
  }

  @Test func `kinds of files are told apart`() throws {
    let folder = try TemporaryDirectory()
    try folder("fifo").makeFIFO()
    #expect(try folder("fifo").status().kind == .fifo)
    #expect(try folder.path.status().kind == .directory)
    #expect(try BytePath("/dev/null").status().kind == .characterDevice)
    let memory = try FileDescriptor.memoryFile(named: "test")
    #expect(try memory.status().kind == .regular)
    try memory.close()
  }

  @Test func `a mapping is zero, lazily committed and can be given back`() throws {
    let before = HostProcess.residentByteCount
    let memory = try MappedMemory(anonymous: 64 << 30)
    #expect(HostProcess.residentByteCount - before < 64 << 20)
    #expect(memory.byteCount == 64 << 30)
    #expect(Int(bitPattern: memory.base) % MappedMemory.pageByteCount == 0)
    let page = MappedMemory.pageByteCount
    memory.base.storeBytes(of: 0x55, toByteOffset: page + 8, as: UInt8.self)
    memory.base.storeBytes(of: 0x66, toByteOffset: 2 * page, as: UInt8.self)
    memory.discard(1..<2 * page + 1)
    #expect(memory.base.load(fromByteOffset: page + 8, as: UInt8.self) == 0)
    #expect(memory.base.load(fromByteOffset: 2 * page, as: UInt8.self) == 0x66)
  }

  @Test(arguments: [0, -1, Int.min, Int.max, 1 << 62])
  func `an impossible mapping is an error`(_ byteCount: Int) {
    #expect(throws: Errno.self) { try MappedMemory(anonymous: byteCount) }
  }

  @Test func `a file mapping never reaches past the end of the file`() throws {
    let file = try FileDescriptor.memoryFile(named: "map")
    defer { file.closeIgnoringErrors() }
    try file.writeAll("abc")
    #expect(throws: Errno.invalidArgument) { try MappedMemory(file: file, byteCount: 4) }
    #expect(throws: Errno.overflow) { try MappedMemory(file: file, offset: .max, byteCount: 4) }
    let copy = try MappedMemory(file: file, byteCount: 3, sharing: .copyOnWrite)
    copy.base.storeBytes(of: UInt8(ascii: "X"), as: UInt8.self)
    #expect(Array(copy.bytes) == Array("Xbc".utf8))
    #expect(try file.read(upTo: 3, at: 0) == Array("abc".utf8))
  }
}
