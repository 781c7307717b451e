// SPDX-License-Identifier: Apache-2.0
import Platform

/// Ports 3B4h...3DAh, without those between that belong to a parallel port or to nobody.
final class LegacyPorts: PortDevice {
  static let ranges: [ClosedRange<UInt16>] = [
    0x3b4...0x3b5, 0x3ba...0x3ba, 0x3c0...0x3cf, 0x3d4...0x3d5, 0x3da...0x3da,
  ]
  private unowned let vga: StandardVGA
  private let first: UInt16

  init(_ vga: StandardVGA, from first: UInt16) {
    self.vga = vga
    self.first = first
  }

  func read(port offset: UInt16) -> UInt8 { vga.readRegister(first &+ offset) }
  func write(port offset: UInt16, _ value: UInt8) { vga.writeRegister(first &+ offset, value) }
}

/// The CRT controller and the input status register answer at 3Bxh or at 3Dxh, never at both.
extension StandardVGA {
  private enum Port {
    static let attribute: UInt16 = 0x3c0
    static let attributeData: UInt16 = 0x3c1
    static let inputStatus0: UInt16 = 0x3c2
    static let sequencerIndex: UInt16 = 0x3c4
    static let sequencerData: UInt16 = 0x3c5
    static let pixelMask: UInt16 = 0x3c6
    static let dacReadIndex: UInt16 = 0x3c7
    static let dacWriteIndex: UInt16 = 0x3c8
    static let dacData: UInt16 = 0x3c9
    static let featureControl: UInt16 = 0x3ca
    static let miscellaneousOutput: UInt16 = 0x3cc
    static let graphicsIndex: UInt16 = 0x3ce
    static let graphicsData: UInt16 = 0x3cf
    /// Seen from the colour addresses.
    static let crtcIndex: UInt16 = 0x3d4
    static let crtcData: UInt16 = 0x3d5
    static let inputStatus1: UInt16 = 0x3da
  }

  /// The port as if colour addresses were selected; nil if it does not answer in the present mode.
  private func decoded(_ port: UInt16) -> UInt16? {
    let isColor = state.miscellaneousOutput & MiscellaneousOutput.colorAddresses != 0
    switch port {
    case 0x3b0...0x3bf: return isColor ? nil : port &+ 0x20
    case 0x3d0...0x3df: return isColor ? port : nil
    default: return port
    }
  }

  func readRegister(_ address: UInt16) -> UInt8 {
    guard let port = decoded(address) else { return 0xff }
    switch port {
    case Port.attribute: return state.attributeExpectsData ? 0 : state.attributeIndex
    case Port.attributeData:
      let index = Int(state.attributeIndex & 0x1f)
      return index < state.attribute.count ? state.attribute[index] : 0
    case Port.inputStatus0: return 0
    case Port.sequencerIndex: return state.sequencerIndex
    case Port.sequencerData: return state.sequencer[Int(state.sequencerIndex & 7)]
    case Port.pixelMask: return state.pixelMask
    case Port.dacReadIndex: return state.dacMode
    case Port.dacWriteIndex: return state.dacWriteIndex
    case Port.dacData: return state.readPalette()
    case Port.featureControl: return state.featureControl
    case Port.miscellaneousOutput: return state.miscellaneousOutput
    case Port.graphicsIndex: return state.graphicsIndex
    case Port.graphicsData: return state.graphics[Int(state.graphicsIndex & 15)]
    case Port.crtcIndex: return state.crtcIndex
    case Port.crtcData: return state.crtc[Int(state.crtcIndex)]
    case Port.inputStatus1:
      state.attributeExpectsData = false
      return ScanTiming(state).inputStatus(at: clock.now)
    default: return 0
    }
  }

  func writeRegister(_ address: UInt16, _ value: UInt8) {
    guard let port = decoded(address) else { return }
    switch port {
    case Port.attribute: state.writeAttribute(value)
    case Port.inputStatus0: state.miscellaneousOutput = value & ~0x10
    case Port.sequencerIndex: state.sequencerIndex = value & 7
    case Port.sequencerData:
      let index = Int(state.sequencerIndex & 7)
      state.sequencer[index] = value & Sequencer.writable[index]
      registersDidChange()
    case Port.pixelMask: state.pixelMask = value
    case Port.dacReadIndex:
      state.dacReadIndex = value
      state.dacComponent = 0
      state.dacMode = 3
    case Port.dacWriteIndex:
      state.dacWriteIndex = value
      state.dacComponent = 0
      state.dacMode = 0
    case Port.dacData: state.writePalette(value)
    case Port.graphicsIndex: state.graphicsIndex = value & 15
    case Port.graphicsData:
      let index = Int(state.graphicsIndex & 15)
      state.graphics[index] = value & Graphics.writable[index]
      registersDidChange()
    case Port.crtcIndex: state.crtcIndex = value
    case Port.crtcData:
      state.writeCRTC(value)
      registersDidChange()
    case Port.inputStatus1: state.featureControl = value & 0x10
    default: break
    }
  }

