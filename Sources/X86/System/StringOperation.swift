// SPDX-License-Identifier: Apache-2.0

/// What the string instructions share: index registers of the address size, the step, and the repeat loop.
///
/// One iteration counts as one instruction. The block has paid for the first; each further one takes one from
/// `remaining`, in bulk as well as singly. A loop that runs out of budget, or sees `attention`, stops between two
/// iterations with its registers updated and IP still at the instruction.
struct StringOperation {
  let core: Core
  let op: UnsafePointer<Op>
  /// 0xffff, 0xffff_ffff or all ones.
  let mask: UInt64
  let isDown: Bool

  init(_ core: Core, _ op: UnsafePointer<Op>) {
    self.core = core
    self.op = op
    mask = core.addressMask(op)
    isDown = core.cpu.pointee.systemFlags & Flags.df != 0
  }

  var cpu: UnsafeMutablePointer<CPUState> { core.cpu }
  var sourceSegment: Int { Int(op.pointee.segment) }
  var source: UInt64 { cpu.pointee.registers[6] & mask }
  var destination: UInt64 { cpu.pointee.registers[7] & mask }
  var count: UInt64 { cpu.pointee.registers[1] & mask }
  var isRepeated: Bool { op.pointee.flags & (OpFlags.repeatEqual | OpFlags.repeatNotEqual) != 0 }

  /// Writes an index or count register as the address size says: 16 bits keep the rest, 32 bits clear the upper half.
  @inline(__always)
  func setRegister(_ number: Int, _ value: UInt64) {
    if mask == 0xffff {
      cpu.pointee.registers[number] = cpu.pointee.registers[number] & ~0xffff | value & 0xffff
    } else {
      cpu.pointee.registers[number] = value & mask
    }
  }

  @inline(__always)
  func advanceSource(_ byteCount: Int) {
    setRegister(6, isDown ? source &- UInt64(byteCount) : source &+ UInt64(byteCount))
  }

  @inline(__always)
  func advanceDestination(_ byteCount: Int) {
    setRegister(7, isDown ? destination &- UInt64(byteCount) : destination &+ UInt64(byteCount))
  }

  enum Verdict { case goOn, stop }

  /// Runs the instruction, repeated or not.
  ///
  /// `iteration` does one element. `bulk` may do up to the given number of elements at once, updates the index
  /// registers, and returns how many it did (0: it cannot) and whether the instruction's condition ends the loop.
  @inline(__always)
  func run(
    iteration: () throws(Fault) -> Verdict, bulk: (Int) -> (done: Int, verdict: Verdict)
  ) throws(Fault) -> Completion {
    guard isRepeated else {
      _ = try iteration()
      return .end
    }
    var left = count
    guard left != 0 else { return .next }
    var isPaid = true  // the first iteration, by the block
    while true {
      let credit = max(cpu.pointee.remaining, 0) + (isPaid ? 1 : 0)
      if credit == 0 || (!isPaid && cpu.pointee.attention != 0) { return .interrupted }
      var verdict = Verdict.goOn
      var done = 0
      if left > 1 {
        (done, verdict) = bulk(Int(min(left, UInt64(credit), 1 << 24)))
      }
      if done > 0 {
        cpu.pointee.remaining -= Int64(done) - (isPaid ? 1 : 0)
      } else {
        if !isPaid { cpu.pointee.remaining -= 1 }
        verdict = try iteration()
        done = 1
      }
      isPaid = false
      left &-= UInt64(done)
      setRegister(1, left)
      if left == 0 || verdict == .stop { return .end }
    }
  }

  // MARK: Whole pages

  /// A run of elements inside one page, one segment and one turn of the address size.
  struct Extent {
    /// Host address of the first element.
    var host: UnsafeMutableRawPointer
    var elements: Int
  }

  /// The run that starts at `offset`, nil if the page has no host address (or none cached) or the segment is unusual.
  @inline(__always)
  func extent(_ number: Int, _ offset: UInt64, size: Int, limit: Int, writing: Bool) -> Extent? {
    let linear = core.wrap(cpu.pointee.segmentBases[number] &+ offset)
    let inPage = Int(linear & 0xfff)
    var elements: Int
    if isDown {
      guard inPage + size <= 4096 else { return nil }
      elements = min(limit, inPage / size + 1)
      elements = min(elements, Int(min(offset / UInt64(size), 1 << 24)) + 1)
    } else {
      elements = min(limit, (4096 - inPage) / size)
      // Bytes up to the top of the address size; an element must not wrap.
      let room = mask &- offset
      if room < 1 << 24 { elements = min(elements, Int(room + 1) / size) }
    }
    guard elements > 0 else { return nil }
    if cpu.pointee.ipMask != ~0 {
      let window = cpu.pointee.segmentWindows[number]
      let byteCount = elements * size
      let first = isDown ? offset &- UInt64(byteCount - size) : offset
      guard writing ? window.allowsWrite(first, byteCount) : window.allowsRead(first, byteCount) else { return nil }
    }
    guard let host = hostAddress(core.c, linear, writing: writing) else { return nil }
    return Extent(host: host, elements: elements)
  }
}
