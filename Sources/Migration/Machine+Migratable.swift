// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
public import Network
import PC
import Platform

extension Machine: MigratableMachine {
  public var virtualTime: Int64 { clock.now }

  public var countedInstructions: UInt64? {
    configuration.instructionCounting == nil ? nil : board?.processor.instructionCount
  }

  public var awaitsDisks: Bool { blockGraph.backends.contains { $0.awaitsDelivery } }

  public func settleDisks(_ done: @escaping @Sendable (String?) -> Void) {
    let backends = blockGraph.backends
    let progress = Guarded((left: backends.count, failure: String?.none))
    if backends.isEmpty { return done(nil) }
    for backend in backends {
      let name = backend.name
      backend.settleMedium { error in
        let (isLast, failure) = progress.withLock { progress in
          progress.left -= 1
          if let error, progress.failure == nil { progress.failure = "Cannot flush drive '\(name)': \(error)" }
          return (progress.left == 0, progress.failure)
        }
        if isLast { done(failure) }
      }
    }
  }

  public func releaseDisks() { blockGraph.inactivate() }

  public func takeDisks() throws(MigrationError) {
    do throws(BlockError) { try blockGraph.activate() } catch { throw MigrationError(error.description) }
  }

  public func captureState(after runState: RunState?) throws(MigrationError) -> CapturedMachine {
    try CapturedMachine(self, after: runState)
  }

  /// A guest whose instructions are the clock goes on as if nothing had happened.
  public func announceAdapters(_ parameters: AnnouncementParameters) {
    if configuration.instructionCounting == nil { networks.announce(parameters, name: "migration") }
  }

  public var imageShape: ImageShape { ImageShape(self) }
  public var deviceShape: ImageShape { .devices(of: self) }

  public func loadFile(
    _ file: FileDescriptor, whenDamaged: @escaping @Sendable (MigrationError) -> Void
  ) throws(MigrationError) {
    try MachineImage.map(file, into: self, whenDamaged: whenDamaged)
  }
}
