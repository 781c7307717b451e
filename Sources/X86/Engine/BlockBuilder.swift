// SPDX-License-Identifier: Apache-2.0

/// Finding and building blocks; called by the run loop only, when no block is running.

/// What a lookup came to.
enum Lookup {
  /// A block to run, and what may lead to it.
  case found(Block, Linkage)
  /// Fetching faulted; the exception is recorded.
  case fault
}

/// What may lead to a block without a lookup.
enum Linkage {
  case nothing
  /// The jump table and gates, which hold for as long as translations do: it spans two pages.
  case guarded
  /// Links inside its page as well.
  case direct
}

/// Finds or builds the block at `blockIP`. `single`: of one instruction.
func lookUp(_ c: UnsafeMutableRawPointer, single: Bool) -> Lookup {
  let cpu = c.cpu
  let ip = cpu.pointee.blockIP
  let isFlat = cpu.pointee.modeKey & ModeKey.flatCode != 0
  let limit = UInt64(cpu.pointee.segments[SegmentIndex.cs].limit)
  if (!isFlat && ip > limit) || (cpu.pointee.ipMask == ~0 && !isCanonical(ip)) {
    recordFault(c, Exception.generalProtection, 0)
    return .fault
  }
  let linear = (ip &+ cpu.pointee.segmentBases[SegmentIndex.cs]) & cpu.pointee.ipMask
  let translated = translateCode(c, linear)
  guard translated != noPhysicalAddress else { return .fault }
  let physical = maskA20(c, translated)
  let key = cpu.pointee.modeKey | (single ? ModeKey.oneInstruction : 0)

  if let block = cpu.pointee.blocks.pointee.find(physical, key) {
    if block.pointee.isSpanning {
      let second = translateCode(c, ((linear | 0xfff) &+ 1) & cpu.pointee.ipMask)
      guard second != noPhysicalAddress else { return .fault }
      if maskA20(c, second) & ~0xfff != block.pointee.secondPage {
        _ = cpu.pointee.blocks.pointee.drop(physical, 1)
        staleAllLinks(c)
        return build(c, physical, linear, key)
      }
    }
    if !isFlat && ip &+ UInt64(block.pointee.byteLength) &- 1 > limit {
      if single {
        recordFault(c, Exception.generalProtection, 0)
        return .fault
      }
      return lookUp(c, single: true)
    }
    return .found(block, single ? .nothing : block.pointee.isSpanning ? .guarded : .direct)
  }
  return build(c, physical, linear, key)
}

/// Throws all blocks away. Only while none is running.
func flushBlocks(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  for page in cpu.pointee.blocks.pointee.codePageAddresses { codeDisappeared(c, page) }
  cpu.pointee.blocks.pointee.removeAll()
  cpu.pointee.linkGeneration = CPUState.firstLinkGeneration
  cpu.pointee.globalGeneration = CPUState.firstGlobalGeneration
  cpu.pointee.jumpTable.initializeMemory(
    as: UInt8.self, repeating: 0, count: JumpEntry.count * MemoryLayout<JumpEntry>.stride)
}

/// Where a block's bytes come from.
private struct CodeBytes {
  /// The bytes, good for `count`.
  var bytes: UnsafePointer<UInt8>
  var count: Int
  /// They are in RAM or ROM and may be kept decoded.
  var isCachable: Bool
}

private func build(
  _ c: UnsafeMutableRawPointer, _ physical: UInt64, _ linear: UInt64, _ key: UInt32
) -> Lookup {
  let cpu = c.cpu
  if !cpu.pointee.blocks.pointee.hasRoom || cpu.pointee.blocks.pointee.mustFlush { flushBlocks(c) }
  let inPage = 0x1000 - Int(physical & 0xfff)
  // Bytes that the code segment allows.
  var allowed = Int.max
  if key & ModeKey.flatCode == 0 {
    allowed = Int(UInt64(cpu.pointee.segments[SegmentIndex.cs].limit) &- cpu.pointee.blockIP) + 1
  }
  let single = key & ModeKey.oneInstruction != 0
  let size = CodeSize(rawValue: UInt8(key & ModeKey.codeSizeMask)) ?? .bits16
  let host = physicalSlot(c, physical).pointee.readAddress
  let draft = cpu.pointee.blocks.pointee.draft

  if host != 0, let bytes = UnsafePointer<UInt8>(bitPattern: UInt(host) + UInt(physical & 0xfff)) {
    let limit = single ? 1 : cpu.pointee.blocks.pointee.maximumInstructions
    draft.pointee.fill(bytes, available: min(inPage, allowed), size: size, limit: limit)
    if draft.pointee.count > 0 {
      let block = emit(c, physical, key)
      enter(c, block, host: host)
      return .found(block, single ? .nothing : .direct)
    }
  }

  // The first instruction spans two pages, or there is no memory to decode from.
  var isCachable = host != 0
  var secondPage = BlockHeader.noPage
  var bytes: InlineArray<15, UInt8> = .init(repeating: 0)
  var available = min(15, inPage, allowed)
  for index in 0..<available {
    bytes[index] = UInt8(truncatingIfNeeded: physicalRead(c, physical + UInt64(index), 1))
  }
  var result = draft.pointee.fillOne(bytes, available: available, size: size)
  if result == .needsMoreBytes && inPage < 15 && allowed > inPage {
    let second = translateCode(c, ((linear | 0xfff) &+ 1) & cpu.pointee.ipMask)
    guard second != noPhysicalAddress else { return .fault }
    secondPage = maskA20(c, second) & ~0xfff
    let slot = physicalSlot(c, secondPage)
    if slot.pointee.readAddress == 0 || secondPage == physical & ~0xfff { isCachable = false }
    available = min(15, allowed)
    for index in inPage..<available {
      bytes[index] = UInt8(truncatingIfNeeded: physicalRead(c, secondPage + UInt64(index - inPage), 1))
    }
    result = draft.pointee.fillOne(bytes, available: available, size: size)
  }
  if result == .needsMoreBytes {
    // The code segment ends inside the instruction.
    recordFault(c, Exception.generalProtection, 0)
    return .fault
  }
  let block = emit(c, physical, key)
  guard isCachable else { return .found(block, .nothing) }
  block.pointee.secondPage = secondPage
  enter(c, block, host: host)
  return .found(block, single || secondPage == BlockHeader.noPage ? .nothing : .guarded)
}

