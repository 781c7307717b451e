// SPDX-License-Identifier: Apache-2.0

/// Page-table walks: 32-bit paging with PSE and PSE-36, PAE paging, 4-level paging.
/// Reference: Intel SDM vol. 3, chapter 4 (4.3 32-bit, 4.4 PAE, 4.5 4-level, 4.6 rights, 4.7 error codes, 4.8 A and D).

/// What an access wants; decides rights and error code.
enum PageAccess: UInt8 {
  case read, write, execute
}

/// The answer of a walk: a translation, or a page fault's error code.
struct PageWalk: BitwiseCopyable {
  /// Frame and `Translation` flags.
  var entry: UInt64 = 0
  /// Error code if `isFault`.
  var errorCode: UInt32 = 0
  var isFault = false

  enum ErrorCode {
    static let present: UInt32 = 1 << 0
    static let write: UInt32 = 1 << 1
    static let user: UInt32 = 1 << 2
    static let reserved: UInt32 = 1 << 3
    static let instructionFetch: UInt32 = 1 << 4
  }
}

/// Bits of a paging-structure entry.
private enum PageEntry {
  static let present: UInt64 = 1 << 0
  static let writable: UInt64 = 1 << 1
  static let user: UInt64 = 1 << 2
  static let accessed: UInt64 = 1 << 5
  static let dirty: UInt64 = 1 << 6
  static let large: UInt64 = 1 << 7
  static let global: UInt64 = 1 << 8
  static let noExecute: UInt64 = 1 << 63
  static let address: UInt64 = 0x000f_ffff_ffff_f000
}

/// Walks the tables for one access. With `commit` it sets accessed and dirty bits as the processor does; without, it has
/// no side effect at all (monitor reads).
@inline(never)
func walk(
  _ c: UnsafeMutableRawPointer, _ linear: UInt64, _ access: PageAccess, user: Bool, commit: Bool
) -> PageWalk {
  let cpu = c.cpu
  let isPAE = cpu.pointee.cr4 & CR4.pae != 0
  let isLong = cpu.pointee.efer & EFER.lma != 0
  let noExecuteEnabled = isPAE && cpu.pointee.efer & EFER.nxe != 0
  let entryBytes = isPAE ? 8 : 4
  let maximumAddress = (UInt64(1) << UInt64(c.cpu.pointee.features.physicalAddressBits)) - 1

  var table: UInt64
  var level: Int
  if isLong {
    table = cpu.pointee.cr3 & PageEntry.address
    level = 4
  } else if isPAE {
    let pdpte = cpu.pointee.pdptes[Int(truncatingIfNeeded: (linear >> 30) & 3)]
    guard pdpte & PageEntry.present != 0 else { return faultAnswer(c, access, user, 0, noExecuteEnabled) }
    table = pdpte & PageEntry.address
    level = 2
  } else {
    table = cpu.pointee.cr3 & 0xffff_f000
    level = 2
  }

  var rights = PageEntry.writable | PageEntry.user
  var noExecute = false
  while true {
    let shift: UInt64, mask: UInt64
    if isPAE {
      shift = 12 + 9 * UInt64(level - 1)
      mask = 0x1ff
    } else {
      shift = level == 2 ? 22 : 12
      mask = 0x3ff
    }
    let address = table + ((linear >> shift) & mask) * UInt64(entryBytes)
    let entry = pageEntry(c, address, entryBytes)
    guard entry & PageEntry.present != 0 else { return faultAnswer(c, access, user, 0, noExecuteEnabled) }

    // PS means a large page at the second level, and at the third of 4-level paging where CPUID reports 1-GiB pages;
    // elsewhere above the first it is reserved.
    let hasSize =
      level == 2
      ? isPAE || cpu.pointee.cr4 & CR4.pse != 0 : level == 3 && cpu.pointee.features.extended1EDX & FX.pdpe1gb != 0
    let isLarge = hasSize && entry & PageEntry.large != 0
    var reserved: UInt64 = 0
    if isPAE {
      reserved = PageEntry.address & ~maximumAddress
      if !isLong { reserved |= 0x7ff0_0000_0000_0000 }
      if !noExecuteEnabled { reserved |= PageEntry.noExecute }
      if isLarge { reserved |= level == 3 ? 0x3fff_e000 : 0x001f_e000 }
      if level > 2 && !isLarge { reserved |= PageEntry.large }
    } else if isLarge {
      // PSE-36: bits 13...20 are address bits 32...39, bit 21 must be zero.
      reserved = 1 << 21
    }
    guard entry & reserved == 0 else {
      let code = PageWalk.ErrorCode.present | PageWalk.ErrorCode.reserved
      return faultAnswer(c, access, user, code, noExecuteEnabled)
    }
    rights &= entry
    if isPAE && entry & PageEntry.noExecute != 0 { noExecute = true }

    guard level == 1 || isLarge else {
      if commit && entry & PageEntry.accessed == 0 {
        physicalWrite(c, address, entryBytes, entry | PageEntry.accessed)
      }
      table = entry & (isPAE ? PageEntry.address : 0xffff_f000)
      level -= 1
      continue
    }

    let isWritable = rights & PageEntry.writable != 0
    let isUser = rights & PageEntry.user != 0
    let allowed: Bool =
      switch access {
      case .read: !user || isUser
      case .write: user ? isUser && isWritable : isWritable || cpu.pointee.cr0 & CR0.wp == 0
      case .execute: (!user || isUser) && !noExecute
      }
    guard allowed else { return faultAnswer(c, access, user, PageWalk.ErrorCode.present, noExecuteEnabled) }

    var updated = entry | PageEntry.accessed
    if access == .write { updated |= PageEntry.dirty }
    if commit && updated != entry { physicalWrite(c, address, entryBytes, updated) }

    var frame: UInt64
    var sizeClass: UInt64 = 0
    if !isLarge {
      frame = entry & (isPAE ? PageEntry.address : 0xffff_f000)
    } else if level == 3 {
      frame = (entry & PageEntry.address & ~0x3fff_ffff) | (linear & 0x3fff_f000)
      sizeClass = 3
    } else if isPAE {
      frame = (entry & PageEntry.address & ~0x1f_ffff) | (linear & 0x1f_f000)
      sizeClass = 1
    } else {
      frame = (entry & 0xffc0_0000) | ((entry >> 13) & 0xff) << 32 | (linear & 0x3f_f000)
      sizeClass = 2
    }
    frame &= ~0xfff
    var result = frame | sizeClass << Translation.sizeShift
    if isWritable { result |= Translation.writable }
    if isUser { result |= Translation.user }
    if updated & PageEntry.dirty != 0 { result |= Translation.dirty }
    if noExecute { result |= Translation.noExecute }
    if entry & PageEntry.global != 0 && cpu.pointee.cr4 & CR4.pge != 0 { result |= Translation.global }
    return PageWalk(entry: result)
  }
}

