// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Testing

/// Overlays that go into the image below, and temporary ones.
struct BlockCommitTests {
  let folder: TemporaryFolder
  let graph = BlockGraph()

  init() throws { folder = try TemporaryFolder() }

  private func qcow2(_ name: String, _ byteCount: Int64, over base: (BytePath, String)? = nil) throws -> BytePath {
    let path = folder.path.appending(BytePath(name))
    var creation = QCOW2Creation(byteCount: byteCount)
    (creation.backingFile, creation.backingFormat) = (base?.0, base?.1)
    try creation.create(in: ImageOpener.createFile(path))
    return path
  }

  @Test("what an overlay holds is in the image below afterwards", arguments: ["raw", "qcow2"])
  func commits(_ format: String) throws {
    let pattern = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 10) }
    var base = try folder.file("base", pattern)
    if format == "qcow2" {
      base = try qcow2("base.qcow2", 1 << 20)
      let node = try ImageOpener().open(NodeOptions(file: base, format: .qcow2)).root
      try node.put(0, pattern)
      try node.close()
    }
    // The overlay is longer than what is below it.
    let path = try qcow2("top.qcow2", 3 << 19, over: (base, format))
    let top = try graph.open(NodeOptions(file: path, format: .qcow2))
    for round in 0..<3 {
      for place in [0, 70_000, 1 << 20, (3 << 19) - 512] {
        try top.put(Int64(place), [UInt8](repeating: UInt8(0xa0 + round), count: 512))
      }
      try top.writeZeroes(Int64(round) * 65536 + 131_072..<Int64(round) * 65536 + 196_608, mayUnmap: true)
      let content = try top.bytes(0, 3 << 19)
      let commit = try graph.commit(of: top)
      try commit.run()
      graph.end(commit)
      #expect(try top.bytes(0, 3 << 19) == content)
      let below = try #require(top.backingNode)
      #expect(below.byteCount == 3 << 19)
      #expect(try below.bytes(0, 3 << 19) == content)
      #expect(try top.extents(in: 0..<3 << 19).map(\.kind) == [.unallocated])
      if let image = below.content as? QCOW2Node { #expect(try image.check().messages == []) }
    }
    #expect(try (top.content as? QCOW2Node)?.check().messages == [])
    #expect(throws: Errno.notSupported) { try graph.commit(of: #require(top.backingNode)) }
  }

  @Test func `an image below that others read is not written to`() throws {
    let base = try folder.file("base", [UInt8](repeating: 1, count: 65536))
    let one = try graph.open(NodeOptions(file: try qcow2("one", 65536, over: (base, "raw")), format: .qcow2))
    var options = NodeOptions(file: try qcow2("two", 65536, over: (base, "raw")), format: .qcow2)
    options.backing = .named(try #require(one.backingNode).name)
    _ = try graph.open(options)
    #expect(throws: Errno.notPermitted) { try graph.commit(of: one) }
    #expect(try base.contents() == [UInt8](repeating: 1, count: 65536))
  }

  @Test func `an image below that another process uses is not written to`() throws {
    let base = try folder.file("base", [UInt8](repeating: 1, count: 65536))
    let top = try graph.open(NodeOptions(file: try qcow2("top", 65536, over: (base, "raw")), format: .qcow2))
    try top.put(0, [2])
    let other = try BlockMedium.open(base, ImageOptions(format: "raw", isReadOnly: true))
    let commit = try graph.commit(of: top)
    #expect(throws: Errno.accessDenied) { try commit.run() }
    graph.end(commit)
    #expect(try other.node.bytes(0, 1) == [1] && top.bytes(0, 1) == [2])
  }

  @Test func `a temporary layer keeps snapshots`() throws {
    let base = try folder.file("base", [UInt8](repeating: 1, count: 1 << 20))
    let top = try BlockMedium.open(base, ImageOptions(format: "raw", isSnapshot: true)).root
    let image = try #require(top.content as? QCOW2Node)
    try top.put(4096, [2, 2])
    try image.createSnapshot(.init(name: "s", realtimeNanoseconds: 1))
    try top.put(4096, [3, 3])
    try image.applySnapshot(id: "1")
    #expect(try top.bytes(4095, 4) == [1, 2, 2, 1])
    try image.deleteSnapshot(id: "1")
    #expect(try image.check().messages == [])
    #expect(try base.contents() == [UInt8](repeating: 1, count: 1 << 20))
    // Nobody else finds the file.
    #expect(throws: Errno.noSuchFile) { try #require(top.file?.options.fileName).status() }
  }
}
