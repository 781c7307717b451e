// SPDX-License-Identifier: Apache-2.0
import X86

/// The first difference, with what led to it.
struct Difference: Error {
  var reasons: [String]
}

/// Steps both machines and compares them after each instruction.
final class Comparison {
  struct Settings {
    /// Instructions to compare.
    var steps: UInt64 = 20_000
    /// All of memory is compared every so many steps.
    var memoryInterval: UInt64 = 2_000
    /// Interrupts are allowed for one step every so many; 0: only in HLT.
    var interruptInterval: UInt64 = 0
    /// Registers that are left out.
    var ignored: Set<String> = []
    /// Before this step RBX of our processor is changed, to see that it is noticed.
    var perturbedStep: UInt64?
  }

  /// One executed instruction, for the report.
  struct Entry {
    var number: UInt64
    var selector: UInt16
    var ip: UInt64
    var instruction: Instruction?
    var note = ""
  }

  let subject: Subject
  let reference: Reference
  let memories: Memories
  let settings: Settings
  private(set) var count: UInt64 = 0
  private(set) var adoptedCount = 0
  private(set) var interruptCount = 0
  private(set) var exceptionCount = 0
  private(set) var history: [Entry] = []
  /// Why the run ended before its number of steps.
  private(set) var ending: String?
  private(set) var ours = Registers()
  private(set) var theirs = Registers()
  private var lastMemoryCheck: UInt64 = 0
  private var reasons: [String] = []
  /// The last step of ours delivered an exception.
  private var raisedException = false

  init(_ subject: Subject, _ reference: Reference, _ settings: Settings) {
    self.subject = subject
    self.reference = reference
    memories = Memories(subject, reference)
    self.settings = settings
  }

  func run() throws {
    ours = subject.registers
    theirs = try reference.registers()
    try check("before the first step")
    while count < settings.steps || history.last?.instruction?.mnemonic == .pause, ending == nil { try advance() }
    try checkAllMemory()
  }

  private var processor: Processor { subject.processor }

  private func advance() throws {
    let plan = Plan(subject, memories)
    raisedException = false
    history.append(
      Entry(number: count, selector: ours.selectors[1], ip: ours.ip, instruction: plan.instruction))
    if history.count > 20 { history.removeFirst() }
    if plan.startsTransfer { try checkAllMemory() }
    if count == settings.perturbedStep { processor.setRegister(3, processor.register(3) ^ 1) }

    if plan.instruction?.mnemonic == .pause {
      // A step of the reference machine does not end after PAUSE; its next one will have executed both.
      _ = subject.step()
      count += 1
      ours = subject.registers
      return
    }
    if plan.isHalt {
      try halt()
    } else if plan.iterations > 8, let instruction = plan.instruction, !plan.touchesDevice,
      plan.isRunAtOnce(instruction, processor)
    {
      try runToEnd(plan, instruction)
    } else {
      try stepBoth(plan)
    }
    guard ending == nil else { return }
    adopt(plan)
    try compareMemory(plan)
    try check(nil)
    if count - lastMemoryCheck >= settings.memoryInterval { try checkAllMemory() }
  }

  // MARK: Steps

  private func stepBoth(_ plan: Plan) throws {
    let allowsInterrupt =
      settings.interruptInterval > 0 && count % settings.interruptInterval == 0 && ours.flags & 0x200 != 0
      && plan.cannotFault && !processor.isInterruptInhibited && theirs == ours
    guard try reference.step(interrupts: allowsInterrupt) else {
      throw LockstepError("The reference machine does not come back from a step.")
    }
    let before = theirs, start = ours
    theirs = try reference.registers()
    for _ in 0..<3 where allowsInterrupt && theirs == before {
      _ = try reference.step(interrupts: true)
      theirs = try reference.registers()
    }
    if allowsInterrupt, let vector = interruptTaken(from: before, returnIP: before.ip) {
      interrupt(vector)
      return
    }
    count += 1
    switch subject.step() {
    case .executed: break
    case .exception(let vector): noteException(vector)
    case .halted: reasons.append("our processor is halted")
    case .shutDown: ending = "our processor shut down after a triple fault"
    }
    ours = subject.registers
    // An instruction breakpoint on the next instruction is met in the same step there.
    if ours.ip != theirs.ip, processor.debugRegister(7) & 0xff != 0, case .exception(let vector) = subject.step() {
      noteException(vector)
      ours = subject.registers
    }
    // Looking at its interrupt requests may be all that the reference machine does in a step.
    for _ in 0..<3 where theirs == start && ours != start {
      _ = try reference.step()
      theirs = try reference.registers()
    }
  }

