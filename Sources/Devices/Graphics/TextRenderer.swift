// SPDX-License-Identifier: Apache-2.0
import Screen

/// Geometry of a text mode.
struct TextLayout {
  /// More cells than any monitor shows: registers in the middle of a mode change.
  static let maximumCells = 160 * 100

  let columns: Int
  let rows: Int
  let cellWidth: Int
  let cellHeight: Int

  var width: Int { columns * cellWidth }
  var height: Int { rows * cellHeight }

  init(_ state: StandardVGA.State) {
    let clocking = state.sequencer[Sequencer.clockingMode]
    cellHeight = Int(state.crtc[CRTC.maximumScanLine] & 0x1f) + 1
    if clocking & Sequencer.halfDotClock != 0 {
      cellWidth = 16
    } else {
      cellWidth = clocking & Sequencer.eightDots != 0 ? 8 : 9
    }
    columns = Int(state.crtc[CRTC.horizontalDisplayEnd]) + 1
    // The CGA trick of 160x100 blocks: 100 rows of characters two lines high, which only the vertical total tells.
    rows = state.crtc[CRTC.verticalTotal] == 100 ? 100 : state.displayedLines / cellHeight
  }
}

/// Draws a text mode. Character codes are in plane 0, attributes in plane 1, fonts in plane 2 (32 bytes a character).
struct TextRenderer {
  let layout: TextLayout
  private let memory: UnsafeRawBufferPointer
  let palette: [UInt32]
  /// Start of the fonts for attribute bit 3 clear and set.
  private let fonts: (Int, Int)
  private let startAddress: Int
  private let rowByteCount: Int
  private let lineCompare: Int
  private let extendsLineGraphics: Bool
  let cursor: Cursor?
  private let blinks: Bool
  private let isBlinkShown: Bool

  /// Where the cursor is and which lines of the cell it fills.
  struct Cursor {
    var byte: Int
    var lines: ClosedRange<Int>
  }

  init(
    _ state: StandardVGA.State, _ layout: TextLayout, _ memory: UnsafeRawBufferPointer, isCursorShown: Bool,
    blinks: Bool, isBlinkShown: Bool
  ) {
    self.layout = layout
    self.memory = memory
    palette = Palette(state).sixteen
    // Bits 0, 1 and 4 select map B for attribute bit 3 clear, bits 2, 3 and 5 map A for it set; the upper bit of each is
    // the one added for the VGA and counts 8 KiB, the lower ones 16 KiB.
    let select = Int(state.sequencer[Sequencer.characterMapSelect])
    let mapB = (select & 3) << 1 | select >> 4 & 1
    let mapA = (select >> 2 & 3) << 1 | select >> 5 & 1
    fonts = (mapB * 8192 * 4 + 2, mapA * 8192 * 4 + 2)
    startAddress = state.startAddress * 4
    rowByteCount = state.crtcRowByteCount
    lineCompare = state.lineCompare
    let control = state.attribute[Attribute.modeControl]
    extendsLineGraphics = control & Attribute.lineGraphics != 0
    self.blinks = blinks && control & 0x08 != 0
    self.isBlinkShown = isBlinkShown
    let first = Int(state.crtc[CRTC.cursorStart] & 0x1f)
    let last = min(Int(state.crtc[CRTC.cursorEnd] & 0x1f), layout.cellHeight - 1)
    let location = Int(state.crtc[CRTC.cursorLocationHigh]) << 8 | Int(state.crtc[CRTC.cursorLocationLow])
    let isOff = state.crtc[CRTC.cursorStart] & 0x20 != 0
    cursor = isCursorShown && !isOff && first <= last ? Cursor(byte: location * 4, lines: first...last) : nil
  }

  func draw() -> Surface {
    Surface(width: layout.width, height: layout.height) { pixels in
      forEachRow { row, address in
        for column in 0..<layout.columns { drawCell(row, column, address + 4 * column, pixels) }
      }
    }
  }

  /// Calls `body` with every row and the address of its first cell.
  func forEachRow(_ body: (_ row: Int, _ address: Int) -> Void) {
    var address = startAddress
    for row in 0..<layout.rows {
      body(row, address)
      address += rowByteCount
      let lines = row * layout.cellHeight..<(row + 1) * layout.cellHeight
      if lines.lowerBound < lineCompare, lines.upperBound >= lineCompare { address = 0 }
    }
  }

  /// Where the shape of a character begins; its lines are four bytes apart.
  func glyphAddress(_ character: UInt8, _ attribute: UInt8) -> Int {
    (attribute & 8 == 0 ? fonts.0 : fonts.1) + 32 * 4 * Int(character)
  }

  private func drawCell(_ row: Int, _ column: Int, _ address: Int, _ pixels: UnsafeMutableBufferPointer<UInt32>) {
    let character = byte(address)
    let attribute = byte(address + 1)
    var foreground = palette[Int(attribute & 15)]
    let background = palette[Int(blinks ? attribute >> 4 & 7 : attribute >> 4)]
    if blinks, attribute & 0x80 != 0, !isBlinkShown { foreground = background }
    let glyph = glyphAddress(character, attribute)
    let repeatsLastDot = extendsLineGraphics && (0xb0...0xdf).contains(character)
    let width = layout.cellWidth
    var target = (row * layout.cellHeight * layout.columns + column) * width
    for line in 0..<layout.cellHeight {
      var dots = UInt32(byte(glyph + 4 * line))
      var ninth = repeatsLastDot ? dots & 1 : 0
      if let cursor, cursor.byte == address, cursor.lines.contains(line) {
        dots = 0xff
        ninth = 1
      }
      if width == 16 {
        for dot in 0..<8 {
          let color = dots & (0x80 >> UInt32(dot)) != 0 ? foreground : background
          pixels[target + 2 * dot] = color
          pixels[target + 2 * dot + 1] = color
        }
      } else {
        for dot in 0..<8 {
          pixels[target + dot] = dots & (0x80 >> UInt32(dot)) != 0 ? foreground : background
        }
        if width == 9 { pixels[target + 8] = ninth != 0 ? foreground : background }
      }
      target += layout.width
    }
  }

  /// A byte of video memory; addresses wrap.
  @inline(__always)
  func byte(_ address: Int) -> UInt8 { memory[address & (memory.count - 1)] }
}

extension StandardVGA.State {
  /// First address shown, in characters or words of all planes.
  var startAddress: Int { Int(crtc[CRTC.startAddressHigh]) << 8 | Int(crtc[CRTC.startAddressLow]) }

  /// Bytes of video memory from one row to the next; the offset register counts eight of them.
  var crtcRowByteCount: Int { Int(crtc[CRTC.offset]) << 3 }

  /// The line after which the picture starts over at address 0.
  var lineCompare: Int {
    Int(crtc[CRTC.lineCompare]) | Int(crtc[CRTC.overflow] & 0x10) << 4 | Int(crtc[CRTC.maximumScanLine] & 0x40) << 3
  }

  /// Lines of the frame that are shown.
  var displayedLines: Int {
    let overflow = Int(crtc[CRTC.overflow])
    return (Int(crtc[CRTC.verticalDisplayEnd]) | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1
  }
}