  /// Holds the registers that a linear mode dictates, and follows with the window.
  func registersDidChange() {
    state.enforceDISPIMode()
    updateWindow()
  }

  /// Writes a DISPI register.
  func writeDISPI(_ index: UInt16, _ value: UInt16) {
    if state.dispi.write(index, value, videoMemoryByteCount: state.videoMemoryByteCount) {
      let byteCount = min(state.dispi.height * state.dispi.rowByteCount, videoMemory.byteCount)
      UnsafeMutableRawBufferPointer(rebasing: videoMemory.contents[..<byteCount]).initializeMemory(
        as: UInt8.self, repeating: 0)
      videoMemory.markDirty(0..<byteCount)
    }
    registersDidChange()
  }

  func readDISPI(_ index: UInt16) -> UInt16 {
    state.dispi.read(index, videoMemoryByteCount: state.videoMemoryByteCount)
  }
}

extension StandardVGA.State {
  mutating func writeAttribute(_ value: UInt8) {
    defer { attributeExpectsData.toggle() }
    guard attributeExpectsData else {
      attributeIndex = value & 0x3f
      return
    }
    let index = Int(attributeIndex & 0x1f)
    switch index {
    case 0...15: attribute[index] = value & 0x3f
    case Attribute.modeControl: attribute[index] = value & ~0x10
    case 0x11: attribute[index] = value
    case Attribute.colorPlaneEnable: attribute[index] = value & 0x3f
    case Attribute.horizontalPanning, Attribute.colorSelect: attribute[index] = value & 0x0f
    default: break
    }
  }

  mutating func writeCRTC(_ value: UInt8) {
    let index = Int(crtcIndex)
    if index <= CRTC.overflow, crtc[CRTC.verticalRetraceEnd] & CRTC.protect != 0 {
      // Of the protected registers only bit 8 of the line compare can be written.
      if index == CRTC.overflow { crtc[index] = (crtc[index] & ~0x10) | (value & 0x10) }
      return
    }
    crtc[index] = value
  }

  /// 3C9h, read: what was written, all eight bits of it.
  mutating func readPalette() -> UInt8 {
    let value = palette[3 * Int(dacReadIndex) + Int(dacComponent)]
    dacComponent += 1
    if dacComponent == 3 {
      dacComponent = 0
      dacReadIndex &+= 1
    }
    return value
  }

  /// 3C9h, written: an entry changes when its third component arrives.
  mutating func writePalette(_ value: UInt8) {
    guard dacComponent == 2 else {
      dacPending[Int(dacComponent)] = value
      dacComponent += 1
      return
    }
    let entry = 3 * Int(dacWriteIndex)
    palette[entry] = dacPending[0]
    palette[entry + 1] = dacPending[1]
    palette[entry + 2] = value
    dacComponent = 0
    dacWriteIndex &+= 1
  }

  /// A DISPI mode that is on holds the VGA registers at what shows it, whatever the guest writes to them; they stay so
  /// when it is switched off. Guests set such a mode without knowing the VGA's registers.
  mutating func enforceDISPIMode() {
    guard dispi.isEnabled else { return }
    graphics[Graphics.miscellaneous] = (graphics[Graphics.miscellaneous] & ~0x0c) | 0x04 | Graphics.graphicsMode
    crtc[CRTC.modeControl] |= 3
    crtc[CRTC.offset] = UInt8(truncatingIfNeeded: dispi.rowByteCount >> 3)
    crtc[CRTC.horizontalDisplayEnd] = UInt8(truncatingIfNeeded: (dispi.width >> 3) - 1)
    let lastRow = dispi.height - 1
    crtc[CRTC.verticalDisplayEnd] = UInt8(truncatingIfNeeded: lastRow)
    crtc[CRTC.overflow] =
      (crtc[CRTC.overflow] & ~0x42) | UInt8(truncatingIfNeeded: lastRow >> 7 & 0x02)
      | UInt8(truncatingIfNeeded: lastRow >> 3 & 0x40)
    crtc[CRTC.lineCompare] = 0xff
    crtc[CRTC.overflow] |= 0x10
    crtc[CRTC.maximumScanLine] |= 0x40
    crtc[CRTC.maximumScanLine] &= ~0x9f
    graphics[Graphics.mode] = (graphics[Graphics.mode] & ~0x60) | (dispi.bitsPerPixel == 4 ? 0x00 : 0x40)
  }
}
