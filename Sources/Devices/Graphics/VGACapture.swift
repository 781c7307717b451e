// SPDX-License-Identifier: Apache-2.0
import Platform
import Screen

extension StandardVGA {
  /// Whether a capture shows the text cursor.
  public enum CursorPhase: Sendable {
    /// As it blinks on the virtual clock: 16 frames of 1/70 s shown, 16 hidden, shown at instant 0.
    case clock
    case shown
    case hidden
  }

  /// What bit 7 of a text attribute does.
  public enum AttributeBlink: Sendable {
    /// A bright background, as QEMU shows it always.
    case brightBackground
    /// What mode control bit 3 asks for: the character blinks with the cursor, half as fast.
    case asProgrammed
  }

  /// Half a period of the cursor.
  static let cursorPhaseDuration: Nanoseconds = 16 * .second / 70

  /// Draws what the adapter shows at this instant.
  ///
  /// Text cells are 9x16 dots in the BIOS's mode (720x400); 320-dot modes are drawn 640 wide and low ones with every row
  /// doubled, as a monitor shows them. While the palette address source bit blanks the screen the picture is black and
  /// has the programmed size; an adapter that nobody has programmed gives `Surface.notInitialized`.
  public func capture(cursor: CursorPhase = .clock, blink: AttributeBlink = .brightBackground) -> Surface {
    let isCursorShown = isCursorShown(cursor)
    let memory = UnsafeRawBufferPointer(videoMemory.contents)
    let isGraphics = state.graphics[Graphics.miscellaneous] & Graphics.graphicsMode != 0
    let isBlank = state.attributeIndex & Attribute.paletteAddressSource == 0
    if isGraphics {
      let layout = GraphicsLayout(state)
      if isBlank { return blank(width: layout.pictureWidth, height: layout.height) }
      return GraphicsRenderer(state, layout, memory).draw()
    }
    let layout = TextLayout(state)
    guard layout.columns * layout.rows <= TextLayout.maximumCells else { return blank(width: 0, height: 0) }
    if isBlank { return blank(width: layout.width, height: layout.height) }
    let showsBlinking = blink == .brightBackground || blinkPhase & 2 == 0
    return TextRenderer(
      state, layout, memory, isCursorShown: isCursorShown, blinks: blink == .asProgrammed,
      isBlinkShown: showsBlinking
    ).draw()
  }

  private var blinkPhase: Nanoseconds { max(0, clock.now) / Self.cursorPhaseDuration }

  func isCursorShown(_ cursor: CursorPhase) -> Bool {
    switch cursor {
    case .clock: blinkPhase & 1 == 0
    case .shown: true
    case .hidden: false
    }
  }

  /// A dark screen; one of less than a character is that of an adapter in reset.
  private func blank(width: Int, height: Int) -> Surface {
    guard width > 16, height > 1 else { return .notInitialized() }
    return Surface(width: width, height: height)
  }
}
