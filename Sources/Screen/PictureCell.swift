// SPDX-License-Identifier: Apache-2.0

/// A cell of more than two colours: a character over a picture, with a shadow, or blended with what is below it.
struct PictureCell {
  private let colors: [UInt32]
  private let width: Int
  private let shadow: GlyphShape

  init(_ pixels: UnsafeBufferPointer<UInt32>, start: Int, stride: Int, width: Int, height: Int) {
    self.width = width
    var colors: [UInt32] = []
    colors.reserveCapacity(width * height)
    for line in 0..<height { colors += pixels[start + line * stride..<start + line * stride + width] }
    self.colors = colors
    shadow = Self.shadow(colors, width)
  }

  /// The colour of a cell that plainly has nothing on it; nil where a thorough look is needed, which may tell the same.
  static func plainColor(
    _ pixels: UnsafeBufferPointer<UInt32>, start: Int, stride: Int, width: Int, height: Int
  ) -> UInt32? {
    let first = pixels[start], components = SIMD4<UInt8>(truncatingIfNeeded: SIMD4(first, first >> 8, first >> 16, 0))
    // So close to the first that no two of them are as far apart as a shadow from what it falls on.
    let closeness = UInt8(min(smoothness, (shadowDepth - 1) / 6))
    let low = components &- SIMD4(repeating: closeness), high = components &+ SIMD4(repeating: closeness)
    let lowest = low.replacing(with: 0, where: low .> components)
    let highest = high.replacing(with: 255, where: high .< components)
    for line in 0..<height {
      let begin = start + line * stride
      for index in begin..<begin + width {
        let color = pixels[index]
        if color == first { continue }
        let parts = SIMD4<UInt8>(truncatingIfNeeded: SIMD4(color, color >> 8, color >> 16, 0))
        if any(parts .< lowest .| (parts .> highest)) { return nil }
      }
    }
    return first
  }

  /// How far apart the components of two pixels of a character may be: drawn in one colour, blended with a smooth picture,
  /// blended with a rougher one.
  private static let tolerances = [0, 16, 40]
  /// How far a character's colour is from that of what it is drawn on.
  private static let contrast = 24
  /// Colours tried as that of a character.
  private static let largestSeedCount = 12
  /// How much darker a shadow is, in the sum of three components.
  private static let shadowDepth = 150
  /// A cell whose pixels all are this close has nothing on it.
  private static let smoothness = 40

  typealias Found = (character: Unicode.Scalar, foreground: UInt32, background: UInt32)

  /// The character whose dots are just the pixels of about one colour, or the one that
  /// throws the shadow.
  func character(
    _ known: (GlyphShape) -> Unicode.Scalar?, byShadow: (GlyphShape) -> [GlyphShape]
  ) -> Found? {
    if let found = character(known) { return found }
    let shapes = byShadow(shadow.inside)
    guard let shape = shapes.first(where: { isDrawn($0, shadow) }), let character = known(shape) else { return nil }
    let foreground = colors.indices.first { isSet(shape, $0) }, background = colors.indices.first { !isSet(shape, $0) }
    return (character, foreground.map { colors[$0] } ?? 0, background.map { colors[$0] } ?? 0)
  }

  private func isSet(_ shape: GlyphShape, _ index: Int) -> Bool {
    shape[row: index / width] & 0x8000 >> UInt16(index % width) != 0
  }

  /// Whether the dots of a shape are one shade and all others but those in the shadow another.
  private func isDrawn(_ shape: GlyphShape, _ shadow: GlyphShape) -> Bool {
    var sums = (dots: 0, others: 0), counts = (dots: 0, others: 0)
    for (index, color) in colors.enumerated() where !isSet(shadow, index) {
      if isSet(shape, index) {
        sums.dots += Self.brightness(color)
        counts.dots += 1
      } else {
        sums.others += Self.brightness(color)
        counts.others += 1
      }
    }
    guard counts.dots > 0, counts.others > 0 else { return false }
    let middle = (sums.dots / counts.dots + sums.others / counts.others) / 2
    let isBright = sums.dots / counts.dots > middle
    return colors.indices.allSatisfy { index in
      isSet(shadow, index) || (Self.brightness(colors[index]) > middle) == (isSet(shape, index) == isBright)
    }
  }

