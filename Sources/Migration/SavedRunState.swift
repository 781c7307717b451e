// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Platform

/// What a machine did before it was stopped to be sent, and when: a section of an image beside those of the devices, which
/// an image need not have.
///
/// A machine that was stopped arrives stopped, whatever the receiver was told. The calendar of one that follows the host's
/// clock has gone on meanwhile, as a real one's does.
struct SavedRunState: DeviceState {
  /// QEMU's name for the same thing.
  static let name: StaticString = "globalstate"
  static let version = 1

  /// Words of `RunState`.
  private var runState: [UInt8] = []
  /// Host time in nanoseconds since 1970 at which the guest stood still; nil when its calendar does not follow the host.
  private(set) var instant: Int64?

  /// States a machine can be left in; the others are those of a migration or a save at work.
  private static let known: Set<RunState> = [
    .running, .paused, .prelaunch, .shutdown, .suspended, .ioError, .internalError, .watchdog, .guestPanicked,
    .postMigrate,
  ]

  init(_ state: RunState = .running, at instant: Int64? = nil) {
    runState = Array(state.rawValue.utf8)
    self.instant = instant
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.buffer("runstate", &runState, limit: 100)
    try visitor.field("stopped_at", optional: &instant)
    guard state != nil else { throw .outOfRange("runstate") }
  }

  /// Nil for none that a machine can be left in.
  var state: RunState? {
    RunState(rawValue: String(decoding: runState, as: UTF8.self)).flatMap { Self.known.contains($0) ? $0 : nil }
  }

  // MARK: As a section

  func section() throws(MigrationError) -> MachineImage.Section {
    var copy = self
    var version = UInt32(Self.version)
    var writer = StateWriter()
    do throws(StateError) {
      try writer.field(Self.name, &version)
      try copy.visit(&writer)
    } catch {
      throw MigrationError("\(Self.name): \(error)")
    }
    return MachineImage.Section(name: "\(Self.name)", bytes: writer.image)
  }

  /// Nil when the image does not say.
  static func find(in sections: [MachineImage.Section]) throws(MigrationError) -> SavedRunState? {
    guard let section = sections.first(where: { $0.name == "\(name)" }) else { return nil }
    var saved = SavedRunState()
    var version: UInt32 = 0
    var reader = StateReader(section.bytes)
    do throws(StateError) {
      try reader.field(name, &version)
      guard version == Self.version else { throw .unknownVersion(Int(version)) }
      try saved.visit(&reader)
      try reader.finish()
    } catch {
      throw MigrationError("\(name): \(error)")
    }
    return saved
  }

  /// The sections of the machine itself.
  static func removed(from sections: [MachineImage.Section]) -> [MachineImage.Section] {
    sections.filter { $0.name != "\(name)" }
  }
}