  private func noteException(_ vector: UInt8) {
    exceptionCount += 1
    raisedException = true
    note("exception \(vector)")
  }

  /// HLT ends when an interrupt comes, which needs the timers of the reference machine.
  private func halt() throws {
    let before = theirs
    _ = subject.step()
    count += 1
    guard before.flags & 0x200 != 0 || processor.isInterruptInhibited else {
      ending = "both machines halt with interrupts disabled"
      return
    }
    for _ in 0..<4 {
      guard try reference.step(interrupts: true, within: 20_000) else {
        ending = "the reference machine waits in HLT and no interrupt comes"
        return
      }
      theirs = try reference.registers()
      if let vector = interruptTaken(from: before, returnIP: processor.instructionPointer) {
        return interrupt(vector)
      }
    }
    reasons.append("the reference machine left HLT without an interrupt that its vector table knows")
    ours = subject.registers
  }

  private func interrupt(_ vector: UInt8) {
    interruptCount += 1
    note("interrupt \(vector)")
    processor.takeInterrupt(vector)
    ours = subject.registers
  }

  private func note(_ text: String) {
    guard let last = history.indices.last else { return }
    history[last].note += " [\(text)]"
  }

  /// The external interrupt whose handler the reference machine is about to enter, coming from `returnIP`.
  private func interruptTaken(from before: Registers, returnIP: UInt64) -> UInt8? {
    guard theirs != before, theirs.ip != returnIP || theirs.selectors[1] != before.selectors[1] else { return nil }
    let table = processor.interruptDescriptorTable
    let isReal = theirs.cr0 & 1 == 0, isLong = theirs.efer & 0x400 != 0
    let stride = isReal ? 4 : isLong ? 16 : 8
    for vector in (0..<256).reversed() {
      guard vector * stride + stride - 1 <= Int(table.limit) else { continue }
      let entry = subject.bytes(at: table.base &+ UInt64(vector * stride), count: stride)
      guard entry.count == stride else { continue }
      func word(_ index: Int) -> UInt64 { UInt64(entry[index]) | UInt64(entry[index + 1]) << 8 }
      var offset = word(0), selector = word(2)
      if isReal {
        (offset, selector) = (word(0), word(2))
      } else {
        offset |= word(6) << 16
        if isLong { offset |= word(8) << 32 | word(10) << 48 }
      }
      guard offset == theirs.ip, selector & 0xfffc == UInt64(theirs.selectors[1]) & 0xfffc else { continue }
      return UInt8(vector)
    }
    return nil
  }

  /// Lets a repeated string instruction run to its end on both machines.
  private func runToEnd(_ plan: Plan, _ instruction: Instruction) throws {
    let end = plan.linear &+ UInt64(instruction.length)
    let started = count
    let ip = ours.ip
    repeat {
      guard subject.step() == .executed else {
        reasons.append("a repeated instruction raised an exception here")
        break
      }
      count += 1
    } while processor.instructionPointer == ip
    ours = subject.registers
    guard reasons.isEmpty else { return }
    try reference.run(to: end)
    theirs = try reference.registers()
    note("\(count - started) iterations")
  }

  // MARK: What need not agree

