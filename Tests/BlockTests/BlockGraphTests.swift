// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import QAPI
import Testing

/// Nodes and drives by name, and who may use them together.
struct BlockGraphTests {
  let folder: TemporaryFolder
  let graph = BlockGraph(mailbox: Mailbox())
  let queue = BlockQueue(clock: VirtualClock(), mailbox: Mailbox(), timing: .atDeadline)

  init() throws { folder = try TemporaryFolder() }

  func image(_ name: String, _ size: Int = 65536) throws -> BytePath {
    try folder.file(name, [UInt8](repeating: 0, count: size))
  }

  func file(_ path: BytePath, name: String? = nil, isReadOnly: Bool = false) -> NodeOptions {
    var options = NodeOptions(driver: .file)
    (options.fileName, options.nodeName, options.isReadOnly) = (path, name, isReadOnly)
    return options
  }

  func raw(over reference: NodeOptions.Reference, name: String) -> NodeOptions {
    var options = NodeOptions(driver: .raw)
    (options.file, options.nodeName) = (reference, name)
    return options
  }

  func drive(_ name: String, _ root: GraphNode?, _ use: BlockUse = .unattached) throws -> BlockBackend {
    let drive = BlockBackend(name: name, queue: queue, isRemovable: true, hasThread: false)
    try graph.add(drive)
    try graph.setMedium(root, of: drive)
    try graph.attach(drive, to: "\(name)-device", use: use)
    return drive
  }

  func refusal(_ body: () throws(BlockError) -> Void) -> String? {
    do throws(BlockError) { try body() } catch { return error.description }
    return nil
  }

