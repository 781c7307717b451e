// SPDX-License-Identifier: Apache-2.0
import Platform

/// The registers of the DISPI interface ("Bochs VBE extensions"), through which the BIOS and drivers set linear modes.
///
/// Values that cannot be shown are brought into range at once, as guests read back what they got.
/// Reference: Bochs, "VBE display API"; QEMU, docs/specs/standard-vga.
struct DISPIRegisters: Equatable {
  enum Index {
    static let identifier = 0
    static let width = 1
    static let height = 2
    static let bitsPerPixel = 3
    static let enable = 4
    static let bank = 5
    static let virtualWidth = 6
    static let virtualHeight = 7
    static let xOffset = 8
    static let yOffset = 9
    /// Video memory in units of 64 KiB, read-only.
    static let videoMemory = 10
  }

  /// Bits of the enable register.
  enum Enable {
    static let enabled: UInt16 = 0x01
    /// Width, height and depth read as the largest possible.
    static let capabilities: UInt16 = 0x02
    static let eightBitDAC: UInt16 = 0x20
    static let doNotClear: UInt16 = 0x80
  }

  static let maximumWidth: UInt16 = 16000
  static let maximumHeight: UInt16 = 12000
  static let maximumDepth: UInt16 = 32
  /// The newest revision of the interface, what the identifier register holds after a reset.
  static let newestIdentifier: UInt16 = 0xb0c5

  private(set) var values: [UInt16]
  /// The bank in effect: the register's last value, or 0 since the interface was switched off.
  private(set) var activeBank: UInt16 = 0

  init() {
    values = [UInt16](repeating: 0, count: 10)
    values[Index.identifier] = Self.newestIdentifier
  }

  var isEnabled: Bool { values[Index.enable] & Enable.enabled != 0 }
  var hasEightBitDAC: Bool { values[Index.enable] & Enable.eightBitDAC != 0 }
  var width: Int { Int(values[Index.width]) }
  var height: Int { Int(values[Index.height]) }
  var bitsPerPixel: Int { Int(values[Index.bitsPerPixel]) }
  /// True while the window at A0000h shows pixels one byte after the other, not planes.
  var isLinear: Bool { isEnabled && bitsPerPixel != 4 }
  /// Offset of the window at A0000h in video memory.
  var bankByteOffset: Int { isEnabled ? Int(activeBank) << 16 : 0 }

  /// Bits of video memory that a pixel takes.
  private var storedBits: Int { bitsPerPixel == 15 ? 16 : bitsPerPixel }

  /// Bytes of video memory from one row to the next; with four planes, of all of them together.
  var rowByteCount: Int { Int(values[Index.virtualWidth]) * storedBits / 8 }

  /// Where the picture starts in video memory; a multiple of four, as on the VGA.
  var startByteOffset: Int {
    (Int(values[Index.xOffset]) * storedBits / 8 + Int(values[Index.yOffset]) * rowByteCount) & ~3
  }

  func read(_ index: UInt16, videoMemoryByteCount: Int) -> UInt16 {
    let index = Int(index)
    if index == Index.videoMemory { return UInt16(clamping: videoMemoryByteCount >> 16) }
    guard values.indices.contains(index) else { return 0 }
    guard values[Index.enable] & Enable.capabilities != 0 else { return values[index] }
    switch index {
    case Index.width: return Self.maximumWidth
    case Index.height: return Self.maximumHeight
    case Index.bitsPerPixel: return Self.maximumDepth
    default: return values[index]
    }
  }

  /// Writes a register; true if the display was switched on and video memory is to be cleared.
  mutating func write(_ index: UInt16, _ value: UInt16, videoMemoryByteCount: Int) -> Bool {
    var clears = false
    switch Int(index) {
    case Index.identifier:
      if (0xb0c0...Self.newestIdentifier).contains(value) { values[Index.identifier] = value }
    case Index.width, Index.height, Index.bitsPerPixel, Index.virtualWidth, Index.xOffset, Index.yOffset:
      values[Int(index)] = value
    case Index.bank:
      values[Index.bank] = value & Self.bankMask(videoMemoryByteCount)
      activeBank = values[Index.bank]
    case Index.enable:
      let wasEnabled = isEnabled
      values[Index.enable] = value
      if isEnabled, !wasEnabled {
        values[Index.virtualWidth] = 0
        values[Index.xOffset] = 0
        values[Index.yOffset] = 0
        clears = value & Enable.doNotClear == 0
      } else if !isEnabled {
        activeBank = 0
      }
    default: break
    }
    normalize(videoMemoryByteCount: videoMemoryByteCount)
    return clears
  }

  private static func bankMask(_ videoMemoryByteCount: Int) -> UInt16 {
    UInt16(clamping: max(0, (videoMemoryByteCount >> 16) - 1))
  }

  /// Brings a mode that is on into what the memory can hold.
  mutating func normalize(videoMemoryByteCount: Int) {
    guard isEnabled else { return }
    if ![4, 8, 15, 16, 24, 32].contains(bitsPerPixel) { values[Index.bitsPerPixel] = 8 }
    let smallest: UInt16 = 8
    values[Index.width] = min(max(values[Index.width] & ~7, smallest), Self.maximumWidth)
    values[Index.virtualWidth] = min(
      max(values[Index.virtualWidth] & ~7, values[Index.width]), Self.maximumWidth)
    let rowsThatFit = max(1, videoMemoryByteCount / rowByteCount)
    values[Index.height] = UInt16(
      clamping: min(min(max(1, height), Int(Self.maximumHeight)), rowsThatFit))
    values[Index.xOffset] = min(values[Index.xOffset], Self.maximumWidth)
    values[Index.yOffset] = min(values[Index.yOffset], Self.maximumHeight)
    if startByteOffset + height * rowByteCount > videoMemoryByteCount { values[Index.yOffset] = 0 }
    if startByteOffset + height * rowByteCount > videoMemoryByteCount { values[Index.xOffset] = 0 }
    values[Index.virtualHeight] = UInt16(truncatingIfNeeded: rowsThatFit)
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.array("vbe_regs", &values)
    try visitor.field("bank_offset", &activeBank)
  }
}
