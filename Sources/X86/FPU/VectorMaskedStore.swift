// SPDX-License-Identifier: Apache-2.0

/// MASKMOVDQU and what it has in common with MASKMOVQ. SDM vol. 2.
extension Core {
  /// Stores the bytes of `value` that `mask` selects at (E/R)DI. Where nothing is selected nothing is accessed, and pages
  /// without a selected byte raise no fault.
  func storeBytes(_ o: UnsafePointer<Op>, _ value: SIMD2<UInt64>, where mask: UInt32) throws(Fault) {
    guard mask != 0 else { return }
    let segment = segment(o), addressMask = addressMask(o)
    let offset = cpu.pointee.registers[7] & addressMask
    let first = mask.trailingZeroBitCount, last = 31 - mask.leadingZeroBitCount
    // Both pages that the span may touch hold selected bytes: its ends. Wrapped spans are probed byte by byte.
    if offset <= addressMask &- 16 {
      try probe(segment, offset &+ UInt64(first), size: last - first + 1)
    } else {
      for index in first...last where mask & 1 << UInt32(index) != 0 {
        try probe(segment, (offset &+ UInt64(index)) & addressMask, size: 1)
      }
    }
    for index in first...last where mask & 1 << UInt32(index) != 0 {
      try write(segment, (offset &+ UInt64(index)) & addressMask, value.bytes[index & 15])
    }
  }
}

enum VectorMaskedStore {
  static let maskmovdqu: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      let mask = e.c[xmm: o.pointee.src]
      let selected = byteSigns(mask.x) | byteSigns(mask.y) << 8
      try e.storeBytes(o, e.c[xmm: o.pointee.dst], where: selected)
      return .end
    }
  }
}
