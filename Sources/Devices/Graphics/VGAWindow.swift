// SPDX-License-Identifier: Apache-2.0
import Platform

/// The window A0000h...BFFFFh: how the processor's bytes reach the four planes.
///
/// Reference: IBM PS/2 Hardware Interface Technical Reference, Video Subsystems, "Graphics Controller Registers".
extension StandardVGA {
  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<width.byteCount {
      value |= UInt64(readWindow(Int(truncatingIfNeeded: offset & 0x1ffff) + index)) << UInt64(8 * index)
    }
    return value
  }

  /// A program that copies through the latches must not find others there.
  public func peek(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    let latches = state.latches
    defer { state.latches = latches }
    return read(memory: offset, width: width)
  }

  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    for index in 0..<width.byteCount {
      writeWindow(
        Int(truncatingIfNeeded: offset & 0x1ffff) + index, UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
    }
  }

  private func readWindow(_ offset: Int) -> UInt8 {
    guard let target = state.target(ofWindow: offset) else { return 0xff }
    let memory = videoMemory.contents
    if state.dispi.isLinear { return target.byte < memory.count ? memory[target.byte] : 0xff }
    let word = target.byte & ~3
    guard word + 3 < memory.count else { return 0xff }
    let latches = memory.loadUnaligned(fromByteOffset: word, as: UInt32.self).littleEndian
    state.latches = latches
    if state.graphics[Graphics.mode] & Graphics.colorCompareRead != 0, target.access == .planes {
      return Self.compareColors(
        latches, color: state.graphics[Graphics.colorCompare], care: state.graphics[Graphics.colorDoNotCare])
    }
    let plane =
      target.access == .planes ? UInt32(state.graphics[Graphics.readMapSelect] & 3) : UInt32(target.byte & 3)
    return UInt8(truncatingIfNeeded: latches >> (8 * plane))
  }

  /// Read mode 1: a bit for each pixel whose planes that matter have the wanted values.
  private static func compareColors(_ latches: UInt32, color: UInt8, care: UInt8) -> UInt8 {
    let difference = (latches ^ expandPlanes(color)) & expandPlanes(care)
    let halves = difference | difference >> 16
    return ~UInt8(truncatingIfNeeded: halves | halves >> 8)
  }

  private func writeWindow(_ offset: Int, _ value: UInt8) {
    guard let target = state.target(ofWindow: offset) else { return }
    let memory = videoMemory.contents
    if state.dispi.isLinear {
      guard target.byte < memory.count else { return }
      guard memory[target.byte] != value else { return }
      memory[target.byte] = value
      return videoMemory.markDirty(target.byte..<target.byte + 1)
    }
    let word = target.byte & ~3
    guard word + 3 < memory.count else { return }
    var planes = UInt32(state.sequencer[Sequencer.mapMask] & 15)
    switch target.access {
    case .planes: break
    case .oddEven: planes &= 0b0101 << UInt32(target.byte & 1)
    case .chain4: planes &= 1 << UInt32(target.byte & 3)
    }
    guard planes != 0 else { return }
    let mask = expandPlanes(UInt8(truncatingIfNeeded: planes))
    let old = memory.loadUnaligned(fromByteOffset: word, as: UInt32.self).littleEndian
    let new = (old & ~mask) | (state.transformed(value) & mask)
    guard new != old else { return }
    memory.storeBytes(of: new.littleEndian, toByteOffset: word, as: UInt32.self)
    videoMemory.markDirty(word..<word + 4)
  }
}

/// Eight copies of bit p in byte p.
@inline(__always)
func expandPlanes(_ planes: UInt8) -> UInt32 {
  let bits = UInt32(planes & 15)
  return ((bits & 1) | (bits & 2) << 7 | (bits & 4) << 14 | (bits & 8) << 21) &* 0xff
}

extension StandardVGA.State {
  enum WindowAccess {
    case planes
    case oddEven
    case chain4
  }

  /// Part of the 128 KiB window that decodes, and its offset in it.
  private func decoded(_ offset: Int) -> Int? {
    switch graphics[Graphics.miscellaneous] >> 2 & 3 {
    case 0: offset
    case 1: offset < 0x10000 ? offset + dispi.bankByteOffset : nil
    case 2: (0x10000..<0x18000).contains(offset) ? offset - 0x10000 : nil
    default: offset >= 0x18000 ? offset - 0x18000 : nil
    }
  }

  /// The byte of video memory that an offset of the window means in the present mode, and how it is reached.
  ///
  /// With odd/even addressing, the lowest address bit selects between planes 0 and 1, or 2 and 3 when read.
  func target(ofWindow offset: Int) -> (byte: Int, access: WindowAccess)? {
    guard offset < 0x20000, let address = decoded(offset) else { return nil }
    if dispi.isLinear || sequencer[Sequencer.memoryMode] & Sequencer.chain4 != 0 { return (address, .chain4) }
    if graphics[Graphics.mode] & Graphics.oddEven != 0 {
      let plane = Int(graphics[Graphics.readMapSelect] & 2) | address & 1
      return ((address & ~1) << 1 | plane, .oddEven)
    }
    return (address << 2, .planes)
  }

  /// Where in video memory the 64 KiB at A0000h are, if all accesses there are plain ones.
  var directWindowOffset: Int? {
    guard graphics[Graphics.miscellaneous] >> 2 & 3 == 1 else { return nil }
    let offset = dispi.bankByteOffset
    guard offset + 0x10000 <= videoMemoryByteCount else { return nil }
    if dispi.isLinear { return offset }
    let isPlain =
      sequencer[Sequencer.memoryMode] & Sequencer.chain4 != 0 && sequencer[Sequencer.mapMask] == 15
      && graphics[Graphics.enableSetReset] == 0 && graphics[Graphics.dataRotate] == 0
      && graphics[Graphics.mode] & 0x03 == 0 && graphics[Graphics.bitMask] == 0xff
    return isPlain ? offset : nil
  }

  /// What the graphics controller makes of a byte from the processor for all four planes.
  func transformed(_ value: UInt8) -> UInt32 {
    let rotation = graphics[Graphics.dataRotate] & 7
    let rotated = rotation == 0 ? value : value >> rotation | value << (8 - rotation)
    let bitMask = graphics[Graphics.bitMask]
    let setReset = expandPlanes(graphics[Graphics.setReset])
    switch graphics[Graphics.mode] & 3 {
    case 0:
      let enabled = expandPlanes(graphics[Graphics.enableSetReset])
      let data = (UInt32(rotated) &* 0x0101_0101 & ~enabled) | (setReset & enabled)
      return combined(data, bitMask)
    case 1: return latches
    case 2: return combined(expandPlanes(value), bitMask)
    default: return combined(setReset, bitMask & rotated)
    }
  }

  /// The logical function, then the bit mask: bits outside it come from the latches.
  private func combined(_ data: UInt32, _ mask: UInt8) -> UInt32 {
    let result =
      switch graphics[Graphics.dataRotate] >> 3 & 3 {
      case 0: data
      case 1: data & latches
      case 2: data | latches
      default: data ^ latches
      }
    let bits = UInt32(mask) &* 0x0101_0101
    return (result & bits) | (latches & ~bits)
  }
}
