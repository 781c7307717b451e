// SPDX-License-Identifier: Apache-2.0

/// A physical page with decoded code: which of its bytes belong to blocks, and the blocks by the 64-byte line in which
/// they start, so that a write finds out cheaply that it hits no code, or which blocks it hits.
struct CodePage: BitwiseCopyable {
  /// Page address, `empty` or `removed`.
  var address = CodePage.empty
  /// Host address that the page had when its first block was built.
  var host: UInt64 = 0
  /// First of the blocks whose only instruction began in another page and ends in this one, or 0.
  var firstTail: UInt = 0
  /// Blocks with bytes in this page.
  var blockCount = 0
  /// One bit for each byte, then the first block of each line; allocated while `address` is that of a page.
  fileprivate var map: UnsafeMutablePointer<UInt64>?

  static let empty: UInt64 = 1
  static let removed: UInt64 = 2
  static let lineCount = 64
  fileprivate static let bitWords = 64
  fileprivate static let mapWords = bitWords + lineCount
  /// No block is longer: 64 instructions of 15 bytes.
  private static let longestBlock = Draft.capacity * 15

  fileprivate init(address: UInt64) { self.address = address }
  fileprivate init() {}

  /// Whether a byte of the range inside the page belongs to a block.
  @inline(__always) func hasCode(_ start: Int, _ byteCount: Int) -> Bool {
    guard let map, byteCount > 0 else { return false }
    let last = start &+ byteCount &- 1
    var word = start >> 6
    while word <= last >> 6 {
      if map[word] & CodePage.mask(word, start, last) != 0 { return true }
      word &+= 1
    }
    return false
  }

  /// The bits of a word of the map that a range covers, its last byte included.
  @inline(__always) private static func mask(_ word: Int, _ start: Int, _ last: Int) -> UInt64 {
    let low = word == start >> 6 ? UInt64(truncatingIfNeeded: start & 63) : 0
    let high = word == last >> 6 ? UInt64(truncatingIfNeeded: 63 &- (last & 63)) : 0
    return (~0 &<< low) & (~0 &>> high)
  }

  private func mark(_ start: Int, _ end: Int) {
    guard let map, start < end else { return }
    for word in (start >> 6)...((end - 1) >> 6) { map[word] |= CodePage.mask(word, start, end - 1) }
  }

  /// Marks a range as free of code but for the blocks that are still listed.
  func unmark(_ start: Int, _ end: Int) {
    guard let map, start < end else { return }
    for word in (start >> 6)...((end - 1) >> 6) { map[word] &= ~CodePage.mask(word, start, end - 1) }
    for line in CodePage.lines(reaching: start, end) {
      var address = firstBlock(line)
      while let block = Block(bitPattern: address) {
        let range = block.bytesInFirstPage
        mark(range.lowerBound, range.upperBound)
        address = block.pointee.nextInPage
      }
    }
    var address = firstTail
    while let block = Block(bitPattern: address) {
      mark(0, block.bytesInSecondPage)
      address = block.pointee.nextInSecondPage
    }
  }

  /// Lines in which blocks with bytes in a range can start.
  @inline(__always) static func lines(reaching start: Int, _ end: Int) -> ClosedRange<Int> {
    (max(0, start - longestBlock) >> 6)...((end - 1) >> 6)
  }

  /// The first of the list of blocks that start in a line.
  @inline(__always) func firstBlock(_ line: Int) -> UInt {
    UInt(truncatingIfNeeded: map?[CodePage.bitWords + line] ?? 0)
  }
  @inline(__always) private func setFirstBlock(_ line: Int, _ address: UInt) {
    map?[CodePage.bitWords + line] = UInt64(address)
  }

  /// Enters a block that starts in this page.
  mutating func insert(_ block: Block) {
    let range = block.bytesInFirstPage, line = range.lowerBound >> 6
    mark(range.lowerBound, range.upperBound)
    block.pointee.nextInPage = firstBlock(line)
    setFirstBlock(line, UInt(bitPattern: block))
    blockCount += 1
  }

