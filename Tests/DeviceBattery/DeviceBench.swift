// SPDX-License-Identifier: Apache-2.0
import Platform

/// One device on a bench: a clock the test turns, the ways in (ports, memory, stimuli) and the ways out that are watched.
///
/// The battery builds several equal benches with `make` and compares what they do.
public struct DeviceBench {
  public let device: any Device
  /// Other devices on the bench, saved and loaded with it.
  public fileprivate(set) var companions: [any Device] = []
  private var kept: [AnyObject] = []
  public let clock: VirtualClock
  public let ports = PortSpace()
  public let memory: GuestMemory
  public fileprivate(set) var portRanges: [ClosedRange<UInt16>] = []
  public fileprivate(set) var memoryRanges: [Range<PhysicalAddress>] = []
  public fileprivate(set) var outputs: [(name: String, line: IRQLine)] = []
  public fileprivate(set) var stimuli: [(UInt64) -> Void] = []
  public fileprivate(set) var observations: [() -> [UInt8]] = []
  /// Longest clock step between two accesses, in nanoseconds.
  public var longestStep: Nanoseconds = 2 * .millisecond
  let log = BenchLog()

  /// A bench around a device that `build` makes from a clock, a port space and a memory.
  public init(_ build: (inout DeviceBench.Parts) -> any Device) {
    let clock = VirtualClock()
    let memory = GuestMemory()
    var parts = Parts(clock: clock, ports: ports, memory: memory, log: log)
    let device = build(&parts)
    memory.map.commit()
    self.device = device
    self.clock = clock
    self.memory = memory
    portRanges = parts.portRanges
    memoryRanges = parts.memoryRanges
    outputs = parts.outputs
    stimuli = parts.stimuli
    observations = parts.observations
    longestStep = parts.longestStep
    companions = parts.companions
    kept = parts.kept
    for companion in companions { companion.reset(.power) }
    device.reset(.power)
    memory.map.commit()
    log.lines = []
  }

  /// What a device is built from, and where its builder says how to drive and watch it.
  public struct Parts {
    public let clock: VirtualClock
    public let ports: PortSpace
    public let memory: GuestMemory
    let log: BenchLog
    var portRanges: [ClosedRange<UInt16>] = []
    var memoryRanges: [Range<PhysicalAddress>] = []
    var outputs: [(name: String, line: IRQLine)] = []
    var stimuli: [(UInt64) -> Void] = []
    var observations: [() -> [UInt8]] = []
    var companions: [any Device] = []
    var kept: [AnyObject] = []
    public var longestStep: Nanoseconds = 2 * .millisecond

    /// A device whose state the one under test depends on: saved and loaded with it, not mutated.
    public mutating func companion(_ device: any Device) { companions.append(device) }
    /// Keeps an object alive as long as the bench.
    public mutating func keep(_ object: AnyObject) { kept.append(object) }
    /// Ports that the battery accesses at random (map the device there too).
    public mutating func exercise(ports range: ClosedRange<UInt16>) { portRanges.append(range) }
    /// Memory that the battery accesses at random through the map.
    public mutating func exercise(memory range: Range<PhysicalAddress>) { memoryRanges.append(range) }
    /// A line that the device drives; its edges are logged.
    public mutating func output(_ name: String) -> IRQLine {
      let log = log
      let line = IRQLine { log.lines.append("\(name) \($0 ? 1 : 0)") }
      outputs.append((name, line))
      return line
    }
    /// Something that happens to the device from outside (a key, a byte, an input line), given a random word.
    public mutating func stimulus(_ action: @escaping (UInt64) -> Void) { stimuli.append(action) }
    /// Something else that must be equal after equal histories (RAM written by DMA, bytes sent to a back end).
    public mutating func observe(_ read: @escaping () -> [UInt8]) { observations.append(read) }
    /// Notes an effect outside the registers in the log that is compared.
    public func note(_ text: String) { log.lines.append(text) }
    /// Closure form of `note`, for capture by the device's callbacks.
    public var recorder: (String) -> Void {
      let log = log
      return { log.lines.append($0) }
    }
  }
}