/// Enters a finished block into the cache and withdraws direct writes from its pages.
private func enter(_ c: UnsafeMutableRawPointer, _ block: Block, host: UInt64) {
  let cpu = c.cpu
  let isNew = cpu.pointee.blocks.pointee.insert(block)
  if isNew.first { codeAppeared(c, block.pointee.page) }
  if isNew.second { codeAppeared(c, block.pointee.secondPage) }
}

private func codeAppeared(_ c: UnsafeMutableRawPointer, _ page: UInt64) {
  let cpu = c.cpu
  cpu.pointee.blocks.pointee.setHost(page, physicalSlot(c, page).pointee.readAddress)
  cpu.pointee.mmu.pointee.supervisor.dropWrites(frames: page..<page + 0x1000)
  cpu.pointee.mmu.pointee.user.dropWrites(frames: page..<page + 0x1000)
  let machine = cpu.pointee.machine
  machine.codePage(machine.context, page, true)
}

/// The instructions of the block being built, with room for the largest.
struct Draft {
  static let capacity = 64
  var instructions: InlineArray<64, Instruction> = .init(repeating: Instruction())
  /// Offset of each from the block's start.
  var offsets: InlineArray<64, Int> = .init(repeating: 0)
  /// How each was decoded (`.ok` or why it faults).
  var results: InlineArray<64, DecodeResult> = .init(repeating: .ok)
  var count = 0
  var byteLength = 0
  /// It ends because the bytes end inside the instruction that follows.
  var isCut = false

  /// Decodes up to `limit` instructions or to one that ends the block, or the bytes end.
  mutating func fill(_ bytes: UnsafePointer<UInt8>, available: Int, size: CodeSize, limit: Int) {
    count = 0
    byteLength = 0
    isCut = false
    while count < min(limit, Draft.capacity) && byteLength < available {
      let result = Decoder.decode(
        bytes + byteLength, available: available - byteLength, size: size, into: &instructions[count])
      guard result != .needsMoreBytes else {
        isCut = true
        return
      }
      append(result)
      if result != .ok || endsBlock(instructions[count - 1]) { return }
    }
  }

  /// Decodes one instruction from a copy of its bytes.
  mutating func fillOne(_ bytes: InlineArray<15, UInt8>, available: Int, size: CodeSize) -> DecodeResult {
    count = 0
    byteLength = 0
    isCut = false
    let result = bytes.span.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return DecodeResult.invalid }
      return Decoder.decode(base, available: available, size: size, into: &instructions[0])
    }
    if result != .needsMoreBytes { append(result) }
    return result
  }

  private mutating func append(_ result: DecodeResult) {
    results[count] = result
    offsets[count] = byteLength
    // A faulting instruction needs a length only for the bytes it occupies.
    byteLength += max(1, Int(instructions[count].length))
    count += 1
  }
}

/// Whether nothing after this instruction can be reached in its block.
private func endsBlock(_ instruction: Instruction) -> Bool {
  switch instruction.mnemonic {
  case .jmp, .jcc, .call, .ret, .loop, .loope, .loopne, .jcxz: true
  case .jmpFar, .callFar, .retFar, .iret, .int, .int3, .int1, .hlt, .mwait, .ud0, .ud1, .ud2: true
  case .sysenter, .sysexit, .syscall, .sysret, .rsm, .popf, .invlpg, .wrmsr, .lmsw, .clts: true
  case .lss, .invalid: true
  case .mov:
    switch instruction.operands.0.kind {
    case .control, .debug, .test, .segment: true
    default: false
    }
  case .pop: instruction.operands.0.kind == .segment
  case .lds, .les, .lfs, .lgs: true
  default: false
  }
}
