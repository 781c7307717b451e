// SPDX-License-Identifier: Apache-2.0
import Block
import Fuzzing
import HostIO
import MachineBench
import Migration
import PC
import Platform
import Testing

/// Snapshots of whole machines inside of qcow2 images.
@Suite(.serialized)
struct SnapshotTests {
  /// The workload's disk as a qcow2 image in a folder of its own.
  final class Image {
    let folder: BytePath
    var path: BytePath { folder.appending("disk.qcow2") }

    init() throws {
      folder = try BytePath("/tmp/apus-snapshot-").makeUniqueDirectory()
      let bytes = try Workload.disk()
      let file = try FileNode(
        FileDescriptor.open(path, .readWrite, .exclusiveCreate, permissions: 0o600), isReadOnly: false, isGrowable: true
      )
      try QCOW2Creation(byteCount: Int64(bytes.count)).create(in: file)
      let node = try QCOW2Node.open(over: file) { (_) throws(BlockError) in nil }
      try bytes.withUnsafeBytes { try node.write(at: 0, from: $0) }
      try node.close()
    }

    deinit {
      try? path.unlink()
      try? folder.removeDirectory()
    }

    func machine() throws -> MachineBench {
      let options = try NodeOptions(fileName: path, format: .qcow2)
      return try MachineBench { configuration in
        configuration.drives = [.init(id: "ide0-hd0", medium: .disk, image: .open(options), slot: 0)]
      }
    }
  }

  private func content(_ bench: MachineBench) throws -> [UInt8] {
    guard let root = bench.machine.blockGraph.backends.first(where: { $0.name == "ide0-hd0" })?.medium?.root else {
      return []
    }
    var bytes = [UInt8](repeating: 0, count: Int(root.byteCount))
    try bytes.withUnsafeMutableBytes { try root.read(at: 0, into: $0) }
    return bytes
  }

  private func image(_ bench: MachineBench) -> QCOW2Node? {
    bench.machine.blockGraph.nodes.lazy.compactMap { $0.content as? QCOW2Node }.first
  }

  private func refusal(_ body: () throws(MigrationError) -> Void) -> String? {
    do throws(MigrationError) { try body() } catch { return error.description }
    return nil
  }

  /// Takes five snapshots, and goes back to each.
  private func goBackAndForth(_ image: Image) throws -> (
    counts: [UInt64], end: UInt64, digest: MachineDigest, disk: [UInt8]
  ) {
    let bench = try image.machine()
    let access = IdleMachine(bench.machine)
    let start = try Workload.start(on: bench)
    var random = FuzzRandom(seed: 3)
    let counts = (0..<5).map { _ in start + random.next() % 1_000_000 }.sorted()
    for count in counts {
      try bench.run(to: count)
      try SnapshotSave("at \(count)", replaces: false).run(on: access)
    }
    let end = start + 1_500_000
    try bench.run(to: end)
    let (digest, disk) = (try bench.digest(), try content(bench))
    for count in counts.shuffled(using: &random) {
      try SnapshotLoad("at \(count)").run(on: access)
      #expect(bench.instructionCount == count)
      try bench.run(to: end)
      #expect(try bench.digest().differences(from: digest) == [], "from \(count)")
      #expect(try content(bench) == disk)
    }
    #expect(bench.machine.blockGraph.closeAll().isEmpty)
    return (counts, end, digest, disk)
  }

  @Test func `a machine goes back to any snapshot and does the same again, and so does another one`() throws {
    let image = try Image()
    let (counts, end, digest, disk) = try goBackAndForth(image)
    let other = try image.machine()
    try SnapshotLoad("at \(counts[2])").run(on: IdleMachine(other.machine))
    try other.run(to: end)
    #expect(try other.digest().differences(from: digest) == [] && content(other) == disk)
    try SnapshotDelete("at \(counts[2])").run(on: IdleMachine(other.machine))
    #expect(self.image(other)?.snapshots.count == 4)
    #expect(try self.image(other)?.check().messages == [])
  }

  @Test func `an older snapshot of a name is replaced or in the way`() throws {
    let image = try Image()
    let bench = try image.machine()
    let access = IdleMachine(bench.machine)
    try bench.run(to: 1_000_000)
    try SnapshotSave("a", replaces: true).run(on: access)
    try bench.run(to: 2_000_000)
    #expect(
      refusal { () throws(MigrationError) in try SnapshotSave("a", replaces: false).run(on: access) }
        == "Snapshot 'a' already exists in one or more devices")
    try SnapshotSave("a", replaces: true).run(on: access)
    #expect(self.image(bench)?.snapshots.map(\.name) == ["a"])
    try SnapshotLoad("a").run(on: access)
    #expect(bench.instructionCount == 2_000_000)
    #expect(try self.image(bench)?.check().messages == [])
  }

  @Test func `a save that is told to stop leaves nothing, and the machine goes on`() throws {
    let image = try Image()
    let bench = try image.machine()
    let access = IdleMachine(bench.machine)
    try bench.run(to: 1_000_000)
    try SnapshotSave("a", replaces: true).run(on: access)
    for limit in 0..<4 {
      let steps = Guarded(0)
      let sentence = refusal { () throws(MigrationError) in
        try SnapshotSave("a", replaces: true).run(on: access) { () throws(MigrationError) in
          let isOver = steps.update { count in
            count += 1
            return count > limit
          }
          if isOver { throw MigrationError("Operation canceled") }
        }
      }
      #expect(sentence == "Operation canceled")
      #expect(self.image(bench)?.snapshots.map(\.id) == ["1"])
    }
    #expect(try self.image(bench)?.check().messages == [])
    try bench.run(to: 2_000_000)
    try SnapshotLoad("a").run(on: access)
    #expect(bench.instructionCount == 1_000_000)
  }

  @Test func `state that is damaged is refused, and the machine does not go on`() throws {
    let image = try Image()
    let bench = try image.machine()
    let access = IdleMachine(bench.machine)
    try bench.run(to: 3_000_000)
    try SnapshotSave("good", replaces: true).run(on: access)
    let node = try #require(self.image(bench))
    let size = Int(try #require(node.snapshots.first).stateByteCount)
    var state = [UInt8](repeating: 0, count: size)
    try node.applySnapshot(id: "1")
    try state.withUnsafeMutableBytes { try node.loadVMState(at: 0, into: $0) }
    var random = FuzzRandom(seed: 9)
    for round in 0..<40 {
      var bad = state
      switch round % 4 {
      case 0: bad = Array(bad.prefix(Int(random.next() % UInt64(size))))
      case 1: bad[Int(random.next() % UInt64(size))] ^= 0x41
      case 2: bad = (0..<4096).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      default: for _ in 0..<20 { bad[Int(random.next() % 8192)] = UInt8(truncatingIfNeeded: random.next()) }
      }
      try bad.withUnsafeBytes { try node.saveVMState(at: 0, from: $0) }
      var details = QCOW2Node.SnapshotDetails(name: "bad", realtimeNanoseconds: 1)
      details.stateByteCount = round % 5 == 0 ? .max : UInt64(bad.count)
      try node.createSnapshot(details)
      let sentence = refusal { () throws(MigrationError) in try SnapshotLoad("bad").run(on: access) }
      // A flipped bit may be one that nothing is kept in.
      if bad.count < size, round % 5 != 0 { #expect(sentence?.hasPrefix("Error while loading VM state: ") == true) }
      try SnapshotDelete("bad").run(on: access)
    }
    try SnapshotLoad("good").run(on: access)
    #expect(bench.instructionCount == 3_000_000)
    #expect(try node.check().messages == [])
  }
}
