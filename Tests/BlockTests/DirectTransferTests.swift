// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import Testing

/// Requests of any place and length over a file that takes whole units only.
struct DirectTransferTests {
  private struct Generator {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  private static func file(_ folder: TemporaryFolder, byteCount: Int, isDirect: Bool) throws -> (
    FileDescriptor, [UInt8]
  ) {
    let path = folder.path.appending("file")
    let content = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251) }
    let file = try FileDescriptor.open(path, .readWrite, .exclusiveCreate, permissions: 0o600)
    try file.writeAll(content)
    guard isDirect else { return (file, content) }
    try file.close()
    return (try FileDescriptor.open(path, .readWrite, .direct), content)
  }

  private static func read(_ node: FileNode, _ offset: Int, _ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xee, count: count)
    try bytes.withUnsafeMutableBytes { try node.read(at: Int64(offset), into: $0) }
    return bytes
  }

  /// With the page cache below, where every request would pass, only the arithmetic is at stake; with O_DIRECT the host
  /// refuses what is no unit.
  @Test(arguments: [512, 4096], [0, 1000, 512 * 20 + 100])
  func `bytes come and go as with the page cache`(_ unit: Int, _ byteCount: Int) throws {
    let folder = try TemporaryFolder()
    for isDirect in [false, true] {
      try? folder.path.appending("file").unlink()
      let made: (FileDescriptor, [UInt8])
      do { made = try Self.file(folder, byteCount: byteCount, isDirect: isDirect) } catch {
        guard isDirect, error as? Errno == .invalidArgument else { throw error }
        continue  // The file system knows no O_DIRECT.
      }
      let (file, content) = made
      let found = isDirect ? file.directAlignment() : nil
      #expect(file.isDirect == isDirect && (found != nil) == isDirect)
      let alignment = DirectAlignment(request: max(unit, found?.request ?? 1), memory: max(unit, found?.memory ?? 1))
      let node = try FileNode(file, isReadOnly: false, unmapsDiscards: true, isGrowable: true, alignment: alignment)
      #expect(node.requestAlignment == alignment.request)
      var model = content
      var generator = Generator(state: UInt64(unit + byteCount))
      for step in 0..<40 {
        let offset = generator.next(max(byteCount, 20000) + 3000)
        let count = generator.next(8) == 0 ? generator.next(1_100_000) : generator.next(9000)
        if model.count < offset + count { model += [UInt8](repeating: 0, count: offset + count - model.count) }
        let range = Int64(offset)..<Int64(offset + count)
        switch generator.next(4) {
        case 0, 1:
          let bytes = [UInt8](repeating: UInt8(step & 0xff), count: count)
          try bytes.withUnsafeBytes { try node.write(at: Int64(offset), from: $0) }
          model.replaceSubrange(offset..<offset + count, with: bytes)
        case 2:
          try node.writeZeroes(range, mayUnmap: generator.next(2) == 0)
          model.replaceSubrange(offset..<offset + count, with: [UInt8](repeating: 0, count: count))
        default: #expect(try Self.read(node, offset, count) == Array(model[offset..<offset + count]))
        }
      }
      try node.flush()
      #expect(try Self.read(node, 0, model.count + 5000) == model + [UInt8](repeating: 0, count: 5000))
      try node.close()
    }
  }

  @Test func `writers of one unit do not undo each other`() throws {
    let folder = try TemporaryFolder()
    let (file, _) = try Self.file(folder, byteCount: 65536, isDirect: false)
    let node = try FileNode(
      file, isReadOnly: false, isGrowable: true, alignment: DirectAlignment(request: 4096, memory: 4096))
    let left = Guarded(8)
    for writer in 0..<8 {
      _ = try Thread(name: "writer \(writer)") {
        for round in 0..<100 {
          let bytes = [UInt8](repeating: UInt8(writer * 16 + round % 16), count: 512)
          try? bytes.withUnsafeBytes { try node.write(at: Int64(writer * 512), from: $0) }
        }
        left.update { $0 -= 1 }
      }
    }
    left.wait { $0 == 0 ? () : nil }
    for writer in 0..<8 {
      #expect(
        try Self.read(node, writer * 512, 512) == [UInt8](repeating: UInt8(writer * 16 + 99 % 16), count: 512))
    }
  }

  @Test func `places that no file has are refused`() throws {
    let folder = try TemporaryFolder()
    let (file, _) = try Self.file(folder, byteCount: 512, isDirect: false)
    let node = try FileNode(
      file, isReadOnly: false, isGrowable: true, alignment: DirectAlignment(request: 4096, memory: 4096))
    #expect(throws: Errno.self) { try Self.read(node, Int.max - 100, 512) }
    #expect(throws: Errno.self) {
      try [UInt8](repeating: 1, count: 512).withUnsafeBytes { try node.write(at: Int64.max - 1000, from: $0) }
    }
  }

  @Test func `a raw image that does not end with a unit may not be written`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("odd")
    try FileDescriptor.open(path, .readWrite, .exclusiveCreate).writeAll([UInt8](repeating: 1, count: 1000))
    func graph(_ use: BlockUse) throws {
      let node = try FileNode(
        FileDescriptor.open(path, .readWrite), isReadOnly: false, isGrowable: true,
        alignment: DirectAlignment(request: 4096, memory: 512))
      let graph = BlockGraph()
      let root = GraphNode(name: "odd", driver: "file", content: node, options: NodeOptions(driver: .file))
      try graph.adopt(root, isOwned: true)
      let drive = BlockBackend(
        name: "d", queue: BlockQueue(clock: VirtualClock(), mailbox: Mailbox(), timing: .atDeadline), hasThread: false)
      try graph.add(drive)
      try graph.setMedium(root, of: drive)
      try graph.attach(drive, to: "dev", use: use)
    }
    try graph(BlockUse(needed: .consistentRead, shared: .all))
    try graph(BlockUse(needed: [.consistentRead, .write, .resize], shared: .all))
    #expect(
      throws: BlockError.refused(
        "Cannot get 'write' permission without 'resize': Image size is not a multiple of request alignment")
    ) { try graph(BlockUse(needed: [.consistentRead, .write], shared: .all)) }
  }
}

