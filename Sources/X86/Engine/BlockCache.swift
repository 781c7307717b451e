// SPDX-License-Identifier: Apache-2.0

/// All decoded code: blocks in an arena, found by physical address and mode key, listed by page.
///
/// The arena is one allocation whose pages the host commits as they are first used; when it is full everything is
/// thrown away, which only the run loop does, when no block is running. A block dropped because its code was written
/// stays in place with each op turned into `staleOp`, so a chain that runs in it leaves at the next instruction.
struct BlockCache {
  static let arenaByteCount = 48 << 20
  static let bucketCount = 1 << 17

  let arena: UnsafeMutableRawPointer
  /// First free byte.
  var used = 0
  private let buckets: UnsafeMutablePointer<UInt>
  private var pages: CodePages
  /// An op that stands for "look the target up in the jump table", with a header before it.
  let dispatchOp: UInt
  /// Address of the link to fill in with the block that the lookup now due finds, or 0; with `Gate.tag` a gate's.
  var pendingLink: UInt = 0
  /// Set where flushing is impossible because a chain runs; the run loop then flushes.
  var mustFlush = false
  /// Where blocks are decoded to.
  let draft: UnsafeMutablePointer<Draft>
  /// Where their ops are listed before they are placed.
  let listing: UnsafeMutablePointer<Listing>
  /// Counts `removeAll`: addresses taken before one mean nothing after it.
  var flushCount = 0
  /// Blocks built since the start, for tests and statistics.
  var builtCount = 0
  /// Upper limit of instructions in a block; tests lower it.
  var maximumInstructions = 64
  /// `CPUState.jumpTable`.
  var jumpTable: UnsafeMutableRawPointer?
  /// Host code of the blocks' segments.
  var hostCode = HostCode()
  /// What blocks are built with; tests leave parts out.
  var options = EngineOptions.all

  init() {
    // A multiple of the host's large pages.
    arena = .allocate(byteCount: BlockCache.arenaByteCount, alignment: 2 << 20)
    buckets = .allocate(capacity: BlockCache.bucketCount)
    buckets.initialize(repeating: 0, count: BlockCache.bucketCount)
    pages = CodePages()
    draft = .allocate(capacity: 1)
    draft.initialize(to: Draft())
    listing = .allocate(capacity: 1)
    listing.initialize(to: Listing())
    let header = arena.bindMemory(to: BlockHeader.self, capacity: 1)
    header.initialize(to: BlockHeader(byteLength: 1))
    header.op(0).initialize(to: Op(handler: dispatchHandler))
    dispatchOp = UInt(bitPattern: header.firstOp)
    used = BlockCache.reserved
  }

  /// Bytes at the start of the arena that hold the dispatch op.
  private static let reserved = 128

  func deallocate() {
    arena.deallocate()
    draft.deallocate()
    listing.pointee.deallocate()
    listing.deallocate()
    buckets.deallocate()
    pages.deallocate()
  }

  /// Room for one more block of the largest size.
  var hasRoom: Bool { used + 8192 < BlockCache.arenaByteCount }

