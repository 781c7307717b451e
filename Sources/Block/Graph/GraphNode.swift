// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// A node of the block graph: a driver's work under a name, with what the user asked of it in general: which discards
/// reach it, how zeros are written, which writes are noted.
///
/// Format nodes stand over protocol nodes and, for overlays, over backing nodes. Reads and writes come from worker threads;
/// who uses the node is the business of `BlockGraph`, on the machine thread.
public final class GraphNode: BlockNode {
  public let name: String
  /// QEMU's name of the driver: `file`, `raw`, `qcow2`.
  public let driver: String
  /// What does the work.
  public let content: any BlockNode
  /// How the node was asked for.
  public let options: NodeOptions
  /// QEMU's file name of the node: that of the file below, or a `json:` description where that does not say it all.
  public let fileName: String
  /// `fileName` is a plain name, from which the whole chain can be opened again.
  public let hasPlainFileName: Bool
  /// A description from which the node can be opened again.
  public let description: NodeDescription
  public let children: [Child]
  /// Nil for everything but nodes that hold a file.
  let locks: ImageLocks?

  /// What a node stands over, and in which part.
  public struct Child: Sendable {
    public enum Role: String, Sendable {
      /// The storage of a format that keeps metadata in it.
      case metadata
      /// Bytes that are passed through unchanged.
      case filtered
      /// Bytes of a part, at a fixed place.
      case data
      case backing
    }
    public let role: Role
    public let node: GraphNode
    /// QEMU's name of the edge: `file`, `backing`, `data-file`.
    public let name: String

    package init(role: Role, node: GraphNode, name: String) { (self.role, self.node, self.name) = (role, node, name) }
  }

  private struct Watch {
    var bitmaps: [DirtyBitmap] = []
    var threshold: UInt64 = 0
    var thresholdWasPassed: (@Sendable (_ node: String, _ amount: UInt64, _ threshold: UInt64) -> Void)?
  }

  private let watch = Mutex(Watch())
  private let isWatched = Atomic<Bool>(false)
  private let isSealed = Atomic<Bool>(false)
  private let isWithOthers = Atomic<Bool>(false)
  private let highestWritten = Atomic<Int64>(0)

  package convenience init(name: String, driver: String, content: any BlockNode, options: NodeOptions) {
    self.init(name: name, driver: driver, content: content, options: options, children: [], locks: nil)
  }

  init(
    name: String, driver: String, content: any BlockNode, options: NodeOptions, children: [Child],
    locks: ImageLocks? = nil
  ) {
    (self.name, self.driver, self.content, self.options) = (name, driver, content, options)
    (self.children, self.locks) = (children, locks)
    description = NodeDescription(driver: driver, options: options, children: children)
    hasPlainFileName = description.plainFileName != nil
    fileName = description.plainFileName ?? description.jsonFileName
  }

  /// A node for a medium that a program makes up.
  public convenience init(name: String, content: any BlockNode, fileName: String) {
    var options = NodeOptions(driver: .raw)
    options.fileName = BytePath(fileName)
    options.unmapsDiscards = true
    self.init(name: name, driver: content.driver, content: content, options: options, children: [], locks: nil)
  }

  /// The same node over a backing node.
  func stacked(over base: GraphNode) -> GraphNode {
    var options = options
    let image = content as? QCOW2Node
    // What the image itself names need not be told.
    let named = image?.extensions.backingFile.map { $0.description }
    options.backing = named == base.fileName ? nil : .named(base.name)
    let node = GraphNode(
      name: name, driver: driver, content: content, options: options,
      children: children + [.init(role: .backing, node: base, name: "backing")], locks: locks)
    let old = watch.withLock { $0 }
    node.setWatch { $0 = old }
    return node
  }

  public var file: GraphNode? { children.first { $0.name == "file" }?.node }
  public var backingNode: GraphNode? { children.first { $0.role == .backing }?.node }
  /// The backing nodes, nearest first.
  public var chain: [GraphNode] { backingNode.map { [$0] + $0.chain } ?? [] }

  // MARK: BlockNode

