// SPDX-License-Identifier: Apache-2.0

/// Access to physical memory from the processor's side: RAM directly, everything else through the machine.

/// Applies A20M#.
@inline(__always)
func maskA20(_ c: UnsafeMutableRawPointer, _ physical: UInt64) -> UInt64 {
  c.cpu.pointee.a20Enabled ? physical : physical & ~(1 << 20)
}

/// What stands behind a physical page (A20 applied).
@inline(__always)
func physicalSlot(_ c: UnsafeMutableRawPointer, _ physical: UInt64) -> UnsafeMutablePointer<PhysicalSlot> {
  let page = physical & ~0xfff
  let index = Int(truncatingIfNeeded: (page >> 12) & UInt64(MMU.physicalSlotCount - 1))
  let slot = c.cpu.pointee.mmu.pointee.physical + index
  if slot.pointee.tag != page { askMachine(c, page, slot) }
  return slot
}

@inline(never)
private func askMachine(
  _ c: UnsafeMutableRawPointer, _ page: UInt64, _ slot: UnsafeMutablePointer<PhysicalSlot>
) {
  let answer = c.cpu.pointee.mmu.pointee.scratch + 3 * opStride
  answer.storeBytes(of: PhysicalPage(readAddress: 0, writeAddress: 0), as: PhysicalPage.self)
  let machine = c.cpu.pointee.machine
  machine.page(machine.context, page, answer)
  let result = answer.load(as: PhysicalPage.self)
  slot.pointee.tag = page
  slot.pointee.readAddress = UInt64(result.readAddress)
  slot.pointee.writeAddress = UInt64(result.writeAddress)
  slot.pointee.flags = result.isLogged ? PhysicalSlot.logged : 0
}

/// Reads 1...8 bytes inside one page; the result is zero-extended. Devices see one access per power-of-two piece.
@inline(never)
func physicalRead(_ c: UnsafeMutableRawPointer, _ address: UInt64, _ byteCount: Int) -> UInt64 {
  let physical = maskA20(c, address)
  let slot = physicalSlot(c, physical)
  let host = slot.pointee.readAddress
  if host != 0, let base = UnsafeRawPointer(bitPattern: UInt(host)) {
    let source = base + Int(physical & 0xfff)
    switch byteCount {
    case 1: return UInt64(source.load(as: UInt8.self))
    case 2: return UInt64(source.loadUnaligned(as: UInt16.self))
    case 4: return UInt64(source.loadUnaligned(as: UInt32.self))
    case 8: return source.loadUnaligned(as: UInt64.self)
    default:
      var value: UInt64 = 0
      for position in 0..<byteCount {
        value |= UInt64(source.load(fromByteOffset: position, as: UInt8.self)) << UInt64(8 * position)
      }
      return value
    }
  }
  let machine = c.cpu.pointee.machine
  var value: UInt64 = 0
  var done = 0
  while done < byteCount {
    let piece = pieceSize(byteCount - done)
    let mask: UInt64 = piece == 8 ? ~0 : (1 << UInt64(8 * piece)) - 1
    let part = machine.mmioRead(machine.context, physical &+ UInt64(done), UInt8(piece)) & mask
    value |= part << UInt64(8 * done)
    done += piece
  }
  return value
}

/// Writes 1...8 bytes inside one page, noting the dirty log and dropping code that lay there.
@inline(never)
func physicalWrite(_ c: UnsafeMutableRawPointer, _ address: UInt64, _ byteCount: Int, _ value: UInt64) {
  let physical = maskA20(c, address)
  let slot = physicalSlot(c, physical)
  let host = slot.pointee.writeAddress
  if host != 0, let base = UnsafeMutableRawPointer(bitPattern: UInt(host)) {
    announceWrite(c, slot)
    let target = base + Int(physical & 0xfff)
    // Code that is written over by itself stays decoded.
    let changesCode =
      c.cpu.pointee.blocks.pointee.hasCode(physical, byteCount)
      && (slot.pointee.readAddress != host || physicalRead(c, physical, byteCount) != lowBytes(value, byteCount))
    switch byteCount {
    case 1: target.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: target.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 4: target.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    case 8: target.storeBytes(of: value, as: UInt64.self)
    default:
      for position in 0..<byteCount {
        let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * position))
        target.storeBytes(of: byte, toByteOffset: position, as: UInt8.self)
      }
    }
    if changesCode { codeMayChange(c, physical, byteCount) }
    return
  }
  let machine = c.cpu.pointee.machine
  var done = 0
  while done < byteCount {
    let piece = pieceSize(byteCount - done)
    let mask: UInt64 = piece == 8 ? ~0 : (1 << UInt64(8 * piece)) - 1
    machine.mmioWrite(machine.context, physical &+ UInt64(done), UInt8(piece), (value >> UInt64(8 * done)) & mask)
    done += piece
  }
}

@inline(__always)
private func lowBytes(_ value: UInt64, _ byteCount: Int) -> UInt64 {
  byteCount >= 8 ? value : value & ((1 &<< UInt64(8 &* byteCount)) &- 1)
}

/// The largest power of two not above a count of 1...8.
@inline(__always)
private func pieceSize(_ byteCount: Int) -> Int { byteCount >= 8 ? 8 : (byteCount >= 4 ? 4 : (byteCount >= 2 ? 2 : 1)) }

/// Tells the machine about the first write to a page with a dirty log.
@inline(__always)
func announceWrite(_ c: UnsafeMutableRawPointer, _ slot: UnsafeMutablePointer<PhysicalSlot>) {
  if slot.pointee.flags == PhysicalSlot.logged {
    slot.pointee.flags = PhysicalSlot.logged | PhysicalSlot.announced
    let machine = c.cpu.pointee.machine
    machine.pageWritten(machine.context, slot.pointee.tag)
  }
}