/// Bitmaps that are stored in their image.
struct LiveBitmapTests {
  @Test func `bits of another granularity are merged, put back and cut`() {
    let coarse = DirtyBitmap(name: "c", granularity: 65536, byteCount: 10 << 20, isRecording: false)
    let fine = DirtyBitmap(
      name: "f", granularity: 512, byteCount: 10 << 20, isRecording: true,
      stored: [0b10, 0] + [UInt8](repeating: 0, count: 100) + [1])
    #expect(fine.dirtyByteCount == 1024 && fine.isDirty(at: 512) && fine.isDirty(at: 102 * 8 * 512))
    let before = coarse.content
    coarse.merge(fine)
    #expect(coarse.dirtyByteCount == 2 * 65536 && coarse.isDirty(at: 0) && coarse.isDirty(at: 6 * 65536))
    fine.merge(coarse)
    #expect(fine.dirtyByteCount == 2 * 65536)
    coarse.put(before)
    #expect(coarse.dirtyByteCount == 0)
    fine.clear()
    #expect(fine.dirtyByteCount == 0 && fine.isRecording)
    fine.isRecording = false
    #expect(!fine.isRecording)
  }

  private static func open(_ path: BytePath, isReadOnly: Bool = false) throws -> QCOW2Node {
    var options = QCOW2Options(isReadOnly: isReadOnly)
    options.keepsBitmaps = true
    return try QCOW2Bench.open(path, options)
  }

  @Test func `a bitmap lives on in its image, and one of a lost process is known for it`() throws {
    let bench = try QCOW2Bench(QCOW2Creation(byteCount: 4 << 20))
    let node = try Self.open(bench.path)
    let graph = GraphNode(name: "n", driver: "qcow2", content: node, options: NodeOptions(driver: .qcow2))
    #expect(graph.objection(toPersistentBitmap: "b", shownAs: "n") == nil)
    let bitmap = DirtyBitmap(name: "b", granularity: 65536, byteCount: 4 << 20, isRecording: true, isPersistent: true)
    BlockGraph().addBitmap(bitmap, to: graph)
    try [UInt8](repeating: 1, count: 512).withUnsafeBytes { try graph.write(at: 1 << 20, from: $0) }
    #expect(graph.bitmaps == [bitmap] && bitmap.dirtyByteCount == 65536)
    try node.close()
    #expect(try bench.faults() == [])

    let again = try Self.open(bench.path)
    let found = try #require(again.liveBitmaps.first)
    #expect(found.name == "b" && found.isRecording && !found.isInconsistent && found.isDirty(at: 1 << 20))
    try again.prepareBitmapChange()
    found.clear()
    found.isRecording = false
    // Another process looks meanwhile, as after a crash of this one.
    let lost = try #require(try Self.open(bench.path, isReadOnly: true).liveBitmaps.first)
    #expect(lost.isInconsistent && lost.isReadOnly && lost.dirtyByteCount == 0)
    try again.close()
    #expect(try bench.faults() == [])

    let last = try Self.open(bench.path)
    let kept = try #require(last.liveBitmaps.first)
    #expect(!kept.isRecording && kept.dirtyByteCount == 0)
    let holder = GraphNode(name: "n", driver: "qcow2", content: last, options: NodeOptions(driver: .qcow2))
    BlockGraph().remove(kept, from: holder)
    #expect(holder.bitmaps.isEmpty)
    try last.close()
    #expect(try Self.open(bench.path).bitmaps.isEmpty)
    #expect(try bench.faults() == [])
  }
}
