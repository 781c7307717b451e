// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// Exit status 0: identical, 1: different, more: an error.
enum CompareCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U] filename1 filename2"
  private static let pieceByteCount: Int64 = 2 << 20

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", value: true), .init("F", value: true), .init("T", value: true), .init("p"), .init("q", "quiet"),
        .init("s"), .init("U", "force-share"),
      ])
    try given.check()
    console.isQuiet = given.has("quiet")
    guard given.operands.count == 2 else { throw .usage("Expecting two image file names") }
    var options = given.opening()
    try CacheMode(given.text("T") ?? "writeback", source: true, status: 2).apply(to: &options)
    let first = try ToolImage.open(given.operands[0], format: given.text("f"), options, status: 2)
    let second = try ToolImage.open(given.operands[1], format: given.text("F"), options, status: 2)
    let sizes = (first.top.byteCount, second.top.byteCount)
    let isStrict = given.has("s")
    let progress = Progress(total: max(sizes.0, sizes.1), isShown: given.has("p") && !console.isQuiet)
    if isStrict, sizes.0 != sizes.1 {
      console.say("Strict mode: Image size mismatch!")
      progress.abandon()
      return 1
    }
    let difference = try compare(first, second, isStrict: isStrict, progress)
    if let difference, difference.offset < min(sizes.0, sizes.1) {
      console.say(difference.text)
      progress.abandon()
      return 1
    }
    if sizes.0 != sizes.1 { console.say("Warning: Image size mismatch!") }
    if let difference {
      console.say(difference.text)
      progress.abandon()
      return 1
    }
    progress.finish()
    console.say("Images are identical.")
    return 0
  }

  private struct Difference {
    var offset: Int64
    var isStatus = false
    var text: String {
      isStatus ? "Strict mode: Offset \(offset) block status mismatch!" : "Content mismatch at offset \(offset)!"
    }
  }

  /// The first place where they differ; what only one has must be zeros.
  private static func compare(
    _ first: ImageChain, _ second: ImageChain, isStrict: Bool, _ progress: Progress
  ) throws(ToolError) -> Difference? {
    let end = max(first.top.byteCount, second.top.byteCount)
    var place: Int64 = 0
    while place < end {
      let range = place..<min(end, place + pieceByteCount)
      let statuses = try describing("Sector allocation test failed", status: 3) { () throws(Errno) in
        (try ChainStatus.at(range, in: first), try ChainStatus.at(range, in: second))
      }
      let part = place..<min(statuses.0.range.upperBound, statuses.1.range.upperBound)
      if isStrict {
        let kinds = (statuses.0.isData && !statuses.0.isZero, statuses.1.isData && !statuses.1.isZero)
        if kinds.0 != kinds.1 { return Difference(offset: place, isStatus: true) }
      }
      if !(statuses.0.isZero && statuses.1.isZero) {
        let count = Int(part.upperBound - place)
        let bytes = try describing("Error while reading offset \(place)", status: 4) { () throws(Errno) in
          (try first.top.bytes(at: place, count), try second.top.bytes(at: place, count))
        }
        if bytes.0 != bytes.1 {
          for start in stride(from: 0, to: count, by: 512) {
            let stop = min(count, start + 512)
            if bytes.0[start..<stop] != bytes.1[start..<stop] { return Difference(offset: place + Int64(start)) }
          }
        }
      }
      progress.advance(by: part.upperBound - place)
      place = part.upperBound
    }
    return nil
  }
}

extension BlockNode {
  /// A part as an array.
  func bytes(at offset: Int64, _ count: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
      do throws(Errno) { try read(at: offset, into: raw) } catch {
        failure = error
        raw.initializeMemory(as: UInt8.self, repeating: 0)
      }
      initialized = count
    }
    if let failure { throw failure }
    return bytes
  }

  func write(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
    let outcome = bytes.withUnsafeBytes { buffer -> Result<Void, Errno> in
      do throws(Errno) { return .success(try write(at: offset, from: buffer)) } catch { return .failure(error) }
    }
    try outcome.get()
  }
}
