// SPDX-License-Identifier: Apache-2.0

/// The physical address space: regions with priorities, flattened into runs of pages.
///
/// A device that changes the map from inside a handler (PAM, SMRAM, a BAR) edits regions; the change is only *prepared*.
/// The machine calls `commit` before the next instruction, once for all changes, and then tells the processor.
public final class MemoryMap {
  /// What answers accesses to a region.
  public enum Backing {
    /// Bytes of a block, from an offset, readable and, unless `isReadOnly`, writable.
    case ram(RAMBlock, offset: Int, isReadOnly: Bool)
    /// Registers of a device; offsets passed to it start at `offset`.
    case mmio(any MMIODevice, offset: UInt64)
    /// Reads come from the block; writes go to the device (PAM "read RAM, write elsewhere" and flash).
    case romd(RAMBlock, offset: Int, any MMIODevice)
    /// Nothing answers: reads are ones.
    case none
  }

  /// A region of the map. Edit it through `MemoryMap.update`.
  public final class Region {
    public let name: String
    public fileprivate(set) var start: PhysicalAddress
    public fileprivate(set) var byteCount: UInt64
    public fileprivate(set) var backing: Backing
    public fileprivate(set) var isEnabled: Bool
    /// Where regions overlap the higher priority shows.
    public let priority: Int
    fileprivate let order: Int

    fileprivate init(
      name: String, start: PhysicalAddress, byteCount: UInt64, backing: Backing, priority: Int, isEnabled: Bool,
      order: Int
    ) {
      self.name = name
      self.start = start
      self.byteCount = byteCount
      self.backing = backing
      self.priority = priority
      self.isEnabled = isEnabled
      self.order = order
    }

    var end: PhysicalAddress { start &+ byteCount }
  }

  /// A run of the flattened map.
  struct Run {
    var start: PhysicalAddress
    var end: PhysicalAddress
    var region: Region
  }

  public private(set) var regions: [Region] = []
  /// Called when a change was prepared, so that a running processor stops before its next instruction.
  public var changeWasPrepared: (() -> Void)?
  /// True between a change and `commit`.
  public private(set) var needsCommit = false
  private(set) var runs: [Run] = []
  /// Where the map may look different since the last commit.
  private var changes: [Range<PhysicalAddress>] = []
  private var nextOrder = 0

  public init() {}

  /// Adds a region; `start` and `byteCount` are whole pages unless the region is MMIO of less than a page.
  @discardableResult
  public func add(
    _ name: String, at start: PhysicalAddress, byteCount: UInt64, _ backing: Backing, priority: Int = 0,
    isEnabled: Bool = true
  ) -> Region {
    let region = Region(
      name: name, start: start, byteCount: byteCount, backing: backing, priority: priority, isEnabled: isEnabled,
      order: nextOrder)
    nextOrder += 1
    regions.append(region)
    if isEnabled { note(start, byteCount) }
    prepare()
    return region
  }

  /// Moves, switches or re-backs a region; nil leaves a property as it is.
  public func update(
    _ region: Region, start: PhysicalAddress? = nil, backing: Backing? = nil, isEnabled: Bool? = nil
  ) {
    let (oldStart, wasEnabled) = (region.start, region.isEnabled)
    if let start { region.start = start }
    if let backing { region.backing = backing }
    if let isEnabled { region.isEnabled = isEnabled }
    guard region.start != oldStart || region.isEnabled != wasEnabled || backing != nil else { return }
    if wasEnabled { note(oldStart, region.byteCount) }
    if region.isEnabled { note(region.start, region.byteCount) }
    prepare()
  }

  public func remove(_ region: Region) {
    regions.removeAll { $0 === region }
    if region.isEnabled { note(region.start, region.byteCount) }
    prepare()
  }

  /// Forgets every region, and with them who keeps whom alive.
  public func removeAll() {
    for region in regions { region.backing = .none }
    regions = []
    runs = []
    changes = []
    changeWasPrepared = nil
  }

  private func note(_ start: PhysicalAddress, _ byteCount: UInt64) {
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    changes.append(start..<max(start, overflow ? .max : end))
  }

  private func prepare() {
    needsCommit = true
    changeWasPrepared?()
  }

  /// Makes prepared changes visible; gives the address ranges that may look different now.
  @discardableResult
  public func commit() -> [Range<PhysicalAddress>] {
    guard needsCommit else { return [] }
    needsCommit = false
    defer { changes = [] }
    let active = regions.filter { $0.isEnabled && $0.byteCount > 0 && $0.end > $0.start }
    var edges: [PhysicalAddress] = []
    for region in active { edges += [region.start, region.end] }
    edges = Array(Set(edges)).sorted()
    var flattened: [Run] = []
    for (start, end) in zip(edges, edges.dropFirst()) {
      let covering = active.filter { $0.start <= start && end <= $0.end }
      guard let top = covering.max(by: { ($0.priority, $0.order) < ($1.priority, $1.order) }) else { continue }
      if let last = flattened.last, last.end == start, last.region === top {
        flattened[flattened.count - 1].end = end
      } else {
        flattened.append(Run(start: start, end: end, region: top))
      }
    }
    runs = flattened
    return changes
  }

  /// The region that answers at an address, with the offset into the region.
  public func find(_ address: PhysicalAddress) -> (region: Region, offset: UInt64)? {
    guard let run = run(at: address) else { return nil }
    return (run.region, address &- run.region.start)
  }

  func run(at address: PhysicalAddress) -> Run? {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].end <= address { low = middle + 1 } else { high = middle }
    }
    guard low < runs.count, runs[low].start <= address else { return nil }
    return runs[low]
  }
}