  @Test func `names belong to one node or drive`() throws {
    let path = try image("a")
    _ = try graph.open(file(path, name: "n"), isOwned: true)
    _ = try drive("d", nil)
    #expect(
      refusal { () throws(BlockError) in _ = try graph.open(file(path, name: "n")) }
        == "Duplicate nodes with node-name='n'")
    #expect(
      refusal { () throws(BlockError) in _ = try graph.open(file(path, name: "d")) }
        == "node-name=d is conflicting with a device id")
    let clashing = BlockBackend(name: "n", queue: queue)
    #expect(
      refusal { () throws(BlockError) in try graph.add(clashing) }
        == "Device name 'n' conflicts with an existing node name")
    for name in ["1x", "#x", "", "a b", "ä"] {
      #expect(
        refusal { () throws(BlockError) in _ = try graph.open(file(path, name: name)) }
          == "Invalid node-name: '\(name)'")
    }
    #expect(graph.nodes.map(\.name) == ["n"] && graph.backends.map(\.name) == ["d"])
    let names = (0..<120).map { _ in graph.nodeNames.next() }
    #expect(Set(names).count == 120 && names.allSatisfy { $0.hasPrefix("#block") && $0.utf8.count >= 9 })
  }

  @Test func `a node goes when nobody needs it`() throws {
    let root = try graph.open(raw(over: .options(file(try image("a"))), name: "n"))
    #expect(graph.nodes.count == 2 && graph.nodes[1] === root)
    let disk = try drive("d", root)
    #expect(graph.dropUnused().isEmpty)
    try graph.setMedium(nil, of: disk)
    #expect(graph.dropUnused().map(\.driver) == ["raw", "file"] && graph.nodes.isEmpty)
    _ = try graph.open(file(try image("b"), name: "owned"), isOwned: true)
    #expect(graph.dropUnused().isEmpty)
    let user = try graph.open(raw(over: .named("owned"), name: "user"), isOwned: true)
    #expect(refusal { () throws(BlockError) in _ = try graph.remove("owned") } == "Node owned is in use")
    #expect(try graph.remove("user").map(\.name) == ["user"] && user.file?.name == "owned")
    #expect(try graph.remove("owned").map(\.name) == ["owned"])
    #expect(
      refusal { () throws(BlockError) in _ = try graph.remove("owned") } == "Failed to find node with node-name='owned'"
    )
  }

  @Test func `two writers of one node must agree`() throws {
    _ = try graph.open(file(try image("a"), name: "f"), isOwned: true)
    let first = try graph.open(raw(over: .named("f"), name: "a"), isOwned: true)
    let second = try graph.open(raw(over: .named("f"), name: "b"), isOwned: true)
    let writer = BlockUse.device(isReadOnly: false, isResizable: true)
    _ = try drive("x", first, writer)
    let other = try drive("y", second)
    #expect(
      refusal { () throws(BlockError) in try graph.attach(other, to: "y-device", use: writer) }
        == "Permission conflict on node 'f': permissions 'write' are both required by node 'a' (uses node 'f' as 'file' child) "
        + "and unshared by node 'b' (uses node 'f' as 'file' child).")
    #expect(other.use == .unattached)
    let sharing = BlockUse.device(isReadOnly: false, isResizable: true, sharesWrites: true)
    #expect(refusal { () throws(BlockError) in try graph.attach(other, to: "y-device", use: sharing) } != nil)
  }

  /// What a node's users need, and what its file is locked for then.
  @Test(
    arguments: [
      (BlockUse.none, GraphNode.Child.Role.filtered, false, BlockUse.none),
      (
        .none, .metadata, false,
        BlockUse(needed: [.consistentRead, .write, .resize], shared: [.consistentRead, .writeUnchanged])
      ),
      (.none, .metadata, true, BlockUse(needed: .consistentRead, shared: [.consistentRead, .writeUnchanged])),
      (.unattached, .backing, false, BlockUse(needed: .consistentRead, shared: .all)),
      (
        .device(isReadOnly: false, isResizable: true), .backing, false,
        BlockUse(needed: .consistentRead, shared: [.consistentRead, .writeUnchanged])
      ),
      (
        .device(isReadOnly: false, isResizable: true), .data, false,
        BlockUse(needed: [.consistentRead, .write, .resize], shared: [.consistentRead, .writeUnchanged])
      ),
    ] as [(BlockUse, GraphNode.Child.Role, Bool, BlockUse)])
  func `needs are passed down by QEMU's rules`(
    use: BlockUse, role: GraphNode.Child.Role, isReadOnly: Bool, expected: BlockUse
  ) {
    let below = GraphNode(name: "below", content: MemoryNode([1]), fileName: "m")
    var options = NodeOptions(driver: .raw)
    options.isReadOnly = isReadOnly
    let node = GraphNode(name: "n", driver: "raw", content: MemoryNode([1]), options: options)
    #expect(node.use(of: .init(role: role, node: below, name: "file"), by: use) == expected)
  }

  @Test func `an overlay takes what is written, and can be taken away again`() throws {
    let base = try graph.open(raw(over: .options(file(try image("base"))), name: "base"))
    let disk = try drive("d", base, .device(isReadOnly: false, isResizable: true))
    try base.put(0, [1, 2, 3])
    let request = try graph.overlayRequest(
      device: "d", node: nil, file: folder.path.appending("top"), format: nil, overlayName: "top", mode: .absolutePaths)
    let installed = try graph.install(try request.prepare())
    let medium = try #require(disk.medium)
    #expect(medium.root.name == "top" && medium.root.backingNode === base && base.isReadOnly)
    #expect(
      medium.root.fileName == "\(folder.path)/top" && medium.root.details.backingFileName == "\(folder.path)/base")
    try medium.root.put(0, [9])
    #expect(try medium.root.bytes(0, 3) == [9, 2, 3] && base.bytes(0, 3) == [1, 2, 3])
    #expect(throws: Errno.notPermitted) { try base.put(0, [7]) }
    graph.undo(installed)
    #expect(medium.root === base && !base.isReadOnly)
    #expect(graph.dropUnused().map(\.driver) == ["qcow2", "file"])
    try base.put(0, [5])
  }

  @Test func `writes are noted in bitmaps and against the threshold`() throws {
    let node = GraphNode(name: "n", content: MemoryNode([UInt8](repeating: 0, count: 1 << 20)), fileName: "m")
    let mailbox = Mailbox()
    let graph = BlockGraph(mailbox: mailbox)
    try graph.adopt(node)
    let bitmap = DirtyBitmap(name: "b", granularity: 4096, byteCount: 1 << 20, isRecording: true)
    graph.addBitmap(bitmap, to: node)
    graph.addBitmap(DirtyBitmap(name: "off", granularity: 512, byteCount: 1 << 20, isRecording: false), to: node)
    var passed: [UInt64] = []
    graph.eventHandler = { if case .thresholdPassed(_, let amount, _) = $0 { passed.append(amount) } }
    graph.setWriteThreshold(10_000, of: node)
    try node.put(4000, [UInt8](repeating: 1, count: 200))
    #expect(
      bitmap.dirtyByteCount == 8192 && bitmap.isDirty(at: 4095) && bitmap.isDirty(at: 4096) && !bitmap.isDirty(at: 8192)
    )
    mailbox.drain()
    #expect(passed.isEmpty && node.highestWrittenOffset == 4200)
    try node.put(9_990, [UInt8](repeating: 1, count: 20))
    try node.writeZeroes(20_000..<30_000, mayUnmap: true)
    mailbox.drain()
    #expect(passed == [10] && node.writeThreshold == 0)
    #expect(node.bitmaps.map(\.name) == ["off", "b"] && node.bitmaps[0].dirtyByteCount == 0)
    let content = bitmap.take()
    #expect(bitmap.dirtyByteCount == 0)
    bitmap.restore(content)
    #expect(bitmap.isDirty(at: 0) && bitmap.isDirty(at: 29_999))
  }

  @Test func `zeros that are detected are not written as data`() throws {
    let path = try folder.file("a", [UInt8](repeating: 1, count: 1 << 20))
    var options = raw(over: .options(file(path)), name: "n")
    (options.detectZeroes, options.unmapsDiscards) = (.unmap, true)
    if case .options(var storage) = options.file {
      storage.unmapsDiscards = true
      options.file = .options(storage)
    }
    let node = try graph.open(options)
    try node.put(0, [UInt8](repeating: 0, count: 65536))
    try node.put(65536, [UInt8](repeating: 0, count: 65535) + [1])
    #expect(try node.bytes(0, 1) == [0] && node.extent(in: 0..<65536).kind == .zero)
    #expect(try node.extent(in: 65536..<131_072).kind == .data)
  }

  @Test func `a window shows a part and keeps to it`() throws {
    let lower = MemoryNode((0..<4096).map { UInt8(truncatingIfNeeded: $0 / 512) })
    let window = try RawNode(over: lower, offset: 512, size: 1024)
    #expect(try window.byteCount == 1024 && window.bytes(0, 1024) == lower.bytes(512, 1024))
    #expect(try window.bytes(1000, 100) == lower.bytes(1512, 24) + [UInt8](repeating: 0, count: 76))
    #expect(throws: Errno.ioError) { try window.put(1020, [1, 2, 3, 4, 5]) }
    try window.put(1023, [9])
    #expect(lower.bytes[1535] == 9 && lower.bytes[1536] == 3)
    #expect(throws: BlockError.cannotResize("Cannot resize fixed-size raw disks")) {
      try window.resize(to: 512, preallocation: .off)
    }
  }

  @Test func `options in JSON and in lists come to the same tree`() throws {
    var list = OptionTree()
    for (key, value) in [("driver", "raw"), ("file.driver", "file"), ("file.filename", "a"), ("cache.direct", "on")] {
      try list.set(key, Array(value.utf8))
    }
    let text =
      #"{"node-name": "n", "driver": "raw", "file": {"driver": "file", "filename": "a"}, "cache": {"direct": true}}"#
    try list.set("node-name", Array("n".utf8))
    let json = try #require(try JSON(parsing: text.utf8).object)
    #expect(try NodeOptions(strict: list) == NodeOptions(strict: OptionTree(json)))
    #expect(throws: BlockError.refused("Parameters 'file.*' used inconsistently")) {
      try list.set("file", Array("x".utf8))
    }
    #expect(throws: BlockError.refused("Parameters 'driver.*' used inconsistently")) { try list.set("driver.x", [1]) }
  }

  @Test func `a machine that must wait for its drives breaks a hold`() throws {
    let backend = BlockBackend(name: "a", queue: queue, medium: BlockMedium(node: MemoryNode([1]), fileName: "a"))
    let hold = BlockHold()
    backend.join(hold)
    hold.waitUntilStill()
    #expect(!hold.isBroken)
    backend.submit(.read(offset: 0, byteCount: 1)) { _ in }
    backend.waitUntilIdle()
    #expect(hold.isBroken)
    hold.release()
  }

  @Test func `several drives stand still together`() throws {
    let node = GatedNode()
    let first = BlockBackend(name: "a", queue: queue, medium: BlockMedium(node: node, fileName: "a"))
    first.submit(.write(offset: 0, [1])) { _ in }
    let hold = BlockHold()
    first.join(hold)
    first.submit(.write(offset: 512, [2])) { _ in }
    node.open(10)
    hold.waitUntilStill()
    #expect(node.done.withLock { $0 } == ["write 0"])
    hold.release()
    first.waitUntilIdle()
    #expect(node.done.withLock { $0 } == ["write 0", "write 512"])
  }
}
