// SPDX-License-Identifier: Apache-2.0

/// Returned by translations that recorded a fault.
let noPhysicalAddress: UInt64 = ~0

/// Translates a data access that stays in one page. A fault is recorded (with CR2) and answered `noPhysicalAddress`.
@inline(never)
func translateData(_ c: UnsafeMutableRawPointer, _ linear: UInt64, write: Bool, user: Bool) -> UInt64 {
  let cpu = c.cpu
  guard cpu.pointee.cr0 & CR0.pg != 0 else { return linear }
  let entry = cpu.pointee.mmu.pointee.data.lookUp(linear)
  if entry != 0 && dataAllowed(c, entry, write: write, user: user) { return entry & ~0xfff | linear & 0xfff }
  // Missing, not yet dirty, or not permitted: in the last case the tables may have changed since, and a fault must not
  // come from a stale translation, so all three walk.
  let answer = walk(c, linear, write ? .write : .read, user: user, commit: true)
  if answer.isFault {
    dropDataTranslation(c, linear)
    recordPageFault(c, linear, answer.errorCode)
    return noPhysicalAddress
  }
  _ = cpu.pointee.mmu.pointee.data.insert(linear, entry: answer.entry)
  let index = FastTable.index(linear)
  cpu.pointee.mmu.pointee.supervisor.clear(index)
  cpu.pointee.mmu.pointee.user.clear(index)
  return answer.entry & ~0xfff | linear & 0xfff
}

@inline(__always)
private func dataAllowed(_ c: UnsafeMutableRawPointer, _ entry: UInt64, write: Bool, user: Bool) -> Bool {
  if user && entry & Translation.user == 0 { return false }
  guard write else { return true }
  if entry & Translation.dirty == 0 { return false }
  if entry & Translation.writable != 0 { return true }
  return !user && c.cpu.pointee.cr0 & CR0.wp == 0
}

private func dropDataTranslation(_ c: UnsafeMutableRawPointer, _ linear: UInt64) {
  let mmu = c.cpu.pointee.mmu
  mmu.pointee.data.invalidate(linear) {
    mmu.pointee.supervisor.clear($0)
    mmu.pointee.user.clear($0)
  }
}

/// Translates an instruction fetch (the byte at `linear`); a fault is recorded.
@inline(never)
func translateCode(_ c: UnsafeMutableRawPointer, _ linear: UInt64) -> UInt64 {
  let cpu = c.cpu
  guard cpu.pointee.cr0 & CR0.pg != 0 else { return linear }
  let user = cpu.pointee.cpl == 3
  let entry = cpu.pointee.mmu.pointee.code.lookUp(linear)
  if entry != 0 && entry & Translation.noExecute == 0 && (!user || entry & Translation.user != 0) {
    return entry & ~0xfff | linear & 0xfff
  }
  let answer = walk(c, linear, .execute, user: user, commit: true)
  if answer.isFault {
    var isDropped = false
    cpu.pointee.mmu.pointee.code.invalidate(linear) { _ in isDropped = true }
    if isDropped { staleAllLinks(c) }
    recordPageFault(c, linear, answer.errorCode)
    return noPhysicalAddress
  }
  // Links between pages rely on both translations being in the table.
  switch cpu.pointee.mmu.pointee.code.insert(linear, entry: answer.entry) {
  case .nothing: break
  case .local: staleLinks(c)
  case .global: staleAllLinks(c)
  }
  return answer.entry & ~0xfff | linear & 0xfff
}

/// Records #PF and sets CR2.
func recordPageFault(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ errorCode: UInt32) {
  guard !faulted(c) else { return }
  c.cpu.pointee.cr2 = linear
  recordFault(c, Exception.pageFault, errorCode)
}

/// Makes every gate and jump-table entry be looked up again that relies on a translation which is not global.
@inline(__always)
func staleLinks(_ c: UnsafeMutableRawPointer) {
  c.cpu.pointee.linkGeneration &+= 2
  // 2^31 changes later an old link could look valid: start over with none.
  if c.cpu.pointee.linkGeneration == CPUState.firstLinkGeneration { c.cpu.pointee.blocks.pointee.mustFlush = true }
}

/// Makes every gate and jump-table entry be looked up again.
func staleAllLinks(_ c: UnsafeMutableRawPointer) {
  staleLinks(c)
  c.cpu.pointee.globalGeneration &+= 2
  if c.cpu.pointee.globalGeneration == 0 {
    c.cpu.pointee.globalGeneration = CPUState.firstGlobalGeneration
    c.cpu.pointee.blocks.pointee.mustFlush = true
  }
}

