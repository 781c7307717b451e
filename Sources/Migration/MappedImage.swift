// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Platform

/// The file behind a machine's memory. A thread of its own checks all of its pages, which the machine does not wait for,
/// and then watches whether the file loses some. The board keeps this as long as there is a machine.
public final class MappedImage: Sendable {
  /// Closed when this ends, which ends the thread.
  private let life: FileDescriptor
  /// Nil while pages are being checked.
  private let outcome = Guarded<Result<Void, MigrationError>?>(nil)

  /// Mappings beyond this number are too many for the kernel (`vm.max_map_count`): then whole blocks are mapped.
  private static let largestRunCount = 8192

  private init(life: FileDescriptor) { self.life = life }

  deinit { life.closeIgnoringErrors() }

  /// Waits until all pages were looked at; throws what was found.
  public func waitUntilChecked() throws(MigrationError) { try outcome.wait { $0 }.get() }

  /// Maps the memory of a placed image. Nil, with nothing changed, when the file is no such image or its file system
  /// cannot map.
  static func map(
    _ file: FileDescriptor, into machine: Machine, whenDamaged: @escaping @Sendable (MigrationError) -> Void
  ) throws(MigrationError) -> (image: MappedImage, sections: [MachineImage.Section])? {
    guard let blocks = machine.board?.memoryBlocks, let status = try? file.status(), status.kind == .regular else {
      return nil
    }
    var stream = ImageStream(FileReader(file: file))
    let (version, page) = try IncomingImage.header(&stream)
    guard version == ImageHeader.version, try ImageHeader(page).layout == .placed else { return nil }
    let (header, tables) = try Version2Pages.tables(page, from: &stream)
    let shape = ImageShape(machine)
    try shape.check(tables.blocks.map(\.shape))
    try shape.check(tables.sections)
    guard status.byteCount >= Int64(header.byteCount) else {
      throw MigrationError("The state file ends inside memory '\(tables.blocks.last?.shape.name ?? "")'")
    }
    try machine.clearMemory()
    do throws(Errno) {
      for (block, stored) in zip(blocks, tables.blocks) {
        for range in ranges(of: stored) {
          try block.replace(range, with: file, at: stored.offset + Int64(range.lowerBound))
        }
      }
      let guards = try blocks.map { (block) throws(Errno) in try LostPages(block.base, byteCount: block.byteCount) }
      let (end, life) = try FileDescriptor.pipe()
      let image = MappedImage(life: life)
      let check = Check(file: try file.duplicate(), blocks: tables.blocks, guards: guards, end: end)
      // The thread must not keep what ends it alive.
      let outcome = image.outcome
      _ = try Thread(name: "state file") { check.run(outcome, whenDamaged) }
      machine.board?.keep(image)
      return (image, tables.sections)
    } catch {
      // A file system that cannot map, or a process without a slot or a thread to spare: the file is read instead.
      try machine.clearMemory()
      return nil
    }
  }

  /// Chunks that hold something, neighbours together, as ranges of their block.
  private static func ranges(of block: ImageTables.Block) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for chunk in block.chunks {
      let end = min(block.shape.byteCount, chunk.offset + ImageChunk.byteCount)
      if let last = ranges.last, last.upperBound == chunk.offset {
        ranges[ranges.count - 1] = last.lowerBound..<end
      } else {
        ranges.append(chunk.offset..<end)
      }
    }
    guard ranges.count > largestRunCount, let first = ranges.first, let last = ranges.last else { return ranges }
    return [first.lowerBound..<last.upperBound]
  }
}

/// Reads a file from its start without moving its position.
private final class FileReader: ImageSource {
  private let file: FileDescriptor
  private var position: Int64 = 0

  init(file: FileDescriptor) { self.file = file }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let count = try file.read(into: buffer, at: position)
    position += Int64(count)
    return count
  }
}

/// What the checking thread does.
private struct Check: Sendable {
  let file: FileDescriptor
  let blocks: [ImageTables.Block]
  let guards: [LostPages]
  /// Hung up when the machine is no more.
  let end: FileDescriptor

  func run(
    _ outcome: Guarded<Result<Void, MigrationError>?>, _ whenDamaged: @Sendable (MigrationError) -> Void
  ) {
    do throws(MigrationError) {
      try checkPages()
      outcome.update { $0 = .success(()) }
    } catch {
      outcome.update { $0 = .failure(error) }
      whenDamaged(error)
    }
    file.closeIgnoringErrors()
    // The guards stay as long as somebody may look at the memory.
    if LostPages.waitForLoss(of: guards, until: end) {
      if case .success = outcome.withLock({ $0 }) { whenDamaged(lost) }
      _ = LostPages.waitForLoss(of: [], until: end)
    }
    end.closeIgnoringErrors()
  }

  private func checkPages() throws(MigrationError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: ImageChunk.byteCount, alignment: MappedMemory.pageByteCount)
    defer { buffer.deallocate() }
    for block in blocks {
      for chunk in block.chunks {
        let byteCount = min(ImageChunk.byteCount, block.shape.byteCount - chunk.offset)
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
        let count: Int
        do throws(Errno) { count = try file.readFully(into: part, at: block.offset + Int64(chunk.offset)) } catch {
          throw MigrationError("Cannot read memory '\(block.shape.name)' of the state file: \(error)")
        }
        guard count == byteCount else {
          throw MigrationError("The state file ends inside memory '\(block.shape.name)'")
        }
        let bytes = UnsafeRawBufferPointer(part)
        let sum = chunk.checksum { range in
          UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound - chunk.offset..<range.upperBound - chunk.offset])
        }
        guard sum == chunk.sum, chunk.strayPage(in: bytes) == nil else {
          throw Version2Pages.damage(block.shape.name, chunk)
        }
        if guards.contains(where: { $0.hasLostPages }) { throw lost }
      }
    }
  }

  private var lost: MigrationError {
    MigrationError("The state file behind the memory of the machine cannot be read any more")
  }
}