  private static func bucket(_ physical: UInt64, _ key: UInt32) -> Int {
    let mixed = (physical ^ UInt64(key) << 20) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed >> 47)
  }

  func find(_ physical: UInt64, _ key: UInt32) -> Block? {
    var address = buckets[BlockCache.bucket(physical, key)]
    while let block = Block(bitPattern: address) {
      if block.pointee.physical == physical && block.pointee.key == key { return block }
      address = block.pointee.nextInBucket
    }
    return nil
  }

  /// Whether any block has bytes in this physical page.
  @inline(__always) func hasCode(_ page: UInt64) -> Bool { pages.find(page) != nil }

  /// Enters a finished block at `arena + used` under its key and pages. True for each page that held no code before.
  mutating func insert(_ block: Block) -> (first: Bool, second: Bool) {
    used += (block.byteCount + 63) & ~63
    builtCount &+= 1
    let bucket = BlockCache.bucket(block.pointee.physical, block.pointee.key)
    block.pointee.nextInBucket = buckets[bucket]
    buckets[bucket] = UInt(bitPattern: block)

    let (page, isNew) = pages.findOrInsert(block.pointee.page)
    page.pointee.insert(block)
    guard block.pointee.isSpanning else { return (isNew, false) }
    precondition(block.pointee.secondPage != block.pointee.page, "such blocks are not entered")
    let (second, secondIsNew) = pages.findOrInsert(block.pointee.secondPage)
    second.pointee.insertTail(block)
    return (isNew, secondIsNew)
  }

  /// Whether decoded instructions lie in a range inside one page.
  @inline(__always) func hasCode(_ physical: UInt64, _ byteCount: Int) -> Bool {
    guard let page = pages.find(physical & ~0xfff) else { return false }
    return page.pointee.hasCode(Int(physical & 0xfff), byteCount)
  }

  /// Drops the blocks that have code in a range inside one page. Returns whether the page held code and now holds none.
  mutating func drop(_ physical: UInt64, _ byteCount: Int) -> Bool {
    let pageAddress = physical & ~0xfff, start = Int(physical & 0xfff), end = start + byteCount
    guard let page = pages.find(pageAddress), page.pointee.hasCode(start, byteCount) else { return false }
    var low = start, high = end
    for line in CodePage.lines(reaching: start, end) {
      var address = page.pointee.firstBlock(line)
      while let block = Block(bitPattern: address) {
        address = block.pointee.nextInPage
        let range = block.bytesInFirstPage
        if range.lowerBound < end && start < range.upperBound {
          (low, high) = (min(low, range.lowerBound), max(high, range.upperBound))
          remove(block)
        }
      }
    }
    var address = page.pointee.firstTail
    while let block = Block(bitPattern: address) {
      address = block.pointee.nextInSecondPage
      let tail = block.bytesInSecondPage
      if start < tail {
        (low, high) = (0, max(high, tail))
        remove(block)
      }
    }
    if page.pointee.blockCount == 0 {
      pages.remove(pageAddress)
      return true
    }
    page.pointee.unmark(low, high)
    return false
  }

  /// Takes a block out of all lists, turns its ops stale and undoes links to it. The pages' maps are left as they are.
  /// Entries of the jump table that lead to it, but for its own, are cleared by `staleOp`.
  private mutating func remove(_ block: Block) {
    let own = UInt(bitPattern: block)
    let bucket = BlockCache.bucket(block.pointee.physical, block.pointee.key)
    if buckets[bucket] == own {
      buckets[bucket] = block.pointee.nextInBucket
    } else {
      var address = buckets[bucket]
      while let other = Block(bitPattern: address) {
        if other.pointee.nextInBucket == own { other.pointee.nextInBucket = block.pointee.nextInBucket }
        address = other.pointee.nextInBucket
      }
    }
    pages.find(block.pointee.page)?.pointee.remove(block)
    if block.pointee.isSpanning { pages.find(block.pointee.secondPage)?.pointee.removeTail(block) }
    block.pointee.isDropped = true
    jumpEntry(block)?.storeBytes(of: JumpEntry(), as: JumpEntry.self)
    for index in 0..<Int(block.pointee.opCount) { block.op(index).pointee.handler = staleOp }
    disconnect(block)
  }

  /// Makes a branch's link (the address of a word of `BranchLinks` that is 0) lead to a block.
  func connect(_ link: UInt, _ block: Block) {
    guard let word = UnsafeMutableRawPointer(bitPattern: link) else { return }
    word.storeBytes(of: UInt(bitPattern: block.firstOp), as: UInt.self)
    word.storeBytes(of: landing(block), toByteOffset: BranchLinks.landingOffset, as: Handler.self)
    Gate.enterList(link, of: block)
  }

  /// How host code arrives at a block.
  func landing(_ block: Block) -> Handler { hostCode.landing(block.op(0).pointee.handler) ?? Landing.linked }

  /// The first segment of a block has been compiled: what is linked to the block is told.
  func updateLandings(_ block: Block) {
    let landing = landing(block)
    if let entry = jumpEntry(block) {
      entry.storeBytes(of: landing, toByteOffset: JumpEntry.landingOffset, as: Handler.self)
    }
    var link = block.pointee.firstIncoming
    while let word = UnsafeMutableRawPointer(bitPattern: link & ~Gate.tag) {
      word.storeBytes(of: landing, toByteOffset: BranchLinks.landingOffset, as: Handler.self)
      link = word.load(fromByteOffset: BranchLinks.nextOffset, as: UInt.self)
    }
  }

  /// The entry of the jump table that leads to a block and through which host code may land at the block itself: there is one
  /// at most, which is known here so that it can be cleared with the block. Through others it takes the first op's handler.
  private func jumpEntry(_ block: Block) -> UnsafeMutableRawPointer? {
    guard let jumpTable, block.pointee.jumpEntry != BlockHeader.noEntry else { return nil }
    let entry = jumpTable + Int(block.pointee.jumpEntry) * MemoryLayout<JumpEntry>.stride
    let target = entry.load(fromByteOffset: JumpEntry.targetOffset, as: UInt.self)
    return target == UInt(bitPattern: block.firstOp) ? entry : nil
  }

  /// Lets the entry of the jump table for a linear address lead to a block.
  func enterJump(_ linear: UInt64, _ guardWord: UInt64, _ block: Block) {
    guard let jumpTable else { return }
    let offset = JumpEntry.byteOffset(linear)
    let number = UInt16(truncatingIfNeeded: offset / MemoryLayout<JumpEntry>.stride)
    if block.pointee.jumpEntry == BlockHeader.noEntry { block.pointee.jumpEntry = number }
    let isOwn = block.pointee.jumpEntry == number
    (jumpTable + offset).storeBytes(
      of: JumpEntry(
        linear: linear, guardWord: guardWord, target: UInt(bitPattern: block.firstOp),
        landing: isOwn ? landing(block) : Landing.linked), as: JumpEntry.self)
  }

  /// Clears all links that lead to a block.
  private func disconnect(_ block: Block) {
    var link = block.pointee.firstIncoming
    block.pointee.firstIncoming = 0
    while let word = UnsafeMutableRawPointer(bitPattern: link & ~Gate.tag) {
      if link & Gate.tag != 0 {
        word.storeBytes(of: 0, toByteOffset: Gate.generation - Gate.target, as: UInt32.self)
      }
      link = word.load(fromByteOffset: BranchLinks.nextOffset, as: UInt.self)
      word.storeBytes(of: 0, as: UInt.self)
      word.storeBytes(of: Landing.unlinked, toByteOffset: BranchLinks.landingOffset, as: Handler.self)
    }
  }

  /// Physical pages that hold code now.
  var codePageAddresses: [UInt64] { pages.addresses }

  /// Host address that a page had when its first block was built; see `Processor.invalidateMap`.
  func setHost(_ page: UInt64, _ host: UInt64) { pages.find(page)?.pointee.host = host }
  func host(_ page: UInt64) -> UInt64 { pages.find(page)?.pointee.host ?? 0 }

  /// Forgets everything. Only while no chain runs.
  mutating func removeAll() {
    used = BlockCache.reserved
    flushCount &+= 1
    for bucket in 0..<BlockCache.bucketCount { buckets[bucket] = 0 }
    pages.removeAll()
    pendingLink = 0
    mustFlush = false
    hostCode.removeAll()
  }
}
