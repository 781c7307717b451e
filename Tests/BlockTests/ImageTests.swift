// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Testing

/// A folder that goes away with the value.
final class TemporaryFolder {
  let path: BytePath

  init() throws(Errno) { path = try BytePath("/tmp/apus-block-").makeUniqueDirectory() }

  deinit {
    do throws(Errno) {
      for entry in try path.directoryEntries() { removeQuietly(path.appending(entry)) }
      try path.removeDirectory()
    } catch {}
  }

  private func removeQuietly(_ entry: BytePath) {
    do throws(Errno) { try entry.unlink() } catch {
      do throws(Errno) { try entry.removeDirectory() } catch {}
    }
  }

  @discardableResult
  func file(_ name: String, _ bytes: [UInt8]) throws(Errno) -> BytePath {
    let path = path.appending(BytePath(name))
    let file = try FileDescriptor.open(path, .readWrite, [.create, .truncate])
    try file.writeAll(bytes)
    try file.close()
    return path
  }
}

extension BlockNode {
  func bytes(_ offset: Int64, _ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xee, count: count)
    try bytes.withUnsafeMutableBytes { try read(at: offset, into: $0) }
    return bytes
  }
  func put(_ offset: Int64, _ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write(at: offset, from: $0) }
  }
}

struct ImageTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func refusal(_ path: BytePath, _ options: ImageOptions = ImageOptions()) -> String? {
    do throws(BlockError) { _ = try BlockMedium.open(path, options) } catch { return error.description }
    return nil
  }

  @Test func `a file whose length is no multiple of 512 is padded with zeros until the guest writes there`() throws {
    let path = try folder.file("a", [UInt8](repeating: 7, count: 1000))
    let medium = try BlockMedium.open(path, ImageOptions(format: "raw"))
    #expect(medium.node.byteCount == 1024)
    #expect(
      try medium.node.bytes(512, 512) == [UInt8](repeating: 7, count: 488) + [UInt8](repeating: 0, count: 24))
    #expect(try path.status().byteCount == 1000)
    try medium.node.put(512, [UInt8](repeating: 9, count: 512))
    #expect(try path.status().byteCount == 1024)
    #expect(throws: Errno.ioError) { try medium.node.put(1024, [1]) }
    #expect(try medium.node.bytes(1 << 40, 4) == [0, 0, 0, 0])
  }

  @Test func `a missing file and things that are no files are refused in QEMU's words`() throws {
    let missing = folder.path.appending("nope")
    #expect(refusal(missing) == "Could not open '\(missing)': No such file or directory")
    #expect(refusal(folder.path) == "'file' driver requires '\(folder.path)' to be a regular file")
    #expect(
      refusal(folder.path, ImageOptions(isReadOnly: true))
        == "'file' driver requires '\(folder.path)' to be a regular file")
    let pipe = folder.path.appending("pipe")
    try pipe.makeFIFO()
    #expect(refusal(pipe) == "'file' driver requires '\(pipe)' to be a regular file")
    let image = try folder.file("a", [1])
    #expect(refusal(image, ImageOptions(format: "zzz")) == "Unknown driver 'zzz'")
    #expect(refusal(image, ImageOptions(format: "qcow2")) == "Image is not in qcow2 format")
    #expect(refusal(image, ImageOptions(format: "vmdk")) == "Block driver 'vmdk' is not supported")
  }

  static let magics: [(ImageFormat, Int, [UInt8])] = [
    (.qcow2, 0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]), (.qcow, 0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1]),
    (.qed, 0, [0x51, 0x45, 0x44, 0]), (.vdi, 64, [0x7f, 0x10, 0xda, 0xbe]), (.vhdx, 0, Array("vhdxfile".utf8)),
    (.vmdk, 0, Array("KDMV".utf8)), (.vmdk, 0, Array("# Disk DescriptorFile\nversion=1\n".utf8)),
    (.vpc, 0, Array("conectix".utf8)), (.parallels, 0, Array("WithoutFreeSpace".utf8)),
    (.parallels, 0, Array("WithouFreSpacExt".utf8)), (.bochs, 0, Array("Bochs Virtual HD Image".utf8)),
    (.cloop, 0, Array("#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0".utf8)),
    (.luks, 0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 1]),
  ]

  @Test("an image of another format is refused by name unless raw was asked for", arguments: Self.magics)
  func magic(_ format: ImageFormat, _ offset: Int, _ magic: [UInt8]) throws {
    let path = try folder.file("x", [UInt8](repeating: 0, count: offset) + magic + [UInt8](repeating: 0, count: 2048))
    if format == .qcow2 {
      #expect(refusal(path) != nil)  // it is none but for its first bytes
    } else {
      #expect(refusal(path) == "Image '\(path)' is in \(format.rawValue) format, which is not supported yet")
    }
    let raw = try BlockMedium.open(path, ImageOptions(format: "raw"))
    #expect(try raw.node.bytes(Int64(offset), magic.count) == magic)
  }

  @Test("a raw image that was guessed cannot be turned into another format from inside", arguments: Self.magics)
  func guarded(_ format: ImageFormat, _ offset: Int, _ magic: [UInt8]) throws {
    let path = try folder.file("x", [UInt8](repeating: 0, count: 4096))
    let medium = try BlockMedium.open(path)
    let sector = [UInt8](repeating: 0, count: offset) + magic + [UInt8](repeating: 0, count: 512 - offset - magic.count)
    #expect(throws: Errno.notPermitted) { try medium.node.put(0, sector) }
    #expect(throws: Errno.notPermitted) { try medium.node.put(Int64(offset), magic) }
    try medium.node.put(512, sector)
    try medium.node.put(0, [UInt8](repeating: 0xaa, count: 512))
    #expect(try medium.node.bytes(0, 1) == [0xaa])
  }

  @Test func `the warning for a guessed format is QEMU's`() throws {
    let path = try folder.file("a.img", [UInt8](repeating: 0, count: 512))
    #expect(
      GraphNode.guessWarning(path.description) == """
        WARNING: Image format was not specified for '\(path)' and probing guessed raw.
                 Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.
                 Specify the 'raw' format explicitly to remove the restrictions.
        """)
  }

  @Test func `a read-only medium refuses writes`() throws {
    let path = try folder.file("a", [UInt8](repeating: 5, count: 512))
    let medium = try BlockMedium.open(path, ImageOptions(format: "raw", isReadOnly: true))
    #expect(medium.node.isReadOnly)
    #expect(throws: Errno.notPermitted) { try medium.node.put(0, [1]) }
    #expect(try path.contents() == [UInt8](repeating: 5, count: 512))
  }

  @Test func `an overlay keeps the image below as it was`() throws {
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
    let path = try folder.file("a", content)
    let medium = try BlockMedium.open(path, ImageOptions(isSnapshot: true))
    var model = content + [UInt8](repeating: 0, count: Int(medium.node.byteCount) - content.count)
    var seed: UInt64 = 3
    for round in 0..<200 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let count = 1 + Int(seed >> 40 % 90_000)
      let offset = Int(seed >> 20) % (model.count - count)
      if round % 2 == 0 {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: count)
        try medium.node.put(Int64(offset), bytes)
        model.replaceSubrange(offset..<offset + count, with: bytes)
      } else {
        #expect(try medium.node.bytes(Int64(offset), count) == Array(model[offset..<offset + count]))
      }
    }
    try medium.node.flush()
    #expect(try medium.node.bytes(0, model.count) == model)
    #expect(try path.contents() == content)
    #expect(throws: Errno.ioError) { try medium.node.put(medium.node.byteCount - 1, [1, 2]) }
  }

  @Test func `threads write side by side into an overlay without losing anything`() throws {
    let path = try folder.file("a", [UInt8](repeating: 0xaa, count: 8 << 20))
    let node = try BlockMedium.open(path, ImageOptions(isSnapshot: true)).node
    let done = Guarded(0)
    for thread in 0..<4 {
      _ = try Thread(name: "writer") {
        // Every thread has its own sectors of every cluster.
        let isWritten = (0..<128).allSatisfy { cluster in
          let offset = Int64(cluster) * 65536 + Int64(thread) * 512
          return (try? node.put(offset, [UInt8](repeating: UInt8(thread), count: 512))) != nil
        }
        done.update { $0 += isWritten ? 1 : 0x100 }
      }
    }
    #expect(done.wait { $0 & 0xff + $0 >> 8 == 4 ? $0 : nil } == 4)
    let expected = (0..<5).flatMap { [UInt8](repeating: $0 < 4 ? UInt8($0) : 0xaa, count: 512) }
    for cluster in 0..<Int64(128) {
      #expect(try node.bytes(cluster * 65536, expected.count) == expected)
    }
  }

  @Test func `two writers of one image exclude each other, readers do not`() throws {
    let path = try folder.file("a", [UInt8](repeating: 0, count: 512))
    let raw = ImageOptions(format: "raw")
    let readOnly = ImageOptions(format: "raw", isReadOnly: true)
    do {
      let first = try BlockMedium.open(path, raw)
      #expect(refusal(path, raw) == "Failed to get \"write\" lock\nIs another process using the image [\(path)]?")
      #expect(
        refusal(path, readOnly) == "Failed to get shared \"write\" lock\nIs another process using the image [\(path)]?")
      withExtendedLifetime(first) {}
    }
    let reader = try BlockMedium.open(path, readOnly)
    let second = try BlockMedium.open(path, readOnly)
    #expect(refusal(path, raw) == "Failed to get \"write\" lock\nIs another process using the image [\(path)]?")
    withExtendedLifetime((reader, second)) {}
  }

  @Test func `discards give storage back only when they are asked to`() throws {
    let path = try folder.file("a", [UInt8](repeating: 1, count: 1 << 20))
    do {
      let keeping = try BlockMedium.open(path, ImageOptions(format: "raw"))
      try keeping.node.discard(0..<65536)
      #expect(try keeping.node.bytes(0, 4) == [1, 1, 1, 1])
      try keeping.node.writeZeroes(65536..<131_072)
      #expect(try keeping.node.bytes(65535, 3) == [1, 0, 0] && keeping.node.bytes(131_071, 2) == [0, 1])
    }
    let unmapping = try BlockMedium.open(path, ImageOptions(format: "raw", unmapsDiscards: true))
    try unmapping.node.discard(0..<65536)
    #expect(try unmapping.node.bytes(0, 4) == [0, 0, 0, 0] && unmapping.node.bytes(131_072, 1) == [1])
  }
}