  public var byteCount: Int64 { content.byteCount }
  public var isReadOnly: Bool { isSealed.load(ordering: .relaxed) || options.isReadOnly || content.isReadOnly }
  public var allocatedByteCount: Int64? { content.allocatedByteCount }
  public var backing: (any BlockNode)? { content.backing }
  public var storage: (any BlockNode)? { content.storage }

  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    try content.read(at: offset, into: buffer)
    guard options.copiesOnRead, backingNode != nil, !isReadOnly, !isInactive, contains(offset, buffer.count) else {
      return
    }
    // What came from below is written to this layer, so that it is not needed below again.
    let range = offset..<offset + Int64(buffer.count)
    for extent in try content.extents(in: range) where extent.kind == .unallocated {
      let start = Int(extent.range.lowerBound - offset)
      let count = Int(extent.range.upperBound - extent.range.lowerBound)
      try content.write(
        at: extent.range.lowerBound, from: UnsafeRawBufferPointer(rebasing: buffer[start..<start + count]))
    }
  }

  public func readAtOnce(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    !options.copiesOnRead && content.readAtOnce(at: offset, into: buffer)
  }

  public func writesToMemory(_ range: Range<Int64>) -> Bool { content.writesToMemory(range) }

  public func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard try prepareWrite(at: offset, buffer) else { return }
    try content.write(at: offset, from: buffer)
  }

  public func writeThrough(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard try prepareWrite(at: offset, buffer) else { return try flush() }
    if options.ignoresFlushes {
      try content.write(at: offset, from: buffer)
    } else {
      try content.writeThrough(at: offset, from: buffer)
    }
  }

  public func writeCompressed(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try checkWritable()
    note(offset, Int64(buffer.count))
    try content.writeCompressed(at: offset, from: buffer)
  }

  /// Notes a write; false when it was zeros, which are down already.
  private func prepareWrite(at offset: Int64, _ buffer: UnsafeRawBufferPointer) throws(Errno) -> Bool {
    try checkWritable()
    note(offset, Int64(buffer.count))
    guard options.detectZeroes != .off, buffer.count > 0, contains(offset, buffer.count), Self.isZero(buffer) else {
      return true
    }
    try content.writeZeroes(
      offset..<offset + Int64(buffer.count), mayUnmap: options.detectZeroes == .unmap && options.unmapsDiscards)
    return false
  }

  private static func isZero(_ buffer: UnsafeRawBufferPointer) -> Bool {
    var word: UInt64 = 0
    let whole = buffer.count & ~7
    for position in stride(from: 0, to: whole, by: 8) {
      word |= buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      if word != 0 { return false }
    }
    return buffer[whole...].allSatisfy { $0 == 0 }
  }

  public func flush() throws(Errno) {
    if !options.ignoresFlushes { try content.flush() }
  }

  public func discard(_ range: Range<Int64>) throws(Errno) {
    guard options.unmapsDiscards, !isReadOnly else { return }
    try checkWritable()
    note(range.lowerBound, range.upperBound - range.lowerBound)
    try content.discard(range)
  }

  public func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    try checkWritable()
    note(range.lowerBound, range.upperBound - range.lowerBound)
    try content.writeZeroes(range, mayUnmap: mayUnmap && options.unmapsDiscards)
  }

  public func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent { try content.extent(in: range) }

  public func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    guard !isReadOnly else { throw .refused("Image is read-only") }
    guard !isInactive else { throw .refused("Node '\(name)' is in use by another process") }
    for bitmap in bitmaps {
      if bitmap.isInconsistent {
        throw .cannotResize("Bitmap '\(bitmap.name)' is inconsistent and cannot be used")
      }
    }
    try content.resize(to: byteCount, preallocation: preallocation)
    for bitmap in bitmaps { bitmap.resize(to: self.byteCount) }
  }

  /// Brings everything that a format holds back to its file. The file itself is closed when the node is let go: nodes
  /// below may have other users.
  public func close() throws(Errno) {
    if let image = content as? QCOW2Node { try image.settle() }
  }

  /// The same for everything below too.
  func settle() throws(Errno) {
    try close()
    for child in children where child.role != .backing { try child.node.settle() }
  }

  /// Another process has the image.
  public var isInactive: Bool { isWithOthers.load(ordering: .relaxed) }

  public func inactivate() {
    isWithOthers.store(true, ordering: .relaxed)
    content.inactivate()
  }

  public func activate() throws(BlockError) {
    try content.activate()
    isWithOthers.store(false, ordering: .relaxed)
  }

  private func checkWritable() throws(Errno) {
    guard !isReadOnly, !isInactive else { throw .notPermitted }
  }

  // MARK: What is noted

  /// The node becomes a backing node of a new overlay, or the top again: nothing is written to it from then on.
  func seal(_ isSealed: Bool) { self.isSealed.store(isSealed, ordering: .relaxed) }

  /// End of the highest range that was written.
  public var highestWrittenOffset: UInt64 { UInt64(clamping: highestWritten.load(ordering: .relaxed)) }

  private func note(_ offset: Int64, _ count: Int64) {
    guard offset >= 0, count > 0 else { return }
    let end = offset.addingReportingOverflow(count).partialValue
    highestWritten.max(end, ordering: .relaxed)
    guard isWatched.load(ordering: .relaxed), end > offset else { return }
    let passed = watch.withLock { watch -> (() -> Void)? in
      for bitmap in watch.bitmaps { bitmap.mark(offset..<end) }
      guard watch.threshold > 0, UInt64(end) > watch.threshold else { return nil }
      let (threshold, report) = (watch.threshold, watch.thresholdWasPassed)
      watch.threshold = 0  // told once, until it is set again
      return { [name] in report?(name, UInt64(end) - threshold, threshold) }
    }
    passed?()
  }

  private func setWatch(_ change: (inout Watch) -> Void) {
    watch.withLock { watch in
      change(&watch)
      isWatched.store(!watch.bitmaps.isEmpty || watch.threshold > 0, ordering: .relaxed)
    }
  }

  /// The newest first.
  public var bitmaps: [DirtyBitmap] {
    let stored = (content as? QCOW2Node)?.liveBitmaps ?? []
    return (watch.withLock { $0.bitmaps } + stored).sorted { $0.serial > $1.serial }
  }

  func add(_ bitmap: DirtyBitmap) {
    if bitmap.isPersistent { (content as? QCOW2Node)?.add(bitmap) } else { setWatch { $0.bitmaps.append(bitmap) } }
  }

  func remove(_ bitmap: DirtyBitmap) {
    if bitmap.isPersistent {
      (content as? QCOW2Node)?.remove(bitmap)
    } else {
      setWatch { $0.bitmaps.removeAll { $0 === bitmap } }
    }
  }

  /// QEMU's sentence about why a persistent bitmap cannot be; nil if it can.
  public func objection(toPersistentBitmap name: String, shownAs shownName: String) -> String? {
    guard let image = content as? QCOW2Node else {
      return "Can't store persistent bitmaps to \(shownName): Operation not supported"
    }
    return image.objection(toBitmap: name).map { "Can't make bitmap '\(name)' persistent in '\(shownName)': \($0)" }
  }

  /// To be called before a persistent bitmap is changed. May wait for the disk.
  public func prepareBitmapChange() throws(Errno) { try (content as? QCOW2Node)?.prepareBitmapChange() }

  /// A write that ends beyond this offset is reported, once; 0: none.
  public var writeThreshold: UInt64 { watch.withLock { $0.threshold } }

  func setWriteThreshold(
    _ threshold: UInt64, _ report: @escaping @Sendable (_ node: String, _ amount: UInt64, _ threshold: UInt64) -> Void
  ) {
    setWatch { watch in (watch.threshold, watch.thresholdWasPassed) = (threshold, report) }
  }
}

/// Names for nodes that the user gave none: `#block` with a count and two further digits, as in QEMU.
public final class NodeNames: Sendable {
  private let count = Atomic<Int>(0)

  public init() {}

  public func next() -> String {
    let number = count.add(1, ordering: .relaxed).oldValue
    // Two digits that are not to be guessed keep clients from counting on names; exact runs want them equal each time.
    let digits = (number &* 61 &+ 26) % 100
    return "#block\(number)\(digits < 10 ? "0" : "")\(digits)"
  }
}
