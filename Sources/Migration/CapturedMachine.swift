// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Platform

/// A machine that stands still, ready to be written: all state sections as bytes, the RAM blocks by reference.
///
/// Made on the machine thread. The guest must not run, and nothing else may write its memory, until `write` is done; that
/// may be on one other thread.
public struct CapturedMachine: @unchecked Sendable {
  // Safe: the blocks' addresses and lengths never change, and the owner keeps the guest still while their bytes are read.
  let sections: [MachineImage.Section]
  let blocks: [RAMBlock]

  /// - Parameter runState: what the guest did before it was stopped for this, for whoever loads it to go on with.
  public init(_ machine: Machine, after runState: RunState? = nil) throws(MigrationError) {
    var sections: [MachineImage.Section]
    do throws(MachineError) {
      sections = try machine.saveState().map { MachineImage.Section(name: $0.name, bytes: $0.bytes) }
    } catch {
      throw MigrationError(error.description)
    }
    if let runState { sections.append(try SavedRunState(runState, at: machine.stoodStillAt).section()) }
    self.sections = sections
    blocks = machine.board?.memoryBlocks ?? []
  }

  /// For tests, which need no machine.
  package init(sections: [MachineImage.Section], blocks: [RAMBlock]) {
    self.sections = sections
    self.blocks = blocks
  }

  /// All memory, in bytes.
  public var memoryByteCount: Int { blocks.reduce(0) { $0 + $1.byteCount } }

  /// Writes the image; what is there after an error is no image and must be removed.
  ///
  /// - Parameters:
  ///   - beforeEnd: called before the piece without which nobody can load the image.
  ///   - progress: called after each piece, at most 1 MiB of memory. What either throws ends the work.
  public func write(
    to sink: any ImageSink, beforeEnd: () throws(MigrationError) -> Void = {},
    progress: (ImageProgress) throws(MigrationError) -> Void = { _ in }
  ) throws(MigrationError) {
    try ImageWriter(sections: sections, blocks: blocks).write(to: sink, beforeEnd: beforeEnd, progress: progress)
  }

  /// Writes the state sections without memory.
  public func writeDevices(to sink: any ImageSink) throws(MigrationError) {
    try ImageWriter(sections: sections, blocks: []).write(to: sink, beforeEnd: {}) { _ in }
  }
}
