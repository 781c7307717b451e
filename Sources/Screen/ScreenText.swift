// SPDX-License-Identifier: Apache-2.0

/// The characters that a display shows.
public struct ScreenText: Equatable, Sendable {
  /// Where the characters come from.
  public enum Mode: String, Sendable {
    /// The adapter's character memory.
    case text
    /// Pixels whose shapes were found in a font.
    case graphics
    /// Nothing is shown: the adapter is in reset, or its picture is turned off.
    case blank
  }

  public struct Cell: Equatable, Sendable {
    /// U+FFFD: a shape that no known font has.
    public var character: Unicode.Scalar
    /// 0x00RRGGBB.
    public var foreground: UInt32
    public var background: UInt32

    public init(_ character: Unicode.Scalar, foreground: UInt32, background: UInt32) {
      (self.character, self.foreground, self.background) = (character, foreground, background)
    }
  }

  public struct Cursor: Equatable, Sendable {
    public var row: Int
    public var column: Int

    public init(row: Int, column: Int) { (self.row, self.column) = (row, column) }
  }

  public static let unknown: Unicode.Scalar = "\u{fffd}"
  /// In the second of the two cells of a wide character.
  public static let continuation: Unicode.Scalar = "\u{0}"

  public var mode: Mode
  /// Characters of a row, and dots of a character; 0 when blank.
  public var columns = 0
  public var cellWidth = 0
  public var cellHeight = 0
  /// Where the first cell begins in the picture.
  public var left = 0
  public var top = 0
  /// Row by row, each of `columns`.
  public var cells: [Cell] = []
  /// Where a cursor is turned on, on the screen, whether or not it blinks dark at this instant.
  public var cursor: Cursor?
  /// Character codes on the screen whose loaded shape is not the video BIOS's, in order.
  public var redefinedCodes: [UInt8] = []

  public init(_ mode: Mode) { self.mode = mode }

  public var rowCount: Int { columns > 0 ? cells.count / columns : 0 }

  /// The rows from the top, without the blanks at their ends; a wide character, which takes two cells, is there once.
  public var rows: [String] {
    (0..<rowCount).map { row in
      var characters = cells[row * columns..<(row + 1) * columns].map(\.character).filter { $0 != Self.continuation }
      while characters.last == " " { characters.removeLast() }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: characters)
      return String(text)
    }
  }

  /// Cells whose character is not known.
  public var unknownCount: Int { cells.count { $0.character == Self.unknown } }
}