/// Reads a paging-structure entry of 4 or 8 bytes.
@inline(__always)
private func pageEntry(_ c: UnsafeMutableRawPointer, _ address: UInt64, _ byteCount: Int) -> UInt64 {
  let physical = maskA20(c, address)
  guard let base = UnsafeRawPointer(bitPattern: UInt(physicalSlot(c, physical).pointee.readAddress)) else {
    return physicalRead(c, address, byteCount)
  }
  // Entries are aligned, but for those of a PDPTR table, which is not read here.
  let entry = base + Int(truncatingIfNeeded: physical & 0xfff)
  return byteCount == 8 ? entry.loadUnaligned(as: UInt64.self) : UInt64(entry.loadUnaligned(as: UInt32.self))
}

private func faultAnswer(
  _ c: UnsafeMutableRawPointer, _ access: PageAccess, _ user: Bool, _ code: UInt32, _ noExecuteEnabled: Bool
) -> PageWalk {
  var code = code
  if access == .write { code |= PageWalk.ErrorCode.write }
  if user { code |= PageWalk.ErrorCode.user }
  if access == .execute && noExecuteEnabled { code |= PageWalk.ErrorCode.instructionFetch }
  return PageWalk(errorCode: code, isFault: true)
}

/// Loads the four PDPTE registers as MOV to CR3 (and to CR0, CR4 where SDM vol. 3, 4.4.1 says so) does in PAE paging.
/// False, with nothing changed: a present entry has reserved bits set, which is #GP(0) for the caller to raise.
func loadPDPTEs(_ c: UnsafeMutableRawPointer, cr3: UInt64) -> Bool {
  let table = cr3 & 0xffff_ffe0
  var entries: InlineArray<4, UInt64> = .init(repeating: 0)
  let maximumAddress = (UInt64(1) << UInt64(c.cpu.pointee.features.physicalAddressBits)) - 1
  for index in 0..<4 {
    let entry = physicalRead(c, table + UInt64(index * 8), 8)
    if entry & 1 != 0 && entry & (~maximumAddress | 0x1e6) != 0 { return false }
    entries[index] = entry
  }
  c.cpu.pointee.pdptes = entries
  return true
}
