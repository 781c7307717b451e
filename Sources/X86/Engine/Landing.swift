// SPDX-License-Identifier: Apache-2.0

/// Where host code goes over a link, which is stored behind the link: code that is entered with the address of the link in the
/// place of an op's, after `blockIP` has been set to the target and before anything has been charged for it. It does
/// what `follow` does from there. Either one of these handlers or, if the first op of the block that the link leads to
/// is the head of a compiled segment, what stands in front of the segment's code (`HostCode.landing`), so that nothing of
/// the block itself is touched.
enum Landing {
  /// The link leads nowhere yet.
  static let unlinked: Handler = { c, link in resolveLink(c, link, link) }

  /// The link leads to a gate.
  static let gate: Handler = { c, link in
    passGate(c, UnsafeRawPointer(bitPattern: link.load(as: UInt.self)).unsafelyUnwrapped)
  }

  /// The link leads to a block or the dispatch op.
  static let linked: Handler = { c, link in
    let cpu = c.cpu
    let first = UnsafeRawPointer(bitPattern: link.load(as: UInt.self)).unsafelyUnwrapped
    let remaining = cpu.pointee.remaining &- Int64(first.op.pointee.left)
    guard remaining >= 0, cpu.pointee.attention == 0 else { return }
    cpu.pointee.remaining = remaining
    return first.op.pointee.handler(c, first)
  }
}
