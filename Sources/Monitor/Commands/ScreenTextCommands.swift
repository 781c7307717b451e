// SPDX-License-Identifier: Apache-2.0
import QAPI
import Screen

/// The characters that the display shows, without recognizing them in a picture where they are known.
struct QueryScreenText: MonitorCommand {
  static let name = "__org.apus_screen-text"
  enum Mode: String, QMPEnum { case text, graphics, blank }

  struct Position: Codable, Sendable {
    var row: Int
    var column: Int
  }

  /// Cells side by side in the same colours, each `0xRRGGBB`.
  struct Run: Codable, DirectlyEncoded, Sendable {
    var row: Int
    var column: Int
    var length: Int
    var foreground: Int
    var background: Int

    private static let shape = JSONObject.Shape(["row", "column", "length", "foreground", "background"])

    var json: JSON {
      .object(
        JSONObject(
          Self.shape,
          [
            .int(Int64(row)), .int(Int64(column)), .int(Int64(length)), .int(Int64(foreground)),
            .int(Int64(background)),
          ]))
    }
  }

  struct Returns: Codable, Sendable {
    var mode: Mode
    var columns: Int
    var cellWidth: Int
    var cellHeight: Int
    /// Where the first cell begins in the picture.
    var left: Int
    var top: Int
    /// From the top, without blanks at the ends; U+FFFD where a shape is in no known font. A wide character, which takes two
    /// cells, is there once.
    var rows: [String]
    var runs: [Run]
    /// Missing when no cursor is on the screen.
    var cursor: Position?
    /// Character codes on the screen whose loaded shape is not the video BIOS's.
    var redefined: [Int]
    /// Cells shown as U+FFFD.
    var unknown: Int
    /// Nanoseconds.
    var virtualTime: Int64
  }

  func run(in context: MonitorContext) throws(QMPError) -> Returns {
    let text: ScreenText
    do throws(ScreenCaptureError) { text = try context.machine.readScreen() } catch { throw QMPError(error) }
    return Returns(
      mode: Mode(text.mode), columns: text.columns, cellWidth: text.cellWidth, cellHeight: text.cellHeight,
      left: text.left, top: text.top, rows: text.rows, runs: Self.runs(text),
      cursor: text.cursor.map { Position(row: $0.row, column: $0.column) },
      redefined: text.redefinedCodes.map(Int.init), unknown: text.unknownCount,
      virtualTime: context.machine.virtualTime)
  }

  private static func runs(_ text: ScreenText) -> [Run] {
    var runs: [Run] = []
    for (index, cell) in text.cells.enumerated() {
      let colors = (Int(cell.foreground), Int(cell.background))
      if index % text.columns != 0, let last = runs.last, (last.foreground, last.background) == colors {
        runs[runs.count - 1].length += 1
      } else {
        runs.append(
          Run(
            row: index / text.columns, column: index % text.columns, length: 1, foreground: colors.0,
            background: colors.1))
      }
    }
    return runs
  }
}

extension QueryScreenText.Mode {
  fileprivate init(_ mode: ScreenText.Mode) {
    switch mode {
    case .text: self = .text
    case .graphics: self = .graphics
    case .blank: self = .blank
    }
  }
}

/// A picture in 64 digits, with what tells whether it is worth looking at.
struct QueryScreenHash: MonitorTwoPhaseCommand {
  static let name = "__org.apus_screen-hash"
  var cursor: ScreenCursor?

  struct Returns: Codable, Sendable {
    /// SHA-256 of the pixels as bytes R, G, B in reading order: those of a PPM file after its header.
    var sha256: String
    var width: Int
    var height: Int
    /// The guest has programmed a mode; before, the picture is a placeholder.
    var initialized: Bool
    /// Nanoseconds.
    var virtualTime: Int64
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Returns> {
    let picture: ScreenCapture
    do throws(ScreenCaptureError) {
      picture = try context.machine.captureScreen(device: nil, head: 0, cursor: cursor)
    } catch {
      throw QMPError(error)
    }
    let time = context.machine.virtualTime
    return .finishing { _ in
      let surface = picture.shared.surface
      return .success(
        Returns(
          sha256: picture.shared.sha256, width: surface.width, height: surface.height,
          initialized: surface != .notInitialized(), virtualTime: time))
    }
  }
}
