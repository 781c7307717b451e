// SPDX-License-Identifier: Apache-2.0

extension Surface {
  /// What a display shows before the guest has programmed it: QEMU's picture of 640x480 with a sentence in its middle,
  /// which clients that poll for the first frame know by its looks.
  public static func notInitialized() -> Surface {
    let text = "Guest has not initialized the display (yet)."
    var surface = Surface(width: 640, height: 480)
    let left = (surface.width / 8 - text.utf8.count) / 2 * 8
    let top = (surface.height / 16 - 1) / 2 * 16
    for (column, character) in text.utf8.enumerated() {
      guard let glyph = PlaceholderFont.glyphs.first(where: { $0.character == character }) else { continue }
      for row in 0..<16 {
        let half = row < 8 ? glyph.upper : glyph.lower
        let bits = UInt8(truncatingIfNeeded: half >> UInt64(8 * (7 - row % 8)))
        for bit in 0..<8 where bits & (0x80 >> UInt8(bit)) != 0 {
          surface[left + 8 * column + bit, top + row] = 0xaaaaaa
        }
      }
    }
    return surface
  }
}

/// The characters of the one sentence, 8x16, in the shapes of the IBM VGA font. The most significant byte is the top row.
private enum PlaceholderFont {
  struct Glyph {
    let character: UInt8
    let upper: UInt64
    let lower: UInt64

    init(_ character: Unicode.Scalar, _ upper: UInt64, _ lower: UInt64) {
      self.character = UInt8(truncatingIfNeeded: character.value)
      self.upper = upper
      self.lower = lower
    }
  }

  static let glyphs: [Glyph] = [
    Glyph("(", 0x0000_0c18_3030_3030, 0x3030_180c_0000_0000),
    Glyph(")", 0x0000_3018_0c0c_0c0c, 0x0c0c_1830_0000_0000),
    Glyph(".", 0x0000_0000_0000_0000, 0x0000_1818_0000_0000),
    Glyph("G", 0x0000_3c66_c2c0_c0de, 0xc6c6_663a_0000_0000),
    Glyph("a", 0x0000_0000_0078_0c7c, 0xcccc_cc76_0000_0000),
    Glyph("d", 0x0000_1c0c_0c3c_6ccc, 0xcccc_cc76_0000_0000),
    Glyph("e", 0x0000_0000_007c_c6fe, 0xc0c0_c67c_0000_0000),
    Glyph("h", 0x0000_e060_606c_7666, 0x6666_66e6_0000_0000),
    Glyph("i", 0x0000_1818_0038_1818, 0x1818_183c_0000_0000),
    Glyph("l", 0x0000_3818_1818_1818, 0x1818_183c_0000_0000),
    Glyph("n", 0x0000_0000_00dc_6666, 0x6666_6666_0000_0000),
    Glyph("o", 0x0000_0000_007c_c6c6, 0xc6c6_c67c_0000_0000),
    Glyph("p", 0x0000_0000_00dc_6666, 0x6666_667c_6060_f000),
    Glyph("s", 0x0000_0000_007c_c660, 0x380c_c67c_0000_0000),
    Glyph("t", 0x0000_1030_30fc_3030, 0x3030_361c_0000_0000),
    Glyph("u", 0x0000_0000_00cc_cccc, 0xcccc_cc76_0000_0000),
    Glyph("y", 0x0000_0000_00c6_c6c6, 0xc6c6_c67e_060c_f800),
    Glyph("z", 0x0000_0000_00fe_cc18, 0x3060_c6fe_0000_0000),
  ]
}
