// SPDX-License-Identifier: Apache-2.0

/// Translation of addresses: the architectural TLBs and the fast tables derived from them.
///
/// `data` and `code` hold *translations* (linear page, frame, rights, dirty, global, size). They are part of the
/// processor's state: what they hold decides when a page walk sets accessed bits, so replacement is direct-mapped and
/// host-caused invalidation never touches them. The *fast tables*, one per privilege, hold host addresses for pages that
/// handlers may touch directly; every entry can be dropped at any time and is then derived again.
struct MMU {
  static let slotCount = 8192
  static let codeSlotCount = 16384
  static let physicalSlotCount = 8192
  /// The largest MAXPHYADDR of any model.
  static let physicalAddressBits: UInt64 = 40

  var supervisor: FastTable
  var user: FastTable
  /// A table that is never filled: every access takes the slow path (alignment checking).
  var empty: FastTable
  var data: TranslationTable
  var code: TranslationTable
  /// Paging was on when translations were last dropped.
  var codeIsPaged = false
  /// Host addresses of physical pages, as the machine gave them.
  var physical: UnsafeMutablePointer<PhysicalSlot>
  /// Where ops and data of staged accesses lie; see `slowAccess`.
  var scratch: UnsafeMutableRawPointer

  init() {
    supervisor = FastTable(slotCount: MMU.slotCount)
    user = FastTable(slotCount: MMU.slotCount)
    empty = FastTable(slotCount: MMU.slotCount)
    data = TranslationTable(slotCount: MMU.slotCount)
    code = TranslationTable(slotCount: MMU.codeSlotCount, hasAlternatives: true)
    physical = .allocate(capacity: MMU.physicalSlotCount)
    physical.initialize(repeating: PhysicalSlot(), count: MMU.physicalSlotCount)
    scratch = .allocate(byteCount: 4 * opStride, alignment: 64)
  }

  /// The slots that hold pages of a range of physical memory.
  func forEachPhysicalSlot(in pages: Range<UInt64>, _ body: (UnsafeMutablePointer<PhysicalSlot>) -> Void) {
    let count = (pages.upperBound - pages.lowerBound) >> 12
    let start = Int(truncatingIfNeeded: (pages.lowerBound >> 12) & UInt64(MMU.physicalSlotCount - 1))
    for offset in 0..<Int(min(count, UInt64(MMU.physicalSlotCount))) {
      let slot = physical + ((start + offset) & (MMU.physicalSlotCount - 1))
      if pages.contains(slot.pointee.tag) { body(slot) }
    }
  }

  func deallocate() {
    supervisor.deallocate()
    user.deallocate()
    empty.deallocate()
    data.deallocate()
    code.deallocate()
    physical.deallocate()
    scratch.deallocate()
  }
}

/// One slot of a fast table; handlers read it by offset.
///
/// A tag is the linear page address if that kind of access may go to `linear &+ addend`, else `FastSlot.invalid`.
struct FastSlot: BitwiseCopyable {
  var readTag = FastSlot.invalid
  var writeTag = FastSlot.invalid
  /// Physical page, with `listed` in bit 0.
  var frame: UInt64 = 0
  var addend: UInt64 = 0

  /// Not a page address, so it matches no access; nor one with low bits, which a misaligned vector is compared as.
  static let invalid: UInt64 = 1 << 4
  static let listed: UInt64 = 1
}

/// A direct-mapped table of `FastSlot`, and the list of slots in use so that flushing costs what was filled.
struct FastTable {
  let slots: UnsafeMutablePointer<FastSlot>
  private let used: UnsafeMutablePointer<UInt16>
  private(set) var usedCount = 0
  private let slotCount: Int

  init(slotCount: Int) {
    self.slotCount = slotCount
    slots = UnsafeMutableRawPointer.allocate(byteCount: slotCount * 32, alignment: 64)
      .bindMemory(to: FastSlot.self, capacity: slotCount)
    slots.initialize(repeating: FastSlot(), count: slotCount)
    used = .allocate(capacity: slotCount)
  }

  func deallocate() {
    slots.deallocate()
    used.deallocate()
  }