  mutating func remove(_ block: Block) {
    let own = UInt(bitPattern: block), line = block.bytesInFirstPage.lowerBound >> 6
    blockCount -= 1
    if firstBlock(line) == own {
      setFirstBlock(line, block.pointee.nextInPage)
      return
    }
    var address = firstBlock(line)
    while let other = Block(bitPattern: address) {
      if other.pointee.nextInPage == own { other.pointee.nextInPage = block.pointee.nextInPage }
      address = other.pointee.nextInPage
    }
  }

  /// Enters a block that ends in this page.
  mutating func insertTail(_ block: Block) {
    mark(0, block.bytesInSecondPage)
    block.pointee.nextInSecondPage = firstTail
    firstTail = UInt(bitPattern: block)
    blockCount += 1
  }

  mutating func removeTail(_ block: Block) {
    let own = UInt(bitPattern: block)
    blockCount -= 1
    if firstTail == own {
      firstTail = block.pointee.nextInSecondPage
      return
    }
    var address = firstTail
    while let other = Block(bitPattern: address) {
      if other.pointee.nextInSecondPage == own { other.pointee.nextInSecondPage = block.pointee.nextInSecondPage }
      address = other.pointee.nextInSecondPage
    }
  }
}

/// Open-addressing hash of code pages.
struct CodePages {
  private var slots: UnsafeMutablePointer<CodePage>
  private var capacity = 1024
  /// Slots that are not `empty`.
  private var filled = 0

  init() {
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: CodePage(), count: capacity)
  }

  func deallocate() {
    for index in 0..<capacity { slots[index].map?.deallocate() }
    slots.deallocate()
  }

  private func position(_ page: UInt64) -> Int {
    Int(truncatingIfNeeded: ((page >> 12) &* 0x9e37_79b9_7f4a_7c15) >> 40) & (capacity - 1)
  }

  func find(_ page: UInt64) -> UnsafeMutablePointer<CodePage>? {
    var index = position(page)
    while slots[index].address != CodePage.empty {
      if slots[index].address == page { return slots + index }
      index = (index + 1) & (capacity - 1)
    }
    return nil
  }

  mutating func findOrInsert(_ page: UInt64) -> (UnsafeMutablePointer<CodePage>, isNew: Bool) {
    if let found = find(page) { return (found, false) }
    if filled * 2 >= capacity { grow() }
    var index = position(page)
    while slots[index].address & 0xfff == 0 { index = (index + 1) & (capacity - 1) }
    if slots[index].address == CodePage.empty { filled += 1 }
    slots[index] = CodePage(address: page)
    let map = UnsafeMutablePointer<UInt64>.allocate(capacity: CodePage.mapWords)
    map.initialize(repeating: 0, count: CodePage.mapWords)
    slots[index].map = map
    return (slots + index, true)
  }

  mutating func remove(_ page: UInt64) {
    guard let found = find(page) else { return }
    found.pointee.map?.deallocate()
    found.pointee = CodePage(address: CodePage.removed)
  }

  var addresses: [UInt64] {
    (0..<capacity).map { slots[$0].address }.filter { $0 & 0xfff == 0 }
  }

  private mutating func grow() {
    let old = slots, oldCapacity = capacity
    let live = (0..<oldCapacity).count { old[$0].address & 0xfff == 0 }
    if live * 4 >= capacity { capacity *= 2 }
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: CodePage(), count: capacity)
    filled = 0
    for index in 0..<oldCapacity where old[index].address & 0xfff == 0 {
      var target = position(old[index].address)
      while slots[target].address != CodePage.empty { target = (target + 1) & (capacity - 1) }
      slots[target] = old[index]
      filled += 1
    }
    old.deallocate()
  }

  mutating func removeAll() {
    for index in 0..<capacity {
      slots[index].map?.deallocate()
      slots[index] = CodePage()
    }
    filled = 0
  }
}
