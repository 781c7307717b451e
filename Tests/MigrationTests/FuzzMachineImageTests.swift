// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import HostIO
import MachineBench
import Migration
import PC
import Testing

/// State files that somebody else made: refused with one sentence, or taken and lived with; never the end of the process.
@Suite(.serialized)
struct FuzzMachineImageTests {
  private static let page = 4096

  /// The file of a machine in the middle of SeaBIOS.
  private static let saved = Result<[UInt8], any Error> {
    let bench = try MachineBench()
    try bench.run(to: 2_000_000)
    let file = try FileDescriptor.memoryFile(named: "machine")
    defer { file.closeIgnoringErrors() }
    try MachineImage.save(bench.machine, to: file)
    return try file.read(upTo: Int(try file.length()), at: 0)
  }

  /// Nil when the machine took the bytes.
  private func refusal(_ bytes: [UInt8], _ bench: MachineBench) throws -> String? {
    let file = try FileDescriptor.memoryFile(named: "machine")
    defer { file.closeIgnoringErrors() }
    try file.writeAll(bytes, at: 0)
    do throws(MigrationError) {
      try MachineImage.load(into: bench.machine, from: file)
      return nil
    } catch {
      return error.description
    }
  }

  private func isSentence(_ text: String) -> Bool { !text.isEmpty && !text.contains("\n") }

  private func integer(_ bytes: [UInt8], at offset: Int, byteCount: Int) -> Int {
    (0..<byteCount).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  /// CRC-32 as zlib computes it (RFC 1952, section 8).
  private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 != 0 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }
  }

  /// Makes the checksums right again, so that what lies behind them is reached.
  private func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    guard result.count >= 2 * Self.page else { return result }
    let tables = min(max(0, integer(result, at: 28, byteCount: 7)), result.count - Self.page)
    func store(_ value: UInt32, at offset: Int) {
      for index in 0..<4 { result[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
    store(checksum(result[Self.page..<Self.page + tables]), at: 36)
    store(checksum(result[..<40]), at: 40)
    return result
  }

  @Test func `the checksums here are those of the file`() throws {
    let saved = try Self.saved.get()
    #expect(sealed(saved) == saved)
    #expect(try refusal(saved, try MachineBench()) == nil)
  }

  @Test func `a file cut short anywhere is refused`() throws {
    let saved = try Self.saved.get()
    let bench = try MachineBench()
    var random = FuzzRandom(seed: 3)
    let counts = [0, 1, 43, 44, 4095, 4096, 4097, saved.count - 1] + (0..<30).map { _ in random.below(saved.count) }
    for count in counts {
      let sentence = try #require(try refusal(Array(saved.prefix(count)), bench), "\(count) bytes")
      #expect(isSentence(sentence))
    }
  }

  @Test func `damage behind right checksums is refused or lived with`() throws {
    let saved = try Self.saved.get()
    let tables = integer(saved, at: 28, byteCount: 7)
    try Fuzzing.run("state file", seconds: 3, atLeast: 30) { random in
      var bytes = saved
      for _ in 0...random.below(3) {
        // Header, sections, directory and page lists; the tables' end, where the lists are, more often.
        let place =
          switch random.below(4) {
          case 0: 8 + random.below(36)
          case 1: Self.page + tables - 1 - random.below(min(tables, 4000))
          default: Self.page + random.below(tables)
          }
        bytes[place] = random.oneIn(2) ? random.byte() : [0, 1, 0x7f, 0x80, 0xff][random.below(5)]
      }
      let bench = try MachineBench()
      if let sentence = try refusal(sealed(bytes), bench) {
        #expect(isSentence(sentence), "seed \(random.seed)")
      } else {
        try bench.exercise(instructions: 100_000)
      }
    }
  }

  @Test func `bytes that are no state file are refused`() throws {
    let saved = try Self.saved.get()
    let bench = try MachineBench()
    try Fuzzing.run("no state file", seconds: 1, atLeast: 50) { random in
      var bytes = random.bytes(random.below(3 * Self.page))
      if random.oneIn(2) { bytes = Array(saved.prefix(8 + random.below(40))) + bytes }
      if random.oneIn(2) { bytes = sealed(bytes) }
      let sentence = try refusal(bytes, bench)
      #expect(sentence.map(isSentence) == true, "seed \(random.seed)")
    }
  }
}
