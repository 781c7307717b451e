// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Testing

/// A qcow2 image in a folder of its own.
struct QCOW2Bench {
  let folder: TemporaryFolder
  let path: BytePath

  init(_ creation: QCOW2Creation) throws {
    folder = try TemporaryFolder()
    path = folder.path.appending("image.qcow2")
    let file = try FileNode(
      FileDescriptor.open(path, .readWrite, .exclusiveCreate, permissions: 0o600), isReadOnly: false, isGrowable: true)
    try creation.create(in: file)
    try file.close()
  }

  func open(isReadOnly: Bool = false) throws -> QCOW2Node { try Self.open(path, QCOW2Options(isReadOnly: isReadOnly)) }

  /// Opens an image alone: whatever it names as its backing file reads as zeros.
  static func open(_ path: BytePath, _ options: QCOW2Options) throws -> QCOW2Node {
    let descriptor = try FileDescriptor.open(path, options.isReadOnly ? .readOnly : .readWrite)
    let file = try FileNode(descriptor, isReadOnly: options.isReadOnly, unmapsDiscards: true, isGrowable: true)
    var options = options
    options.unmapsDiscards = true
    return try QCOW2Node.open(over: file, options) { (_) throws(BlockError) in nil }
  }

  /// Errors and leaks that a check of the closed image finds.
  func faults() throws -> [String] {
    let node = try open(isReadOnly: true)
    defer { try? node.close() }
    return try node.check().messages
  }
}

/// A disk image held against a plain array through random writes, zeros, discards, flushes and reopenings.
struct QCOW2Tests {
  struct Shape: CustomTestStringConvertible, Sendable {
    var creation: QCOW2Creation
    var testDescription: String {
      "v\(creation.version) cluster \(creation.clusterByteCount) refcount \(creation.refcountBits)"
        + (creation.hasExtendedL2 ? " extended" : "") + (creation.hasLazyRefcounts ? " lazy" : "")
    }
  }

  static let shapes: [Shape] = {
    var shapes: [Shape] = []
    for (cluster, bits) in [
      (512, 64), (512, 1), (4096, 16), (65536, 16), (65536, 1), (65536, 2), (65536, 8), (1 << 20, 32),
    ] {
      var creation = QCOW2Creation(byteCount: 3 << 20)
      (creation.clusterByteCount, creation.refcountBits) = (Int64(cluster), bits)
      shapes.append(Shape(creation: creation))
    }
    var creation = QCOW2Creation(byteCount: (3 << 20) + 512)
    creation.version = 2
    shapes.append(Shape(creation: creation))
    creation.version = 3
    creation.hasLazyRefcounts = true
    shapes.append(Shape(creation: creation))
    creation.hasLazyRefcounts = false
    (creation.hasExtendedL2, creation.clusterByteCount) = (true, 16384)
    shapes.append(Shape(creation: creation))
    return shapes
  }()

  @Test("what was written is read, and the counts are right", arguments: shapes)
  func random(_ shape: Shape) throws {
    let bench = try QCOW2Bench(shape.creation)
    var random = SystemRandom(seed: 7)
    let length = Int(shape.creation.byteCount)
    var truth = [UInt8](repeating: 0, count: length)
    for round in 0..<4 {
      let node = try bench.open()
      for step in 0..<60 {
        let start = random.below(length / 512) * 512
        let count = min(length - start, (1 + random.below(step % 3 == 0 ? 600 : 40)) * 512)
        switch random.below(8) {
        case 0:
          try node.writeZeroes(Int64(start)..<Int64(start + count), mayUnmap: random.below(2) == 0)
          for place in start..<start + count { truth[place] = 0 }
        case 1 where shape.creation.version >= 3:
          let unit = Int(shape.creation.clusterByteCount)
          let first = start / unit * unit
          let end = min(length, first + unit)
          try node.discard(Int64(first)..<Int64(end))
          if end - first == unit || end == length { for place in first..<end { truth[place] = 0 } }
        case 2: try node.flush()
        default:
          let bytes = (0..<count).map { UInt8(truncatingIfNeeded: round + step + $0 / 512 + 1) }
          try node.put(Int64(start), bytes)
          truth.replaceSubrange(start..<start + count, with: bytes)
        }
      }
      #expect(try node.bytes(0, length) == truth)
      var foundCount = 0
      for start in stride(from: 0, to: length - 4096, by: 9 * 512) {
        guard let bytes = Self.bytesAtOnce(node, start, 4096) else { continue }
        foundCount += 1
        #expect(bytes == Array(truth[start..<start + 4096]))
      }
      let file = try FileNode(FileDescriptor.open(bench.path, .readOnly), isReadOnly: true)
      // Where the host cannot tell what it has in memory nothing is found.
      #expect(foundCount > 0 || Self.bytesAtOnce(file, 0, 512) == nil)
      #expect(Self.bytesAtOnce(node, length, 512) == nil)
      try file.close()
      try node.close()
      #expect(try bench.faults() == [])
    }
    let node = try bench.open(isReadOnly: true)
    #expect(try node.bytes(0, length) == truth)
    #expect(!node.writesToMemory(0..<512))
  }

