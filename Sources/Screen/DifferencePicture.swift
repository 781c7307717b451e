// SPDX-License-Identifier: Apache-2.0

/// A picture that shows a person how two pictures differ.
extension MaskedComparison {
  private static let gap = 8
  private static let differing: UInt32 = 0xff2020
  private static let frame: UInt32 = 0xffe000

  /// The expected picture, the other one and the differences side by side. The third is the other picture in dark grey
  /// with differing pixels red; what was not compared is blue. A yellow frame surrounds what differs.
  ///
  /// Three pictures too wide for one leave only the third.
  public func picture(expected: Surface, actual: Surface, mask: ScreenMask, tolerance: Int) -> Surface {
    let differences = differences(expected, actual, mask, tolerance)
    let width = expected.width + actual.width + differences.width + 4 * Self.gap
    let height = max(expected.height, actual.height) + 2 * Self.gap
    guard width <= Surface.maximumSide, height <= Surface.maximumSide else { return differences }
    var result = Surface(width: width, height: height, color: 0x404040)
    var left = Self.gap
    for panel in [expected, actual, differences] {
      result.copy(panel, x: left, y: Self.gap)
      if let bounds { result.surround(bounds, x: left, y: Self.gap, color: Self.frame) }
      left += panel.width + Self.gap
    }
    return result
  }

  /// Covers both pictures when their sizes differ; pixels that only one has are red.
  private func differences(_ expected: Surface, _ actual: Surface, _ mask: ScreenMask, _ tolerance: Int) -> Surface {
    var result = Surface(
      width: max(expected.width, actual.width), height: max(expected.height, actual.height), color: Self.differing)
    let excluded = actual.excludedPixels(mask)
    for y in 0..<min(expected.height, actual.height) {
      for x in 0..<min(expected.width, actual.width) {
        let grey = Self.darkGrey(actual[x, y])
        let isLeftOut = !mask.areas.isEmpty || !excluded.isEmpty && excluded[y * actual.width + x]
        if isSameSize || Surface.largestDifference(expected[x, y], actual[x, y]) <= tolerance {
          result[x, y] = isLeftOut ? grey | 0x60 : grey
        }
      }
    }
    for area in areas {
      for y in area.bounds.y..<area.bounds.y + area.bounds.height {
        for x in area.bounds.x..<area.bounds.x + area.bounds.width {
          let column = x + area.offset.x, row = y + area.offset.y
          guard column >= 0, column < actual.width, row >= 0, row < actual.height else { continue }
          if !excluded.isEmpty, excluded[y * actual.width + x] || excluded[row * actual.width + column] { continue }
          let isEqual = Surface.largestDifference(expected[x, y], actual[column, row]) <= tolerance
          result[column, row] = isEqual ? Self.darkGrey(actual[column, row]) : Self.differing
        }
      }
    }
    return result
  }

  /// A third of the pixel's brightness (weights of ITU-R BT.601), without colour.
  private static func darkGrey(_ pixel: UInt32) -> UInt32 {
    let light = ((pixel >> 16 & 0xff) * 299 + (pixel >> 8 & 0xff) * 587 + (pixel & 0xff) * 114) / 3000
    return light << 16 | light << 8 | light
  }
}

extension Surface {
  /// Puts a picture into this one.
  fileprivate mutating func copy(_ other: Surface, x: Int, y: Int) {
    for row in 0..<other.height {
      for column in 0..<other.width { self[x + column, y + row] = other[column, row] }
    }
  }

  /// Draws a frame two pixels thick around a rectangle, two pixels away from it.
  fileprivate mutating func surround(_ bounds: SurfaceComparison.Bounds, x: Int, y: Int, color: UInt32) {
    let left = x + bounds.x - 4, top = y + bounds.y - 4
    let outer = (width: bounds.width + 8, height: bounds.height + 8)
    fill(x: left, y: top, width: outer.width, height: 2, color: color)
    fill(x: left, y: top + outer.height - 2, width: outer.width, height: 2, color: color)
    fill(x: left, y: top, width: 2, height: outer.height, color: color)
    fill(x: left + outer.width - 2, y: top, width: 2, height: outer.height, color: color)
  }
}
