// SPDX-License-Identifier: Apache-2.0

/// Reads pictures of one display, one after the other: remembers where fonts and grids were.
///
/// Most pictures are read with the fonts known already. When shapes stay unknown, fonts are looked for in the guest's memory, and
/// the grid at other places than the corner; both take their time, so they wait longer after each search in vain, and
/// shapes that were in no font are not searched for again. The waits pass on the guest's clock, so that what is read follows
/// from the pictures and their instants.
public struct ScreenReader: Sendable {
  /// What a picture says.
  public struct Answer: Sendable {
    public var text: ScreenText
    /// When another look at the same picture may find more; nil: never.
    public var searchInstant: Int64?

    public init(text: ScreenText, searchInstant: Int64? = nil) {
      (self.text, self.searchInstant) = (text, searchInstant)
    }
  }

  private let firmwareSets: [GlyphSet]
  private var memoryFonts: MemoryFonts
  private var origins: [GridOrigin] = [GridOrigin()]
  private var searchedShapes: Set<GlyphShape> = []
  /// When there may be a search again; nil: at once.
  private var searchInstant: Int64?
  /// How long after a search in vain, in nanoseconds.
  private var pause = shortestPause

  /// In which the last text was.
  private var lastGrid: Grid?
  /// In which the last text over a picture was, and how many letters.
  private var pictureGrid: (grid: Grid, letterCount: Int)?

  /// Cells, where they begin, and whose characters are in them.
  private struct Grid {
    let owner: GlyphSet.Owner
    let width: Int
    let height: Int
    let origin: GridOrigin

    init?(_ reading: GlyphMatcher.Reading) {
      guard let owner = reading.owner, reading.matchedCount > 0 else { return nil }
      self.owner = owner
      (width, height) = (reading.text.cellWidth, reading.text.cellHeight)
      origin = GridOrigin(x: reading.text.left, y: reading.text.top)
    }

    func has(_ set: GlyphSet) -> Bool { (set.owner, set.width, set.height) == (owner, width, height) }
  }

  private static let shortestPause = Int64(20_000_000)
  private static let longestPause = Int64(320_000_000)
  private static let sureLetterCount = 16
  /// Cells of programs that draw a frame around their text.
  private static let searchedHeights = 14...24
  private static let largestSearchedWidth = 12
  private static let largestShapeCount = 1500
  /// Small characters are found in any picture.
  private static let smallestOverPictures = 14
  /// Of SYSLINUX's graphical menu, which leaves a border of eight pixels.
  private static let borderOrigin = GridOrigin(x: 0, y: 8)
  private static let largestMemory = 8192
  /// Pictures above this many pixels are no screens of text.
  private static let largestPicture = 16 << 20

  /// - Parameter fonts: of the firmware, the tallest first.
  public init(fonts: [BitmapFont]) {
    firmwareSets = fonts.compactMap { GlyphSet($0) }
    memoryFonts = MemoryFonts(reference: fonts)
  }

  /// The characters of a picture.
  ///
  /// - Parameters:
  ///   - memory: the guest's, in which fonts are searched; none if empty.
  ///   - now: the guest's time in nanoseconds.
  ///   - searches: whether there is a search before its time, if one is needed.
  public mutating func read(
    _ surface: Surface, memory: GuestBytes, at now: Int64, searches: Bool = false
  ) -> Answer {
    guard surface.pixels.count <= Self.largestPicture else { return Answer(text: ScreenText(.graphics)) }
    // A guest's time goes back when it is taken back to an earlier state.
    if let instant = searchInstant, searches || instant <= now || instant - now > Self.longestPause {
      searchInstant = nil
    }
    return surface.withPixels { pixels in
      read(Picture(pixels: pixels, width: surface.width, height: surface.height), memory, now)
    }
  }

  private struct Picture {
    let pixels: UnsafeBufferPointer<UInt32>
    let width: Int
    let height: Int
    /// The most frequent colour.
    let ground: UInt32
    /// The most frequent ones beside another that is quite different, as a character's are.
    let inks: [UInt32]

    init(pixels: UnsafeBufferPointer<UInt32>, width: Int, height: Int) {
      (self.pixels, self.width, self.height) = (pixels, width, height)
      var colors = ColorCounts()
      // Enough of them to know the colour of most; a screen may have millions, each of another colour.
      for index in stride(from: 1, to: pixels.count, by: pixels.count >> 17 | 1) {
        let color = pixels[index], before = pixels[index - 1]
        colors.count(color, isEdge: before != color && !PictureCell.isSmooth(before, color))
      }
      ground = colors.mostFrequent ?? pixels.first ?? 0
      inks = colors.mostFrequentEdges(4)
    }
  }

  private mutating func read(_ picture: Picture, _ memory: GuestBytes, _ now: Int64) -> Answer {
    if let grid = lastGrid {
      let reading = attempt(picture, origins: [grid.origin], searchesPictures: false, grid.has)
      if reading.isWhole { return Answer(text: reading.text) }
    }
    let (reading, isFinal) = readAnew(picture, memory, now)
    lastGrid = Grid(reading)
    return Answer(text: reading.text, searchInstant: isFinal ? nil : searchInstant)
  }

  private mutating func readAnew(
    _ picture: Picture, _ memory: GuestBytes, _ now: Int64
  ) -> (reading: GlyphMatcher.Reading, isFinal: Bool) {
    var best = attempt(picture)
    if needsSearch(best), memoryFonts.refresh(memory) { best = attempt(picture) }
    // A frame, or a picture behind the text: more of it may be characters.
    if best.pictureCount > 0 { best = overPicture(picture, best) }
    guard needsSearch(best) else { return (best, true) }
    if searchInstant != nil { return (best, false) }
    return (search(picture, memory, now, best), true)
  }

