// SPDX-License-Identifier: Apache-2.0
import Chipset

/// What the board leaves in battery-backed RAM for the firmware, at the addresses SeaBIOS reads
/// (its `src/hw/rtc.h`, "CMOS_*"; the lower ones as in the IBM PC AT Technical Reference).
package enum CMOSLayout {
  package struct Disk {
    package var cylinders: Int
    package var heads: Int
    package var sectors: Int
    /// 0 none, 1 LBA, 2 large: translation the firmware applies.
    package var translation: Int

    package init(cylinders: Int, heads: Int, sectors: Int, translation: Int) {
      (self.cylinders, self.heads, self.sectors) = (cylinders, heads, sectors)
      self.translation = translation
    }
  }

  package static func apply(
    to rtc: CMOSRTC, lowMemory: UInt64, highMemory: UInt64, processorCount: Int, bootOrder: String,
    disks: [Disk?], floppyTypes: UInt8, floppyEquipment: UInt8
  ) {
    func word(_ address: Int, _ value: UInt64) {
      rtc.setByte(address, UInt8(truncatingIfNeeded: value))
      rtc.setByte(address + 1, UInt8(truncatingIfNeeded: value >> 8))
    }
    // Base and extended memory in KiB, memory above 16 MiB and above 4 GiB in 64 KiB units.
    word(0x15, min(640, lowMemory >> 10))
    let extended = lowMemory > 1 << 20 ? min(0xffff, (lowMemory >> 10) - 1024) : 0
    word(0x17, extended)
    word(0x30, extended)
    word(0x34, lowMemory > 16 << 20 ? min(0xffff, (lowMemory - (16 << 20)) >> 16) : 0)
    let above = highMemory >> 16
    word(0x5b, above)
    rtc.setByte(0x5d, UInt8(truncatingIfNeeded: above >> 16))
    rtc.setByte(0x5f, UInt8(truncatingIfNeeded: processorCount - 1))
    setBootOrder(bootOrder, in: rtc)
    // Equipment: coprocessor and pointing device as QEMU reports them on every machine, and the floppy drives.
    rtc.setByte(0x14, 0x06 | floppyEquipment)
    rtc.setByte(0x10, floppyTypes)
    applyDisks(disks, to: rtc)
  }

  /// Boot devices: three nibbles, the first in the low one of 3Dh, the third in the high one of 38h.
  static func setBootOrder(_ bootOrder: String, in rtc: CMOSRTC) {
    let codes: [UInt8] = bootOrder.prefix(3).map { letter in
      switch letter {
      case "a", "b": 1
      case "c": 2
      case "d": 3
      case "n": 4
      default: 0
      }
    }
    func code(_ index: Int) -> UInt8 { index < codes.count ? codes[index] : 0 }
    rtc.setByte(0x3d, code(0) | code(1) << 4)
    rtc.setByte(0x38, code(2) << 4)
  }

  /// Types and geometries of the first two disks, translation of all four.
  private static func applyDisks(_ disks: [Disk?], to rtc: CMOSRTC) {
    var types: UInt8 = 0
    for index in 0..<2 where index < disks.count {
      guard let disk = disks[index] else { continue }
      types |= index == 0 ? 0xf0 : 0x0f
      rtc.setByte(0x19 + index, 47)
      let base = index == 0 ? 0x1b : 0x24
      rtc.setByte(base, UInt8(truncatingIfNeeded: disk.cylinders))
      rtc.setByte(base + 1, UInt8(truncatingIfNeeded: disk.cylinders >> 8))
      rtc.setByte(base + 2, UInt8(truncatingIfNeeded: disk.heads))
      rtc.setByte(base + 3, 0xff)
      rtc.setByte(base + 4, 0xff)
      rtc.setByte(base + 5, 0xc0 | (disk.heads > 8 ? 8 : 0))
      rtc.setByte(base + 6, UInt8(truncatingIfNeeded: disk.cylinders))
      rtc.setByte(base + 7, UInt8(truncatingIfNeeded: disk.cylinders >> 8))
      rtc.setByte(base + 8, UInt8(truncatingIfNeeded: disk.sectors))
    }
    rtc.setByte(0x12, types)
    var translations: UInt8 = 0
    for (index, disk) in disks.prefix(4).enumerated() {
      guard let disk else { continue }
      translations |= UInt8(truncatingIfNeeded: disk.translation & 3) << UInt8(2 * index)
    }
    rtc.setByte(0x39, translations)
  }
}