/// Whether the translation of a linear address for execution, which is in the table, is a global one.
func isGlobalCode(_ c: UnsafeMutableRawPointer, _ linear: UInt64) -> Bool {
  c.cpu.pointee.mmu.pointee.code.lookUp(linear) & Translation.global != 0
}

/// Called once the control registers have their new values. Drops translations: MOV to CR3 (`keepGlobal`), changes of CR0.PG, CR0.WP, CR0.PE, CR4.PAE/PSE/PGE, EFER.NXE.
/// Ends with the block (`exitBlock`).
@inline(never)
func flushTLB(_ c: UnsafeMutableRawPointer, keepGlobal: Bool) {
  let mmu = c.cpu.pointee.mmu
  if keepGlobal {
    mmu.pointee.data.flush(keepGlobal: true) {
      mmu.pointee.supervisor.clear($0)
      mmu.pointee.user.clear($0)
    }
  } else {
    mmu.pointee.data.flush(keepGlobal: false) { _ in }
    dropFastTables(c)
  }
  mmu.pointee.code.flush(keepGlobal: keepGlobal) { _ in }
  // Without paging before and after, code is still where links and jump table say.
  let isPaged = c.cpu.pointee.cr0 & CR0.pg != 0
  if isPaged || mmu.pointee.codeIsPaged {
    if keepGlobal { staleLinks(c) } else { staleAllLinks(c) }
  }
  mmu.pointee.codeIsPaged = isPaged
}

/// INVLPG. Ends with the block (`exitBlock`).
@inline(never)
func invalidatePage(_ c: UnsafeMutableRawPointer, _ linear: UInt64) {
  dropDataTranslation(c, linear)
  // Links rely on translations that are in the table.
  var isDropped = false
  c.cpu.pointee.mmu.pointee.code.invalidate(linear) { _ in isDropped = true }
  if isDropped { staleAllLinks(c) }
}

/// Forgets host addresses of data (never translations).
func dropFastTables(_ c: UnsafeMutableRawPointer) {
  c.cpu.pointee.mmu.pointee.supervisor.flush()
  c.cpu.pointee.mmu.pointee.user.flush()
}

/// Chooses the fast table for the current privilege; none is used while every access must be checked for alignment.
@inline(__always)
func selectFastTable(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  let mmu = cpu.pointee.mmu
  let table: UnsafeMutablePointer<FastSlot>
  if cpu.pointee.cpl != 3 {
    table = mmu.pointee.supervisor.slots
  } else if cpu.pointee.checksAlignment {
    table = mmu.pointee.empty.slots
  } else {
    table = mmu.pointee.user.slots
  }
  cpu.pointee.fastTLB = UnsafeMutableRawPointer(table)
}

extension CPUState {
  /// #AC is raised for misaligned data accesses: CR0.AM, Flags.AC, CPL 3. SDM vol. 3, 6.15.
  var checksAlignment: Bool { cpl == 3 && cr0 & CR0.am != 0 && systemFlags & Flags.ac != 0 }
}

/// Enters a page into the fast table in use, as far as direct access is possible. `physical` is its translation, which
/// the caller has just made for an access of this kind and privilege. True if the access can now be made directly.
func fillFast(
  _ c: UnsafeMutableRawPointer, _ linear: UInt64, _ physical: UInt64, write: Bool
) -> Bool {
  let cpu = c.cpu
  let mmu = cpu.pointee.mmu
  if cpu.pointee.debugEnables & DebugEnables.data != 0, hasDataBreakpoint(c, linear) { return false }
  guard cpu.pointee.blocks.pointee.options.contains(.fastMemory) else { return false }
  let frame = maskA20(c, physical) & ~0xfff
  let slot = physicalSlot(c, frame)
  let page = linear & ~0xfff
  let readHost = slot.pointee.readAddress, writeHost = slot.pointee.writeAddress
  var writable = false
  if write && writeHost != 0 && writeHost == readHost && !cpu.pointee.blocks.pointee.hasCode(frame) {
    announceWrite(c, slot)
    writable = true
  }
  guard readHost != 0 else { return false }
  if cpu.pointee.fastTLB == UnsafeMutableRawPointer(mmu.pointee.supervisor.slots) {
    mmu.pointee.supervisor.fill(page: page, frame: frame, host: readHost, read: true, write: writable)
  } else if cpu.pointee.fastTLB == UnsafeMutableRawPointer(mmu.pointee.user.slots) {
    mmu.pointee.user.fill(page: page, frame: frame, host: readHost, read: true, write: writable)
  } else {
    return false
  }
  return !write || writable
}
