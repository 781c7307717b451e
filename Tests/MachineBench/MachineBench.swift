// SPDX-License-Identifier: Apache-2.0
import Block
import Chardev
import HostIO
import PC
import Platform

/// A whole machine in this process, with a disk or firmware that the test makes, under instruction counting.
public final class MachineBench {
  public let machine: Machine
  /// Events in the order in which they came, as words.
  public private(set) var events: [MachineEvent] = []
  private let chardevs: ChardevTable

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// - Parameters:
  ///   - disk: content of the first IDE disk; nil for none.
  ///   - firmware: a ROM image instead of the distribution's SeaBIOS.
  public init(
    disk: [UInt8]? = nil, firmware: [UInt8]? = nil, configure: (inout MachineConfiguration) -> Void = { _ in }
  ) throws {
    let folder = try BytePath("/tmp/apus-bench-").makeUniqueDirectory()
    var files: [BytePath] = []
    defer {
      for file in files { try? file.unlink() }
      try? folder.removeDirectory()
    }
    func write(_ name: BytePath, _ bytes: [UInt8]) throws -> BytePath {
      let path = folder.appending(name)
      files.append(path)
      try AtomicFile.write(bytes, to: path)
      return path
    }
    var configuration = Self.configuration
    if let disk {
      configuration.drives = [
        .init(
          id: "ide0-hd0", medium: .disk, image: .open(NodeOptions(file: try write("disk", disk), format: .raw)), slot: 0
        )
      ]
    }
    if let firmware { configuration.firmware = try write("firmware", firmware) }
    configure(&configuration)
    let chardevs = ChardevTable(loop: try Self.loop.get())
    try chardevs.open(id: "serial0", ChardevConfiguration(.ringBuffer(byteCount: 65536, name: "ringbuf")))
    self.chardevs = chardevs
    machine = try Machine(configuration, chardevs: chardevs)
    machine.eventHandler = { [unowned self] in events.append($0) }
  }

  deinit { chardevs.closeAll(nanoseconds: 0) }

  /// A small machine whose runs are pure functions of its disk: counted time, a fixed date, no boot menu.
  public static var configuration: MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.memoryByteCount = 16 << 20
    configuration.videoMemoryByteCount = 4 << 20
    configuration.instructionCounting = .init(shift: 6, sleeps: false)
    configuration.realTimeClock.base = .date(1_767_225_600)
    configuration.realTimeClock.source = .virtual
    configuration.serialPorts = [.init(chardev: "serial0", number: 0)]
    configuration.bootOrder = "c"
    return configuration
  }

  private static let loop = Result<EventLoop, any Error> {
    let loop = try EventLoop()
    try loop.start()
    return loop
  }

  /// Runs to an instruction count and gives the exit status if the machine ended before.
  ///
  /// A machine that takes minutes of the host's time is a failure; one that does not even look at its mailbox any more ends
  /// the process, since nothing else can end that thread.
  @discardableResult
  public func run(to count: UInt64) throws -> Int32? {
    let (status, isLate) = try run(to: count, seconds: 120)
    if isLate { throw Failure(description: "the machine did not reach \(count) instructions in time") }
    return status
  }

  /// Runs a guest that may do anything, even nothing but fault, which executes no instruction: for some instructions, but
  /// no longer than a moment of virtual and of real time. That it comes back is what is tested.
  public func exercise(instructions: UInt64) throws {
    let end = end(at: machine.clock.now &+ 5 * .second)
    _ = try run(to: instructionCount &+ instructions, seconds: 2)
    end.cancel()
  }

  /// After `seconds` of real time the machine is told to end, and the answer is late.
  private func run(to count: UInt64, seconds: UInt64) throws -> (status: Int32?, isLate: Bool) {
    let isDone = Guarded(false), isLate = Guarded(false)
    let this = MachineBound(machine)
    let watchdog = try Thread(name: "watchdog") {
      if isDone.wait(nanoseconds: seconds &* 1_000_000_000, until: { $0 ? true : nil }) != nil { return }
      isLate.update { $0 = true }
      this.value.mailbox.post { this.value.quit(.hostError) }
      if isDone.wait(nanoseconds: 60_000_000_000, until: { $0 ? true : nil }) != nil { return }
      fatalError("a slice of the machine does not end")
    }
    defer {
      isDone.update { $0 = true }
      watchdog.join()
    }
    let status = machine.run(toInstruction: count)
    return (status, isLate.withLock { $0 })
  }

  /// Ends the machine with status 0 at a virtual instant, in nanoseconds, if it runs so long. Keep what it returns.
  public func end(at instant: Nanoseconds) -> Timer {
    let timer = machine.clock.timer { [unowned machine] _ in machine.quit(.hostSignal) }
    timer.arm(at: instant)
    return timer
  }

  public var instructionCount: UInt64 { machine.processor?.instructionCount ?? 0 }

  /// A little-endian word of guest memory.
  public func memory(_ address: Int) -> UInt32 {
    guard let ram = machine.board?.ram, address >= 0, address + 4 <= ram.byteCount else { return 0 }
    return ram.base.loadUnaligned(fromByteOffset: address, as: UInt32.self)
  }

  /// What the guest sent through its serial port.
  public func serialOutput() throws -> [UInt8] {
    guard let chardev = chardevs["serial0"] else { return [] }
    chardev.flush()
    return try chardev.readRing(upTo: 65536)
  }

  /// Everything that makes up the machine, as checksums by name.
  public func digest() throws -> MachineDigest {
    var parts: [MachineDigest.Part] = []
    // First, because saving does what is due.
    let states = try machine.saveState()
    for block in machine.board?.memoryBlocks ?? [] {
      parts.append(.init(name: block.name, sum: MachineDigest.sum(UnsafeRawBufferPointer(block.contents))))
    }
    for part in states {
      parts.append(.init(name: part.name, sum: part.bytes.withUnsafeBytes { MachineDigest.sum($0) }))
    }
    return MachineDigest(count: instructionCount, parts: parts)
  }
}

/// Checksums of a machine's memory and state parts, comparable by name.
public struct MachineDigest: Equatable, Sendable {
  public struct Part: Equatable, Sendable {
    public var name: String
    public var sum: UInt64
  }

  public var count: UInt64
  public var parts: [Part]

  /// What differs, in words; empty when nothing does.
  public func differences(from other: MachineDigest) -> [String] {
    var result = count == other.count ? [] : ["count \(count) and \(other.count)"]
    if parts.map(\.name) != other.parts.map(\.name) { result.append("other parts") }
    result += zip(parts, other.parts).filter { $0 != $1 }.map { $0.0.name }
    return result
  }

  /// Position-dependent, and quick over zeros.
  static func sum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = UInt64(bytes.count)
    let words = bytes.count / 8
    for index in 0..<words {
      let word = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
      if word != 0 { mix(&sum, word, index) }
    }
    for index in words * 8..<bytes.count { mix(&sum, UInt64(bytes[index]), index) }
    return sum
  }

  private static func mix(_ sum: inout UInt64, _ word: UInt64, _ index: Int) {
    sum = (sum ^ word ^ UInt64(index) &* 0xff51_afd7_ed55_8ccd) &* 0x9e37_79b9_7f4a_7c15
    sum ^= sum >> 29
  }
}
