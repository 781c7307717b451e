// SPDX-License-Identifier: Apache-2.0
import HostIO
import Screen

/// `apus compare`: whether two pictures are equal, but for what a mask leaves out.
public enum CompareTool {
  private struct Failure: Error {
    let message: String
  }

  /// What the command line asks for.
  private struct Request {
    var files: [BytePath] = []
    var masks: [BytePath] = []
    var tolerance = 0
    var margin = 0
    var difference: BytePath?
  }

  private static let help = """
    usage: apus compare [--mask FILE]... [--tolerance N] [--margin PX] [--diff OUT.png] EXPECTED ACTUAL

    Compares two pictures, PNG or binary PPM, pixel by pixel. Exit status 0: equal, 1: different, 2: an error.
      --mask FILE     rectangles to leave out, [{"x":0,"y":0,"width":8,"height":16}, ...], or an openQA needle
      --tolerance N   colour components that differ by up to N (0 to 255) are equal
      --margin PX     what is expected may have moved by up to PX (0 to 1000) in each direction
      --diff OUT.png  draws expected, actual and differences (red; blue: not compared) side by side
      --help          this text
    FILE, EXPECTED or ACTUAL may be - for standard input. (To boot a disk image called compare, write apus ./compare.)

    """

  /// - Parameter arguments: what follows `compare`.
  /// - Returns: the exit status.
  public static func run(_ arguments: [BytePath]) -> Int32 {
    do throws(Failure) {
      guard let request = try parse(arguments) else {
        try print(help)
        return 0
      }
      return try compare(request)
    } catch {
      HostProcess.report("compare: " + error.message)
      return 2
    }
  }

  private static func parse(_ arguments: [BytePath]) throws(Failure) -> Request? {
    var request = Request()
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.bytes.first == UInt8(ascii: "-"), argument != "-" else {
        request.files.append(argument)
        continue
      }
      if argument == "--" {
        request.files += rest
        break
      }
      if argument == "--help" || argument == "-h" { return nil }
      let parts = argument.bytes.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(decoding: parts[0], as: UTF8.self)
      guard ["--mask", "--tolerance", "--margin", "--diff"].contains(name) else {
        throw Failure(message: "unknown option '\(argument)'; see apus compare --help")
      }
      guard let value = parts.count > 1 ? BytePath(bytes: parts[1]) : rest.popFirst(), !value.isEmpty else {
        throw Failure(message: "\(name) takes a value; see apus compare --help")
      }
      switch name {
      case "--mask": request.masks.append(value)
      case "--diff":
        guard PictureFile.canBeWritten(value) else {
          throw Failure(
            message: "--diff: '\(value)' is no name for a PNG or PPM picture, which are all that can be written")
        }
        request.difference = value
      case "--tolerance": request.tolerance = try number(name, value, 0...255)
      default: request.margin = try number(name, value, 0...1000)
      }
    }
    guard request.files.count == 2 else { throw Failure(message: "give two pictures; see apus compare --help") }
    return request
  }

  private static func number(_ name: String, _ text: BytePath, _ range: ClosedRange<Int>) throws(Failure) -> Int {
    guard let value = Int(text.description), range.contains(value) else {
      throw Failure(message: "\(name) takes a number \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return value
  }

  private static func compare(_ request: Request) throws(Failure) -> Int32 {
    let expected = try picture(request.files[0])
    let actual = try picture(request.files[1])
    let mask: ScreenMask
    do throws(PictureFile.Failure) {
      mask = try PictureFile.mask(request.masks, of: expected, called: request.files[0])
    } catch {
      throw Failure(message: error.description)
    }
    let result = expected.compared(with: actual, mask: mask, tolerance: request.tolerance, margin: request.margin)
    if let path = request.difference {
      let drawn = result.picture(expected: expected, actual: actual, mask: mask, tolerance: request.tolerance)
      try write(drawn, to: path)
    }
    try print(verdict(result, expected, actual, isWhole: mask.areas.isEmpty))
    return result.isMatch ? 0 : 1
  }

  private static func verdict(
    _ result: MaskedComparison, _ expected: Surface, _ actual: Surface, isWhole: Bool
  ) -> String {
    guard result.isSameSize else {
      return "different: \(expected.width)x\(expected.height) pixels expected, \(actual.width)x\(actual.height) found\n"
    }
    var text = result.isMatch ? "equal" : "different"
    text += ": \(result.differingCount) of \(result.comparedCount) compared pixels differ"
    if let bounds = result.bounds { text += ", by up to \(result.largestDifference), within \(bounds.text)" }
    text += "\n"
    for area in result.areas where !isWhole || area.offset != (0, 0) {
      text += isWhole ? "the picture" : "area \(area.bounds.text)"
      text += area.isMatch ? ": found" : ": not found, nearest"
      text += area.offset == (0, 0) ? " in place" : " \(signed(area.offset.x)),\(signed(area.offset.y)) away"
      text += ", \(area.differingCount) of \(area.comparedCount) pixels differ\n"
    }
    return text
  }

  private static func signed(_ number: Int) -> String { number < 0 ? "\(number)" : "+\(number)" }

  private static func picture(_ path: BytePath) throws(Failure) -> Surface {
    do throws(PictureFile.Failure) { return try PictureFile.picture(path) } catch {
      throw Failure(message: error.description)
    }
  }

  private static func write(_ picture: Surface, to path: BytePath) throws(Failure) {
    let bytes: [UInt8]
    do throws(ImageError) { bytes = try PictureFile.encoded(picture, for: path) } catch {
      throw Failure(message: "cannot draw the difference: \(error)")
    }
    do throws(Errno) { try AtomicFile.write(bytes, to: path) } catch {
      throw Failure(message: "cannot write '\(path)': \(error)")
    }
  }

  private static func print(_ text: String) throws(Failure) {
    do throws(Errno) { try HostProcess.printOutput(text) } catch {
      throw Failure(message: "cannot write to standard output: \(error)")
    }
  }
}
