// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The host's large pages (Linux, transhuge.rst): memory that is used all over needs far fewer entries of the translation
/// buffers then, each of which costs two walks where the host is itself a guest. All of this is a hint.
public enum LargePage {
  /// Bytes of one.
  public static let byteCount = 2 << 20

  /// Takes addresses that begin at a multiple of a large page, without memory behind them.
  static func reserve(_ byteCount: Int) throws(Errno) -> UnsafeMutableRawPointer {
    let (padded, overflow) = byteCount.addingReportingOverflow(Self.byteCount)
    if overflow { throw .outOfMemory }
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let start = mmap(nil, padded, PROT_NONE, flags, -1, 0), start != MAP_FAILED else { throw .last }
    let head = -Int(bitPattern: start) & (Self.byteCount - 1)
    if head > 0 { munmap(start, head) }
    let rest = Self.byteCount - head
    if rest > 0 { munmap(start + head + byteCount, rest) }
    return start + head
  }

  /// Asks that a range of anonymous memory be given large pages when it is first touched.
  public static func advise(_ range: UnsafeMutableRawBufferPointer) {
    guard let base = range.baseAddress else { return }
    let head = -Int(bitPattern: base) & (byteCount - 1)
    let count = (range.count - head) / byteCount * byteCount
    if count > 0 { madvise(base + head, count, 14) }  // MADV_HUGEPAGE, <linux/mman.h>
  }

  /// Makes one large page of what is mapped at an address, a multiple of its size, now. Linux 6.1 and later.
  static func collapse(at address: UnsafeMutableRawPointer) {
    madvise(address, byteCount, 25)  // MADV_COLLAPSE, <linux/mman.h>
  }
}
