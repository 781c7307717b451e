// SPDX-License-Identifier: Apache-2.0

/// A loop that the processor cannot leave by itself: after some instructions its whole state is what it was.
public struct EndlessLoop: Sendable, Equatable {
  /// Instructions of one round.
  public var instructionCount: Int
  /// It reads memory (or writes what is there already), so that others who write that memory could end it.
  public var readsMemory: Bool
}

/// A second processor that goes ahead of another one, in the same memory, to see where that is bound to come. The other one,
/// memory and devices stay as they are: what would change or ask one of them ends the look.
///
/// A round that brings back the whole state, translations included, with memory as it was, is followed by the same round
/// for ever, unless an interrupt is taken or somebody else writes memory that it reads.
public final class LookAhead {
  /// Rounds until what only the first one did (filling a translation, an accessed bit that was missing) is over.
  private static let roundLimit = 3

  private let original: Processor
  private lazy var processor = Processor(machine: interface)
  /// Something was asked for that is not memory, or memory would have changed.
  private var hasEffect = false
  private var readsMemory = false

  public init(_ processor: Processor) { original = processor }

  /// The loop that the processor is in, if it has at most so many instructions and nothing interrupts it. Only between
  /// runs.
  public func endlessLoop(atMost limit: Int) -> EndlessLoop? {
    processor.cpu.pointee.features = original.cpu.pointee.features
    var image = ProcessorImage(original)
    image.store(in: processor)
    (hasEffect, readsMemory) = (false, false)
    var count = 0
    for _ in 0..<Self.roundLimit {
      let place = Registers(processor)
      let start = count
      repeat {
        guard count < limit, case .executed = processor.stepInstruction(), !hasEffect, !canBeInterrupted else {
          return nil
        }
        count += 1
      } while Registers(processor) != place
      var next = ProcessorImage(processor)
      next.instructionCount = image.instructionCount
      if next == image { return EndlessLoop(instructionCount: count - start, readsMemory: readsMemory) }
      image = next
    }
    return nil
  }

  private var canBeInterrupted: Bool {
    processor.cpu.pointee.systemFlags & Flags.interrupt != 0 && !processor.isInterruptInhibited
  }

  // MARK: The world as it sees it

  private static func of(_ context: MachineInterface.Context) -> LookAhead {
    Unmanaged<LookAhead>.fromOpaque(context).takeUnretainedValue()
  }

  /// No page has a host address here, so that every access comes to `read` or `write`.
  ///
  /// Safe: `processor`, which alone makes these calls, lives no longer than this object.
  private var interface: MachineInterface {
    MachineInterface(
      context: Unmanaged.passUnretained(self).toOpaque(),
      portRead: { context, _, _ in
        LookAhead.of(context).hasEffect = true
        return 0
      },
      portWrite: { context, _, _, _ in LookAhead.of(context).hasEffect = true },
      mmioRead: { context, address, size in LookAhead.of(context).read(address, Int(size)) },
      mmioWrite: { context, address, size, value in LookAhead.of(context).write(address, Int(size), value) },
      page: { _, _, result in
        result.storeBytes(of: PhysicalPage(readAddress: 0, writeAddress: 0), as: PhysicalPage.self)
      },
      codePage: { _, _, _ in },
      pageWritten: { _, _ in },
      interruptAcknowledge: { context in
        LookAhead.of(context).hasEffect = true
        return -1
      },
      msrRead: { context, _, _ in
        LookAhead.of(context).hasEffect = true
        return false
      },
      msrWrite: { context, _, _ in
        LookAhead.of(context).hasEffect = true
        return false
      },
      taskPriorityRead: { context in
        LookAhead.of(context).hasEffect = true
        return 0
      },
      taskPriorityWrite: { context, _ in LookAhead.of(context).hasEffect = true },
      timeStamp: { context in
        LookAhead.of(context).hasEffect = true
        return 0
      },
      ferr: { context, _ in LookAhead.of(context).hasEffect = true },
      random: { context, _ in
        LookAhead.of(context).hasEffect = true
        return false
      })
  }

  /// What is behind a page for the original.
  private func page(_ address: UInt64) -> PhysicalPage {
    let machine = original.cpu.pointee.machine
    var page = PhysicalPage(readAddress: 0, writeAddress: 0)
    machine.page(machine.context, address & ~0xfff, &page)
    return page
  }

  private func load(_ base: UInt, _ address: UInt64, _ size: Int) -> UInt64 {
    guard let bytes = UnsafeRawPointer(bitPattern: base) else { return 0 }
    var value: UInt64 = 0
    for index in 0..<size {
      let byte = (bytes + Int(address & 0xfff)).load(fromByteOffset: index, as: UInt8.self)
      value |= UInt64(byte) << UInt64(8 * index)
    }
    return value
  }

  private func read(_ address: UInt64, _ size: Int) -> UInt64 {
    let base = page(address).readAddress
    guard base != 0 else {
      hasEffect = true
      return 0
    }
    // While an instruction is fetched its step is still to be done.
    if processor.cpu.pointee.remaining == 0 { readsMemory = true }
    return load(base, address, size)
  }

  /// Writing what is there already changes nothing.
  private func write(_ address: UInt64, _ size: Int, _ value: UInt64) {
    readsMemory = true
    let base = page(address).writeAddress
    if base == 0 || load(base, address, size) != value { hasEffect = true }
  }
}

/// What of a processor's state differs from instruction to instruction: a quick look before a thorough one.
public struct Registers: Equatable, Sendable {
  private var low = SIMD8<UInt64>()
  private var high = SIMD8<UInt64>()
  private var instructionPointer: UInt64
  private var flags: UInt32

  public init(_ processor: Processor) {
    for index in 0..<8 {
      low[index] = processor.register(index)
      high[index] = processor.register(index + 8)
    }
    (instructionPointer, flags) = (processor.instructionPointer, processor.flags)
  }
}
