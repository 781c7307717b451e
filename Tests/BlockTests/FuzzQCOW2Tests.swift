// SPDX-License-Identifier: Apache-2.0
import Block
import Fuzzing
import HostIO
import Testing

/// qcow2 images that anybody made up: opened, read, checked and written without a trap, an endless loop or much memory.
struct FuzzQCOW2Tests {
  private static func seedImage(_ random: inout FuzzRandom) throws -> [UInt8] {
    var creation = QCOW2Creation(byteCount: 1 << 20)
    creation.clusterByteCount = [512, 4096, 16384][random.below(3)]
    creation.hasExtendedL2 = creation.clusterByteCount == 16384 && random.oneIn(2)
    creation.refcountBits = [1, 8, 16, 64][random.below(4)]
    let bench = try QCOW2Bench(creation)
    let node = try bench.open()
    for _ in 0..<random.below(6) {
      try node.put(Int64(random.below(2000) * 512), random.bytes(512 * (1 + random.below(8))))
    }
    if creation.refcountBits > 8, random.oneIn(2) {
      try node.createSnapshot(QCOW2Node.SnapshotDetails(name: "s", realtimeNanoseconds: 1))
      try node.put(0, random.bytes(512))
    }
    try node.close()
    return try bench.path.contents(limit: 64 << 20)
  }

  /// Words of the header and the tables are special more often than others.
  private static func damaged(_ bytes: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
    if random.oneIn(4) { return random.damaged(bytes) }
    var result = bytes
    for _ in 0..<(1 + random.below(3)) {
      let place = random.oneIn(2) ? random.below(112) & ~3 : random.below(max(8, bytes.count / 8)) * 8
      let word = random.word()
      for index in 0..<(random.oneIn(2) ? 4 : 8) where place + index < result.count {
        result[place + index] = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * index))
      }
    }
    return result
  }

  @Test func `the header and its extensions take any bytes`() throws {
    var parsed = 0
    var random = FuzzRandom(seed: 1)
    let image = try Self.seedImage(&random)
    Fuzzing.run("qcow2 header", atLeast: 500) { random in
      let bytes = Self.damaged(Array(image.prefix(65536)), &random)
      do throws(BlockError) {
        let header = try QCOW2Header(parsing: bytes)
        _ = try QCOW2Extensions(parsing: bytes, after: header)
        parsed += 1
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    #expect(parsed > 0)
  }

  @Test func `qcow2 open and check`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("fuzz")
    var opened = 0
    var seedRandom = FuzzRandom(seed: 3)
    let seeds = try (0..<6).map { _ in try Self.seedImage(&seedRandom) }
    try Fuzzing.run("qcow2 open and check", atLeast: 60) { random in
      try AtomicFile.write(Self.damaged(seeds[random.below(seeds.count)], &random), to: path)
      for isReadOnly in [true, false] {
        var options = QCOW2Options(isReadOnly: isReadOnly)
        options.isCheck = random.oneIn(3)
        do {
          let node = try QCOW2Bench.open(path, options)
          opened += 1
          Self.use(node, isReadOnly, &random)
        } catch let error as BlockError {
          #expect(!error.description.isEmpty)
        }
      }
    }
    #expect(opened > 0)
  }

  /// Errors are fine; only ending matters.
  private static func use(_ node: QCOW2Node, _ isReadOnly: Bool, _ random: inout FuzzRandom) {
    let length = node.byteCount
    func near() -> Int64 { max(0, min(length, Int64(1 << 20)) - 512) / 512 * Int64(random.below(512)) }
    _ = try? node.check()
    for _ in 0..<4 {
      let place = near()
      _ = try? node.bytes(place, 4096)
      _ = try? node.extent(in: place..<place + 65536)
      if isReadOnly { continue }
      try? node.put(place, random.bytes(1024))
      try? node.writeZeroes(place..<min(length, place + 8192), mayUnmap: random.oneIn(2))
      try? node.discard(place..<min(length, place + 65536))
    }
    if !isReadOnly {
      if let snapshot = node.snapshots.first { try? node.applySnapshot(id: snapshot.id) }
      _ = try? node.check([.leaks, .errors])
    }
    try? node.close()
  }
}
