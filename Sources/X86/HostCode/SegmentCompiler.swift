// SPDX-License-Identifier: Apache-2.0

/// Translates a segment, a run of ops inside a block, to host code that does what their handlers do, one after the other.
///
/// Guest registers stay in host registers from one op to the next; each change is written to `CPUState` at once, so that the
/// code can stop before any op and let that op's handler do it: it does so where a memory operand is not in the fast table,
/// and where the branch at the end is not linked or may not be taken yet. Whatever is slow, faults or has effects outside
/// plain memory is so done by handlers. What leads to handlers stands apart from the rest, which then takes up fewer of the
/// lines that a guest that has slept finds no longer in the host's cache.
///
/// Registers: RDI the `CPUState`, RSI the segment's head, R15 the fast table, RAX, RCX and RDX scratch, the others guest
/// registers.
struct SegmentCompiler {
  var asm: HostAssembler
  /// What the exits lead to, and how far it stands from the rest.
  var exitCode: HostAssembler
  let exitDistance: Int
  let ops: UnsafeMutablePointer<Op>
  let operations: UnsafeMutablePointer<HostOperation>
  /// Ops of the segment.
  let count: Int
  /// Which 8-byte slot of the state each host register holds; `nothing`.
  private var held: InlineArray<16, UInt8> = .init(repeating: nothing)
  private var lastUse: InlineArray<16, Int> = .init(repeating: 0)
  /// The op that is translated.
  var slot = 0
  /// Jumps to what lets the handler of an op do it, and which op.
  var exits: [(jump: Int, slot: Int)] = []
  /// Flags that are stored only where the code stops before the op that overwrites them.
  var deferred = DeferredFlags()
  var exitFlags: [DeferredFlags] = []

  private static let nothing: UInt8 = 0xff
  private static let zeroSlot = StateOffset.zero >> 3
  private static let pool: InlineArray<9, HostRegister> = [.r8, .r9, .r10, .r11, .rbx, .rbp, .r12, .r13, .r14]

  /// `ops` and `operations` are `count` ops that follow the head; `exitDistance` bytes after `asm`'s first comes `exitCode`'s.
  init(
    _ asm: HostAssembler, exitCode: HostAssembler, exitDistance: Int, ops: UnsafeMutablePointer<Op>,
    operations: UnsafeMutablePointer<HostOperation>, count: Int
  ) {
    (self.asm, self.exitCode, self.exitDistance) = (asm, exitCode, exitDistance)
    (self.ops, self.operations, self.count) = (ops, operations, count)
  }

  var isFull: Bool { asm.isFull || exitCode.isFull }

  /// Offset of an op from the head.
  func offset(_ slot: Int) -> Int { (slot + 1) * opStride }

  mutating func compile() {
    var touchesMemory = false
    for index in 0..<count where operations[index].touchesMemory || operations[index].usesStack {
      touchesMemory = true
    }
    if touchesMemory { asm.load(.r15, HostMemory(.rdi, StateField.fastTLB), 8) }
    // The links, which are read last, are often in a line of their own.
    if count > 1, operations[count - 1].endsBlock { asm.prefetch(HostMemory(.rsi, offset(count))) }
    var isClosed = false
    slot = 0
    while slot < count {
      let operation = operations[slot]
      if operation.endsBlock {
        end(operation)
        isClosed = true
      } else {
        translate(operation)
      }
      slot += 1
    }
    if !isClosed { leave(to: count) }
    swap(&asm, &exitCode)
    for index in exits.indices {
      exitCode.land(exits[index].jump, at: exitDistance + asm.count)
      storeDeferred(exitFlags[index])
      leave(to: exits[index].slot)
    }
    swap(&asm, &exitCode)
  }

  /// Continues with the handler of an op.
  private mutating func leave(to slot: Int) {
    asm.alu(.add, .rsi, Int32(truncatingIfNeeded: offset(slot)), 8)
    asm.jump(to: HostMemory(.rsi))
  }

  /// Where a condition holds, the op's handler does it all.
  mutating func exitIf(_ condition: UInt8) {
    exits.append((asm.jumpIf(condition), slot))
    exitFlags.append(deferred)
  }

  // MARK: Guest registers

  /// A host register with the value of a guest register (a byte offset that is a multiple of 8) in it.
  mutating func guest(_ offset: UInt8) -> HostRegister {
    if let register = holder(offset >> 3) { return register }
    let register = take(offset >> 3)
    asm.load(register, HostMemory(.rdi, Int(offset)), 8)
    return register
  }

  /// The same for an operand that is about to be overwritten with `size` bytes, the rest kept if those are few.
  mutating func destination(_ offset: UInt8, _ size: UInt8) -> HostRegister {
    size < 4 ? guest(offset) : holder(offset >> 3) ?? take(offset >> 3)
  }