  @inline(__always) static func index(_ linear: UInt64) -> Int {
    Int(truncatingIfNeeded: (linear >> 12) & UInt64(MMU.slotCount - 1))
  }

  /// Makes `page` accessible at `host` (read, write or both); earlier rights of the same page are kept.
  mutating func fill(page: UInt64, frame: UInt64, host: UInt64, read: Bool, write: Bool) {
    let index = FastTable.index(page)
    let addend = host &- page
    if slots[index].frame & FastSlot.listed == 0 {
      used[usedCount] = UInt16(truncatingIfNeeded: index)
      usedCount += 1
    }
    let isSame = slots[index].addend == addend && slots[index].frame == frame | FastSlot.listed
    if !isSame || (slots[index].readTag != page && slots[index].readTag != FastSlot.invalid) {
      slots[index].readTag = FastSlot.invalid
    }
    if !isSame || (slots[index].writeTag != page && slots[index].writeTag != FastSlot.invalid) {
      slots[index].writeTag = FastSlot.invalid
    }
    if read { slots[index].readTag = page }
    if write { slots[index].writeTag = page }
    slots[index].frame = frame | FastSlot.listed
    slots[index].addend = addend
  }

  /// Empties one slot.
  @inline(__always) func clear(_ index: Int) {
    slots[index].readTag = FastSlot.invalid
    slots[index].writeTag = FastSlot.invalid
  }

  mutating func flush() {
    for position in 0..<usedCount { slots[Int(used[position])] = FastSlot() }
    usedCount = 0
  }

  /// Empties the slots of the physical pages in a range.
  func drop(frames: Range<UInt64>) {
    for position in 0..<usedCount {
      let index = Int(used[position])
      if frames.contains(slots[index].frame & ~FastSlot.listed) { clear(index) }
    }
  }

  /// Takes away write access to the physical pages in a range.
  func dropWrites(frames: Range<UInt64>) {
    for position in 0..<usedCount {
      let index = Int(used[position])
      if frames.contains(slots[index].frame & ~FastSlot.listed) { slots[index].writeTag = FastSlot.invalid }
    }
  }

  /// Takes away write access to pages at host addresses in a range.
  func dropWrites(hosts: Range<UInt64>) {
    for position in 0..<usedCount {
      let index = Int(used[position])
      let tag = slots[index].writeTag
      if tag != FastSlot.invalid, hosts.contains(slots[index].addend &+ tag) {
        slots[index].writeTag = FastSlot.invalid
      }
    }
  }
}

/// One architectural translation.
struct Translation: BitwiseCopyable {
  /// Linear page address with bit 0 set, or 0.
  var tag: UInt64 = 0
  /// Frame address (A20 not applied) and `Translation` flags in the low 12 bits.
  var entry: UInt64 = 0

  static let writable: UInt64 = 1 << 0
  static let user: UInt64 = 1 << 1
  static let dirty: UInt64 = 1 << 2
  static let global: UInt64 = 1 << 3
  static let noExecute: UInt64 = 1 << 4
  /// Part of a page larger than 4 KiB: bits 5...6 say 2 MiB (1), 4 MiB (2), 1 GiB (3).
  static let sizeShift: UInt64 = 5
  static let sizeMask: UInt64 = 3 << 5
  /// In the list of used slots.
  static let listed: UInt64 = 1 << 7

  @inline(__always) var frame: UInt64 { entry & ~0xfff }
  /// Bytes of the page this is a part of.
  var pageSize: UInt64 {
    switch (entry & Translation.sizeMask) >> Translation.sizeShift {
    case 1: 1 << 21
    case 2: 1 << 22
    case 3: 1 << 30
    default: 1 << 12
    }
  }
}

/// A filter that says of most addresses that no translation of a large page holds them, so that page faults and INVLPG
/// need not look for one.
struct LargePages: BitwiseCopyable {
  /// One bit for all 2-MiB regions whose numbers have the same hash.
  private var regions: InlineArray<16, UInt64> = .init(repeating: 0)
  /// The same for regions of 1 GiB with pages of that size.
  private var huge: UInt64 = 0
  /// A page of 4 MiB was seen.
  private var areDouble = false

