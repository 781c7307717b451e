// SPDX-License-Identifier: Apache-2.0

/// A font of 256 characters in code page 437, eight dots wide.
public struct BitmapFont: Equatable, Sendable {
  /// Lines of a character, 1...32.
  public let height: Int
  /// `height` bytes a character, the leftmost dot in bit 7.
  private let lines: [UInt8]

  /// - Parameter lines: `height` bytes for each of 256 characters; nil for other numbers.
  public init?(height: Int, lines: [UInt8]) {
    guard (1...32).contains(height), lines.count == 256 * height else { return nil }
    (self.height, self.lines) = (height, lines)
  }

  public subscript(code: UInt8) -> ArraySlice<UInt8> { lines[Int(code) * height..<(Int(code) + 1) * height] }

  /// The 8x16, 8x14 and 8x8 fonts in a video BIOS, those that it has. They are known by the shape of their "A", which all
  /// IBM-compatible ones share, and by the blanks at 0, 32 and 255.
  public static func inVideoBIOS(_ rom: [UInt8]) -> [BitmapFont] {
    [
      [0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0],
      [0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0, 0, 0],
      [0x30, 0x78, 0xcc, 0xcc, 0xfc, 0xcc, 0xcc, 0],
    ].compactMap { find($0, in: rom) }
  }

  private static func find(_ letter: [UInt8], in rom: [UInt8]) -> BitmapFont? {
    let height = letter.count
    let before = 65 * height
    guard rom.count >= 256 * height else { return nil }
    for start in 0...rom.count - 256 * height {
      guard rom[start + before..<start + before + height].elementsEqual(letter) else { continue }
      guard let font = BitmapFont(height: height, lines: Array(rom[start..<start + 256 * height])) else { continue }
      if [0, 32, 255].allSatisfy({ font[$0].allSatisfy { $0 == 0 } }) { return font }
    }
    return nil
  }
}

/// What IBM's code page 437 shows, symbols of the control codes included.
public enum CodePage437 {
  public static func scalar(_ code: UInt8) -> Unicode.Scalar {
    switch code {
    case 0, 255: " "
    case 1..<32: controls[Int(code) - 1]
    case 127...254: upper[Int(code) - 127]
    default: Unicode.Scalar(code)
    }
  }

  private static let controls = Array("☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼".unicodeScalars)
  private static let upper = Array(
    ("⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧"
      + "╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■").unicodeScalars)
}
