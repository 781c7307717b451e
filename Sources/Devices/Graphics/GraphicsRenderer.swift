// SPDX-License-Identifier: Apache-2.0
import Screen

/// Geometry of a graphics mode: which bytes of video memory make which row.
struct GraphicsLayout {
  enum Depth: Equatable {
    /// Two bits a pixel, as in CGA modes 4 and 5.
    case cga
    /// One bit in each of four planes.
    case planes
    /// A byte a pixel, each pixel two dots wide, as in mode 13h.
    case wideBytes
    /// A byte a pixel.
    case bytes
    /// Red, green and blue in the pixel itself.
    case direct(PixelFormat)
  }

  let depth: Depth
  /// Dots of a row as the shift registers give them.
  let dots: Int
  /// Every dot is shown twice, since the dot clock is halved.
  let doublesDots: Bool
  let height: Int
  /// Times that a row of memory is shown.
  let repeats: Int
  let startByte: Int
  let rowByteCount: Int
  let lineCompare: Int
  let modeControl: UInt8
  /// Dots by which rows are shifted to the left.
  let panning: Int
  /// Below the split, rows are not shifted.
  let splitStopsPanning: Bool

  var pictureWidth: Int { doublesDots ? 2 * dots : dots }

  init(_ state: StandardVGA.State) {
    let shift = state.graphics[Graphics.mode] >> 5 & 3
    let scan = state.crtc[CRTC.maximumScanLine]
    let doubles = Int(scan >> 7)
    modeControl = state.crtc[CRTC.modeControl]
    // Where the row scan counter supplies address bit 13, its rows are different ones and not repeats.
    repeats = modeControl & 1 != 0 ? (Int(scan & 0x1f) + 1) << doubles : 1 << doubles
    let isHalfClock = state.sequencer[Sequencer.clockingMode] & Sequencer.halfDotClock != 0
    doublesDots = isHalfClock && shift < 2 && !state.dispi.isEnabled
    if state.dispi.isEnabled {
      dots = state.dispi.width
      height = state.dispi.height
      startByte = state.dispi.startByteOffset
      rowByteCount = state.dispi.rowByteCount
      lineCompare = 0xffff
      panning = 0
    } else {
      dots = (Int(state.crtc[CRTC.horizontalDisplayEnd]) + 1) * 8
      height = state.displayedLines
      startByte = state.startAddress * 4
      rowByteCount = state.crtcRowByteCount
      lineCompare = state.lineCompare
      let pan = Int(state.attribute[Attribute.horizontalPanning] & 7)
      panning = shift < 2 ? pan : pan & 6
    }
    splitStopsPanning = state.attribute[Attribute.modeControl] & 0x20 != 0
    switch shift {
    case 0: depth = .planes
    case 1: depth = .cga
    default:
      if !state.dispi.isEnabled {
        depth = .wideBytes
      } else {
        switch state.dispi.bitsPerPixel {
        case 8: depth = .bytes
        case 15: depth = .direct(.x1r5g5b5)
        case 16: depth = .direct(.r5g6b5)
        case 24: depth = .direct(.r8g8b8)
        case 32: depth = .direct(.x8r8g8b8)
        default: depth = .wideBytes
        }
      }
    }
  }
}

/// Draws a graphics mode.
struct GraphicsRenderer {
  private let layout: GraphicsLayout
  private let memory: UnsafeRawBufferPointer
  private let palette: Palette
  private let planeEnable: UInt8
  private let isBigEndian: Bool

  init(_ state: StandardVGA.State, _ layout: GraphicsLayout, _ memory: UnsafeRawBufferPointer) {
    self.layout = layout
    self.memory = memory
    palette = Palette(state)
    planeEnable = state.attribute[Attribute.colorPlaneEnable] & 15
    isBigEndian = state.isBigEndian
  }

  func draw() -> Surface {
    if case .direct(let format) = layout.depth { return drawDirect(format) }
    let width = layout.pictureWidth
    return Surface(width: width, height: layout.height) { pixels in
      guard pixels.count == width * layout.height else { return }
      var address = layout.startByte
      var sourceRow = 0
      var timesShown = 0
      var panning = layout.panning
      var drawn: Int?
      for row in 0..<layout.height {
        let source = byteAddress(address, sourceRow)
        let target = UnsafeMutableBufferPointer(rebasing: pixels[row * width..<(row + 1) * width])
        if source == drawn, let base = target.baseAddress {
          // Safe: the row above lies before this one in the same buffer.
          base.update(from: base - width, count: width)
        } else {
          drawRow(source, panning, target)
          drawn = source
        }
        timesShown += 1
        if timesShown == layout.repeats {
          timesShown = 0
          let interleaved = Int(~layout.modeControl & 3)
          if sourceRow & interleaved == interleaved { address += layout.rowByteCount }
          sourceRow += 1
        }
        if row == layout.lineCompare {
          address = 0
          drawn = nil
          if layout.splitStopsPanning { panning = 0 }
        }
      }
    }
  }