  /// Where the translations of a large page that holds an address may be.
  enum Place { case nowhere, anywhere, consecutive(slots: Int) }

  @inline(__always) private static func bit(_ linear: UInt64) -> (word: Int, mask: UInt64) {
    let region = (linear >> 21) ^ (linear >> 31)
    return (Int(truncatingIfNeeded: (region >> 6) & 15), 1 &<< (region & 63))
  }

  @inline(__always) private static func hugeBit(_ linear: UInt64) -> UInt64 {
    1 &<< (((linear >> 30) ^ (linear >> 36)) & 63)
  }

  mutating func insert(_ linear: UInt64, _ entry: UInt64) {
    switch (entry & Translation.sizeMask) >> Translation.sizeShift {
    case 0: return
    case 3: huge |= LargePages.hugeBit(linear)
    case 2:
      areDouble = true
      for part in [linear, linear ^ 1 << 21] {
        let (word, mask) = LargePages.bit(part)
        regions[word] |= mask
      }
    default:
      let (word, mask) = LargePages.bit(linear)
      regions[word] |= mask
    }
  }

  /// The parts of a page lie in consecutive slots, one for each 4 KiB, as far as the table reaches.
  @inline(__always) func place(_ linear: UInt64) -> Place {
    if huge & LargePages.hugeBit(linear) != 0 { return .anywhere }
    let (word, mask) = LargePages.bit(linear)
    return regions[word] & mask == 0 ? .nowhere : .consecutive(slots: areDouble ? 1024 : 512)
  }
}

/// A table of translations with the list of slots in use. A page has one slot (direct-mapped), or one of two in a table with
/// alternatives: kernels put their own code, that of modules and that of programs at addresses that differ in high bits alone,
/// and what they all run must not take turns in one slot.
struct TranslationTable {
  let slots: UnsafeMutablePointer<Translation>
  let slotCount: Int
  /// What bits above the low ten of a second slot's index are made of; 0 without alternatives.
  private let alternatives: Int
  private let used: UnsafeMutablePointer<UInt16>
  private var usedCount = 0
  /// Where translations of large pages may be.
  private var large = LargePages()

