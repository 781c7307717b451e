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
  private(set) var used = 0
  /// Code that saves the registers that host code uses and calls a handler, or nil.
  private(set) var entry: Entry?
  /// Segments compiled since the start, for tests and statistics.
  private(set) var compiledCount = 0

  typealias Entry = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, UInt) -> Void

  /// How often a segment runs before it is compiled, at least 1; tests lower it.
  var threshold: UInt32 = 64
  /// Fewer ops than this are not worth a head; tests lower it.
  var minimumOps = 2
  /// Blocks of one instruction have segments too, for tests.
  var compilesSingles = false
  private static let entryByteCount = 64
  /// More than any segment needs.
  private static let segmentLimit = 32 << 10

  var isAvailable: Bool { writable != nil }
  var isFull: Bool { used + HostCode.segmentLimit > byteCount }

  mutating func setMemory(writable: UnsafeMutableRawPointer, executable: UnsafeRawPointer, byteCount: Int) {
    #if arch(x86_64)
    guard byteCount > HostCode.segmentLimit + HostCode.entryByteCount else { return }
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
    used = HostCode.entryByteCount
  }

  /// Forgets all code. Only while none runs and with the blocks.
  mutating func removeAll() { used = HostCode.entryByteCount }

  /// Compiles the segment behind a head; its code, or nil.
  mutating func compile(_ head: UnsafeMutablePointer<Op>, operations: UnsafeMutablePointer<HostOperation>) -> Handler? {
    guard let writable, !isFull else { return nil }
    let asm = HostAssembler(writable + used, capacity: HostCode.segmentLimit)
    var compiler = SegmentCompiler(asm, ops: head + 1, operations: operations, count: Int(head.pointee.displacement))
    compiler.compile()
    guard !compiler.asm.isFull else { return nil }
    let address = executable + UInt(used)
    used += (compiler.asm.count + 15) & ~15
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
  if blocks.pointee.hostCode.isFull {
    // Where the next block is built everything starts anew.
    blocks.pointee.mustFlush = true
    head.pointee.handler = idleHead
    return
  }
  let operations = UnsafeMutableRawPointer(head) + Int(head.pointee.immediate >> 32)
  head.pointee.handler =
    blocks.pointee.hostCode.compile(head, operations: operations.assumingMemoryBound(to: HostOperation.self))
    ?? idleHead
}
