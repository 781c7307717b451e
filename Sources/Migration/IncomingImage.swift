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
        rest = rest.dropFirst(range.count)
      }
    }
  }
}

/// An image that is being read: the constructor reads and checks all but memory, `nextPages` gives memory piece by piece.
///
/// Everything here may wait for the source and belongs on a worker. The machine thread puts the pages into place with
/// `Machine.fill` and finally takes the state over with `Machine.load`.
public struct IncomingImage {
  /// The state sections as they are in the image.
  public let sections: [MachineImage.Section]
  private var stream: ImageStream
  private var pages: Version1Pages

  /// Reads and checks header and tables. After an error nothing is to be done but to give the sentence to the user.
  public init(_ source: any ImageSource, expecting shape: ImageShape) throws(MigrationError) {
    var stream = ImageStream(source)
    let header = try Self.header(&stream)
    let (sections, pages) = try Version1.tables(header, from: &stream, shape)
    try shape.check(sections)
    self.sections = sections
    self.stream = stream
    self.pages = pages
  }

  /// The next pages; nil when all were read. Those it gives before it throws are of no use.
  public mutating func nextPages() throws(MigrationError) -> ImagePages? { try pages.next(from: &stream) }

  /// The first page, whose first bytes tell at once that something is no image.
  private static func header(_ stream: inout ImageStream) throws(MigrationError) -> [UInt8] {
    let start = try stream.bytes(12, "the header")
    guard start.starts(with: MachineImage.magic) else { throw MigrationError("This is not a state file") }
    var reader = ByteReader(Array(start.dropFirst(8)))
    let version = try reader.integer(UInt32.self, "the header")
    guard version == Version1.number else { throw MigrationError("Version \(version) of the state file is not known") }
    return start + (try stream.bytes(Int(pageByteCount) - start.count, "the header"))
  }
}
