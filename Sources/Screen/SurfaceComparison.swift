// SPDX-License-Identifier: Apache-2.0

/// What differs between two pictures.
public struct SurfaceComparison: Equatable, Sendable {
  /// Both have the same width and height; when they do not, nothing else was compared.
  public var isSameSize: Bool
  /// Pixels outside the tolerance.
  public var differingPixelCount = 0
  /// The largest difference of any colour component, 0...255.
  public var largestDifference = 0
  /// The smallest rectangle around all differing pixels.
  public var bounds: Bounds?

  /// A rectangle of pixels.
  public struct Bounds: Equatable, Sendable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
      self.x = x
      self.y = y
      self.width = width
      self.height = height
    }
  }

  public var isEqual: Bool { isSameSize && differingPixelCount == 0 }
}

extension Surface {
  /// Compares pixel by pixel; components that differ by at most `tolerance` count as equal.
  public func compared(with other: Surface, tolerance: Int = 0) -> SurfaceComparison {
    guard width == other.width, height == other.height else { return SurfaceComparison(isSameSize: false) }
    var result = SurfaceComparison(isSameSize: true)
    var left = Int.max
    var right = -1
    var top = -1
    var bottom = -1
    for y in 0..<height {
      for x in 0..<width {
        let mine = pixels[y * width + x]
        let theirs = other.pixels[y * width + x]
        guard mine != theirs else { continue }
        let difference = Self.largestDifference(mine, theirs)
        result.largestDifference = max(result.largestDifference, difference)
        guard difference > tolerance else { continue }
        result.differingPixelCount += 1
        left = min(left, x)
        right = max(right, x)
        if top < 0 { top = y }
        bottom = y
      }
    }
    if result.differingPixelCount > 0 {
      result.bounds = .init(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
    }
    return result
  }

  /// The largest difference of a colour component, 0...255.
  static func largestDifference(_ a: UInt32, _ b: UInt32) -> Int {
    var result = 0
    for shift: UInt32 in [0, 8, 16] {
      result = max(result, abs(Int(a >> shift & 0xff) - Int(b >> shift & 0xff)))
    }
    return result
  }
}
