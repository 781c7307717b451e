// SPDX-License-Identifier: Apache-2.0
import Platform
import Screen

/// All registers that the picture is drawn from.
///
/// A look compares them with those of the look before, so no write of a register can be forgotten, and writing them costs
/// the guest nothing. Arrays that nobody has written since share their storage and compare at once.
struct PictureRegisters: Equatable {
  private let sequencer: [UInt8]
  private let graphics: [UInt8]
  private let crtc: [UInt8]
  private let attribute: [UInt8]
  private let isShown: Bool
  private let palette: [UInt8]
  private let pixelMask: UInt8
  private let dispi: DISPIRegisters
  private let isBigEndian: Bool

  init(_ state: StandardVGA.State) {
    sequencer = [state.sequencer[Sequencer.clockingMode], state.sequencer[Sequencer.characterMapSelect]]
    graphics = [state.graphics[Graphics.mode], state.graphics[Graphics.miscellaneous]]
    crtc = state.crtc
    attribute = state.attribute
    isShown = state.attributeIndex & Attribute.paletteAddressSource != 0
    palette = state.palette
    pixelMask = state.pixelMask
    dispi = state.dispi
    isBigEndian = state.isBigEndian
  }
}

extension StandardVGA {
  /// What was last seen of the adapter, and what was made of it.
  struct Look {
    var version: UInt64 = 1
    var registers: PictureRegisters?
    /// By whether the text cursor is drawn.
    var pictures: [Bool: SharedPicture] = [:]
    var texts: [TextAudience: ScreenReader.Answer] = [:]
    /// How often the same picture was to be read again for waits.
    var rereadingCount: UInt64 = 0

    mutating func forget() {
      version &+= 1
      pictures = [:]
      texts = [:]
    }
  }

  /// A number that changes whenever the picture may have changed since it was last asked for; the blinking of the cursor is
  /// no change.
  ///
  /// From the first time on, the log of video memory tells which pages are written; the processor announces its first
  /// write to each after every look, so an unchanged screen costs less than a microsecond whatever its size, and a guest
  /// that nobody looks at costs nothing.
  public var pictureVersion: UInt64 {
    let registers = PictureRegisters(state)
    videoMemory.enableDirtyLog()
    let isWritten = videoMemory.dirtyLog?.collect() ?? true
    if isWritten || look.registers != registers { look.forget() }
    look.registers = registers
    return look.version
  }

  /// What `capture` would draw with bright backgrounds, drawn only when it has changed.
  public func picture(cursor: CursorPhase = .clock) -> SharedPicture {
    _ = pictureVersion
    let isCursorShown = isCursorShown(cursor)
    if let picture = look.pictures[isCursorShown] { return picture }
    let picture = SharedPicture(capture(cursor: isCursorShown ? .shown : .hidden))
    if picture.surface.pixels.count <= Self.largestKeptPicture {
      // The cursor is drawn in text modes only.
      for phase in showsGraphics ? [true, false] : [isCursorShown] { look.pictures[phase] = picture }
    }
    return picture
  }

  /// Pixels of the largest picture that is kept: what no monitor can show is not worth its memory.
  private static let largestKeptPicture = 3840 * 2160

  /// A number that changes whenever `pictureVersion` does, and when there may be more to be read for waits.
  public var textVersion: UInt64 {
    let version = pictureVersion
    if let instant = look.texts[.waits]?.searchInstant, instant <= clock.now {
      look.texts[.waits] = nil
      look.rereadingCount &+= 1
    }
    return version &+ look.rereadingCount
  }

  /// The characters on the screen at this instant, found only when the picture has changed. Onlookers who ask again for the
  /// same picture do not wait until it is time to search.
  public func screenText(for audience: TextAudience = .onlookers) -> ScreenText {
    _ = audience == .waits ? textVersion : pictureVersion
    let forWaits = look.texts[.waits]
    let before = forWaits?.searchInstant == nil ? forWaits ?? look.texts[audience] : look.texts[audience]
    if let before, audience == .waits || before.searchInstant == nil { return before.text }
    let answer = readText(for: audience, searches: before != nil)
    look.texts[audience] = answer
    return answer.text
  }
}
