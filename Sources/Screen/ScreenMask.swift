// SPDX-License-Identifier: Apache-2.0

/// Which parts of two pictures are compared, and how strictly.
public struct ScreenMask: Equatable, Sendable {
  public typealias Bounds = SurfaceComparison.Bounds

  /// A part of the expected picture that must be found in the other one.
  public struct Area: Equatable, Sendable {
    public var bounds: Bounds
    /// Pixels by which it may have moved in each direction; nil: as the comparison says.
    public var margin: Int?
    /// The percentage of its pixels that must be equal, 0...100.
    public var percent: Double

    public init(bounds: Bounds, margin: Int? = nil, percent: Double = 100) {
      (self.bounds, self.margin, self.percent) = (bounds, margin, percent)
    }
  }

  /// Without any, all of the picture is compared; otherwise only these.
  public var areas: [Area]
  /// What is left out in both pictures; may reach beyond them.
  public var excluded: [Bounds]

  public init(areas: [Area] = [], excluded: [Bounds] = []) {
    (self.areas, self.excluded) = (areas, excluded)
  }

  /// The first area that a picture of this size does not hold whole.
  public func areaOutside(width: Int, height: Int) -> Bounds? {
    let whole = Bounds(x: 0, y: 0, width: width, height: height)
    return areas.first { !whole.contains($0.bounds) }?.bounds
  }
}

extension SurfaceComparison.Bounds {
  /// Whether all of `other` lies inside; an empty rectangle lies nowhere.
  func contains(_ other: Self) -> Bool {
    other.width > 0 && other.height > 0 && other.x >= x && other.y >= y && other.width <= width
      && other.height <= height && other.x - x <= width - other.width && other.y - y <= height - other.height
  }
}
