// SPDX-License-Identifier: Apache-2.0
import Platform
import X86

/// A guest whose processor goes on no more.
public struct GuestHang: Sendable, Equatable {
  public enum Reason: String, Sendable, CaseIterable {
    /// HLT with interrupts masked.
    case halted
    /// A loop with interrupts masked, which nothing ends.
    case spinning
  }
  public var reason: Reason
  public var processor: ProcessorSnapshot
  /// Instructions of the loop; nil when halted.
  public var instructionCount: Int?
}

/// Looks for a processor that neither works nor waits for anything. Looking changes nothing of the run.
///
/// A loop is looked for at multiples of 65,536 executed instructions, so that under instruction counting what is found
/// follows from the run alone. Registers that are what they were at an earlier such instant, while interrupts are masked, are
/// the hint; a `LookAhead` then proves it.
///
/// Not noticed: loops of more than 4,096 instructions, and those whose rounds differ in what they write to memory. Of those
/// whose length has an odd factor above 8 it may take some 64 million instructions until they are, and with one above 1,024
/// they may never be.
struct HangWatch {
  static let interval: UInt64 = 1 << 16
  /// Instants between two that are remembered for long.
  private static let anchorDistance: UInt64 = 1024
  /// Instants between two proofs that are tried of one thing: a guest may wait for a port for long.
  private static let proofDistance: UInt64 = 4
  private static let loopLimit = 4096

  /// Registers at the last instants, by their numbers.
  private var recent: [(number: UInt64, registers: Registers)] = []
  private var anchor: Registers?
  private var hasMetAnchor = false
  private var nextNumber: UInt64 = 0
  private var isTold = false
  private var lookAhead: LookAhead?
  /// The instruction count at which a halt was told.
  private var toldHalt: UInt64?

  /// Instructions until the next instant.
  static func distance(from count: UInt64) -> Int64 { Int64(interval - count % interval) }

  /// A slice has ended; the loop that the processor is in, if it is found now for the first time.
  mutating func sliceEnded(_ processor: Processor) -> EndlessLoop? {
    let number = processor.instructionCount / Self.interval
    guard number >= nextNumber else { return nil }
    nextNumber = number + 1
    guard processor.flags & 1 << 9 == 0 else {
      forget()
      return nil
    }
    guard isWorthProof(Registers(processor), number) else { return nil }
    let lookAhead = lookAhead ?? LookAhead(processor)
    self.lookAhead = lookAhead
    guard let loop = lookAhead.endlessLoop(atMost: Self.loopLimit) else {
      isTold = false
      return nil
    }
    return isTold ? nil : loop
  }

  private mutating func isWorthProof(_ registers: Registers, _ number: UInt64) -> Bool {
    defer {
      if recent.count == 8 { recent.removeFirst() }
      recent.append((number, registers))
      if number % Self.anchorDistance == 0 { (anchor, hasMetAnchor) = (registers, false) }
    }
    // Whoever is known to hang is only asked now and then whether that is over.
    if isTold { return number % Self.anchorDistance == 0 }
    if registers == anchor, !hasMetAnchor {
      hasMetAnchor = true
      return true
    }
    return number % Self.proofDistance == 0 && (registers == anchor || recent.contains { $0.registers == registers })
  }

  private mutating func forget() {
    if recent.isEmpty, anchor == nil { return }
    (recent, anchor, hasMetAnchor, isTold, lookAhead) = ([], nil, false, false, nil)
  }

  /// The loop found last was told, and is not told again.
  mutating func loopWasTold() { isTold = true }

  /// The processor waits for an interrupt; true once when none can come.
  mutating func halted(_ processor: Processor) -> Bool {
    guard processor.isHaltedForGood, toldHalt != processor.instructionCount else { return false }
    toldHalt = processor.instructionCount
    return true
  }

  mutating func reset() { self = HangWatch() }
}
