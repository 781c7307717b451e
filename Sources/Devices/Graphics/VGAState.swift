// SPDX-License-Identifier: Apache-2.0
import Platform

extension StandardVGA {
  /// The registers of the adapter. Video memory is a block of its own, saved by the machine.
  public struct State: DeviceState {
    public static let name: StaticString = "vga"
    public static let version = 1

    var configuration: PCIConfiguration
    /// Bytes of video memory, a power of two; not saved, since the board fixes it.
    let videoMemoryByteCount: Int

    var miscellaneousOutput: UInt8 = 0
    var featureControl: UInt8 = 0
    var sequencerIndex: UInt8 = 0
    var sequencer = [UInt8](repeating: 0, count: 8)
    var graphicsIndex: UInt8 = 0
    var graphics = [UInt8](repeating: 0, count: 16)
    var crtcIndex: UInt8 = 0
    var crtc = [UInt8](repeating: 0, count: 256)
    /// Bits 0...4 select a register, bit 5 (palette address source) lets the picture through.
    var attributeIndex: UInt8 = 0
    var attribute = [UInt8](repeating: 0, count: 21)
    /// The flip-flop behind 3C0h: the next write is data.
    var attributeExpectsData = false
    /// Bytes of all planes that the last read of the window fetched, plane 0 in the lowest byte.
    var latches: UInt32 = 0

    var palette = [UInt8](repeating: 0, count: 768)
    var pixelMask: UInt8 = 0xff
    var dacReadIndex: UInt8 = 0
    var dacWriteIndex: UInt8 = 0
    /// Component (0 red, 1 green, 2 blue) that the next access of 3C9h reaches.
    var dacComponent: UInt8 = 0
    /// 3 after a read index was written, 0 after a write index.
    var dacMode: UInt8 = 0
    /// Red and green of an entry whose blue has not been written yet.
    var dacPending = [UInt8](repeating: 0, count: 2)

    var dispiIndex: UInt16 = 0
    var dispi = DISPIRegisters()
    /// Byte order of the linear frame buffer, as the extended register at 604h says.
    var isBigEndian = false

    init(configuration: PCIConfiguration, videoMemoryByteCount: Int) {
      self.configuration = configuration
      self.videoMemoryByteCount = videoMemoryByteCount
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
      try visitor.field("msr", &miscellaneousOutput)
      try visitor.field("fcr", &featureControl)
      try visitor.field("sr_index", &sequencerIndex)
      try visitor.bytes("sr", &sequencer)
      try visitor.field("gr_index", &graphicsIndex)
      try visitor.bytes("gr", &graphics)
      try visitor.field("cr_index", &crtcIndex)
      try visitor.bytes("cr", &crtc)
      try visitor.field("ar_index", &attributeIndex)
      try visitor.bytes("ar", &attribute)
      try visitor.field("ar_flip_flop", &attributeExpectsData)
      try visitor.field("latch", &latches)
      try visitor.bytes("palette", &palette)
      try visitor.field("dac_mask", &pixelMask)
      try visitor.field("dac_read_index", &dacReadIndex)
      try visitor.field("dac_write_index", &dacWriteIndex)
      try visitor.field("dac_sub_index", &dacComponent)
      try visitor.field("dac_state", &dacMode)
      try visitor.bytes("dac_cache", &dacPending)
      try visitor.field("vbe_index", &dispiIndex)
      try dispi.visit(&visitor)
      try visitor.field("big_endian_fb", &isBigEndian)
      guard visitor.isLoading else { return }
      guard sequencerIndex < 8 else { throw .outOfRange("sr_index") }
      guard graphicsIndex < 16 else { throw .outOfRange("gr_index") }
      guard attributeIndex < 64 else { throw .outOfRange("ar_index") }
      guard dacComponent < 3 else { throw .outOfRange("dac_sub_index") }
      var checked = dispi
      checked.normalize(videoMemoryByteCount: videoMemoryByteCount)
      guard checked == dispi else { throw .outOfRange("vbe_regs") }
    }

    /// Reset values of everything but the configuration space.
    func afterReset() -> State {
      var fresh = State(configuration: configuration, videoMemoryByteCount: videoMemoryByteCount)
      fresh.configuration.reset()
      return fresh
    }
  }
}

/// Indexed registers, by their index. Reference: IBM PS/2 Hardware Interface Technical Reference, Video Subsystems, 1992.
enum Sequencer {
  static let clockingMode = 1
  static let mapMask = 2
  static let characterMapSelect = 3
  static let memoryMode = 4

  /// Bits of the clocking mode register.
  static let eightDots: UInt8 = 0x01
  static let halfDotClock: UInt8 = 0x08
  static let screenOff: UInt8 = 0x20
  /// Bit of the memory mode register.
  static let chain4: UInt8 = 0x08

  static let writable: [UInt8] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00, 0x00, 0xff]
}

enum Graphics {
  static let setReset = 0
  static let enableSetReset = 1
  static let colorCompare = 2
  static let dataRotate = 3
  static let readMapSelect = 4
  static let mode = 5
  static let miscellaneous = 6
  static let colorDoNotCare = 7
  static let bitMask = 8

  /// Bits of the mode register.
  static let colorCompareRead: UInt8 = 0x08
  static let oddEven: UInt8 = 0x10
  /// Bit of the miscellaneous register.
  static let graphicsMode: UInt8 = 0x01

  static let writable: [UInt8] = [
    0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff, 0, 0, 0, 0, 0, 0, 0,
  ]
}

enum CRTC {
  static let horizontalTotal = 0x00
  static let horizontalDisplayEnd = 0x01
  static let verticalTotal = 0x06
  static let overflow = 0x07
  static let presetRowScan = 0x08
  static let maximumScanLine = 0x09
  static let cursorStart = 0x0a
  static let cursorEnd = 0x0b
  static let startAddressHigh = 0x0c
  static let startAddressLow = 0x0d
  static let cursorLocationHigh = 0x0e
  static let cursorLocationLow = 0x0f
  static let verticalRetraceStart = 0x10
  static let verticalRetraceEnd = 0x11
  static let verticalDisplayEnd = 0x12
  static let offset = 0x13
  static let underlineLocation = 0x14
  static let modeControl = 0x17
  static let lineCompare = 0x18

  /// Bit of the vertical retrace end register: registers 0...7 cannot be written.
  static let protect: UInt8 = 0x80
}

enum Attribute {
  static let modeControl = 0x10
  static let horizontalPanning = 0x13
  static let colorPlaneEnable = 0x12
  static let colorSelect = 0x14

  /// Bits of the mode control register.
  static let lineGraphics: UInt8 = 0x04
  static let paletteSelect: UInt8 = 0x80
  /// Bit of the index register: the palette belongs to the picture, not to the processor.
  static let paletteAddressSource: UInt8 = 0x20
}

enum MiscellaneousOutput {
  /// Ports 3D4h, 3D5h and 3DAh rather than 3B4h, 3B5h and 3BAh.
  static let colorAddresses: UInt8 = 0x01
}
