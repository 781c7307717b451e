// SPDX-License-Identifier: Apache-2.0

/// What decoding, legality and handler selection depend on: part of every block's key.
enum ModeKey {
  /// Bits 0...1: `CodeSize`.
  static let codeSizeMask: UInt32 = 3
  /// Stack pointer is ESP (B set). Never set in 64-bit mode, where SS may be null or not and it is RSP.
  static let stack32: UInt32 = 1 << 2
  /// CPL is 3.
  static let user: UInt32 = 1 << 3
  /// CPL is 0 (real mode included, virtual-8086 excluded).
  static let cpl0: UInt32 = 1 << 4
  /// ES, SS and DS have base 0, limit 4 GiB and full rights: 32-bit addresses through them need no checks.
  static let flatData: UInt32 = 1 << 5
  /// CS has base 0 and limit 4 GiB: the instruction pointer needs no checks.
  static let flatCode: UInt32 = 1 << 6
  /// CR0.PE.
  static let protected: UInt32 = 1 << 7
  static let v86: UInt32 = 1 << 8
  /// CPL <= IOPL.
  static let ioAllowed: UInt32 = 1 << 9
  /// CR0.EM, CR0.TS, CR4.OSFXSR, CR0.MP: legality of x87, MMX, SSE, WAIT.
  static let em: UInt32 = 1 << 10
  static let ts: UInt32 = 1 << 11
  static let osfxsr: UInt32 = 1 << 12
  static let mp: UInt32 = 1 << 13
  /// IA-32e mode (64-bit or compatibility).
  static let longMode: UInt32 = 1 << 14
  /// Blocks of one instruction: single step and interrupt shadows. Never set in `CPUState.modeKey`, only in lookups.
  static let oneInstruction: UInt32 = 1 << 15
}

/// Recomputes everything derived from CS, the data segments, CR0, CR4, EFER, CPL and EFLAGS (VM, IOPL, AC): mode key,
/// masks, segment windows and the fast table in use. Whatever changes one of those calls it before `exitBlock`.
@inline(never)
func updateMode(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  let v86 = cpu.pointee.systemFlags & Flags.vm != 0
  let protected = cpu.pointee.cr0 & CR0.pe != 0
  let longMode = cpu.pointee.efer & EFER.lma != 0
  let code = cpu.pointee.segments[SegmentIndex.cs]
  var key: UInt32 = 0
  let is64 = longMode && code.attributes & SegmentAttribute.long != 0
  let codeIsBig = code.attributes & SegmentAttribute.big != 0
  let size: CodeSize = is64 ? .bits64 : (codeIsBig && !v86 ? .bits32 : .bits16)
  key |= UInt32(size.rawValue)
  let bigStack = cpu.pointee.segments[SegmentIndex.ss].attributes & SegmentAttribute.big != 0 && !v86
  if bigStack && !is64 { key |= ModeKey.stack32 }
  if cpu.pointee.cpl == 3 { key |= ModeKey.user }
  if cpu.pointee.cpl == 0 && !v86 { key |= ModeKey.cpl0 }
  if protected { key |= ModeKey.protected }
  if v86 { key |= ModeKey.v86 }
  if longMode { key |= ModeKey.longMode }
  if cpu.pointee.cr0 & CR0.em != 0 { key |= ModeKey.em }
  if cpu.pointee.cr0 & CR0.ts != 0 { key |= ModeKey.ts }
  if cpu.pointee.cr0 & CR0.mp != 0 { key |= ModeKey.mp }
  if cpu.pointee.cr4 & CR4.osfxsr != 0 { key |= ModeKey.osfxsr }
  if is64 || (code.base == 0 && code.limit == 0xffff_ffff) { key |= ModeKey.flatCode }
  cpu.pointee.ipMask = is64 ? ~0 : 0xffff_ffff
  cpu.pointee.stackMask = is64 ? ~0 : (bigStack ? 0xffff_ffff : 0xffff)

  var flat = !is64
  for index in 0..<6 {
    let segment = cpu.pointee.segments[index]
    // In 64-bit mode addresses are only tested for canonical form, after translation has missed.
    let window =
      is64
      ? SegmentWindow(readLow: 0, readSpan: ~0, writeLow: 0, writeSpan: ~0)
      : SegmentWindow(segment, checkRights: protected && !v86)
    cpu.pointee.segmentWindows[index] = window
    // In 64-bit mode only FS and GS keep their bases.
    cpu.pointee.segmentBases[index] = is64 && index < SegmentIndex.fs ? 0 : segment.base
    if index == SegmentIndex.es || index == SegmentIndex.ss || index == SegmentIndex.ds {
      flat = flat && segment.base == 0 && window.isFlat
    }
  }
  if flat { key |= ModeKey.flatData }
  cpu.pointee.modeKey = key
  updateFlagKey(c)
}

