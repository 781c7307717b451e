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
  private static let page = ImageBytes.page

  /// Files of real machines: in the middle of SeaBIOS in both layouts, and one of an older version.
  private static let corpus = Result<[[UInt8]], any Error> {
    let bench = try MachineBench()
    try bench.run(to: 2_000_000)
    let machine = try CapturedMachine(bench.machine)
    return try Layout.allCases.map { try ImageBytes.write(machine, $0) } + [FixtureTests.contents("machine-version-1")]
  }

  /// Nil when the machine took the bytes.
  private func refusal(_ bytes: [UInt8], _ bench: MachineBench) -> String? {
    do throws(MigrationError) { try MachineImage.load(into: bench.machine, from: StreamSource(bytes)) } catch {
      return error.description
    }
    return nil
  }

  /// The same for a file that is mapped; it comes back when the file was checked.
  private func mappedRefusal(_ bytes: [UInt8], _ bench: MachineBench) throws -> String? {
    let file = try FileDescriptor.memoryFile(named: "machine")
    defer { file.closeIgnoringErrors() }
    try file.writeAll(bytes, at: 0)
    do throws(MigrationError) {
      try MachineImage.map(file, into: bench.machine) { _ in }?.waitUntilChecked()
      return nil
    } catch {
      return error.description
    }
  }

  private func isSentence(_ text: String) -> Bool { !text.isEmpty && !text.contains("\n") }

  @Test func `the checksums here are those of the file`() throws {
    for saved in try Self.corpus.get().prefix(2) {
      let isSame = ImageBytes.sealed(saved) == saved
      #expect(isSame)
      #expect(refusal(saved, try MachineBench()) == nil)
      #expect(try mappedRefusal(saved, try MachineBench()) == nil)
    }
  }

  @Test(arguments: 0..<3)
  func `a file cut short anywhere is refused`(index: Int) throws {
    let saved = try Self.corpus.get()[index]
    let bench = try MachineBench()
    var random = FuzzRandom(seed: 3)
    let counts = [0, 1, 43, 44, 4095, 4096, 4097, saved.count - 1] + (0..<20).map { _ in random.below(saved.count) }
    for count in counts {
      let cut = Array(saved.prefix(count))
      let sentence = try #require(refusal(cut, bench), "\(count) bytes")
      #expect(isSentence(sentence))
      if index < 2 { #expect(try mappedRefusal(cut, bench).map(isSentence) == true, "\(count) bytes") }
    }
  }

  @Test func `damage behind right checksums is refused or lived with`() throws {
    let corpus = try Self.corpus.get().prefix(2)
    // One that refuses has not changed, and machines are big.
    var bench = try MachineBench()
    try Fuzzing.run("state file", seconds: 3, atLeast: 30) { random in
      var bytes = corpus[random.below(2)]
      let tables = ImageBytes.tables(bytes)
      for _ in 0...random.below(3) {
        // Header, sections, directory and records; the tables' end, where the directory is, more often.
        let place =
          switch random.below(4) {
          case 0: 8 + random.below(56)
          case 1: tables.upperBound - 1 - random.below(min(tables.count, 1000))
          case 2: tables.upperBound + random.below(8192)
          default: tables.lowerBound + random.below(tables.count)
          }
        guard bytes.indices.contains(place) else { continue }
        bytes[place] = random.oneIn(2) ? random.byte() : [0, 1, 0x7f, 0x80, 0xff][random.below(5)]
      }
      bytes = ImageBytes.sealed(bytes)
      let sentence = random.oneIn(2) ? refusal(bytes, bench) : try mappedRefusal(bytes, bench)
      if let sentence {
        #expect(isSentence(sentence), "seed \(random.seed)")
      } else {
        try bench.exercise(instructions: 100_000)
        bench = try MachineBench()
      }
    }
  }

  @Test func `damage anywhere in a file of any version is refused or lived with`() throws {
    let corpus = try Self.corpus.get()
    var bench = try MachineBench()
    try Fuzzing.run("damaged state file", seconds: 2, atLeast: 20) { random in
      let bytes = random.damaged(corpus[random.below(corpus.count)], changes: 3)
      if let sentence = random.oneIn(2) ? refusal(bytes, bench) : try mappedRefusal(bytes, bench) {
        #expect(isSentence(sentence), "seed \(random.seed)")
      } else {
        bench = try MachineBench()
      }
    }
  }

  @Test func `bytes that are no state file are refused`() throws {
    let corpus = try Self.corpus.get()
    let bench = try MachineBench()
    try Fuzzing.run("no state file", seconds: 1, atLeast: 50) { random in
      var bytes = random.bytes(random.below(3 * Self.page))
      if random.oneIn(2) { bytes = Array(corpus[random.below(3)].prefix(8 + random.below(60))) + bytes }
      if random.oneIn(2) { bytes = ImageBytes.sealed(bytes) }
      let sentence = random.oneIn(2) ? refusal(bytes, bench) : try mappedRefusal(bytes, bench)
      #expect(sentence.map(isSentence) == true, "seed \(random.seed)")
    }
  }
}
