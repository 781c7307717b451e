// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct BytePathTests {
  @Test(arguments: [
    ("a/b/c", "a/b", "c"), ("c", ".", "c"), ("/c", "/", "c"), ("/a/", "/a", ""), ("/", "/", ""),
  ])
  func `a path splits at its last slash`(_ path: String, _ directory: String, _ last: String) {
    #expect(BytePath(path).directory == BytePath(directory))
    #expect(BytePath(path).lastComponent == BytePath(last))
  }

  @Test func `names that are not UTF-8 survive a round trip through the file system`() throws {
    let folder = try TemporaryDirectory()
    let odd = BytePath(bytes: [0x66, 0xff, 0xfe, 0x80])
    let name = folder.path.appending(odd)
    try FileDescriptor.open(name, .writeOnly, .create).close()
    #expect(try folder.path.directoryEntries() == [odd])
    #expect(name.exists)
    #expect(odd.description == "f\u{fffd}\u{fffd}\u{fffd}")
    try name.unlink()
  }

  @Test func `a name ends at an embedded NUL`() {
    #expect(BytePath("a\0b") == "a")
  }

  @Test func `an absolute component replaces what it is appended to`() {
    #expect(BytePath("/a").appending("b") == "/a/b")
    #expect(BytePath("/a/").appending("b") == "/a/b")
    #expect(BytePath("/a").appending("/b") == "/b")
    #expect(BytePath("").appending("b") == "b")
  }

  @Test func `a missing file is told by its errno and sentence`() {
    #expect(throws: Errno.noSuchFile) { try BytePath("/nonexistent/x").status() }
    #expect(Errno.noSuchFile.description == "No such file or directory")
    #expect(Errno(99999).description == "Unknown error 99999")
  }
}