/// What a bench's device did, in order.
final class BenchLog {
  var lines: [String] = []
}

/// A small, fast, seeded generator (splitmix64), equal on every host.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  public init(seed: UInt64) { state = seed }
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension DeviceBench {
  /// One random access, clock step or stimulus; what was read goes into the log.
  func step(_ generator: inout SeededGenerator) {
    let choice = generator.next() % 16
    let word = generator.next()
    let width = [AccessWidth.byte, .byte, .byte, .word, .dword][Int(generator.next() % 5)]
    if choice < 2 {
      clock.advance(by: Nanoseconds(word % UInt64(longestStep) >> (word >> 48 & 15)))  // short ones more often
    } else if choice < 5, !stimuli.isEmpty {
      stimuli[Int(word >> 32) % stimuli.count](generator.next())
    } else if !memoryRanges.isEmpty, portRanges.isEmpty || choice & 1 == 0 {
      let range = memoryRanges[Int(word >> 40) % memoryRanges.count]
      let span = range.upperBound - range.lowerBound
      let address = (range.lowerBound + word % span) & ~UInt64(width.rawValue - 1)
      if word >> 60 & 1 == 0 {
        log.lines.append("m \(memory.busRead(address, width))")
      } else {
        memory.busWrite(address, width, generator.next())
      }
    } else if !portRanges.isEmpty {
      let range = portRanges[Int(word >> 40) % portRanges.count]
      let port = range.lowerBound &+ UInt16(word % UInt64(range.count))
      if word >> 60 & 1 == 0 {
        log.lines.append("p \(ports.read(port, width))")
      } else {
        ports.write(port, width, UInt32(truncatingIfNeeded: generator.next()))
      }
    }
    memory.map.commit()
  }

  func run(steps: Int, _ generator: inout SeededGenerator) {
    for _ in 0..<steps { step(&generator) }
  }

  /// Everything that must be equal after equal histories.
  func outcome(includingState: Bool = true) -> [String] {
    var result = log.lines
    for (name, line) in outputs { result.append("level \(name) \(line.level)") }
    for (index, read) in observations.enumerated() { result.append("observed \(index) \(digest(read()))") }
    result.append("deadline \(clock.nextDeadline.map(String.init) ?? "none")")
    if includingState { result += ([device] + companions).map { "state \($0.save())" } }
    return result
  }

  /// FNV-1a: tells unequal contents apart without printing them.
  private func digest(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// Blocks of RAM on the bench, each once.
  private var blocks: [RAMBlock] {
    var found: [RAMBlock] = []
    for region in memory.map.regions {
      switch region.backing {
      case .ram(let block, _, _), .romd(let block, _, _):
        if !found.contains(where: { $0 === block }) { found.append(block) }
      default: break
      }
    }
    return found
  }

  /// Everything that a bench in another process would be given: states, RAM and the time.
  struct Snapshot {
    let images: [[UInt8]]
    let memory: [[UInt8]]
    let now: Nanoseconds
  }

  func snapshot() -> Snapshot {
    Snapshot(
      images: ([device] + companions).map { $0.save() }, memory: blocks.map { Array($0.contents) }, now: clock.now)
  }

  /// Makes a fresh bench continue from a snapshot, without field `dropped` of the device if given; false if refused.
  func restore(_ snapshot: Snapshot, dropping dropped: Int? = nil) -> Bool {
    clock.advance(by: snapshot.now)
    for (block, bytes) in zip(blocks, snapshot.memory) { block.contents.copyBytes(from: bytes) }
    do throws(StateError) {
      for (companion, image) in zip(companions, snapshot.images.dropFirst()) { try companion.load(image) }
      if let dropped {
        guard device.load(snapshot.images[0], dropping: dropped) else { return false }
      } else {
        try device.load(snapshot.images[0])
      }
    } catch {
      return false
    }
    memory.map.commit()
    log.lines = []
    return true
  }
}