  private func adopt(_ plan: Plan) {
    if plan.isIdentification {
      for number in [0, 1, 2, 3] where theirs.general[number] != ours.general[number] {
        do { try reference.setGeneral(number, ours.general[number]) } catch { reasons.append("\(error)") }
        theirs.general[number] = ours.general[number]
      }
    }
    for number in plan.adoptedRegisters where theirs.general[number] != ours.general[number] {
      processor.setRegister(number, theirs.general[number])
      ours.general[number] = theirs.general[number]
      adoptedCount += 1
    }
    let flags = plan.touchesDevice ? plan.undefinedFlags | 0x8d5 : plan.undefinedFlags
    if (ours.flags ^ theirs.flags) & flags != 0 {
      ours.flags = ours.flags & ~flags | theirs.flags & flags
      processor.flags = processor.flags & ~flags | theirs.flags & flags
    }
    if plan.adoptsOperand {
      for piece in plan.touched { memories.adopt(piece.physical, piece.count) }
      for piece in stackPieces() where plan.touchesDevice { memories.adopt(piece.physical, piece.count) }
      adoptedCount += 1
    }
    if plan.startsTransfer { memories.adoptAll() }
  }

  // MARK: Comparing

  /// The bytes around the top of the stack.
  private func stackPieces() -> [(physical: UInt64, count: Int)] {
    let top = processor.register(4)
    let isWide = processor.codeSize == .bits64 || processor.segment(2).attributes >> 14 & 1 != 0
    let offset = isWide ? top : top & 0xffff
    return subject.pieces(subject.linear(2, offset &- 32), 96)
  }

  private func compareMemory(_ plan: Plan) throws {
    let pieces = plan.touched + stackPieces()
    guard !pieces.allSatisfy({ memories.isEqual($0.physical, $0.count) }) else { return }
    forgiveAccessedBits()
    if raisedException { forgiveResumeFlag() }
    for piece in pieces where !memories.isEqual(piece.physical, piece.count) {
      let (ours, theirs) = memories.bytes(piece.physical, piece.count)
      let first = zip(ours, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
      let end = min(first + 16, ours.count)
      reasons.append(
        "memory at physical \(GDBConnection.hex(piece.physical + UInt64(first), digits: 8)): "
          + "ours \(Comparison.text(ours[first..<end])), theirs \(Comparison.text(theirs[first..<end]))")
    }
  }

  /// Loading CS sets the accessed bit of its descriptor, which the reference machine does not always do: such bits of
  /// the global descriptor table become the reference machine's.
  private func forgiveAccessedBits() {
    let table = processor.globalDescriptorTable
    for entry in stride(from: 8, to: Int(table.limit), by: 8) {
      for piece in subject.pieces(table.base &+ UInt64(entry + 5), 1) {
        let (ours, theirs) = memories.bytes(piece.physical, 1)
        // A code or data segment whose bytes differ in the lowest bit only.
        if let our = ours.first, let their = theirs.first, our ^ their == 1, our & 0x10 != 0 {
          memories.adopt(piece.physical, 1)
        }
      }
    }
  }

  /// A fault saves EFLAGS with RF set, which the reference machine does not do.
  private func forgiveResumeFlag() {
    for piece in stackPieces() {
      let (ours, theirs) = memories.bytes(piece.physical, piece.count)
      let differing = ours.indices.filter { ours[$0] != theirs[$0] }
      guard differing.count == 1, let index = differing.first, ours[index] ^ theirs[index] == 1 else { continue }
      memories.adopt(piece.physical + UInt64(index), 1)
    }
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    bytes.map { GDBConnection.hex(UInt64($0), digits: 2) }.joined(separator: " ")
  }

  private func checkAllMemory() throws {
    if !memories.differingPages().isEmpty { forgiveAccessedBits() }
    for page in memories.differingPages() {
      let (ours, theirs) = memories.bytes(page, 4096)
      guard let first = zip(ours, theirs).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset else {
        continue
      }
      let end = min(first + 16, 4096)
      reasons.append(
        "memory at physical \(GDBConnection.hex(page + UInt64(first), digits: 8)), since step \(lastMemoryCheck): ours "
          + "\(Comparison.text(ours[first..<end])), theirs \(Comparison.text(theirs[first..<end]))")
      if reasons.count > 8 { break }
    }
    lastMemoryCheck = count
    if !reasons.isEmpty { throw Difference(reasons: reasons) }
  }

  private func check(_ place: String?) throws {
    for (our, their) in zip(ours.named, theirs.named)
    where our.value != their.value && !settings.ignored.contains(our.name) {
      reasons.append("\(our.name) differs" + (place.map { " " + $0 } ?? ""))
    }
    if !reasons.isEmpty { throw Difference(reasons: reasons) }
  }
}
