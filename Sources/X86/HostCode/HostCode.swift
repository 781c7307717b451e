// SPDX-License-Identifier: Apache-2.0

/// Host code for parts of blocks that run often.
///
/// A segment is a run of ops in a block that can be translated (`HostOperation`). In front of it the block has one more op
/// slot, its head, which is no instruction. The head's handler first counts how often it runs and goes on with the ops; then
/// the segment is compiled, and the code takes the handler's place: it does what the ops do and goes on behind them.
/// The ops stay what they are, so that the code can leave to any of them. Nothing of this can be seen by a guest.
///
/// Memory for code comes from outside, at two addresses: one to write at, one to execute at. Without it, and on hosts other
/// than x86-64, there are no segments.
struct HostCode {
  private var writable: UnsafeMutablePointer<UInt8>?
  private var executable: UInt = 0
  private var byteCount = 0
  /// Where the next segment's code goes, and what its exits lead to: both in the same chunk.
  private var next = 0
  private var nextExits = 0
  /// Code that saves the registers that host code uses and calls a handler, or nil.
  private(set) var entry: Entry?
  /// Bytes in front of the code of a block's first segment, alike for all.
  private var landingByteCount = 0
  /// Segments compiled since the start, for tests and statistics.
  private(set) var compiledCount = 0

  typealias Entry = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, UInt) -> Void

  /// How often a segment runs before it is compiled, at least 1; tests lower it.
  var threshold: UInt32 = 64
  /// Fewer ops than this are not worth a head if they do not end the block; tests lower it.
  var minimumOps = 2
  /// Blocks of one instruction that is not a branch have segments too, for tests.
  var compilesSingles = false
  private static let entryByteCount = 64
  /// More than any segment needs, of either kind.
  private static let segmentLimit = 32 << 10
  /// The memory is filled in chunks of the size of the host's large pages, or in one, each with code up to `exitsStart` and
  /// exits behind it.
  private var chunkByteCount = 2 << 20
  private var exitsStart: Int { chunkByteCount / 8 * 5 }

  var isAvailable: Bool { writable != nil }
  /// Bytes from the first to the last that may have been written.
  var used: Int { max(next, nextExits) }
  /// Neither the chunk in use nor another has room for any segment.
  var isFull: Bool { !fits && nextChunk + chunkByteCount > byteCount }
  private var nextChunk: Int { (next / chunkByteCount + 1) * chunkByteCount }
  private var fits: Bool {
    let end = nextChunk, exitsStart = end - chunkByteCount + exitsStart
    return next + HostCode.segmentLimit <= exitsStart && nextExits + HostCode.segmentLimit <= end
  }

  mutating func setMemory(writable: UnsafeMutableRawPointer, executable: UnsafeRawPointer, byteCount: Int) {
    #if arch(x86_64)
    // The exits' part holds one segment's at the least.
    guard byteCount >= 4 * HostCode.segmentLimit else { return }
    chunkByteCount = min(chunkByteCount, byteCount)
    self.writable = writable.assumingMemoryBound(to: UInt8.self)
    self.executable = UInt(bitPattern: executable)
    self.byteCount = byteCount
    writeEntry()
    #endif
  }

  private mutating func writeEntry() {
    guard let writable else { return }
    var asm = HostAssembler(writable, capacity: HostCode.entryByteCount)
    // RAX only to keep the stack aligned.
    let saved: [HostRegister] = [.rbx, .rbp, .r12, .r13, .r14, .r15, .rax]
    for register in saved { asm.push(register) }
    asm.call(.rdx)
    for register in saved.reversed() { asm.pop(register) }
    asm.ret()
    entry = unsafeBitCast(executable, to: Entry.self)
    removeAll()
  }

  /// Forgets all code. Only while none runs and with the blocks.
  mutating func removeAll() { (next, nextExits) = (HostCode.entryByteCount, exitsStart) }

  /// How host code arrives at a block whose first op has this handler, if that is host code.
  func landing(_ handler: Handler) -> Handler? {
    let address = UInt(bitPattern: unsafeBitCast(handler, to: UnsafeRawPointer.self))
    guard address >= executable, address - executable < UInt(byteCount) else { return nil }
    return unsafeBitCast(address - UInt(landingByteCount), to: Handler.self)
  }

  /// Compiles the segment behind a head; its code, or nil.
  mutating func compile(_ head: UnsafeMutablePointer<Op>, operations: UnsafeMutablePointer<HostOperation>) -> Handler? {
    guard let writable, !isFull else { return nil }
    if !fits {
      next = nextChunk
      nextExits = next + exitsStart
    }
    var compiler = SegmentCompiler(
      HostAssembler(writable + next, capacity: HostCode.segmentLimit),
      exitCode: HostAssembler(writable + nextExits, capacity: HostCode.segmentLimit), exitDistance: nextExits - next,
      ops: head + 1, operations: operations, count: Int(head.pointee.displacement))
    var start = 0
    if head.pointee.ipOffset == 0 {
      compiler.arrive(at: UInt64(UInt(bitPattern: head)), instructions: Int32(head.pointee.left))
      landingByteCount = compiler.asm.count
      start = landingByteCount
    }
    compiler.compile()
    guard !compiler.isFull else { return nil }
    let address = executable + UInt(next + start)
    next += (compiler.asm.count + 15) & ~15
    nextExits += compiler.exitCode.count
    compiledCount += 1
    return unsafeBitCast(address, to: Handler.self)
  }
}

/// The head of a segment of `count` ops, of which `first` is the first.
///
/// `immediate` holds the runs to come in its lower half and the distance in bytes to the segment's `HostOperation`s in the
/// upper, `displacement` the number of ops.
func makeHead(count: Int, first: Op, threshold: UInt32) -> Op {
  var head = Op(handler: countingHead)
  head.immediate = UInt64(threshold)
  head.displacement = Int32(truncatingIfNeeded: count)
  (head.ipOffset, head.left) = (first.ipOffset, first.left)
  return head
}

func setDistance(_ head: UnsafeMutablePointer<Op>, _ distance: Int) {
  head.pointee.immediate |= UInt64(distance) << 32
}

/// The handler of a head whose segment is not compiled yet.
private let countingHead: Handler = { c, o in
  let head = UnsafeMutablePointer(mutating: o.op)
  head.pointee.immediate &-= 1
  if UInt32(truncatingIfNeeded: head.pointee.immediate) == 0 { return runCompiled(c, o) }
  return next(c, o)
}

/// The handler of a head whose segment cannot be compiled.
private let idleHead: Handler = { c, o in return next(c, o) }

@inline(never)
private func runCompiled(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  compile(c, o)
  return o.op.pointee.handler(c, o)
}

@inline(never)
private func compile(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let blocks = c.cpu.pointee.blocks
  let head = UnsafeMutablePointer(mutating: o.op)
  let operations = UnsafeMutableRawPointer(head) + Int(head.pointee.immediate >> 32)
  // If it is full everything starts anew where the next block is built.
  if blocks.pointee.hostCode.isFull { blocks.pointee.mustFlush = true }
  head.pointee.handler =
    blocks.pointee.hostCode.compile(head, operations: operations.assumingMemoryBound(to: HostOperation.self))
    ?? idleHead
  if head.pointee.ipOffset == 0 { blocks.pointee.updateLandings(Block(mutating: o.header)) }
}
