// SPDX-License-Identifier: Apache-2.0
import Platform

/// DISPI registers at ports 1CEh (index) and 1CFh (data), 16 bits wide; 1D0h is the data port again, aligned.
final class DISPIPorts: WidePortDevice {
  static let range: ClosedRange<UInt16> = 0x1ce...0x1d1
  private unowned let vga: StandardVGA

  init(_ vga: StandardVGA) { self.vga = vga }

  func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    guard width == .word else { return .max }
    switch offset {
    case 0: return UInt32(vga.state.dispiIndex)
    case 1, 2: return UInt32(vga.readDISPI(vga.state.dispiIndex))
    default: return .max
    }
  }

  func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    guard width == .word else { return }
    switch offset {
    case 0: vga.state.dispiIndex = UInt16(truncatingIfNeeded: value)
    case 1, 2: vga.writeDISPI(vga.state.dispiIndex, UInt16(truncatingIfNeeded: value))
    default: break
    }
  }
}

/// BAR 2: the monitor's EDID, the VGA ports 3C0h...3DFh, the DISPI registers side by side and QEMU's extended registers.
///
/// Reference: QEMU, docs/specs/standard-vga.
final class RegisterWindow: MMIODevice {
  static let byteCount: UInt64 = 4096
  private static let edid = 0x000..<0x180
  private static let ports = 0x400..<0x420
  private static let dispi = 0x500..<0x516
  private static let extended = 0x600..<0x608
  private static let bigEndian: UInt32 = 0xbebe_bebe
  private static let littleEndian: UInt32 = 0x1e1e_1e1e

  private unowned let vga: StandardVGA

  init(_ vga: StandardVGA) { self.vga = vga }

  func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    let offset = Int(truncatingIfNeeded: offset & (Self.byteCount - 1))
    if Self.dispi.contains(offset), width != .byte {
      var value: UInt64 = 0
      for index in 0..<width.byteCount / 2 where Self.dispi.contains(offset + 2 * index) {
        value |= UInt64(vga.readDISPI(UInt16((offset - Self.dispi.lowerBound) / 2 + index))) << UInt64(16 * index)
      }
      return value
    }
    var value: UInt64 = 0
    for index in 0..<width.byteCount { value |= UInt64(readByte(offset + index)) << UInt64(8 * index) }
    return value
  }

  private func readByte(_ offset: Int) -> UInt8 {
    switch offset {
    case Self.edid: return offset < EDID.bytes.count ? EDID.bytes[offset] : 0
    case Self.ports: return vga.readRegister(UInt16(offset - Self.ports.lowerBound) + 0x3c0)
    case Self.dispi:
      let value = vga.readDISPI(UInt16((offset - Self.dispi.lowerBound) / 2))
      return UInt8(truncatingIfNeeded: offset & 1 == 0 ? value : value >> 8)
    case Self.extended:
      let order = vga.state.isBigEndian ? Self.bigEndian : Self.littleEndian
      let registers = [UInt32(Self.extended.count), order]
      let position = offset - Self.extended.lowerBound
      return UInt8(truncatingIfNeeded: registers[position / 4] >> UInt32(8 * (position % 4)))
    default: return 0xff
    }
  }

  func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    let offset = Int(truncatingIfNeeded: offset & (Self.byteCount - 1))
    switch offset {
    case Self.ports:
      for index in 0..<width.byteCount where Self.ports.contains(offset + index) {
        vga.writeRegister(
          UInt16(offset + index - Self.ports.lowerBound) + 0x3c0,
          UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
      }
    case Self.dispi where width != .byte:
      for index in 0..<width.byteCount / 2 where Self.dispi.contains(offset + 2 * index) {
        vga.writeDISPI(
          UInt16((offset - Self.dispi.lowerBound) / 2 + index), UInt16(truncatingIfNeeded: value >> UInt64(16 * index)))
      }
    case 0x604 where width == .dword:
      if value == UInt64(Self.bigEndian) { vga.state.isBigEndian = true }
      if value == UInt64(Self.littleEndian) { vga.state.isBigEndian = false }
    default: break
    }
  }
}
