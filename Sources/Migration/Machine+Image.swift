// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC

/// The machine's side of saving and loading, on the machine thread.
extension Machine {
  /// Makes all memory zero, as it is before an image is read.
  public func clearMemory() throws(MigrationError) {
    do throws(Errno) { for block in board?.memoryBlocks ?? [] { try block.clear() } } catch {
      throw MigrationError("Cannot set up the memory of the machine: \(error)")
    }
  }

  /// Puts pages of an image into memory that was cleared.
  public func fill(_ pages: ImagePages) { pages.copy(into: board?.memoryBlocks ?? []) }

  /// Takes over the state sections of an image whose memory is in place, or the devices alone. Every section is decoded
  /// before anything changes.
  public func load(_ sections: [MachineImage.Section]) throws(MigrationError) {
    let saved = try SavedRunState.find(in: sections)
    do throws(MachineError) {
      try loadState(SavedRunState.removed(from: sections).map { ($0.name, $0.bytes) })
    } catch {
      throw MigrationError(error.description)
    }
    savedRunState = saved?.state
    if let instant = saved?.instant { catchUp(from: instant) }
  }
}

extension MachineImage {
  /// Writes the whole machine, which must stand still.
  public static func save(_ machine: Machine, to sink: any ImageSink) throws(MigrationError) {
    try CapturedMachine(machine).write(to: sink)
  }

  /// Fills a machine that has not run. After an error it must not run.
  public static func load(into machine: Machine, from source: any ImageSource) throws(MigrationError) {
    var image = try IncomingImage(source, expecting: ImageShape(machine))
    try machine.clearMemory()
    while let pages = try image.nextPages() { machine.fill(pages) }
    try machine.load(image.sections)
  }

  /// The same from a file that nobody changes while the process lives: memory is mapped, not read, where the file and its
  /// image allow it, so that the guest can start at once. Replacing the file by another (rename) or removing it is no
  /// change of it.
  ///
  /// - Parameter whenDamaged: called at most once, on another thread, when the file turns out to be damaged after this
  ///   returned, or loses pages. The machine must not go on.
  /// - Returns: what checks the file in the background; nil when all of it was read and is right.
  @discardableResult
  public static func map(
    _ file: FileDescriptor, into machine: Machine, whenDamaged: @escaping @Sendable (MigrationError) -> Void
  ) throws(MigrationError) -> MappedImage? {
    guard let (image, sections) = try MappedImage.map(file, into: machine, whenDamaged: whenDamaged) else {
      try load(into: machine, from: file)
      return nil
    }
    try machine.load(sections)
    return image
  }
}