  private static func bytesAtOnce(_ node: some BlockNode, _ offset: Int, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0xaa, count: count)
    return bytes.withUnsafeMutableBytes { node.readAtOnce(at: Int64(offset), into: $0) } ? bytes : nil
  }

  @Test func `only what is allocated to the disk alone is written at once`() throws {
    let bench = try QCOW2Bench(QCOW2Creation(byteCount: 2 << 20))
    let descriptor = try FileDescriptor.open(bench.path, .readOnly)
    let isLocal = descriptor.isOnLocalFileSystem
    try descriptor.close()
    let node = try bench.open()
    #expect(!node.writesToMemory(0..<512))
    try node.put(0, [UInt8](repeating: 1, count: 65536))
    #expect(node.writesToMemory(0..<65536) == isLocal && !node.writesToMemory(65000..<66000))
    try node.createSnapshot(QCOW2Node.SnapshotDetails(name: "one", realtimeNanoseconds: 0))
    #expect(!node.writesToMemory(0..<512))
    try node.put(0, [2])
    #expect(node.writesToMemory(0..<512) == isLocal)
    try node.writeZeroes(0..<65536, mayUnmap: true)
    #expect(!node.writesToMemory(0..<512) && !node.writesToMemory(2 << 20..<(2 << 20) + 512))
    try node.close()
    #expect(try bench.faults() == [])
  }

  @Test func `snapshots keep what was there, and machine state behind the disk`() throws {
    let bench = try QCOW2Bench(QCOW2Creation(byteCount: 2 << 20))
    let node = try bench.open()
    try node.put(0, [UInt8](repeating: 1, count: 200_000))
    try [UInt8](repeating: 9, count: 100_000).withUnsafeBytes { try node.saveVMState(at: 0, from: $0) }
    var details = QCOW2Node.SnapshotDetails(name: "one", realtimeNanoseconds: 1_700_000_000_500_000_000)
    (details.stateByteCount, details.instructionCount, details.guestNanoseconds) = (100_000, 42, 7)
    try node.createSnapshot(details)
    try node.put(65536, [UInt8](repeating: 2, count: 65536))
    #expect(throws: Errno.exists) {
      details.id = "1"
      try node.createSnapshot(details)
    }
    #expect(node.snapshots.map(\.instructionCount) == [42] && node.snapshots.map(\.stateByteCount) == [100_000])
    #expect(try node.bytes(65536, 2) == [2, 2])
    try node.applySnapshot(id: "1")
    #expect(try node.bytes(65536, 2) == [1, 1])
    var state = [UInt8](repeating: 0, count: 100_000)
    try state.withUnsafeMutableBytes { try node.loadVMState(at: 0, into: $0) }
    #expect(state == [UInt8](repeating: 9, count: 100_000))
    try node.close()
    #expect(try bench.faults() == [])
    let again = try bench.open()
    #expect(throws: Errno.noSuchFile) { try again.deleteSnapshot(id: "7") }
    try again.deleteSnapshot(id: "1")
    #expect(try again.bytes(0, 2) == [1, 1] && again.snapshots.isEmpty)
    try again.close()
    #expect(try bench.faults() == [])
  }

  @Test func `several threads write at once without losing anything`() throws {
    var creation = QCOW2Creation(byteCount: 8 << 20)
    creation.clusterByteCount = 4096
    let bench = try QCOW2Bench(creation)
    let node = try bench.open()
    let done = Guarded(0)
    for thread in 0..<4 {
      _ = try Thread(name: "writer") {
        // Every thread has its own sectors of every cluster.
        for round in 0..<256 {
          let offset = Int64((round * 37 % 256) * 32768 + thread * 512)
          do throws(Errno) {
            try Self.put(node, offset, UInt8(thread + 1))
            if round % 50 == thread { try node.flush() }
          } catch {
            return done.update { $0 = .min }
          }
        }
        done.update { $0 += 1 }
      }
    }
    let finished = done.wait { $0 == 4 || $0 < 0 ? $0 : nil }
    #expect(finished == 4)
    for place in 0..<256 {
      for thread in 0..<4 {
        #expect(
          try node.bytes(Int64(place * 32768 + thread * 512), 512) == [UInt8](repeating: UInt8(thread + 1), count: 512))
      }
    }
    try node.close()
    #expect(try bench.faults() == [])
  }

  private static func put(_ node: QCOW2Node, _ offset: Int64, _ byte: UInt8) throws(Errno) {
    var failure: Errno?
    [UInt8](repeating: byte, count: 512).withUnsafeBytes { bytes in
      do throws(Errno) { try node.write(at: offset, from: bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

/// SplitMix64, the same everywhere.
struct SystemRandom {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((value ^ (value >> 31)) % UInt64(max(1, bound)))
  }
}