  /// Whether there are shapes that have not been searched for, or a picture with hardly a letter on it.
  private func needsSearch(_ reading: GlyphMatcher.Reading) -> Bool {
    // Text has few shapes.
    if reading.unknownShapes.count > Self.largestShapeCount { return false }
    if !reading.unknownShapes.isSubset(of: searchedShapes) { return true }
    return reading.pictureCount > 0 && reading.letterCount < Self.sureLetterCount
  }

  /// Looks for characters in cells of many colours, too: first in the grid in which the last were.
  private mutating func overPicture(_ picture: Picture, _ before: GlyphMatcher.Reading) -> GlyphMatcher.Reading {
    var best = before
    if let (grid, letterCount) = pictureGrid {
      let reading = attempt(picture, origins: [grid.origin], searchesPictures: true, grid.has)
      if reading.letterCount * 2 >= letterCount, reading.letterCount > best.letterCount { return reading }
    }
    let reading = attempt(picture, origins: origins + [Self.borderOrigin], searchesPictures: true) {
      $0.height >= Self.smallestOverPictures
    }
    if reading.letterCount > best.letterCount || reading.letterCount == best.letterCount && reading.score > best.score {
      best = reading
    }
    pictureGrid = Grid(best).map { ($0, best.letterCount) }
    return best
  }

  private var sets: [GlyphSet] { firmwareSets + memoryFonts.sets }

  /// Whichever set of glyphs at whichever known origin explains the most.
  private func attempt(_ picture: Picture) -> GlyphMatcher.Reading {
    attempt(picture, origins: origins, searchesPictures: false) { _ in true }
  }

  private func attempt(
    _ picture: Picture, origins: [GridOrigin], searchesPictures: Bool, _ isEligible: (GlyphSet) -> Bool
  ) -> GlyphMatcher.Reading {
    var best: GlyphMatcher.Reading?
    let all = sets
    for origin in origins {
      for (index, set) in all.enumerated() where isEligible(set) {
        // Fonts of the same cells are tried together.
        let others = all.enumerated().filter { $0.offset != index && $0.element.hasCells(of: set) }.map(\.element)
        var reading = GlyphMatcher(
          picture.pixels, width: picture.width, height: picture.height, set, others: others, origin: origin,
          ground: picture.ground, searchesPictures: searchesPictures
        ).read()
        reading.owner = set.owner
        if reading.isWhole { return reading }
        // A set that is listed first wins a tie.
        if best.map({ reading.isBetter(than: $0, overPicture: searchesPictures) }) ?? true { best = reading }
      }
    }
    return best ?? GlyphMatcher.Reading(text: ScreenText(.graphics))
  }

  /// Fonts anywhere in memory, and grids anywhere in the picture.
  private mutating func search(
    _ picture: Picture, _ memory: GuestBytes, _ now: Int64, _ before: GlyphMatcher.Reading
  ) -> GlyphMatcher.Reading {
    var best = before
    let isChanged = memoryFonts.search(memory)
    if isChanged { best = attempt(picture) }
    if best.pictureCount > 0 || !best.unknownShapes.isEmpty, let origin = origin(of: picture, besides: best) {
      origins = [GridOrigin(), origin]
      best = attempt(picture)
    }
    if best.pictureCount > 0 { best = overPicture(picture, best) }
    if searchedShapes.count > Self.largestMemory { searchedShapes = [] }
    searchedShapes.formUnion(best.unknownShapes.prefix(Self.largestMemory))
    if best.letterCount > before.letterCount {
      pause = Self.shortestPause
    } else {
      searchInstant = now + pause
      pause = min(2 * pause, Self.longestPause)
    }
    return best
  }

  /// The grid in which most letters are, if there are more than were read.
  private func origin(of picture: Picture, besides best: GlyphMatcher.Reading) -> GridOrigin? {
    var found: (origin: GridOrigin, count: Int)?
    // What is not ground is ink; over a picture, the colour of the text is one of those with sharp edges.
    for ink in [nil] + picture.inks.map(Optional.some) {
      let search = GridSearch(
        picture.pixels, width: picture.width, height: picture.height, color: ink ?? picture.ground, isGround: ink == nil
      )
      for set in sets where Self.searchedHeights.contains(set.height) && set.width <= Self.largestSearchedWidth {
        guard let (origin, count) = search.best(set) else { continue }
        if count > (found?.count ?? best.letterCount) { found = (origin, count) }
      }
      // Enough to be sure; otherwise the other colours may give more.
      if let found, found.count >= 2 * Self.sureLetterCount { break }
    }
    return found?.origin
  }
}

extension GlyphMatcher.Reading {
  /// All is explained by one font.
  fileprivate var isWhole: Bool {
    matchedCount > 0 && borrowedCount == 0 && unknownShapes.isEmpty && pictureCount == 0
  }

  /// Over a picture, lines and dots may be anything: letters count.
  fileprivate func isBetter(than other: Self, overPicture: Bool) -> Bool {
    let (mine, its) = overPicture ? (letterCount, other.letterCount) : (score, other.score)
    if mine != its { return mine > its }
    if borrowedCount != other.borrowedCount, mine > 0 { return borrowedCount < other.borrowedCount }
    // Nothing but blanks: whichever has cells at all.
    return other.text.columns == 0
  }
}

extension GlyphSet {
  func hasCells(of other: GlyphSet) -> Bool { width == other.width && height == other.height }
}

extension ScreenText {
  /// Reads a picture with whichever of the fonts explains the most of it.
  public init(matching surface: Surface, fonts: [BitmapFont]) {
    var reader = ScreenReader(fonts: fonts)
    self = reader.read(surface, memory: .none, at: 0).text
  }
}
