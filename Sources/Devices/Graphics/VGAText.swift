// SPDX-License-Identifier: Apache-2.0
import Screen

extension StandardVGA {
  /// The characters on the screen: from character memory in a text mode, by their shapes in a graphics mode.
  ///
  /// - Parameter searches: whether fonts are searched for before it is time, if they must be.
  func readText(for audience: TextAudience, searches: Bool) -> ScreenReader.Answer {
    guard state.attributeIndex & Attribute.paletteAddressSource != 0 else { return .init(text: ScreenText(.blank)) }
    if showsGraphics { return readPicture(for: audience, searches: searches) }
    let layout = TextLayout(state)
    guard layout.columns * layout.rows <= TextLayout.maximumCells, layout.width > 16 else {
      return .init(text: ScreenText(.blank))
    }
    let text = TextRenderer(
      state, layout, UnsafeRawBufferPointer(videoMemory.contents), isCursorShown: true, blinks: false,
      isBlinkShown: true
    ).text(fonts.first { $0.height == layout.cellHeight })
    return .init(text: text)
  }

  private func readPicture(for audience: TextAudience, searches: Bool) -> ScreenReader.Answer {
    let memory =
      fontMemory.map {
        GuestBytes(UnsafeRawBufferPointer($0.contents), isSparse: !$0.isFileBacked(0..<$0.byteCount))
      } ?? .none
    let surface = picture(cursor: .hidden).surface, now = clock.now
    switch audience {
    case .waits:
      hasReadForWaits = true
      return reader.read(surface, memory: memory, at: now)
    case .onlookers:
      // They know all that waits have found.
      if hasReadForWaits { onlookersReader = reader }
      hasReadForWaits = false
      return onlookersReader.read(surface, memory: memory, at: now, searches: searches)
    }
  }
}

extension TextRenderer {
  /// - Parameter font: the video BIOS's of the same height, against which loaded shapes are held.
  func text(_ font: BitmapFont?) -> ScreenText {
    var result = ScreenText(.text)
    result.columns = layout.columns
    (result.cellWidth, result.cellHeight) = (layout.cellWidth, layout.cellHeight)
    var loaded: [Int: [UInt8]] = [:]
    var redefined: Set<UInt8> = []
    forEachRow { row, address in
      for column in 0..<layout.columns {
        let cell = address + 4 * column
        let code = byte(cell), attribute = byte(cell + 1)
        let glyph = glyphAddress(code, attribute)
        if let font, loaded[glyph] == nil {
          let shape = (0..<layout.cellHeight).map { byte(glyph + 4 * $0) }
          loaded[glyph] = shape
          if !font[code].elementsEqual(shape) { redefined.insert(code) }
        }
        result.cells.append(
          .init(
            CodePage437.scalar(code), foreground: palette[Int(attribute & 15)],
            background: palette[Int(attribute >> 4)]))
        if cursor?.byte == cell { result.cursor = .init(row: row, column: column) }
      }
    }
    result.redefinedCodes = redefined.sorted()
    return result
  }
}