  init(slotCount: Int, hasAlternatives: Bool = false) {
    self.slotCount = slotCount
    alternatives = hasAlternatives ? slotCount >> 10 : 0
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: Translation(), count: slotCount)
    used = .allocate(capacity: slotCount)
  }

  func deallocate() {
    slots.deallocate()
    used.deallocate()
  }

  @inline(__always) func index(_ linear: UInt64) -> Int {
    Int(truncatingIfNeeded: (linear >> 12) & UInt64(truncatingIfNeeded: slotCount &- 1))
  }

  /// The second slot of a page; the same as the first in a direct-mapped table. The parts of a large page have consecutive
  /// second slots as well.
  @inline(__always) func alternative(_ linear: UInt64) -> Int {
    TranslationTable.alternative(linear, index(linear), alternatives)
  }

  static func alternative(_ linear: UInt64, _ index: Int, _ alternatives: Int) -> Int {
    guard alternatives != 0 else { return index }
    let high = linear >> UInt64(22 &+ alternatives.trailingZeroBitCount)
    let hash = Int(truncatingIfNeeded: (high &* 0x9e37_79b9_7f4a_7c15) >> 32) & (alternatives - 1)
    return index ^ (hash | alternatives >> 1) << 10
  }

  /// The entry for a page, or 0.
  @inline(__always) func lookUp(_ linear: UInt64) -> UInt64 {
    let tag = (linear & ~0xfff) | 1
    let slot = slots[index(linear)]
    if slot.tag == tag { return slot.entry }
    guard alternatives != 0 else { return 0 }
    let other = slots[alternative(linear)]
    return other.tag == tag ? other.entry : 0
  }

  /// What an insertion took away.
  enum Replaced { case nothing, local, global }

  /// Where a page is or, if it is not, goes: a free slot, otherwise the second one.
  private func place(_ linear: UInt64, _ tag: UInt64) -> Int {
    let first = index(linear)
    guard alternatives != 0, slots[first].tag != tag else { return first }
    let second = alternative(linear)
    return slots[first].tag == 0 && slots[second].tag != tag ? first : second
  }

  /// Enters a translation; tells whether one of another page, or of another frame, is no longer there.
  mutating func insert(_ linear: UInt64, entry: UInt64) -> Replaced {
    let tag = (linear & ~0xfff) | 1
    let index = place(linear, tag)
    let old = slots[index]
    if old.entry & Translation.listed == 0 {
      used[usedCount] = UInt16(truncatingIfNeeded: index)
      usedCount += 1
    }
    large.insert(linear, entry)
    slots[index] = Translation(tag: tag, entry: entry | Translation.listed)
    guard old.tag != 0 else { return .nothing }
    let isOther = old.tag != tag || old.entry & ~0xfff != entry & ~0xfff
    if old.entry & Translation.global != 0 { return isOther || entry & Translation.global == 0 ? .global : .nothing }
    return isOther ? .local : .nothing
  }

  /// Drops all translations (`keepGlobal`: all but the global ones), telling each slot index that was dropped.
  mutating func flush(keepGlobal: Bool, _ dropped: (Int) -> Void) {
    var kept = 0
    large = LargePages()
    for position in 0..<usedCount {
      let index = Int(used[position])
      if keepGlobal && slots[index].tag != 0 && slots[index].entry & Translation.global != 0 {
        used[kept] = used[position]
        kept += 1
        large.insert(slots[index].tag, slots[index].entry)
      } else {
        slots[index] = Translation()
        dropped(index)
      }
    }
    usedCount = kept
  }

  /// Drops what INVLPG of an address drops: its page, all of it when it is a large one. A table has 1024 slots or more.
  mutating func invalidate(_ linear: UInt64, _ dropped: (Int) -> Void) {
    let place = large.place(linear)
    invalidate(linear, index(linear), place, dropped)
    if alternatives != 0 { invalidate(linear, alternative(linear), place, dropped) }
    guard case .anywhere = place else { return }
    for position in 0..<usedCount { invalidatePart(Int(used[position]), linear, dropped) }
  }

  /// `invalidate` of one of the slots that the page can have, and of those of other parts of a large page near it.
  @inline(__always)
  private func invalidate(_ linear: UInt64, _ own: Int, _ place: LargePages.Place, _ dropped: (Int) -> Void) {
    if slots[own].tag == (linear & ~0xfff) | 1 {
      slots[own].tag = 0
      dropped(own)
    }
    if case .consecutive(let count) = place {
      let first = own & ~(count - 1)
      for index in first..<first + count { invalidatePart(index, linear, dropped) }
    }
  }

  @inline(__always)
  private func invalidatePart(_ index: Int, _ linear: UInt64, _ dropped: (Int) -> Void) {
    let slot = slots[index]
    guard slot.tag != 0, slot.entry & Translation.sizeMask != 0, (slot.tag ^ linear) & ~(slot.pageSize - 1) == 0 else {
      return
    }
    slots[index].tag = 0
    dropped(index)
  }

  /// Rebuilds the list of used slots after the slots were loaded from saved state.
  mutating func relist() {
    usedCount = 0
    large = LargePages()
    for index in 0..<slotCount where slots[index].tag != 0 {
      slots[index].entry |= Translation.listed
      used[usedCount] = UInt16(truncatingIfNeeded: index)
      usedCount += 1
      large.insert(slots[index].tag, slots[index].entry)
    }
    for index in 0..<slotCount where slots[index].tag == 0 { slots[index] = Translation() }
  }
}

/// What the machine said about a physical page.
struct PhysicalSlot: BitwiseCopyable {
  /// Physical page address, or `PhysicalSlot.none`.
  var tag = PhysicalSlot.none
  var readAddress: UInt64 = 0
  var writeAddress: UInt64 = 0
  /// Bit 0: writes are logged; bit 1: and this page is noted in the log already.
  var flags: UInt64 = 0

  static let none: UInt64 = 1
  static let logged: UInt64 = 1
  static let announced: UInt64 = 2
}
