// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Options
import PC
import X86

/// Our machine, stepped in this process. Its devices answer, but their timers and interrupts stand still while it is
/// stepped.
final class Subject {
  let machine: Machine
  let board: PC440FX
  let processor: Processor

  init(_ options: [String]) throws {
    guard case .run(let launch) = try OptionParser.parse(options.map { BytePath($0) }) else {
      throw LockstepError("The options start no machine.")
    }
    var configuration = launch.machine
    // Runs of a single instruction are exact only under instruction counting.
    configuration.instructionCounting = .init(shift: 0, sleeps: false)
    let loop = try EventLoop()
    try loop.start()
    let chardevs = ChardevTable(loop: loop)
    for request in launch.chardevs { try chardevs.open(id: request.id, request.configuration) }
    machine = try Machine(configuration, chardevs: chardevs)
    guard let board = machine.board else { throw LockstepError("The options describe no board.") }
    self.board = board
    processor = board.processor
    board.commitMap()
  }

  var memoryByteCount: UInt64 { machine.configuration.memoryByteCount }

  var registers: Registers {
    var registers = Registers()
    // The stub shows 32 bits, and eight registers, outside 64-bit mode.
    let isLong = processor.codeSize == .bits64
    for number in 0..<(isLong ? 16 : 8) {
      registers.general[number] = isLong ? processor.register(number) : processor.register(number) & 0xffff_ffff
    }
    registers.ip = processor.instructionPointer
    registers.flags = processor.flags & Registers.flagMask
    for number in 0..<6 { registers.selectors[number] = processor.segment(number).selector }
    registers.fsBase = processor.segment(4).base
    registers.gsBase = processor.segment(5).base
    registers.cr0 = processor.cr0
    registers.cr2 = processor.cr2
    registers.cr3 = processor.cr3
    registers.cr4 = processor.cr4
    registers.efer = processor.efer
    return registers
  }

  func step() -> Processor.Step {
    let step = processor.stepInstruction()
    board.commitMap()
    return step
  }

  /// Runs freely, devices and all, until the instruction at `linear` is next.
  func run(to linear: UInt64) throws {
    repeat {
      if machine.run(toInstruction: processor.instructionCount + 1) != nil {
        throw LockstepError("Our machine ended on its way to \(GDBConnection.hex(linear, digits: 1)).")
      }
    } while linearIP != linear
  }

  /// Linear address of the next instruction.
  var linearIP: UInt64 { linear(1, processor.instructionPointer) }

  /// Linear address of an offset in a segment.
  func linear(_ segment: Int, _ offset: UInt64) -> UInt64 {
    if processor.codeSize == .bits64 { return segment < 4 ? offset : processor.segment(segment).base &+ offset }
    return (processor.segment(segment).base &+ offset) & 0xffff_ffff
  }

  /// Bytes of RAM and ROM at a linear address, as far as they are mapped.
  func bytes(at linear: UInt64, count: Int) -> [UInt8] {
    pieces(linear, count).flatMap { piece in
      [UInt8](unsafeUninitializedCapacity: piece.count) { buffer, initialized in
        board.memory.readAsDebugger(
          piece.physical,
          into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<piece.count]))
        initialized = piece.count
      }
    }
  }

  /// A linear range as physical ones; what is not mapped is left out.
  func pieces(_ linear: UInt64, _ count: Int) -> [(physical: UInt64, count: Int)] {
    var result: [(physical: UInt64, count: Int)] = []
    var done = 0
    while done < count {
      let at = linear &+ UInt64(done)
      let piece = min(count - done, 0x1000 - Int(at & 0xfff))
      if let physical = processor.translate(at) { result.append((physical, piece)) }
      done += piece
    }
    return result
  }
}

/// Main memory of both machines, as one array of bytes each.
struct Memories {
  let ours: UnsafeMutableRawPointer
  let theirs: UnsafeMutableRawPointer
  let byteCount: Int
  /// RAM below the PCI hole.
  private let lowByteCount: UInt64
  private let board: PC440FX

  init(_ subject: Subject, _ reference: Reference) {
    ours = subject.board.ram.base
    theirs = reference.memory.base
    byteCount = Int(subject.memoryByteCount)
    lowByteCount = subject.memoryByteCount >= 0xe000_0000 ? 0xc000_0000 : subject.memoryByteCount
    board = subject.board
  }

  /// Position in RAM of a physical range; nil for devices, video memory and ROM.
  func position(_ physical: UInt64, _ count: Int) -> Int? {
    if physical >= 1 << 32 {
      let position = physical - 1 << 32 + lowByteCount
      return position + UInt64(count) <= UInt64(byteCount) ? Int(position) : nil
    }
    guard physical + UInt64(count) <= lowByteCount, !(0xa0000..<0xc0000).contains(physical) else { return nil }
    // Shadowed or not, the RAM behind C0000h is what a store changes, if it changes anything.
    return Int(physical)
  }

  private func address(_ position: Int) -> UInt64 {
    let position = UInt64(position)
    return position < lowByteCount ? position : position - lowByteCount + 1 << 32
  }

  func isEqual(_ physical: UInt64, _ count: Int) -> Bool {
    guard let position = position(physical, count) else { return true }
    return (position..<position + count).allSatisfy {
      ours.load(fromByteOffset: $0, as: UInt8.self) == theirs.load(fromByteOffset: $0, as: UInt8.self)
    }
  }

  func bytes(_ physical: UInt64, _ count: Int) -> (ours: [UInt8], theirs: [UInt8]) {
    guard let position = position(physical, count) else { return ([], []) }
    return (
      Array(UnsafeRawBufferPointer(start: ours + position, count: count)),
      Array(UnsafeRawBufferPointer(start: theirs + position, count: count))
    )
  }

  /// Physical addresses of the pages that differ.
  func differingPages() -> [UInt64] {
    stride(from: 0, to: byteCount, by: 4096).filter { !isEqualPage($0) }.map { address($0) }
  }

  private func isEqualPage(_ position: Int) -> Bool {
    var difference: UInt64 = 0
    for offset in stride(from: position, to: position + 4096, by: 8) {
      difference |=
        ours.load(fromByteOffset: offset, as: UInt64.self) ^ theirs.load(fromByteOffset: offset, as: UInt64.self)
    }
    return difference == 0
  }

  /// Copies the other machine's bytes into ours.
  func adopt(_ physical: UInt64, _ count: Int) {
    guard let position = position(physical, count) else { return }
    (ours + position).copyMemory(from: theirs + position, byteCount: count)
    board.processor.physicalMemoryWritten(physical, length: UInt64(count))
  }

  /// Copies all pages that differ.
  func adoptAll() { for page in differingPages() { adopt(page, 4096) } }
}
