// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Testing

struct FirmwareSearchTests {
  /// A folder with files that goes away with the test.
  private final class Folder {
    let path: BytePath
    init(_ files: [String: [UInt8]]) throws {
      path = try BytePath("/tmp/apus-firmware-").makeUniqueDirectory()
      for (name, bytes) in files { try AtomicFile.write(bytes, to: path.appending(BytePath(name))) }
    }
    deinit {
      for entry in (try? path.directoryEntries()) ?? [] { try? path.appending(entry).unlink() }
      try? path.removeDirectory()
    }
  }

  @Test func `given folders come first and in order`() throws {
    let first = try Folder(["a.bin": [1]]), second = try Folder(["a.bin": [2], "b.bin": [3]])
    let search = FirmwareSearch(given: [first.path, second.path])
    #expect(Array(search.folders.prefix(2)) == [first.path, second.path])
    #expect(search.load("a.bin", limit: 10) == [1])
    #expect(search.load("b.bin", limit: 10) == [3])
  }

  @Test func `the distribution's folders come last`() {
    let last = ["/usr/share/seabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu"]
    #expect(FirmwareSearch(given: []).folders.suffix(3).map(\.description) == last)
    #expect(FirmwareSearch(given: []).load("bios-256k.bin", limit: 1 << 20)?.count == 262_144)
  }

  @Test func `a path is taken as it is and not searched`() throws {
    let folder = try Folder(["a.bin": [7]])
    let search = FirmwareSearch(given: [folder.path])
    #expect(search.load(folder.path.appending("a.bin"), limit: 10) == [7])
    #expect(search.load("./a.bin", limit: 10) == nil)
    #expect(search.load("/nonexistent/bios-256k.bin", limit: 1 << 20) == nil)
  }

  @Test func `a file beyond the limit is none`() throws {
    let folder = try Folder(["a.bin": [1, 2, 3]])
    let search = FirmwareSearch(given: [folder.path])
    #expect(search.load("a.bin", limit: 3) == [1, 2, 3])
    #expect(search.load("a.bin", limit: 2) == nil)
    #expect(search.load("absent.bin", limit: 2) == nil)
  }
}
