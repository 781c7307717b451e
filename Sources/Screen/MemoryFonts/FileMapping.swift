// SPDX-License-Identifier: Apache-2.0

/// Where the pages of a file lie that a program of the guest has mapped from its start on, by the program's page tables.
///
/// Reference: Intel SDM volume 3, 4.3 to 4.5 (entries of page tables).
struct FileMapping: Equatable {
  static let pageByteCount = 4096
  /// Files above this size are no fonts.
  static let largestByteCount = 2 << 20
  /// Present, and for programs: the kernel's own tables map its memory in the order of its addresses.
  static let flags: UInt32 = 5

  /// Where entries for its pages lie, and how many, in the order of the file.
  private var runs: [Run]
  private let entryByteCount: Int

  private struct Run: Equatable {
    let entry: Int
    let count: Int
  }

  /// - Parameters:
  ///   - page: the first page of the file.
  ///   - entry: where a table's entry for it may lie.
  ///   - byteCount: of an entry: 8, or 4 on a processor without PAE.
  init?(page: Int, entryAt entry: Int, byteCount: Int, _ memory: GuestBytes) {
    guard byteCount == 4 || byteCount == 8, entry % byteCount == 0 else { return nil }
    entryByteCount = byteCount
    runs = [Run(entry: entry, count: Self.pageByteCount / byteCount - entry % Self.pageByteCount / byteCount)]
    guard self.page(0, memory) == page, isPlausible(memory) else { return nil }
  }

  /// Words that look like an entry are everywhere; next to a true one there are others, or none yet.
  private func isPlausible(_ memory: GuestBytes) -> Bool {
    runs.allSatisfy { run in
      (1..<max(1, min(run.count, 8))).allSatisfy { number in
        let offset = run.entry + number * entryByteCount
        return address(entryAt: offset, memory) != nil || isEmpty(entryAt: offset, memory)
      }
    }
  }

  private func isEmpty(entryAt offset: Int, _ memory: GuestBytes) -> Bool {
    memory.slice(offset, entryByteCount).allSatisfy { $0 == 0 }
  }

  /// How much of the file the entries are for.
  var byteCount: Int { runs.reduce(0) { $0 + $1.count } * Self.pageByteCount }

  /// Takes in the table behind the last one, if there is one.
  mutating func extend(_ memory: GuestBytes) {
    guard let last = runs.last else { return }
    let table = last.entry & ~(Self.pageByteCount - 1)
    let wanted = UInt32(truncatingIfNeeded: table) | Self.flags
    var found: Int?
    memory.scan(.init(values: SIMD4(repeating: wanted), mask: ~0xfff | Self.flags)) { offset, _ in
      // The entry behind the one for this table; it may be in a table of tables of its own, which is not looked for.
      let next = offset + entryByteCount
      guard found == nil, offset % entryByteCount == 0, next % Self.pageByteCount != 0 else { return }
      if address(entryAt: offset, memory) == table { found = address(entryAt: next, memory) }
    }
    if let found { runs.append(Run(entry: found, count: Self.pageByteCount / entryByteCount)) }
  }

  private func address(entryAt offset: Int, _ memory: GuestBytes) -> Int? {
    let entry =
      entryByteCount == 8
      ? memory.load(offset, as: UInt64.self) & 0x000f_ffff_ffff_ffff : UInt64(memory.load(offset, as: UInt32.self))
    guard entry & UInt64(Self.flags) == UInt64(Self.flags) else { return nil }
    let address = Int(entry) & ~(Self.pageByteCount - 1)
    return memory.contains(address, Self.pageByteCount) ? address : nil
  }

  /// Where a page of the file lies; nil if it is not mapped.
  func page(_ number: Int, _ memory: GuestBytes) -> Int? {
    var number = number
    for run in runs {
      if number < run.count { return address(entryAt: run.entry + number * entryByteCount, memory) }
      number -= run.count
    }
    return nil
  }

  func pages(_ memory: GuestBytes) -> [Int] {
    (0..<min(byteCount, Self.largestByteCount) / Self.pageByteCount).map { page($0, memory) ?? -1 }
  }

  /// A little-endian word of the file, at a multiple of its size; nil where it cannot be read.
  func word(_ offset: Int, _ memory: GuestBytes) -> UInt32? {
    guard offset >= 0, offset < Self.largestByteCount, offset % 4 == 0,
      let page = page(offset / Self.pageByteCount, memory)
    else { return nil }
    return memory.load(page + offset % Self.pageByteCount, as: UInt32.self)
  }
}
