// SPDX-License-Identifier: Apache-2.0

/// How an expected picture compares with another one under a mask.
public struct MaskedComparison: Equatable, Sendable {
  public typealias Bounds = SurfaceComparison.Bounds

  /// An area where it resembles the other picture most.
  public struct Area: Equatable, Sendable {
    public var bounds: Bounds
    /// Columns to the right and rows down by which it was found moved.
    public var offset: (x: Int, y: Int)
    /// Pixels that were not left out.
    public var comparedCount: Int
    public var differingCount: Int
    /// The percentage of pixels that had to be equal.
    public var percent: Double

    /// Exact for 100 percent: not one pixel may differ.
    public var isMatch: Bool { Double(differingCount) <= Double(comparedCount) * (100 - percent) / 100 }

    public static func == (a: Area, b: Area) -> Bool {
      a.bounds == b.bounds && a.offset == b.offset && a.comparedCount == b.comparedCount
        && a.differingCount == b.differingCount && a.percent == b.percent
    }
  }

  /// Both have the same width and height; when they do not, nothing else was compared.
  public var isSameSize: Bool
  public var areas: [Area] = []
  /// The largest difference of any colour component, 0...255.
  public var largestDifference = 0
  /// The smallest rectangle around all differing pixels of the other picture.
  public var bounds: Bounds?

  public var isMatch: Bool { isSameSize && areas.allSatisfy(\.isMatch) }
  public var comparedCount: Int { areas.reduce(0) { $0 + $1.comparedCount } }
  public var differingCount: Int { areas.reduce(0) { $0 + $1.differingCount } }
}

extension Surface {
  /// Looks for what is expected (`self`) in another picture.
  ///
  /// - Parameters:
  ///   - mask: areas that lie inside both pictures (`ScreenMask.areaOutside`).
  ///   - tolerance: components that differ by at most this count as equal, 0...255.
  ///   - margin: pixels by which areas without a margin of their own, or the whole picture, may have moved in each
  ///     direction. Of a whole picture that moved, what left the frame is not compared.
  public func compared(
    with other: Surface, mask: ScreenMask, tolerance: Int = 0, margin: Int = 0
  ) -> MaskedComparison {
    var result = MaskedComparison(isSameSize: width == other.width && height == other.height)
    guard result.isSameSize else { return result }
    let whole = SurfaceComparison.Bounds(x: 0, y: 0, width: width, height: height)
    let areas = mask.areas.isEmpty ? [ScreenMask.Area(bounds: whole)] : mask.areas
    withPixels { expected in
      other.withPixels { actual in
        let search = AreaSearch(
          expected: expected, actual: actual, width: width, height: height,
          excluded: excludedPixels(mask), tolerance: tolerance)
        for area in areas where whole.contains(area.bounds) {
          result.areas.append(search.best(area, margin: area.margin ?? margin, staysInside: !mask.areas.isEmpty))
        }
        search.describe(&result)
      }
    }
    return result
  }

  /// Which pixels the mask leaves out; empty when it leaves out none.
  func excludedPixels(_ mask: ScreenMask) -> [Bool] {
    guard !mask.excluded.isEmpty else { return [] }
    var surface = Surface(width: width, height: height)
    for part in mask.excluded { surface.fill(x: part.x, y: part.y, width: part.width, height: part.height, color: 1) }
    return surface.pixels.map { $0 != 0 }
  }
}

/// Finds areas of one picture in another of the same size.
private struct AreaSearch {
  let expected: UnsafeBufferPointer<UInt32>
  let actual: UnsafeBufferPointer<UInt32>
  let width: Int
  let height: Int
  let excluded: [Bool]
  let tolerance: Int

  /// The nearest place where the area matches, or else the one where the fewest pixels differ.
  func best(_ area: ScreenMask.Area, margin: Int, staysInside: Bool) -> MaskedComparison.Area {
    var best = measured(area, 0, 0, stoppingAt: .max)
    for distance in 1...max(1, margin) where distance <= margin && !best.isMatch {
      for y in -distance...distance {
        // Only the ring: nearer places were tried before.
        for x in stride(from: -distance, through: distance, by: abs(y) == distance ? 1 : 2 * distance) {
          let left = area.bounds.x + x, top = area.bounds.y + y
          let isInside =
            left >= 0 && top >= 0 && left + area.bounds.width <= width && top + area.bounds.height <= height
          guard isInside || !staysInside, abs(x) < width, abs(y) < height else { continue }
          let found = measured(area, x, y, stoppingAt: best.differingCount)
          if found.differingCount < best.differingCount { best = found }
          if best.isMatch { return best }
        }
      }
    }
    return best
  }

  /// Counts until `limit` pixels differ.
  private func measured(_ area: ScreenMask.Area, _ x: Int, _ y: Int, stoppingAt limit: Int) -> MaskedComparison.Area {
    var result = MaskedComparison.Area(
      bounds: area.bounds, offset: (x, y), comparedCount: 0, differingCount: 0, percent: area.percent)
    for row in rows(area.bounds, y) {
      for column in columns(area.bounds, x) {
        let from = row * width + column, to = (row + y) * width + column + x
        if isExcluded(from, to) { continue }
        result.comparedCount += 1
        if expected[from] != actual[to], Surface.largestDifference(expected[from], actual[to]) > tolerance {
          result.differingCount += 1
        }
      }
      if result.differingCount >= limit { break }
    }
    return result
  }

  /// Rows and columns of the area whose counterpart is in the frame.
  private func rows(_ area: SurfaceComparison.Bounds, _ offset: Int) -> Range<Int> {
    let first = max(area.y, -offset)
    return first..<max(first, min(area.y + area.height, height - offset))
  }

  private func columns(_ area: SurfaceComparison.Bounds, _ offset: Int) -> Range<Int> {
    let first = max(area.x, -offset)
    return first..<max(first, min(area.x + area.width, width - offset))
  }

  private func isExcluded(_ from: Int, _ to: Int) -> Bool { !excluded.isEmpty && (excluded[from] || excluded[to]) }

  /// Where and by how much pixels differ, with every area where it was found.
  func describe(_ result: inout MaskedComparison) {
    var left = Int.max, right = -1, top = Int.max, bottom = -1
    for area in result.areas where area.differingCount > 0 {
      for row in rows(area.bounds, area.offset.y) {
        for column in columns(area.bounds, area.offset.x) {
          let from = row * width + column, to = (row + area.offset.y) * width + column + area.offset.x
          guard !isExcluded(from, to) else { continue }
          let difference = Surface.largestDifference(expected[from], actual[to])
          guard difference > tolerance else { continue }
          result.largestDifference = max(result.largestDifference, difference)
          left = min(left, to % width)
          right = max(right, to % width)
          top = min(top, to / width)
          bottom = max(bottom, to / width)
        }
      }
    }
    if right >= 0 { result.bounds = .init(x: left, y: top, width: right - left + 1, height: bottom - top + 1) }
  }
}
