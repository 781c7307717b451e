// SPDX-License-Identifier: Apache-2.0
import Block
import Fuzzing
import HostIO
import Testing

/// Image files that begin with anything: probed, refused by format or opened raw, and never turned into another format by
/// what a guest writes.
struct FuzzImageTests {
  private static let magics: [(offset: Int, bytes: [UInt8])] = [
    (0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1]), (0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]), (0, Array("QED\0".utf8)),
    (0x40, [0x7f, 0x10, 0xda, 0xbe]), (0, Array("vhdxfile".utf8)), (0, Array("KDMV".utf8)), (0, Array("COWD".utf8)),
    (0, Array("conectix".utf8)), (0, Array("WithoutFreeSpace".utf8)), (0, Array("WithouFreSpacExt".utf8)),
    (0, Array("Bochs Virtual HD Image".utf8)), (0, Array("#!/bin/sh\n#V2.0 Format\nmodprobe cloop".utf8)),
    (0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]), (0, Array("# Disk DescriptorFile\n\n \r\nversion=1\n".utf8)),
    (0, Array("#\nversion=9\n".utf8)), (0, Array("\n\nversion=1".utf8)),
  ]
  private static let names: [BytePath] = ["a", "a.dmg", ".dmg", "dmg", "a.raw", "a.qcow2"]

  private func start(_ random: inout FuzzRandom) -> [UInt8] {
    var bytes = random.oneIn(2) ? random.bytes(random.below(700)) : [UInt8](repeating: 0, count: random.below(4096))
    if !random.oneIn(4) {
      let (offset, magic) = Self.magics[random.below(Self.magics.count)]
      let end = offset + magic.count
      if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
      bytes.replaceSubrange(offset..<end, with: magic)
    }
    if random.oneIn(2) { bytes = random.damaged(bytes) }
    return bytes
  }

  @Test func `probing takes any bytes`() {
    var found: Set<ImageFormat> = []
    Fuzzing.run("image probing", atLeast: 2000) { random in
      let bytes = start(&random)
      let name = Self.names[random.below(Self.names.count)]
      let format = ImageFormat.guess(bytes, fileName: name)
      found.insert(format)
      // Bytes beyond those that are looked at say nothing.
      if bytes.count >= 2048 { #expect(ImageFormat.guess(bytes + [1, 2, 3], fileName: name) == format) }
      _ = ImageFormat.guess(Array(bytes.prefix(random.below(80))), fileName: name)
    }
    #expect(found.count == ImageFormat.allCases.count, "a generator that does not find all formats tests little")
  }

  @Test func `an image opens raw or is refused by its format`() throws {
    let folder = try BytePath("/tmp/apus-image-").makeUniqueDirectory()
    let path = folder.appending("image")
    defer {
      try? path.unlink()
      try? folder.removeDirectory()
    }
    try Fuzzing.run("image opening", atLeast: 100) { random in
      let bytes = start(&random)
      try AtomicFile.write(bytes, to: path)
      // Files are as long as their sectors.
      let padded = bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
      let format = ImageFormat.guess(Array(padded.prefix(2048)), fileName: path)
      do throws(BlockError) {
        let medium = try patiently { () throws(BlockError) in try BlockMedium.open(path) }
        let isWhole = medium.node.byteCount == Int64(padded.count)
        #expect(format == .raw && isWhole || format == .qcow2, "seed \(random.seed)")
      } catch {
        // A broken qcow2 image has a sentence of its own.
        let expected = BlockError.unsupportedFormat(path.description, format)
        #expect(error == expected && format != .raw || format == .qcow2, "seed \(random.seed): \(error)")
      }
      let raw = try patiently { () throws(BlockError) in try BlockMedium.open(path, ImageOptions(format: "raw")) }
      #expect(raw.node.driver == "raw")
    }
  }

  /// A process that another test has just started holds the locks of all open images until it has become its program.
  private func patiently(_ open: () throws(BlockError) -> BlockMedium) throws(BlockError) -> BlockMedium {
    for _ in 0..<100 {
      do throws(BlockError) { return try open() } catch {
        guard "\(error)".contains("lock") else { throw error }
        HostClock.sleep(nanoseconds: 2_000_000)
      }
    }
    return try open()
  }

  @Test func `no writes of a guest make a guessed image another format`() throws {
    try Fuzzing.run("guarded image", atLeast: 300) { random in
      let memory = MemoryNode([UInt8](repeating: 0, count: 4096))
      let node = try RawNode(over: memory, guessedFrom: "disk.img")
      for _ in 0..<8 {
        let bytes = start(&random)
        let first = random.oneIn(2) ? 0 : random.below(600)
        let last = min(bytes.count, first + 1 + random.below(600))
        guard first < last else { continue }
        let before = memory.bytes
        let piece = Array(bytes[first..<last])
        do throws(Errno) {
          try piece.withErrno { (buffer) throws(Errno) in try node.write(at: Int64(first), from: buffer) }
        } catch {
          #expect(memory.bytes == before, "seed \(random.seed): a refused write changed the image")
        }
        #expect(ImageFormat.guess(memory.bytes, fileName: "disk.img") == .raw, "seed \(random.seed)")
      }
    }
  }
}

extension Array where Element == UInt8 {
  fileprivate func withErrno(_ body: (UnsafeRawBufferPointer) throws(Errno) -> Void) throws(Errno) {
    let outcome = withUnsafeBytes { buffer -> Result<Void, Errno> in
      do throws(Errno) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    try outcome.get()
  }
}
