// SPDX-License-Identifier: Apache-2.0

/// CMPS and SCAS. SDM vol. 2.
extension Core {
  /// The status flags of `a - b`.
  @inline(__always)
  fileprivate func setCompareFlags<W: Width>(_ a: W, _ b: W) {
    let result = a &- b
    let top = UInt64(W.bitWidth - 1)
    let overflow = UInt32(truncatingIfNeeded: UInt64(truncatingIfNeeded: (a ^ b) & (a ^ result)) >> top) & 1
    let carry: UInt32 = a < b ? 1 : 0
    let adjust = UInt32(truncatingIfNeeded: a ^ b ^ result) & 0x10
    let shift = UInt64(64 - W.bitWidth)
    let extended = Int64(bitPattern: UInt64(truncatingIfNeeded: result) << shift) >> Int64(shift)
    cpu.pointee.flagResult = UInt64(bitPattern: extended)
    cpu.pointee.flagCarries = carry << 31 | (carry ^ overflow) << 30 | adjust >> 1
  }
}

extension StringOperation {
  /// REPE goes on while equal, REPNE while different.
  @inline(__always)
  fileprivate func verdict(equal: Bool) -> Verdict {
    equal == (op.pointee.flags & OpFlags.repeatEqual != 0) ? .goOn : .stop
  }
}

@inline(__always)
private func cmps<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    return try string.run(
      iteration: { () throws(Fault) in
        let first = try core.read(string.sourceSegment, string.source, as: W.self)
        let second = try core.read(SegmentIndex.es, string.destination, as: W.self)
        core.setCompareFlags(first, second)
        string.advanceSource(size)
        string.advanceDestination(size)
        return string.verdict(equal: first == second)
      },
      bulk: { limit in
        guard
          let first = string.extent(string.sourceSegment, string.source, size: size, limit: limit, writing: false),
          let second = string.extent(
            SegmentIndex.es, string.destination, size: size, limit: first.elements, writing: false)
        else { return (0, .goOn) }
        let step = string.isDown ? -size : size
        var offset = 0
        var done = 0
        var verdict = StringOperation.Verdict.goOn
        while done < second.elements {
          let a = (first.host + offset).loadUnaligned(as: W.self)
          let b = (second.host + offset).loadUnaligned(as: W.self)
          offset += step
          done += 1
          verdict = string.verdict(equal: a == b)
          if verdict == .stop || done == second.elements { core.setCompareFlags(a, b) }
          if verdict == .stop { break }
        }
        string.advanceSource(done * size)
        string.advanceDestination(done * size)
        return (done, verdict)
      })
  }
}

@inline(__always)
private func scas<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    let sought = W(truncatingIfNeeded: core.cpu.pointee.registers[0])
    return try string.run(
      iteration: { () throws(Fault) in
        let value = try core.read(SegmentIndex.es, string.destination, as: W.self)
        core.setCompareFlags(sought, value)
        string.advanceDestination(size)
        return string.verdict(equal: value == sought)
      },
      bulk: { limit in
        guard let run = string.extent(SegmentIndex.es, string.destination, size: size, limit: limit, writing: false)
        else { return (0, .goOn) }
        let step = string.isDown ? -size : size
        var offset = 0
        var done = 0
        var verdict = StringOperation.Verdict.goOn
        while done < run.elements {
          let value = (run.host + offset).loadUnaligned(as: W.self)
          offset += step
          done += 1
          verdict = string.verdict(equal: value == sought)
          if verdict == .stop || done == run.elements { core.setCompareFlags(sought, value) }
          if verdict == .stop { break }
        }
        string.advanceDestination(done * size)
        return (done, verdict)
      })
  }
}

enum StringCompareHandlers {
  static let cmps = SizedHandlers(
    byte: { X86.cmps(UInt8.self, $0, $1) }, word: { X86.cmps(UInt16.self, $0, $1) },
    double: { X86.cmps(UInt32.self, $0, $1) }, quad: { X86.cmps(UInt64.self, $0, $1) })
  static let scas = SizedHandlers(
    byte: { X86.scas(UInt8.self, $0, $1) }, word: { X86.scas(UInt16.self, $0, $1) },
    double: { X86.scas(UInt32.self, $0, $1) }, quad: { X86.scas(UInt64.self, $0, $1) })
}
