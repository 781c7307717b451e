// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import Testing

/// One image, two machines: who may write, and what the other finds.
struct BlockActivityTests {
  /// A machine's graph with one disk.
  struct Side {
    let graph: BlockGraph
    let drive: BlockBackend

    init(_ options: NodeOptions, isInactive: Bool) throws {
      graph = BlockGraph(mailbox: Mailbox(), isInactive: isInactive)
      let queue = BlockQueue(clock: VirtualClock(), mailbox: Mailbox(), timing: .atDeadline)
      let root = try graph.open(options)
      drive = BlockBackend(name: "d", queue: queue, hasThread: false)
      try graph.add(drive)
      try graph.setMedium(root, of: drive)
      try graph.attach(drive, to: "disk", use: .device(isReadOnly: false, isResizable: true))
    }

    func write(_ byte: UInt8, at offset: Int64) throws(Errno) {
      guard let root = drive.medium?.root else { throw .noDeviceOrAddress }
      try [UInt8](repeating: byte, count: 65536).withUnsafeBytes { bytes -> Result<Void, Errno> in
        do throws(Errno) { return .success(try root.write(at: offset, from: bytes)) } catch { return .failure(error) }
      }.get()
    }

    func byte(at offset: Int64) throws -> UInt8? {
      guard let root = drive.medium?.root else { return nil }
      var bytes = [UInt8](repeating: 0xee, count: 512)
      try bytes.withUnsafeMutableBytes { try root.read(at: offset, into: $0) }
      return bytes.allSatisfy { $0 == bytes[0] } ? bytes[0] : nil
    }

    func settle() -> String? {
      let failure = Guarded<String?>(nil)
      drive.settleMedium { error in failure.update { $0 = error.map { "\($0)" } } }
      return failure.withLock { $0 }
    }

    func leave() { #expect(settle() == nil); graph.inactivate() }
  }

  func refusal(_ body: () throws(BlockError) -> Void) -> String {
    do throws(BlockError) { try body() } catch { return error.description }
    return ""
  }

  @Test(arguments: ["raw", "qcow2", "qcow2 lazy"])
  func `an image goes from one machine to another and back`(_ format: String) throws {
    var creation = QCOW2Creation(byteCount: 8 << 20)
    creation.hasLazyRefcounts = format == "qcow2 lazy"
    let bench = try QCOW2Bench(creation)
    var options = NodeOptions(driver: format == "raw" ? .raw : .qcow2)
    var file = NodeOptions(driver: .file)
    file.fileName = bench.path
    if format == "raw" { file.fileName = try bench.folder.file("disk", [UInt8](repeating: 0, count: 8 << 20)) }
    options.file = .options(file)

    let source = try Side(options, isInactive: false)
    try source.write(1, at: 0)
    // Opened while the other writes: not even a look at what is "dirty" changes the image.
    let target = try Side(options, isInactive: true)
    #expect(throws: Errno.notPermitted) { try target.write(9, at: 0) }
    try source.write(2, at: 1 << 20)
    #expect(refusal { () throws(BlockError) in try target.graph.activate() }.contains("Failed to get \"write\" lock"))
    #expect(target.graph.isInactive)

    source.leave()
    #expect(throws: Errno.notPermitted) { try source.write(9, at: 0) }
    try target.graph.activate()
    #expect(try target.byte(at: 0) == 1 && target.byte(at: 1 << 20) == 2)
    try target.write(3, at: 2 << 20)
    try target.write(4, at: 0)
    #expect(refusal { () throws(BlockError) in try source.graph.activate() }.contains("Failed to get \"write\" lock"))

    target.leave()
    try source.graph.activate()
    #expect(try source.byte(at: 0) == 4 && source.byte(at: 2 << 20) == 3)
    try source.write(5, at: 3 << 20)
    #expect(target.graph.closeAll().isEmpty && source.graph.closeAll().isEmpty)
    if format != "raw" { #expect(try bench.faults() == []) }
  }

  @Test func `a request of a machine without its disks waits until it has them`() throws {
    let bench = try QCOW2Bench(QCOW2Creation(byteCount: 1 << 20))
    var options = NodeOptions(driver: .qcow2)
    var file = NodeOptions(driver: .file)
    file.fileName = bench.path
    options.file = .options(file)
    let side = try Side(options, isInactive: true)
    let result = Guarded<BlockResult?>(nil)
    side.drive.submit(.write(offset: 0, [UInt8](repeating: 7, count: 512))) { answer in result.update { $0 = answer } }
    #expect(side.drive.requestsInFlight == 0)
    try side.graph.activate()
    side.drive.retry()
    #expect(side.drive.requestsInFlight == 1)
    #expect(try side.byte(at: 0) == 7)
  }
}
