// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC

extension MachineImage {
  /// Writes the whole machine, which must stand still.
  public static func save(_ machine: Machine, to file: FileDescriptor) throws(MigrationError) {
    let parts: [(name: String, bytes: [UInt8])]
    do throws(MachineError) { parts = try machine.saveState() } catch { throw MigrationError(error.description) }
    let image = MachineImage(sections: parts.map { Section(name: $0.name, bytes: $0.bytes) })
    try image.write(to: file, blocks: machine.board?.memoryBlocks ?? [])
  }

  /// Fills a machine that has not run. After an error it must not run.
  public static func load(into machine: Machine, from file: FileDescriptor) throws(MigrationError) {
    let reader = try ImageReader(file, blocks: machine.board?.memoryBlocks ?? [])
    try reader.fillMemory()
    do throws(MachineError) {
      try machine.loadState(reader.image.sections.map { ($0.name, $0.bytes) })
    } catch {
      throw MigrationError(error.description)
    }
  }
}
