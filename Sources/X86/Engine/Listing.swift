// SPDX-License-Identifier: Apache-2.0

/// The ops of the block being built, before the heads of segments are put between them.
struct Listing {
  /// One an instruction and one for the end.
  static let capacity = Draft.capacity + 1

  private let ops: UnsafeMutablePointer<Op> = .allocate(capacity: Listing.capacity)
  private let operations: UnsafeMutablePointer<HostOperation> = .allocate(capacity: Listing.capacity)
  var count = 0

  func deallocate() {
    ops.deallocate()
    operations.deallocate()
  }

  mutating func append(_ op: Op, _ operation: HostOperation) {
    (ops + count).initialize(to: op)
    (operations + count).initialize(to: operation)
    count += 1
  }

  /// Ops from `start` that host code can do in one go.
  private func segment(_ start: Int) -> Int {
    var end = start
    while end < count && operations[end].kind != .none {
      end += 1
      if operations[end - 1].endsBlock { break }
    }
    return end - start
  }

  private func isWorthwhile(_ start: Int, _ length: Int, _ hostCode: HostCode) -> Bool {
    length >= hostCode.minimumOps || length > 0 && operations[start + length - 1].endsBlock
  }

  /// Writes the ops to their block, a head before each segment if there is host code; returns the number of slots.
  func place(_ block: Block, heads hostCode: HostCode?) -> Int {
    var slot = 0, index = 0
    while index < count {
      let length = segment(index)
      if let hostCode, isWorthwhile(index, length, hostCode) {
        // The operations' place is known when the links are.
        block.op(slot).initialize(to: makeHead(count: length, first: ops[index], threshold: hostCode.threshold))
        slot += 1
      }
      for _ in 0..<max(1, length) {
        block.op(slot).initialize(to: ops[index])
        slot += 1
        index += 1
      }
    }
    return slot
  }

  /// Writes what the segments' ops do behind the block's gates, and where into the heads.
  func placeOperations(_ block: Block, _ hostCode: HostCode) {
    var slot = 0, index = 0, used = 0
    while index < count {
      let length = segment(index)
      if isWorthwhile(index, length, hostCode) {
        let head = block.op(slot), first = block.operations + used
        setDistance(head, UnsafeRawPointer(first) - UnsafeRawPointer(head))
        for offset in 0..<length { (first + offset).initialize(to: operations[index + offset]) }
        used += length
        slot += 1
      }
      slot += max(1, length)
      index += max(1, length)
    }
    block.pointee.operationCount = UInt8(truncatingIfNeeded: used)
  }
}
