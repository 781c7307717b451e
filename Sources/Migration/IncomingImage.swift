// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Some pages of an image, read and checked, in memory of their own: safe to hand to the machine thread.
public struct ImagePages: Sendable {
  /// Index of the memory block in the machine's order.
  public var block: Int
  /// Where they belong: byte ranges of the block, whole pages, ascending.
  public var ranges: [Range<Int>]
  /// The contents, range after range. At most 1 MiB.
  public var bytes: [UInt8]

  /// Puts them into their block.
  package func copy(into blocks: [RAMBlock]) {
    guard let block = blocks.dropFirst(self.block).first else { return }
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      for range in ranges where range.upperBound <= block.byteCount && range.count <= rest.count {
        UnsafeMutableRawBufferPointer(rebasing: block.contents[range]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: rest.prefix(range.count)))
        block.markDirty(range)
        rest = rest.dropFirst(range.count)
      }
    }
  }
}

/// The memory of an image, piece by piece in the order in which it is stored: ascending.
protocol PageSequence {
  /// Nil at the end.
  mutating func next(from stream: inout ImageStream) throws(MigrationError) -> ImagePages?
}

/// An image that is being read: the constructor reads and checks all but memory, `nextPages` gives memory piece by piece.
///
/// Everything here may wait for the source and belongs on a worker. The machine thread empties memory with
/// `Machine.clearMemory`, puts the pages into place with `Machine.fill` and finally takes the state over with
/// `Machine.load`.
public struct IncomingImage {
  /// Version of the format.
  public let version: Int
  /// Whether memory is stored where it can be mapped.
  public let isPlaced: Bool
  /// The state sections as they are in the image.
  public let sections: [MachineImage.Section]
  /// The memory blocks, in order.
  public let blocks: [ImageShape.Block]
  private var stream: ImageStream
  private var pages: any PageSequence

  /// Reads and checks header and tables. After an error nothing is to be done but to give the sentence to the user.
  public init(_ source: any ImageSource, expecting shape: ImageShape) throws(MigrationError) {
    try self.init(anyFrom: source)
    try shape.check(blocks)
    try shape.check(sections)
  }

  /// The same for an image of any machine.
  public init(anyFrom source: any ImageSource) throws(MigrationError) {
    var stream = ImageStream(source)
    let (version, header) = try Self.header(&stream)
    if version == Version1.number {
      let tables = try Version1.tables(header, from: &stream)
      (sections, blocks, pages, isPlaced) = (tables.sections, tables.blocks, tables.pages, false)
    } else {
      let (header, tables) = try Version2Pages.tables(header, from: &stream)
      (sections, blocks) = (tables.sections, tables.blocks.map(\.shape))
      (pages, isPlaced) = (Version2Pages(header, tables), header.layout == .placed)
    }
    self.version = Int(version)
    self.stream = stream
  }

  /// The next pages; nil when all were read. Those it gave before it throws are of no use.
  public mutating func nextPages() throws(MigrationError) -> ImagePages? { try pages.next(from: &stream) }

  /// The first page, whose first bytes tell at once that something is no image.
  static func header(_ stream: inout ImageStream) throws(MigrationError) -> (version: UInt32, page: [UInt8]) {
    let start = try stream.bytes(12, "the header")
    guard start.starts(with: MachineImage.magic) else { throw MigrationError("This is not a state file") }
    var reader = ByteReader(Array(start.dropFirst(8)))
    let version = try reader.integer(UInt32.self, "the header")
    guard version == Version1.number || version == ImageHeader.version else {
      throw MigrationError("Version \(version) of the state file is not known")
    }
    return (version, start + (try stream.bytes(Int(pageByteCount) - start.count, "the header")))
  }
}
