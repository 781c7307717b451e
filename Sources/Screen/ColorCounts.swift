// SPDX-License-Identifier: Apache-2.0

/// How often colours occur: a table with open addressing, since a photograph has a hundred thousand of them.
struct ColorCounts {
  /// A colour, how often it occurred, and how often beside one that is quite different.
  private struct Entry {
    var color: UInt32 = 0
    var count: UInt32 = 0
    var edgeCount: UInt32 = 0
  }

  private var entries = [Entry](repeating: Entry(), count: 1024)
  private var used = 0

  /// Where a colour is, or is to be.
  @inline(__always)
  private func place(_ color: UInt32) -> Int {
    let mask = entries.count - 1
    // Fibonacci hashing: the product's upper bits.
    var index = Int(truncatingIfNeeded: (UInt64(color) &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while entries[index].count != 0, entries[index].color != color { index = (index + 1) & mask }
    return index
  }

  @inline(__always)
  mutating func count(_ color: UInt32, isEdge: Bool) {
    let index = place(color)
    if entries[index].count == 0 {
      entries[index].color = color
      used += 1
    }
    entries[index].count &+= 1
    if isEdge { entries[index].edgeCount &+= 1 }
    if used * 2 > entries.count { grow() }
  }

  private mutating func grow() {
    let old = entries
    entries = [Entry](repeating: Entry(), count: 4 * old.count)
    for entry in old where entry.count != 0 { entries[place(entry.color)] = entry }
  }

  /// Of equally frequent ones the lowest.
  var mostFrequent: UInt32? {
    var best = Entry()
    for entry in entries where (entry.count, best.color) > (best.count, entry.color) { best = entry }
    return best.count == 0 ? nil : best.color
  }

  /// Of those that are beside a quite different one, in the same order.
  func mostFrequentEdges(_ limit: Int) -> [UInt32] {
    var best: [Entry] = []
    for entry in entries where entry.edgeCount > 0 {
      let place = best.firstIndex { (entry.edgeCount, $0.color) > ($0.edgeCount, entry.color) } ?? best.count
      guard place < limit else { continue }
      best.insert(entry, at: place)
      if best.count > limit { best.removeLast() }
    }
    return best.map(\.color)
  }
}
