// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
public import Network
import Platform

/// What migration needs of a machine. Everything here is called on the machine thread.
public protocol MigratableMachine: AnyObject {
  var runState: RunState { get }
  /// Nanoseconds of the guest's clock.
  var virtualTime: Int64 { get }
  /// Instructions executed so far; nil unless they are the clock.
  var countedInstructions: UInt64? { get }
  /// Disk images and drives.
  var blockGraph: BlockGraph { get }
  /// Stops the vCPUs and virtual time, with STOP, or only gives a machine that stands still another state.
  func stop(_ state: RunState)
  /// Starts them, with RESUME.
  func resume()

  /// While at least one hold is there nothing changes memory: a reset waits for the last `releaseMemory`.
  func holdMemory()
  func releaseMemory()
  /// Disk requests are on their way that will change memory when they are done.
  var awaitsDisks: Bool { get }
  /// Writes to the media what the drives and formats still keep, on other threads; `done` gets a sentence about what went
  /// wrong.
  func settleDisks(_ done: @escaping @Sendable (String?) -> Void)
  /// Leaves the images, which are settled, to another process.
  func releaseDisks()
  /// Takes the images from the process that had them.
  func takeDisks() throws(MigrationError)

  /// The state at this instant. The machine must stand still until the capture has been written.
  ///
  /// - Parameter runState: what it did before it was stopped for this.
  func captureState(after runState: RunState?) throws(MigrationError) -> CapturedMachine

  /// What an image of this machine looks like, and one of its devices alone.
  var imageShape: ImageShape { get }
  var deviceShape: ImageShape { get }
  /// Resets everything at once.
  func reset(_ cause: ShutdownCause)
  /// Makes all memory zero.
  func clearMemory() throws(MigrationError)
  /// Puts memory into place.
  func fill(_ pages: ImagePages)
  /// Takes the state over, memory being in place.
  func load(_ sections: [MachineImage.Section]) throws(MigrationError)
  /// What the machine did when the state that was loaded last was saved, where that is known.
  var savedRunState: RunState? { get }
  /// Takes a whole state file over whose bytes will not change; `whenDamaged` may come later from any thread.
  func loadFile(
    _ file: FileDescriptor, whenDamaged: @escaping @Sendable (MigrationError) -> Void
  ) throws(MigrationError)

  /// The adapters tell their networks that they are here now.
  func announceAdapters(_ parameters: AnnouncementParameters)

  /// Ends the process with this status and without an event, as soon as the machine thread looks.
  func end(status: Int32)
}