  /// A register for the rest of this op.
  mutating func temporary() -> HostRegister { take(SegmentCompiler.nothing) }

  /// The host register of a guest register has changed.
  mutating func wrote(_ offset: UInt8, _ register: HostRegister, _ size: UInt8) {
    asm.store(HostMemory(.rdi, Int(offset)), register, size < 4 ? size : 8)
  }

  private mutating func holder(_ state: UInt8) -> HostRegister? {
    for index in 0..<9 {
      let register = SegmentCompiler.pool[index]
      if held[Int(register.rawValue)] == state {
        lastUse[Int(register.rawValue)] = slot + 1
        return register
      }
    }
    return nil
  }

  /// The register that was not used for longest; an op uses fewer than there are.
  private mutating func take(_ state: UInt8) -> HostRegister {
    var best = SegmentCompiler.pool[0], bestUse = Int.max
    for index in 0..<9 {
      let register = SegmentCompiler.pool[index], number = Int(register.rawValue)
      let use = held[number] == SegmentCompiler.nothing && lastUse[number] <= slot ? -1 : lastUse[number]
      if use < bestUse { (best, bestUse) = (register, use) }
    }
    held[Int(best.rawValue)] = state
    lastUse[Int(best.rawValue)] = slot + 1
    return best
  }

  // MARK: Memory

  /// The operand's offset in its segment as an x86 address.
  mutating func address(_ op: Op) -> HostMemory {
    let isBased = op.base != StateOffset.zero, isIndexed = op.index != StateOffset.zero
    let base = isBased ? guest(op.base) : nil
    let index = isIndexed ? guest(op.index) : nil
    if let index, base == nil, op.scale == 0 { return HostMemory(index, Int(op.displacement)) }
    return HostMemory(base, index: index, scale: isIndexed ? op.scale : 0, Int(op.displacement))
  }

  /// Leaves the host address of the memory operand in RCX + RAX, or exits. RDX is lost as well.
  mutating func access(_ op: Op, _ operation: HostOperation, byteCount: UInt8, writes: Bool) -> HostMemory {
    asm.lea(.rax, address(op), operation.isLong ? 8 : 4)
    if operation.isLong && op.segment >= 4 {
      asm.alu(.add, .rax, HostMemory(.rdi, StateField.segmentBases + 8 * Int(op.segment)), 8)
    }
    return lookUp(byteCount: byteCount, writes: writes)
  }

  /// The same for the linear address in RAX.
  mutating func lookUp(byteCount: UInt8, writes: Bool) -> HostMemory {
    asm.move(.rcx, .rax, 4)
    asm.shift(.shr, .rcx, 7, 4)
    asm.alu(.and, .rcx, Int32(truncatingIfNeeded: fastIndexMask), 4)
    if byteCount == 1 {
      asm.move(.rdx, .rax, 8)
    } else {
      asm.lea(.rdx, HostMemory(.rax, Int(byteCount) - 1), 8)
    }
    asm.alu(.and, .rdx, -4096, 8)
    asm.alu(.cmp, .rdx, HostMemory(.r15, index: .rcx, writes ? 8 : 0), 8)
    exitIf(HostCondition.notZero)
    asm.load(.rcx, HostMemory(.r15, index: .rcx, 24), 8)
    return HostMemory(.rcx, index: .rax)
  }
}

/// Byte offsets of fields of `CPUState` that host code uses.
enum StateField {
  static let blockIP = Int(StateOffset.blockIP)
  static let remaining = MemoryLayout<CPUState>.offset(of: \.remaining) ?? 0
  static let fastTLB = MemoryLayout<CPUState>.offset(of: \.fastTLB) ?? 0
  static let flagResult = MemoryLayout<CPUState>.offset(of: \.flagResult) ?? 0
  static let flagCarries = MemoryLayout<CPUState>.offset(of: \.flagCarries) ?? 0
  static let attention = MemoryLayout<CPUState>.offset(of: \.attention) ?? 0
  static let jumpTable = MemoryLayout<CPUState>.offset(of: \.jumpTable) ?? 0
  static let modeKey = MemoryLayout<CPUState>.offset(of: \.modeKey) ?? 0
  static let linkGeneration = MemoryLayout<CPUState>.offset(of: \.linkGeneration) ?? 0
  static let globalGeneration = MemoryLayout<CPUState>.offset(of: \.globalGeneration) ?? 0
  static let segmentBases = MemoryLayout<CPUState>.offset(of: \.segmentBases) ?? 0
  static let deferredFirst = MemoryLayout<CPUState>.offset(of: \.deferredFirst) ?? 0
  static let deferredSecond = MemoryLayout<CPUState>.offset(of: \.deferredSecond) ?? 0
}
