// SPDX-License-Identifier: Apache-2.0
import PC

/// What of a machine an image must match: memory blocks and the names of the state sections, in order.
public struct ImageShape: Sendable, Equatable {
  public struct Block: Sendable, Equatable {
    public var name: String
    public var byteCount: Int

    public init(name: String, byteCount: Int) { (self.name, self.byteCount) = (name, byteCount) }
  }

  public var blocks: [Block]
  /// Nil when any will do.
  public var sectionNames: [String]?

  public init(blocks: [Block], sectionNames: [String]? = nil) {
    self.blocks = blocks
    self.sectionNames = sectionNames
  }

  /// The whole machine. On the machine thread.
  public init(_ machine: Machine) {
    self.init(
      blocks: (machine.board?.memoryBlocks ?? []).map { Block(name: $0.name, byteCount: $0.byteCount) },
      sectionNames: machine.stateNames)
  }

  /// What `CapturedMachine.writeDevices` writes of it: no memory. On the machine thread.
  public static func devices(of machine: Machine) -> ImageShape {
    ImageShape(blocks: [], sectionNames: machine.stateNames)
  }

  /// Refuses an image whose memory is not this machine's.
  func check(_ found: [Block]) throws(MigrationError) {
    for (block, wanted) in zip(found, blocks) where block != wanted {
      throw MigrationError(
        "The state file has \(block.byteCount) bytes of memory '\(block.name)' where this machine has "
          + "\(wanted.byteCount) of '\(wanted.name)'")
    }
    if let extra = found.dropFirst(blocks.count).first {
      throw MigrationError("The state file has memory '\(extra.name)', which this machine has not")
    }
    if let missing = blocks.dropFirst(found.count).first {
      throw MigrationError("The state file has no memory '\(missing.name)', which this machine has")
    }
  }

  /// Refuses an image whose state sections are not this machine's.
  func check(_ sections: [MachineImage.Section]) throws(MigrationError) {
    guard let sectionNames else { return }
    let sections = SavedRunState.removed(from: sections)
    let found = Set(sections.map(\.name))
    let wanted = sectionNames.filter { found.contains($0) || !Machine.laterStateNames.contains($0) }
    guard sections.map(\.name) != wanted else { return }
    let missing = wanted.first { !found.contains($0) }
    let extra = sections.map(\.name).first { !wanted.contains($0) }
    throw MigrationError(
      missing.map { "The state has no part '\($0)', which this machine has" }
        ?? extra.map { "The state has a part '\($0)', which this machine has not" }
        ?? "The parts of the state are not in this machine's order")
  }
}
