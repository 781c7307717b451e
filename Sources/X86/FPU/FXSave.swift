// SPDX-License-Identifier: Apache-2.0

/// FXSAVE FXRSTOR LDMXCSR STMXCSR CLFLUSH. SDM vol. 2; vol. 1, 10.5.
///
/// With CR4.OSFXSR clear FXSAVE and FXRSTOR leave XMM registers and MXCSR alone, as AMD's manual says (volume 5) and
/// Intel's allows. Outside 64-bit mode there is no XMM8 and up.
/// The word of the image that holds MXCSR and its mask.
private let mxcsrWord = 3

extension Core {
  /// Words of the image that the instruction transfers.
  private var imageWords: Int {
    if cpu.pointee.cr4 & CR4.osfxsr == 0 { return FXImage.wordCount(vectorCount: 0) }
    return FXImage.wordCount(vectorCount: is64Bit ? 16 : 8)
  }

  /// The offset of the image; #GP(0) if its linear address is not a multiple of 16.
  private func imageOffset(_ o: UnsafePointer<Op>) throws(Fault) -> UInt64 {
    let offset = offset(o)
    if (cpu.pointee.segmentBases[segment(o)] &+ offset) & 15 != 0 { throw .protection() }
    return offset
  }

  fileprivate func saveImage(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let offset = try imageOffset(o), segment = segment(o)
    try probe(segment, offset, size: FXImage.byteCount)
    let hasVectors = cpu.pointee.cr4 & CR4.osfxsr != 0
    for index in 0..<imageWords where index != mxcsrWord || hasVectors {
      try write(segment, offset &+ UInt64(8 * index), FXImage.word(cpu.pointee, index, wide: size(o) == 8))
    }
    return .end
  }

  /// Nothing is changed before all of the image has been read and found good.
  fileprivate func restoreImage(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let offset = try imageOffset(o), segment = segment(o)
    try probeReading(segment, offset, size: FXImage.byteCount)
    var words: InlineArray<64, UInt64> = .init(repeating: 0)
    for index in 0..<imageWords {
      words[index] = try read(segment, offset &+ UInt64(8 * index), as: UInt64.self)
    }
    let hasVectors = cpu.pointee.cr4 & CR4.osfxsr != 0
    if hasVectors, UInt32(truncatingIfNeeded: words[mxcsrWord]) & ~SSEState.mxcsrMask != 0 {
      throw .protection()
    }
    for index in 0..<imageWords where index != mxcsrWord || hasVectors {
      FXImage.set(&cpu.pointee, index, words[index], wide: size(o) == 8)
    }
    return .end
  }

  private func probeReading(_ segment: Int, _ offset: UInt64, size: Int) throws(Fault) {
    probeRead(c, segment: segment, offset: offset, size: size)
    if faulted(c) { throw takePending() }
  }

  /// There is no cache; the address is checked as by a load of a byte.
  fileprivate func flushLine(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    try probeReading(segment(o), offset(o), size: 1)
    return .next
  }
}

enum VectorStateHandlers {
  static let fxsave: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.saveImage(o) } }
  static let fxrstor: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.restoreImage(o) } }
  static let clflush: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.flushLine(o) } }

  static let ldmxcsr: Handler = { c, o in
    return reading(GeneralAddress.self, UInt32.self, c, o) { value in
      if value & ~SSEState.mxcsrMask != 0 { return fault(c, o, Exception.generalProtection, 0) }
      c.cpu.pointee.sse.mxcsr = value
      return next(c, o)
    }
  }
  static let stmxcsr: Handler = { c, o in
    return writing(GeneralAddress.self, UInt32.self, c, o) { host in
      UInt32.write(c.cpu.pointee.sse.mxcsr, host)
      return next(c, o)
    }
  }
}
