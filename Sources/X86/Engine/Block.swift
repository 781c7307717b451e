// SPDX-License-Identifier: Apache-2.0

/// What precedes a block's first op in the arena: 64 bytes.
struct BlockHeader: BitwiseCopyable {
  /// Physical address (A20 applied) of the first byte.
  var physical: UInt64 = 0
  /// Mode key it was built for.
  var key: UInt32 = 0
  /// Bytes of code.
  var byteLength: UInt16 = 0
  /// Number of the one entry of the jump table through which host code lands at the block itself, or `noEntry`.
  var jumpEntry: UInt16 = BlockHeader.noEntry
  /// Next block of the hash bucket, of its line of its page, and (spanning blocks) of its second page: addresses, 0 ends.
  var nextInBucket: UInt = 0
  var nextInPage: UInt = 0
  var nextInSecondPage: UInt = 0
  /// Physical page of the rest of an instruction that spans two pages.
  var secondPage: UInt64 = BlockHeader.noPage
  /// Op slots, links not counted.
  var opCount: UInt16 = 0
  /// Instructions.
  var instructionCount: UInt8 = 0
  /// Entries of `HostOperation` after the gates.
  var operationCount: UInt8 = 0
  /// The last op is followed by a slot of `BranchLinks`.
  var hasLinks = false
  var isDropped = false
  /// The last instruction is INT n, INT3, INT1 or INTO, after which there is no single-step trap.
  var isSoftwareInterrupt = false
  /// Gates after the links.
  var gateCount: UInt8 = 0
  /// First of the links that lead to this block, or 0; see `BranchLinks`.
  var firstIncoming: UInt = 0

  static let byteCount = 64
  static let noPage: UInt64 = 1
  static let noEntry: UInt16 = 0xffff

  var page: UInt64 { physical & ~0xfff }
  var isSpanning: Bool { secondPage != BlockHeader.noPage }
}

typealias Block = UnsafeMutablePointer<BlockHeader>

extension UnsafeMutablePointer where Pointee == BlockHeader {
  /// Address of the first op.
  var firstOp: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self) + BlockHeader.byteCount }
  func op(_ index: Int) -> UnsafeMutablePointer<Op> {
    (firstOp + index * opStride).assumingMemoryBound(to: Op.self)
  }
  /// The bytes of the first page that the block covers.
  @inline(__always) var bytesInFirstPage: Range<Int> {
    let start = Int(truncatingIfNeeded: pointee.physical & 0xfff)
    return Range(uncheckedBounds: (start, min(start &+ Int(pointee.byteLength), 0x1000)))
  }
  /// How many bytes of the second page a spanning block covers; at least one.
  @inline(__always) var bytesInSecondPage: Int {
    max(1, Int(truncatingIfNeeded: pointee.physical & 0xfff) &+ Int(pointee.byteLength) &- 0x1000)
  }
  /// The links after the last op; only if `hasLinks`.
  var links: UnsafeMutablePointer<BranchLinks> {
    (firstOp + Int(pointee.opCount) * opStride).assumingMemoryBound(to: BranchLinks.self)
  }
  /// The gates after the links, `gateCount` of them.
  var gates: UnsafeMutableRawPointer { UnsafeMutableRawPointer(links) + MemoryLayout<BranchLinks>.stride }
  /// Behind the gates: what the ops of the segments do, `operationCount` in all.
  var operations: UnsafeMutablePointer<HostOperation> {
    (gates + Int(pointee.gateCount) * Gate.byteCount).assumingMemoryBound(to: HostOperation.self)
  }
  /// Bytes of header, ops, links, gates and operations.
  var byteCount: Int {
    BlockHeader.byteCount + Int(pointee.opCount) * opStride + MemoryLayout<BranchLinks>.stride
      + Int(pointee.gateCount) * Gate.byteCount
      + Int(pointee.operationCount) * HostOperation.byteCount
  }
}

extension UnsafeRawPointer {
  /// The header of the block whose first op this is.
  @inline(__always) var header: UnsafePointer<BlockHeader> {
    (self - BlockHeader.byteCount).assumingMemoryBound(to: BlockHeader.self)
  }
}

/// Where a near branch goes: addresses of first ops, 0 while unknown. Links lead to blocks of the same page, so that they
/// hold as long as the code of the page does; to a `Gate` for other targets in flat code; or to `BlockCache.dispatchOp`,
/// which consults the jump table.
/// The links that lead to a block form a list, so that it can be dropped cheaply.
struct BranchLinks: BitwiseCopyable {
  var taken: UInt
  var fallThrough: UInt
  /// What host code jumps to, of each of the two; see `Landing`.
  var takenLanding: Handler
  var fallThroughLanding: Handler
  /// Address of the next link to the same block, of each of the two.
  var afterTaken: UInt = 0
  var afterFallThrough: UInt = 0

  /// `landing`: of a link that is not 0.
  init(taken: UInt, fallThrough: UInt, landing: @escaping Handler) {
    (self.taken, self.fallThrough) = (taken, fallThrough)
    takenLanding = taken == 0 ? Landing.unlinked : landing
    fallThroughLanding = fallThrough == 0 ? Landing.unlinked : landing
  }

  static let takenOffset = 0
  static let fallThroughOffset = 8
  /// From a link to its landing.
  static let landingOffset = 16
  /// From a link to the address of the next one.
  static let nextOffset = 32
}

/// One entry of the jump table: 32 bytes.
struct JumpEntry: BitwiseCopyable {
  var linear: UInt64 = 0
  /// A generation (`linkGeneration` or `globalGeneration`) << 32 | mode key; 0 matches nothing, as there is none of 0.
  var guardWord: UInt64 = 0
  /// Address of the first op.
  var target: UInt = 0
  /// What host code jumps to, with the address of `target` for a link's; see `Landing`.
  var landing: Handler = Landing.linked

  static let count = 16384
  static let targetOffset = 16
  static let landingOffset = 24

  @inline(__always) static func byteOffset(_ linear: UInt64) -> Int {
    Int(truncatingIfNeeded: ((linear ^ (linear >> 12)) & UInt64(count - 1)) << 5)
  }
}
