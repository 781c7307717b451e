// SPDX-License-Identifier: Apache-2.0
import QAPI
import Screen

/// Reads masks: our own rectangles, or an openQA needle.
///
/// Ours is an array of rectangles `{"x", "y", "width", "height"}` that are left out, or an object with it as `"ignore"`.
/// A needle's `match` areas are looked for and its `exclude` areas left out; its `ocr` areas do not decide there either.
/// Reference: os-autoinst, needle.pm and its defaults: match 96 percent, margin 50 pixels.
struct MaskFile {
  /// Why a mask cannot be used, as half a sentence.
  struct Failure: Error {
    let description: String
  }

  /// Far beyond any picture.
  private static let coordinates: ClosedRange<Int64> = -1_000_000...1_000_000

  let mask: ScreenMask

  init(_ bytes: [UInt8]) throws(Failure) {
    let document: JSON
    do throws(JSONError) { document = try JSON(parsing: bytes) } catch {
      throw Failure(description: "is not JSON: \(error)")
    }
    if let rectangles = document.array ?? document["ignore"]?.array {
      var mask = ScreenMask()
      for (index, part) in rectangles.enumerated() {
        mask.excluded.append(try Self.bounds(part, "x", "y", "rectangle \(index + 1)"))
      }
      self.mask = mask
    } else if let areas = document["area"]?.array {
      mask = try Self.needle(areas)
    } else {
      throw Failure(
        description: "is neither an array of rectangles, nor an object with 'ignore', nor an openQA needle with 'area'")
    }
  }

  private static func needle(_ areas: [JSON]) throws(Failure) -> ScreenMask {
    var mask = ScreenMask()
    for (index, part) in areas.enumerated() {
      let name = "area \(index + 1)"
      let bounds = try bounds(part, "xpos", "ypos", name)
      switch part["type"]?.string {
      case "match":
        let margin = try number(part, "margin", 0...1000, name, missing: 50)
        let percent: Double =
          switch part["match"] {
          case nil: 96
          case .int(let value)?: Double(value)
          case .double(let value)?: value
          default: .nan
          }
        guard (0...100).contains(percent) else {
          throw Failure(description: "has no percentage in 'match' of \(name)")
        }
        mask.areas.append(.init(bounds: bounds, margin: margin, percent: percent))
      case "exclude": mask.excluded.append(bounds)
      case "ocr": break
      default: throw Failure(description: "has an unknown 'type' in \(name); known are match, exclude and ocr")
      }
    }
    guard !mask.areas.isEmpty else { throw Failure(description: "is a needle without any match area") }
    return mask
  }

  private static func bounds(
    _ part: JSON, _ x: String, _ y: String, _ name: String
  ) throws(Failure) -> SurfaceComparison.Bounds {
    SurfaceComparison.Bounds(
      x: try number(part, x, coordinates, name), y: try number(part, y, coordinates, name),
      width: try number(part, "width", 1...coordinates.upperBound, name),
      height: try number(part, "height", 1...coordinates.upperBound, name))
  }

  private static func number(
    _ part: JSON, _ key: String, _ range: ClosedRange<Int64>, _ name: String, missing: Int? = nil
  ) throws(Failure) -> Int {
    if part[key] == nil, let missing { return missing }
    guard let value = part[key]?.int, range.contains(value) else {
      let limits = "\(range.lowerBound)...\(range.upperBound)"
      throw Failure(description: "needs a whole number \(limits) as '\(key)' of \(name)")
    }
    return Int(value)
  }
}
