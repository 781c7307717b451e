// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct AtomicFileTests {
  @Test func `the file appears whole and no temporary name is left`() throws {
    let folder = try TemporaryDirectory()
    let file = try AtomicFile(folder("out"))
    try file.write(Array("new".utf8))
    #expect(!folder("out").exists)
    try file.commit()
    #expect(try folder("out").contents() == Array("new".utf8))
    #expect(try folder.path.directoryEntries() == ["out"])
  }

  @Test func `an abandoned file leaves the old content`() throws {
    let folder = try TemporaryDirectory()
    try AtomicFile.write(Array("old".utf8), to: folder("out"))
    do {
      let file = try AtomicFile(folder("out"))
      try file.write(Array("half".utf8))
    }
    #expect(try folder("out").contents() == Array("old".utf8))
    #expect(try folder.path.directoryEntries() == ["out"])
  }

  @Test func `a symbolic link and the permissions of the target survive`() throws {
    let folder = try TemporaryDirectory()
    try FileDescriptor.open(folder("real"), .writeOnly, .create, permissions: 0o600).close()
    try folder("link").makeSymbolicLink(to: "real")
    try AtomicFile.write([1, 2], to: folder("link"))
    #expect(try folder("link").symbolicLinkTarget() == "real")
    #expect(try folder("real").contents() == [1, 2])
    #expect(try folder("real").status().permissions == 0o600)
  }

  @Test func `a FIFO is written directly`() throws {
    let folder = try TemporaryDirectory()
    try folder("fifo").makeFIFO()
    let name = folder("fifo")
    let thread = try Thread(name: "fifo") { try? AtomicFile.write(Array("through".utf8), to: name) }
    #expect(try name.contents() == Array("through".utf8))
    thread.join()
    #expect(try name.status().kind == .fifo)
  }

  @Test func `a descriptor's name is written directly`() throws {
    let file = try FileDescriptor.memoryFile(named: "fd")
    try AtomicFile.write(Array("abc".utf8), to: BytePath("/proc/self/fd/\(file.rawValue)"))
    #expect(try file.read(upTo: 10, at: 0) == Array("abc".utf8))
    try file.close()
  }

  @Test(arguments: [("/nonexistent/x", Errno.noSuchFile), ("/tmp", .isADirectory), ("", .noSuchFile)])
  func `what cannot be written is refused`(_ path: String, _ error: Errno) {
    #expect(throws: error) { try AtomicFile(BytePath(path)) }
  }

  @Test func `a failing write is an error and leaves nothing`() throws {
    let folder = try TemporaryDirectory()
    try AtomicFile.write(Array("old".utf8), to: folder("out"))
    let unwritable = try FileDescriptor.open("/dev/null", .readOnly)
    do {
      let file = try AtomicFile(folder("out"))
      try unwritable.duplicate(onto: file.descriptor)
      #expect(throws: Errno.badFileDescriptor) { try file.write([1]) }
    }
    #expect(try folder.path.directoryEntries() == ["out"])
    #expect(try folder("out").contents() == Array("old".utf8))
    try unwritable.close()
  }

  @Test func `a target that became a folder meanwhile is an error and leaves nothing`() throws {
    let folder = try TemporaryDirectory()
    let file = try AtomicFile(folder("out"))
    try folder("out").makeDirectory()
    defer { try? folder("out").removeDirectory() }
    #expect(throws: Errno.isADirectory) { try file.commit() }
    #expect(try folder.path.directoryEntries() == ["out"])
  }

  @Test func `a name of the longest length can be written`() throws {
    let folder = try TemporaryDirectory()
    let name = String(repeating: "n", count: 255)
    try AtomicFile.write([9], to: folder(name))
    #expect(try folder(name).contents() == [9])
  }
}
