// SPDX-License-Identifier: Apache-2.0
import HostIO
import MachineBench
import Migration
import PC
import Testing

/// Machines whose memory is the file that they were saved to.
@Suite(.serialized)
struct MappedImageTests {
  private static let disk = Result { try Workload.disk() }

  private final class Damage: Sendable {
    private let words = Guarded<[String]>([])
    func note(_ error: MigrationError) { words.update { $0.append(error.description) } }
    /// What was reported within 10 seconds.
    func wait() -> String? { words.wait(nanoseconds: 10_000_000_000) { $0.first } }
    var all: [String] { words.withLock { $0 } }
  }

  private func machine() throws -> MachineBench { try MachineBench(disk: try Self.disk.get()) }

  /// A file of a machine in the middle of its guest's work.
  private func saved(_ bench: MachineBench) throws -> FileDescriptor {
    let file = try FileDescriptor.memoryFile(named: "machine")
    try MachineImage.save(bench.machine, to: file)
    return file
  }

  @Test func `a machine on a mapped file goes on as the one that was saved, and the file stays as it is`() throws {
    let original = try machine()
    let start = try Workload.start(on: original)
    try original.run(to: start + 300_000)
    let file = try saved(original)
    defer { file.closeIgnoringErrors() }
    let before = try file.read(upTo: Int(try file.length()), at: 0)
    let damage = Damage()
    let copy = try machine()
    let image = try #require(try MachineImage.map(file, into: copy.machine, whenDamaged: damage.note))
    #expect(try copy.digest().differences(from: original.digest()) == [])
    try image.waitUntilChecked()
    for bench in [original, copy] { try bench.run(to: start + 900_000) }
    #expect(try copy.digest().differences(from: original.digest()) == [])
    let isSame = try file.read(upTo: before.count + 1, at: 0) == before
    #expect(isSame)
    // Untouched pages of the mapped machine are saved too.
    let again = try saved(copy), reference = try saved(original)
    let length = Int(try again.length())
    let isEqual = try again.read(upTo: length, at: 0) == reference.read(upTo: length, at: 0)
    #expect(isEqual)
    again.closeIgnoringErrors()
    reference.closeIgnoringErrors()
    #expect(damage.all == [])
  }

  @Test func `what was in memory before is gone`() throws {
    let file = try saved(try machine())
    defer { file.closeIgnoringErrors() }
    let bench = try machine()
    try bench.run(to: 3_000_000)
    let fresh = try machine().digest().parts
    _ = try MachineImage.map(file, into: bench.machine) { _ in }
    #expect(try bench.digest().parts == fresh)
  }

  @Test func `a packed image or one of an older version is read instead`() throws {
    let bench = try machine()
    try bench.run(to: 1_000_000)
    for bytes in [
      try ImageBytes.write(CapturedMachine(bench.machine), .packed), try FixtureTests.contents("machine-version-1"),
    ] {
      let file = try FileDescriptor.memoryFile(named: "machine")
      defer { file.closeIgnoringErrors() }
      try file.writeAll(bytes, at: 0)
      #expect(try MachineImage.map(file, into: try machine().machine) { _ in } == nil)
    }
  }

  /// A byte of a stored page, and one of a page that is not stored in a chunk that is.
  @Test(arguments: [0x500, 0x80000])
  func `a damaged page is reported after the machine started`(address: Int64) throws {
    let bench = try machine()
    try bench.run(to: 3_000_000)
    let file = try saved(bench)
    defer { file.closeIgnoringErrors() }
    let place = (2 << 20) + address
    try file.writeAll([try #require(try file.read(upTo: 1, at: place).first) ^ 1], at: place)
    let damage = Damage()
    let image = try #require(try MachineImage.map(file, into: try machine().machine, whenDamaged: damage.note))
    let words = "The pages of memory 'pc.ram' from 0x0 on in the state file are damaged"
    #expect(throws: MigrationError(words)) { try image.waitUntilChecked() }
    #expect(damage.wait() == words)
  }

  @Test func `a file that is cut while a machine runs on it ends neither the process nor in silence`() throws {
    let bench = try machine()
    try bench.run(to: 3_000_000)
    let file = try saved(bench)
    defer { file.closeIgnoringErrors() }
    let damage = Damage()
    let copy = try machine()
    let image = try #require(try MachineImage.map(file, into: copy.machine, whenDamaged: damage.note))
    try image.waitUntilChecked()
    try file.truncate(to: 4096)
    // The first page was never touched by this machine.
    #expect(copy.memory(0x400) == 0)
    #expect(damage.wait() == "The state file behind the memory of the machine cannot be read any more")
    try copy.exercise(instructions: 100_000)
    #expect(damage.all.count == 1)
  }
}
