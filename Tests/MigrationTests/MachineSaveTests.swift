// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import HostIO
import MachineBench
import Migration
import PC
import Platform
import Testing

/// Whole machines saved to a file and loaded into freshly built ones.
@Suite(.serialized)
struct MachineSaveTests {
  /// A run that nothing disturbs.
  private struct Reference {
    var end: UInt64
    var digest: MachineDigest
    var serial: [UInt8]
  }

  private static let disk = Result { try Workload.disk() }

  private static let reference = Result<Reference, any Error> {
    let bench = try MachineBench(disk: try disk.get())
    let start = try Workload.start(on: bench)
    try bench.run(to: start + 1_500_000)
    return Reference(end: start + 1_500_000, digest: try bench.digest(), serial: try bench.serialOutput())
  }

  private func save(_ bench: MachineBench) throws -> FileDescriptor {
    let file = try FileDescriptor.memoryFile(named: "machine")
    try MachineImage.save(bench.machine, to: file)
    try file.seek(to: 0, from: .start)
    return file
  }

  /// Nil when the file was taken.
  private func refusal(_ bench: MachineBench, _ file: FileDescriptor) throws -> String? {
    try file.seek(to: 0, from: .start)
    do throws(MigrationError) {
      try MachineImage.load(into: bench.machine, from: file)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `saved at any count and loaded elsewhere, a machine goes on as if nothing had happened`() throws {
    let reference = try Self.reference.get()
    var random = FuzzRandom(seed: 20)
    // Some everywhere, most where the guest works; one at each end.
    var counts = (0..<8).map { _ in random.next() % reference.end }
    counts += (0..<14).map { _ in reference.end - 1 - random.next() % 1_500_000 }
    counts += [0, 1, reference.end]
    let original = try MachineBench(disk: try Self.disk.get())
    var serial: [UInt8] = []
    for count in counts.sorted() {
      try original.run(to: count)
      serial += try original.serialOutput()
      let file = try save(original)
      defer { file.closeIgnoringErrors() }
      let copy = try MachineBench(disk: try Self.disk.get())
      #expect(try refusal(copy, file) == nil, "at \(count)")
      #expect(try copy.digest().differences(from: original.digest()) == [], "loaded at \(count)")
      if random.oneIn(3) { copy.machine.processor?.limitBlocks(to: 1 + random.below(3)) }
      try copy.run(to: reference.end)
      #expect(try copy.digest().differences(from: reference.digest) == [], "saved at \(count)")
      #expect(try serial + copy.serialOutput() == reference.serial, "saved at \(count)")
    }
    // Saving is no event for the machine that was saved.
    #expect(try original.digest().differences(from: reference.digest) == [])
  }

  @Test func `a save of a load is the same file`() throws {
    let bench = try MachineBench(disk: try Self.disk.get())
    try bench.run(to: 3_000_000)
    let first = try save(bench)
    let copy = try MachineBench(disk: try Self.disk.get())
    #expect(try refusal(copy, first) == nil)
    let second = try save(copy)
    let length = try first.length()
    #expect(try second.length() == length)
    let isSame = try first.read(upTo: Int(length), at: 0) == second.read(upTo: Int(length), at: 0)
    #expect(isSame)
    first.closeIgnoringErrors()
    second.closeIgnoringErrors()
  }

  /// Machines that differ from the saved one, and words of the sentence that says how.
  static let others: [(words: String, change: @Sendable (inout MachineConfiguration) -> Void)] = [
    ("bytes of memory 'pc.ram'", { $0.memoryByteCount = 32 << 20 }),
    ("bytes of memory 'vga.vram'", { $0.videoMemoryByteCount = 8 << 20 }),
    ("has memory 'vga.vram', which this machine has not", { $0.graphics = .none }),
    ("another -icount", { $0.instructionCounting?.shift = 3 }),
    ("another -icount", { $0.instructionCounting = nil }),
    ("no part 'isa-debug-exit'", { $0.isaDevices = [.debugExit(port: 0xf4, portCount: 4)] }),
    ("has a part", { $0.serialPorts = [] }),
    ("no part", { $0.serialPorts.append(.init(chardev: nil, number: 1)) }),
    ("has memory 'pc.ram', which this machine has not", { $0.board = .none }),
  ]

  @Test(arguments: others)
  func `another machine refuses the file in one sentence`(
    words: String, change: @Sendable (inout MachineConfiguration) -> Void
  ) throws {
    let bench = try MachineBench(disk: try Self.disk.get())
    try bench.run(to: 100_000)
    let file = try save(bench)
    defer { file.closeIgnoringErrors() }
    let other = try MachineBench(disk: try Self.disk.get(), configure: change)
    let sentence = try #require(try refusal(other, file))
    #expect(sentence.contains(words) && !sentence.contains("\n"), "\(sentence)")
  }

  @Test func `the devices alone are taken by the same machine elsewhere`() throws {
    let bench = try MachineBench(disk: try Self.disk.get())
    try bench.run(to: 3_000_000)
    let sink = StreamSink()
    try CapturedMachine(bench.machine).writeDevices(to: sink)
    let copy = try MachineBench(disk: try Self.disk.get())
    var image = try IncomingImage(StreamSource(sink.bytes), expecting: .devices(of: copy.machine))
    #expect(try image.nextPages() == nil)
    try copy.machine.load(image.sections)
    let differences = try copy.digest().differences(from: bench.digest())
    #expect(Set(differences).isSubset(of: ["pc.ram", "vga.vram"]) && differences.contains("pc.ram"))
    #expect(throws: MigrationError("The state file has no memory 'pc.ram', which this machine has")) {
      try MachineImage.load(into: copy.machine, from: StreamSource(sink.bytes))
    }
  }

  @Test func `a full disk is one sentence`() throws {
    let bench = try MachineBench()
    let full = try FileDescriptor.open("/dev/full", .writeOnly)
    defer { full.closeIgnoringErrors() }
    #expect {
      try MachineImage.save(bench.machine, to: full)
    } throws: {
      "\($0)".hasPrefix("Cannot write the state of the machine: ")
    }
  }
}