  /// Memory address of a row: without the compatibility bits of the mode control register, row numbers replace address
  /// bits 13 (or 14) and 14, which interleaves rows as the CGA and the Hercules card do.
  private func byteAddress(_ address: Int, _ row: Int) -> Int {
    var result = address
    if layout.modeControl & 1 == 0 {
      let bit = 14 + Int(layout.modeControl >> 6 & 1)
      result = (result & ~(1 << bit)) | (row & 1) << bit
    }
    if layout.modeControl & 2 == 0 { result = (result & ~0x8000) | (row & 2) << 14 }
    return result
  }

  private func drawRow(_ address: Int, _ panning: Int, _ target: UnsafeMutableBufferPointer<UInt32>) {
    switch layout.depth {
    case .bytes:
      for x in 0..<layout.dots { target[x] = palette.all[Int(byte(address + x))] }
    case .wideBytes:
      palette.all.withUnsafeBufferPointer { colors in
        for x in 0..<layout.dots { target[x] = colors[Int(byte(address + (x + panning) >> 1))] }
      }
    case .planes, .cga:
      let scale = layout.doublesDots ? 2 : 1
      var x = -panning
      var word = address
      palette.sixteen.withUnsafeBufferPointer { colors in
        while x < layout.dots {
          var indices = layout.depth == .cga ? cgaDots(word) : planarDots(word)
          for dot in x..<x + 8 {
            if dot >= 0, dot < layout.dots {
              let color = colors[Int(indices & 15)]
              for copy in 0..<scale { target[dot * scale + copy] = color }
            }
            indices >>= 4
          }
          x += 8
          word += 4
        }
      }
    case .direct: break
    }
  }

  /// Eight dots from one byte of each plane, four bits a dot, the leftmost lowest.
  private func planarDots(_ address: Int) -> UInt32 {
    var result: UInt32 = 0
    for plane in 0..<4 where planeEnable >> UInt8(plane) & 1 != 0 {
      result |= Self.spread[Int(byte(address + plane))] << UInt32(plane)
    }
    return result
  }

  /// Eight dots of two bits, the first four from planes 0 and 2, the others from 1 and 3.
  private func cgaDots(_ address: Int) -> UInt32 {
    var result: UInt32 = 0
    for plane in 0..<4 where planeEnable >> UInt8(plane) & 1 != 0 {
      let value = UInt32(byte(address + plane))
      for dot in 0..<4 {
        let bits = value >> UInt32(6 - 2 * dot) & 3
        result |= bits << UInt32((plane & 1) * 16 + 4 * dot + (plane & 2))
      }
    }
    return result
  }

  /// Bit 7 of a byte to bit 0, bit 6 to bit 4 and so on.
  private static let spread: [UInt32] = (0..<256).map { (byte: UInt32) -> UInt32 in
    (0..<8).reduce(0) { result, dot in result | (byte >> (7 - UInt32(dot)) & 1) << UInt32(4 * dot) }
  }

  private func drawDirect(_ format: PixelFormat) -> Surface {
    let start = min(layout.startByte, memory.count)
    let bytes = UnsafeRawBufferPointer(rebasing: memory[start...])
    guard isBigEndian else {
      return Surface(
        converting: bytes, format, width: layout.dots, height: layout.height, stride: layout.rowByteCount)
    }
    return Surface(width: layout.dots, height: layout.height) { pixels in
      for y in 0..<layout.height {
        for x in 0..<layout.dots {
          pixels[y * layout.dots + x] = bigEndianPixel(start + y * layout.rowByteCount + x * format.byteCount, format)
        }
      }
    }
  }

  private func bigEndianPixel(_ address: Int, _ format: PixelFormat) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<format.byteCount { value = value << 8 | UInt32(byte(address + index)) }
    func widened(_ shift: UInt32, _ bits: UInt32) -> UInt32 {
      let component = value >> shift & ((1 << bits) - 1)
      return component << (8 - bits) | component >> (2 * bits - 8)
    }
    return switch format {
    case .x1r5g5b5: (widened(10, 5) << 16 | widened(5, 5) << 8 | widened(0, 5)) & 0xf8_f8f8
    case .r5g6b5: widened(11, 5) << 16 | widened(5, 6) << 8 | widened(0, 5)
    case .r8g8b8, .x8r8g8b8: value & 0xff_ffff
    }
  }

  /// A byte of video memory; addresses wrap.
  @inline(__always)
  private func byte(_ address: Int) -> UInt8 { memory[address & (memory.count - 1)] }
}