  private func character(_ known: (GlyphShape) -> Unicode.Scalar?) -> Found? {
    for tolerance in Self.tolerances {
      var best: (found: Found, count: Int)?
      for seed in seeds(tolerance) {
        // Shades of a picture pass into each other; a character stands out. A few dots may be anything in a picture.
        guard let drawn = drawn(in: seed, tolerance), drawn.count >= 4, drawn.count > (best?.count ?? 0),
          let background = drawn.background, let character = known(drawn.shape)
        else { continue }
        best = ((character, seed, background), drawn.count)
      }
      if let best { return best.found }
    }
    return nil
  }

  /// Pixels far darker than most: shadows, which fall to the right and down by one pixel.
  private static func shadow(_ colors: [UInt32], _ width: Int) -> GlyphShape {
    let brightness = colors.map(brightness)
    let usual = brightness.sorted()[colors.count * 3 / 4]
    var shape = GlyphShape()
    for (index, value) in brightness.enumerated() where value + shadowDepth <= usual {
      shape.set(index % width, index / width)
    }
    return shape
  }

  /// A blank, if all that is not in the shadow of this cell's neighbours is smooth.
  var blank: Found? {
    guard shadow.inside.isBlank else { return nil }
    var first: UInt32?
    for (index, color) in colors.enumerated()
    where !isSet(shadow, index) {
      guard Self.distance(color, first ?? color) <= Self.smoothness else { return nil }
      first = first ?? color
    }
    return first.map { (" ", $0, $0) }
  }

  /// Colours that differ from each other by more than the tolerance, those that occur first.
  private func seeds(_ tolerance: Int) -> [UInt32] {
    var seeds: [UInt32] = []
    for color in colors where !seeds.contains(where: { Self.distance($0, color) <= tolerance }) {
      seeds.append(color)
      if seeds.count == Self.largestSeedCount { break }
    }
    return seeds
  }

  /// The dots of about one colour, and the first of those that are not; nil if one of these is of nearly that colour.
  private func drawn(in seed: UInt32, _ tolerance: Int) -> (shape: GlyphShape, count: Int, background: UInt32?)? {
    let contrast = max(2 * tolerance, Self.contrast)
    var shape = GlyphShape()
    var count = 0
    var background: UInt32?
    var index = 0
    for row in 0..<colors.count / width {
      var dots: UInt16 = 0
      for x in 0..<width {
        let color = colors[index]
        index += 1
        let distance = Self.distance(color, seed)
        if distance <= tolerance {
          dots |= 0x8000 >> UInt16(x)
          count += 1
        } else {
          if distance <= contrast { return nil }
          background = background ?? color
        }
      }
      if dots != 0 { shape[row: row] = dots }
    }
    return (shape, count, background)
  }

  private static func brightness(_ color: UInt32) -> Int {
    Int(color & 0xff) + Int(color >> 8 & 0xff) + Int(color >> 16 & 0xff)
  }

  /// Whether two colours are shades of one picture rather than a character on something.
  static func isSmooth(_ a: UInt32, _ b: UInt32) -> Bool { distance(a, b) <= contrast }

  /// The largest difference of a component.
  static func distance(_ a: UInt32, _ b: UInt32) -> Int {
    var result = 0
    for shift: UInt32 in [0, 8, 16] {
      result = max(result, abs(Int(a >> shift & 0xff) - Int(b >> shift & 0xff)))
    }
    return result
  }
}

extension GlyphShape {
  /// Without the first row and column, where neighbours may have left something.
  var inside: GlyphShape {
    var shape = self
    shape[row: 0] = 0
    for row in 1..<Self.maximumHeight where shape[row: row] & 0x8000 != 0 { shape[row: row] &= 0x7fff }
    return shape
  }

  /// What the shape leaves dark when a copy of it lies below, one dot to the right and down.
  func shadow(width: Int, height: Int) -> GlyphShape {
    var shape = GlyphShape()
    for row in 1..<max(1, height) {
      shape[row: row] = self[row: row - 1] >> 1 & Self.rowMask(width) & ~self[row: row]
    }
    return shape
  }
}
