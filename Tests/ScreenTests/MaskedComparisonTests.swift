// SPDX-License-Identifier: Apache-2.0
import Screen
import Testing

/// Masks, areas that moved, and the picture of the differences.
struct MaskedComparisonTests {
  private static let noise = ImageFileTests.noise(40, 30)

  private static func moved(_ picture: Surface, _ x: Int, _ y: Int) -> Surface {
    var result = Surface(width: picture.width, height: picture.height)
    for row in 0..<picture.height {
      for column in 0..<picture.width { result[column + x, row + y] = picture[column, row] }
    }
    return result
  }

  @Test func `one pixel makes two pictures different`() {
    var other = Self.noise
    other[39, 29] ^= 0x000400
    let result = Self.noise.compared(with: other, mask: ScreenMask())
    #expect(!result.isMatch && result.differingCount == 1 && result.comparedCount == 1200)
    #expect(result.largestDifference == 4 && result.bounds == .init(x: 39, y: 29, width: 1, height: 1))
    #expect(Self.noise.compared(with: other, mask: ScreenMask(), tolerance: 4).isMatch)
    #expect(!Self.noise.compared(with: other, mask: ScreenMask(), tolerance: 3).isMatch)
    #expect(Self.noise.compared(with: Self.noise, mask: ScreenMask()).bounds == nil)
  }

  @Test func `what a mask leaves out may differ, and nothing beside it`() {
    let parts: [ScreenMask.Bounds] = [
      .init(x: -5, y: 3, width: 10, height: 2), .init(x: 38, y: 0, width: 99, height: .max),
    ]
    let mask = ScreenMask(excluded: parts)
    for y in 0..<30 {
      for x in 0..<40 {
        var other = Self.noise
        other[x, y] ^= 0xff
        let isLeftOut = x < 5 && (3..<5).contains(y) || x >= 38
        let result = Self.noise.compared(with: other, mask: mask)
        #expect(result.isMatch == isLeftOut && result.comparedCount == 1200 - 10 - 60)
      }
    }
  }

  @Test func `pictures of different sizes differ`() {
    let result = Self.noise.compared(with: Surface(width: 40, height: 31), mask: ScreenMask(), margin: 5)
    #expect(!result.isMatch && !result.isSameSize && result.areas.isEmpty)
  }

  @Test(arguments: [(0, 0), (3, 0), (-3, 2), (1, -3), (3, 3)] as [(Int, Int)])
  func `an area is found where it moved to, within its margin`(_ x: Int, _ y: Int) {
    let other = Self.moved(Self.noise, x, y)
    let area = SurfaceComparison.Bounds(x: 10, y: 8, width: 9, height: 7)
    let found = Self.noise.compared(with: other, mask: ScreenMask(areas: [.init(bounds: area, margin: 3)]))
    #expect(found.isMatch && found.areas.first?.offset ?? (9, 9) == (x, y))
    let tight = Self.noise.compared(with: other, mask: ScreenMask(areas: [.init(bounds: area, margin: 2)]), margin: 9)
    #expect(tight.isMatch == (max(abs(x), abs(y)) <= 2))
    let whole = Self.noise.compared(with: other, mask: ScreenMask(), margin: 3)
    #expect(whole.isMatch && whole.comparedCount == (40 - abs(x)) * (30 - abs(y)))
    #expect(Self.noise.compared(with: other, mask: ScreenMask()).isMatch == (x == 0 && y == 0))
  }

  @Test func `an area at the edge is not looked for outside`() {
    let corner = SurfaceComparison.Bounds(x: 0, y: 0, width: 4, height: 4)
    let other = Self.moved(Self.noise, -1, -1)
    let result = Self.noise.compared(with: other, mask: ScreenMask(areas: [.init(bounds: corner, margin: 5)]))
    #expect(!result.isMatch && result.areas.first?.comparedCount == 16)
  }

  @Test func `a share of an area may differ`() {
    let area = SurfaceComparison.Bounds(x: 0, y: 0, width: 10, height: 10)
    var other = Self.noise
    for x in 0..<4 { other[x, 0] ^= 0xff }
    func isMatch(_ percent: Double) -> Bool {
      Self.noise.compared(with: other, mask: ScreenMask(areas: [.init(bounds: area, percent: percent)])).isMatch
    }
    #expect(isMatch(96) && !isMatch(97) && isMatch(0) && !isMatch(100))
  }

  @Test func `areas that a picture does not hold are told`() {
    let bounds: [SurfaceComparison.Bounds] = [
      .init(x: 30, y: 0, width: 10, height: 30), .init(x: 31, y: 0, width: 10, height: 1),
      .init(x: .max, y: 0, width: .max, height: 1), .init(x: 0, y: -1, width: 1, height: 1),
    ]
    let outside = bounds.filter {
      ScreenMask(areas: [.init(bounds: $0)]).areaOutside(width: 40, height: 30) != nil
    }
    #expect(outside == Array(bounds.dropFirst()))
  }

  @Test func `the picture of the differences shows red only where pixels differ`() {
    let grey = Surface(width: 40, height: 30, color: 0x808080)
    var other = grey
    other[20, 10] = 0xffffff
    other[1, 1] = 0xffffff
    let mask = ScreenMask(excluded: [.init(x: 0, y: 0, width: 3, height: 3)])
    let result = grey.compared(with: other, mask: mask)
    let drawn = result.picture(expected: grey, actual: other, mask: mask, tolerance: 0)
    #expect(drawn.width == 3 * 40 + 4 * 8 && drawn.height == 30 + 2 * 8)
    let red = drawn.pixels.indices.filter { drawn.pixels[$0] == 0xff2020 }
    #expect(red == [(8 + 10) * drawn.width + 3 * 8 + 2 * 40 + 20])
    #expect(drawn[8, 8] == 0x808080 && drawn[3 * 8 + 80 + 1, 8 + 1] & 0xff > drawn[3 * 8 + 80 + 1, 8 + 1] >> 16)
    #expect(drawn.pixels.contains(0xffe000))
  }

  @Test func `what only one of two pictures has is red`() {
    let small = Surface(width: 2, height: 2), large = Surface(width: 3, height: 4)
    for (a, b) in [(small, large), (large, small)] {
      let drawn = a.compared(with: b, mask: ScreenMask())
        .picture(expected: a, actual: b, mask: ScreenMask(), tolerance: 0)
      #expect(drawn.pixels.count { $0 == 0xff2020 } == 3 * 4 - 2 * 2)
    }
  }

  @Test func `pictures too wide for one stay alone`() {
    let wide = Surface(width: 6000, height: 2)
    let drawn = wide.compared(with: wide, mask: ScreenMask())
      .picture(expected: wide, actual: wide, mask: ScreenMask(), tolerance: 0)
    #expect(drawn.width == 6000)
  }
}
