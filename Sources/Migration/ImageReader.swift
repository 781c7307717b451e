// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Reads an image in two steps, so that a bad one changes nothing: everything is checked before RAM is filled.
public struct ImageReader {
  public let image: MachineImage
  private let file: FileDescriptor
  private let lists: [(pages: [UInt64], sum: UInt32)]
  private let blocks: [RAMBlock]

  /// Reads and checks all but the pages. `blocks` are those of the machine that is to take the image.
  public init(_ file: FileDescriptor, blocks: [RAMBlock]) throws(MigrationError) {
    self.file = file
    self.blocks = blocks
    let size = Int(pageByteCount)
    let headerBytes = try Self.read(file, size, "the header")
    var header = ByteReader(headerBytes)
    guard try Array(header.take(8, "the header")) == MachineImage.magic else {
      throw MigrationError("This is not a state file")
    }
    let version = try header.integer(UInt32.self, "the header")
    guard version == MachineImage.version else {
      throw MigrationError("Version \(version) of the state file is not known")
    }
    let sectionCount = try header.integer(UInt32.self, "the header")
    let blockCount = try header.integer(UInt32.self, "the header")
    let stateCount = try header.integer(UInt64.self, "the header")
    let tableCount = try header.integer(UInt64.self, "the header")
    let tableSum = try header.integer(UInt32.self, "the header")
    let headerSum = MachineImage.checksum(Array(headerBytes.prefix(header.position)))
    guard try header.integer(UInt32.self, "the header") == headerSum else {
      throw MigrationError("The header of the state file is damaged")
    }
    guard sectionCount <= MachineImage.sectionLimit, blockCount == blocks.count, stateCount <= tableCount,
      tableCount <= MachineImage.stateLimit
    else { throw MigrationError("The header of the state file is not that of this machine") }
    let padded = (Int(tableCount) + size - 1) / size * size
    let tables = Array(try Self.read(file, padded, "the tables").prefix(Int(tableCount)))
    guard MachineImage.checksum(tables) == tableSum else {
      throw MigrationError("The tables of the state file are damaged")
    }
    var reader = ByteReader(tables)
    var image = MachineImage()
    for _ in 0..<sectionCount {
      let name = try reader.text("a section")
      let count = try reader.integer(UInt64.self, "section '\(name)'")
      guard count <= UInt64(reader.remaining) else {
        throw MigrationError("The state file ends inside section '\(name)'")
      }
      image.sections.append(.init(name: name, bytes: Array(try reader.take(Int(count), "section '\(name)'"))))
    }
    var counts: [(count: Int, sum: UInt32)] = []
    for block in blocks {
      let name = try reader.text("a memory block")
      let byteCount = try reader.integer(UInt64.self, "memory '\(name)'")
      guard name == block.name, byteCount == UInt64(block.byteCount) else {
        throw MigrationError(
          "The state file has \(byteCount) bytes of memory '\(name)' where this machine has \(block.byteCount) of '\(block.name)'"
        )
      }
      let pageCount = try reader.integer(UInt64.self, "memory '\(name)'")
      guard pageCount <= UInt64(block.byteCount / size) else {
        throw MigrationError("Memory '\(name)' has too many pages")
      }
      counts.append((Int(pageCount), try reader.integer(UInt32.self, "memory '\(name)'")))
    }
    var lists: [(pages: [UInt64], sum: UInt32)] = []
    for (block, (count, sum)) in zip(blocks, counts) {
      var pages: [UInt64] = []
      for _ in 0..<count {
        let page = try reader.integer(UInt64.self, "the pages of '\(block.name)'")
        guard page < UInt64(block.byteCount / size), pages.last.map({ $0 < page }) ?? true else {
          throw MigrationError("The page list of memory '\(block.name)' is damaged")
        }
        pages.append(page)
      }
      lists.append((pages, sum))
    }
    guard reader.remaining == 0 else { throw MigrationError("The state file has bytes after its tables") }
    self.image = image
    self.lists = lists
  }

  private static func read(_ file: FileDescriptor, _ count: Int, _ what: String) throws(MigrationError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    do throws(Errno) {
      while bytes.count < count {
        let part = try file.read(upTo: min(count - bytes.count, 1 << 20))
        if part.isEmpty { break }
        bytes += part
      }
    } catch {
      throw MigrationError("Cannot read \(what) of the state file: \(error)")
    }
    guard bytes.count == count else { throw MigrationError("The state file ends inside \(what)") }
    return bytes
  }

  /// Fills the machine's memory. The machine has not run: a failure leaves it unusable, and says so.
  public func fillMemory() throws(MigrationError) {
    let size = Int(pageByteCount)
    for (block, list) in zip(blocks, lists) {
      var sum: UInt = 0
      for run in MachineImage.runs(list.pages) {
        let target = UnsafeMutableRawBufferPointer(
          start: block.base + Int(run.lowerBound) * size, count: run.count * size)
        try Self.fill(target, from: file, block.name)
        sum = MachineImage.checksum(UnsafeRawBufferPointer(target), sum)
      }
      guard UInt32(truncatingIfNeeded: sum) == list.sum else {
        throw MigrationError("The pages of memory '\(block.name)' are damaged")
      }
    }
  }

  private static func fill(
    _ target: UnsafeMutableRawBufferPointer, from file: FileDescriptor, _ name: String
  ) throws(MigrationError) {
    var done = 0
    while done < target.count {
      let count: Int
      do throws(Errno) {
        count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: target[done...]))
      } catch {
        throw MigrationError("Cannot read memory '\(name)' of the state file: \(error)")
      }
      guard count > 0 else { throw MigrationError("The state file ends inside memory '\(name)'") }
      done += count
    }
  }
}