/// `updateMode` after a load of ES, SS, DS, FS or GS, and nothing else.
@inline(never)
func updateMode(_ c: UnsafeMutableRawPointer, segment number: Int) {
  let cpu = c.cpu
  guard cpu.pointee.ipMask != ~0, number != SegmentIndex.ss else { return updateMode(c) }
  let segment = cpu.pointee.segments[number]
  let key = cpu.pointee.modeKey
  let checkRights = key & (ModeKey.protected | ModeKey.v86) == ModeKey.protected
  cpu.pointee.segmentWindows[number] = SegmentWindow(segment, checkRights: checkRights)
  cpu.pointee.segmentBases[number] = segment.base
  @inline(__always) func isFlat(_ index: Int) -> Bool {
    cpu.pointee.segments[index].base == 0 && cpu.pointee.segmentWindows[index].isFlat
  }
  let allFlat = isFlat(SegmentIndex.es) && isFlat(SegmentIndex.ss) && isFlat(SegmentIndex.ds)
  cpu.pointee.modeKey = allFlat ? key | ModeKey.flatData : key & ~ModeKey.flatData
}

/// Recomputes what depends on EFLAGS alone: a bit of the mode key, and alignment checking.
@inline(__always)
func updateFlagKey(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  let iopl = UInt8(truncatingIfNeeded: cpu.pointee.systemFlags >> 12) & 3
  let key = cpu.pointee.modeKey & ~ModeKey.ioAllowed
  cpu.pointee.modeKey = cpu.pointee.cpl <= iopl ? key | ModeKey.ioAllowed : key
  selectFastTable(c)
}

extension SegmentWindow {
  /// The window of a loaded segment. Real and virtual-8086 mode test the limit only.
  init(_ segment: Segment, checkRights: Bool) {
    let attributes = segment.attributes
    let low: UInt64, span: UInt64
    let isExpandDown =
      attributes & (SegmentAttribute.code | SegmentAttribute.expandDown) == SegmentAttribute.expandDown
    if isExpandDown {
      let top: UInt64 = attributes & SegmentAttribute.big != 0 ? 0xffff_ffff : 0xffff
      low = UInt64(segment.limit) + 1
      // A limit at or above the top allows nothing.
      span = top >= low ? top - low : 0
      if top < low {
        self.init()
        return
      }
    } else {
      low = 0
      span = UInt64(segment.limit)
    }
    self.init()
    if !checkRights {
      (readLow, readSpan, writeLow, writeSpan) = (low, span, low, span)
      return
    }
    // A null selector is loaded with P clear.
    guard attributes & SegmentAttribute.present != 0, attributes & SegmentAttribute.nonSystem != 0 else { return }
    let isCode = attributes & SegmentAttribute.code != 0
    if !isCode || attributes & SegmentAttribute.readable != 0 { (readLow, readSpan) = (low, span) }
    if !isCode && attributes & SegmentAttribute.writable != 0 { (writeLow, writeSpan) = (low, span) }
  }

  var isFlat: Bool { readLow == 0 && readSpan == 0xffff_ffff && writeLow == 0 && writeSpan == 0xffff_ffff }

  @inline(__always) func allowsRead(_ offset: UInt64, _ byteCount: Int) -> Bool {
    (offset &- readLow) &+ UInt64(byteCount &- 1) <= readSpan
  }
  @inline(__always) func allowsWrite(_ offset: UInt64, _ byteCount: Int) -> Bool {
    (offset &- writeLow) &+ UInt64(byteCount &- 1) <= writeSpan
  }
}
