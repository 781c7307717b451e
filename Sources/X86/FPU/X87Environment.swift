// SPDX-License-Identifier: Apache-2.0

/// FNSTENV FLDENV FNSAVE FRSTOR in their four layouts. SDM vol. 1, figures 8-9 to 8-12.
extension Core {
  private func environmentByteCount(_ o: UnsafePointer<Op>) -> Int { size(o) == 2 ? 14 : 28 }

  /// In real and virtual-8086 mode the image holds linear addresses and FOP, else offsets and selectors.
  private var hasLinearPointers: Bool { hasParagraphSegments }

  private func storeEnvironment(_ o: UnsafePointer<Op>, _ segment: Int, _ offset: UInt64) throws(Fault) {
    let x87 = cpu.pointee.x87
    var words: InlineArray<7, UInt32> = .init(repeating: 0)
    let isShort = size(o) == 2
    // The upper halves of 32-bit fields that hold 16 bits read as ones.
    let upper: UInt32 = 0xffff_0000
    words[0] = upper | UInt32(x87.control)
    words[1] = upper | UInt32(x87.statusWord)
    words[2] = upper | UInt32(x87.tagWord)
    if hasLinearPointers {
      let ip = UInt32(truncatingIfNeeded: x87.instructionPointer &+ UInt64(x87.instructionSelector) << 4)
      let dp = UInt32(truncatingIfNeeded: x87.dataPointer &+ UInt64(x87.dataSelector) << 4)
      words[3] = upper | ip & 0xffff
      words[4] = (ip >> 16) << 12 | UInt32(x87.opcode)
      words[5] = upper | dp & 0xffff
      words[6] = (dp >> 16) << 12
    } else {
      words[3] = UInt32(truncatingIfNeeded: x87.instructionPointer)
      words[4] = UInt32(x87.instructionSelector) | UInt32(x87.opcode) << 16
      words[5] = UInt32(truncatingIfNeeded: x87.dataPointer)
      words[6] = upper | UInt32(x87.dataSelector)
    }
    for index in 0..<7 {
      if isShort {
        try write(segment, offset &+ UInt64(2 * index), UInt16(truncatingIfNeeded: words[index]))
      } else {
        try write(segment, offset &+ UInt64(4 * index), words[index])
      }
    }
  }

  /// Reads an environment; nothing is changed before all of it has been read.
  private func readEnvironment(
    _ o: UnsafePointer<Op>, _ segment: Int, _ offset: UInt64
  ) throws(Fault) -> InlineArray<7, UInt32> {
    var words: InlineArray<7, UInt32> = .init(repeating: 0)
    for index in 0..<7 {
      if size(o) == 2 {
        words[index] = UInt32(try read(segment, offset &+ UInt64(2 * index), as: UInt16.self))
      } else {
        words[index] = try read(segment, offset &+ UInt64(4 * index), as: UInt32.self)
      }
    }
    return words
  }

  private func setEnvironment(_ words: InlineArray<7, UInt32>, isShort: Bool) {
    cpu.pointee.x87.statusWord = UInt16(truncatingIfNeeded: words[1])
    cpu.pointee.x87.setTagWord(UInt16(truncatingIfNeeded: words[2]))
    cpu.pointee.x87.setControl(UInt16(truncatingIfNeeded: words[0]))
    if hasLinearPointers {
      let mask: UInt32 = isShort ? 0xf : 0xffff
      cpu.pointee.x87.instructionPointer = UInt64(words[3] & 0xffff | (words[4] >> 12 & mask) << 16)
      cpu.pointee.x87.instructionSelector = 0
      cpu.pointee.x87.opcode = UInt16(truncatingIfNeeded: words[4]) & x87OpcodeMask
      cpu.pointee.x87.dataPointer = UInt64(words[5] & 0xffff | (words[6] >> 12 & mask) << 16)
      cpu.pointee.x87.dataSelector = 0
    } else {
      cpu.pointee.x87.instructionPointer = UInt64(words[3])
      cpu.pointee.x87.instructionSelector = UInt16(truncatingIfNeeded: words[4])
      // The 16-bit layout of protected mode has no room for FOP.
      if !isShort { cpu.pointee.x87.opcode = UInt16(truncatingIfNeeded: words[4] >> 16) & x87OpcodeMask }
      cpu.pointee.x87.dataPointer = UInt64(words[5])
      cpu.pointee.x87.dataSelector = UInt16(truncatingIfNeeded: words[6])
    }
  }

  private func probeReading(_ segment: Int, _ offset: UInt64, size: Int) throws(Fault) {
    probeRead(c, segment: segment, offset: offset, size: size)
    if faulted(c) { throw takePending() }
  }

  fileprivate func saveEnvironment(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let segment = segment(o), offset = offset(o), status = cpu.pointee.x87.summarized
    try probe(segment, offset, size: environmentByteCount(o))
    try storeEnvironment(o, segment, offset)
    // All exceptions are masked after they have been saved.
    cpu.pointee.x87.setControl(cpu.pointee.x87.control | FSW.exceptions)
    clearX87Error(c, was: status)
    return .end
  }

  fileprivate func loadEnvironment(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let segment = segment(o), offset = offset(o), status = cpu.pointee.x87.summarized
    try probeReading(segment, offset, size: environmentByteCount(o))
    setEnvironment(try readEnvironment(o, segment, offset), isShort: size(o) == 2)
    clearX87Error(c, was: status)
    return .end
  }

  fileprivate func saveState(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let segment = segment(o), offset = offset(o), status = cpu.pointee.x87.summarized
    let head = environmentByteCount(o)
    try probe(segment, offset, size: head + 80)
    try storeEnvironment(o, segment, offset)
    for number in 0..<8 {
      let place = offset &+ UInt64(head + 10 * number)
      let value = cpu.pointee.x87[UInt8(number)]
      try write(segment, place, value.significand)
      try write(segment, place &+ 8, value.signExponent)
    }
    cpu.pointee.x87.initialize()
    clearX87Error(c, was: status)
    return .end
  }

  fileprivate func restoreState(_ o: UnsafePointer<Op>) throws(Fault) -> Completion {
    let segment = segment(o), offset = offset(o), status = cpu.pointee.x87.summarized
    let head = environmentByteCount(o)
    try probeReading(segment, offset, size: head + 80)
    let words = try readEnvironment(o, segment, offset)
    var values: InlineArray<8, Extended> = .init(repeating: Extended())
    for number in 0..<8 {
      let place = offset &+ UInt64(head + 10 * number)
      values[number].significand = try read(segment, place, as: UInt64.self)
      values[number].signExponent = try read(segment, place &+ 8, as: UInt16.self)
    }
    setEnvironment(words, isShort: size(o) == 2)
    for number in 0..<8 { cpu.pointee.x87[UInt8(number)] = values[number] }
    clearX87Error(c, was: status)
    return .end
  }
}

enum X87EnvironmentHandlers {
  static let storeEnvironment: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in try e.saveEnvironment(o) }
  }
  static let loadEnvironment: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return execute(c, o) { (e, o) throws(Fault) in try e.loadEnvironment(o) }
  }
  static let save: Handler = { c, o in execute(c, o) { (e, o) throws(Fault) in try e.saveState(o) } }
  static let restore: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return execute(c, o) { (e, o) throws(Fault) in try e.restoreState(o) }
  }
}
