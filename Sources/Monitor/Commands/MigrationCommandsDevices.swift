// SPDX-License-Identifier: Apache-2.0
import HostIO
import Migration
import Platform
import QAPI

/// Saves the state of processor and devices without memory and disks to a file.
struct SaveDevicesState: MonitorTwoPhaseCommand {
  static let name = "xen-save-devices-state"
  var filename: String
  /// The drives stay in use, as they do here in any case.
  var live: Bool?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let machine = context.machine
    let wasRunning = machine.runState == .running
    if wasRunning { machine.stop(.savingVM) }
    defer { if wasRunning { machine.resume() } }
    let captured = try migrating { () throws(MigrationError) in try machine.captureState(after: nil) }
    let filename = filename
    return .finishing { progress in
      HostFile.save(
        to: filename, openingFailed: { QMPError("Unable to open \(filename): \($0)") },
        writingFailed: { QMPError("An IO error has occurred: \($0)") }
      ) { file throws(QMPError) in
        let sink = BufferSink()
        try migrating { () throws(MigrationError) in try captured.writeDevices(to: sink) }
        progress()
        try file.append(sink.bytes)
      }
    }
  }
}

/// The state of the devices is small enough to be put together in memory.
private final class BufferSink: ImageSink {
  var bytes: [UInt8] = []
  func write(_ bytes: UnsafeRawBufferPointer) { self.bytes += bytes }
}

/// Loads what `xen-save-devices-state` wrote, into a machine that stands still.
struct LoadDevicesState: MonitorTwoPhaseCommand {
  static let name = "xen-load-devices-state"
  var filename: String

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    if context.machine.runState == .running { throw QMPError("Cannot update device state while vm is running") }
    if context.machine.awaitsDisks { throw QMPError("Cannot update device state while a disk request is on its way") }
    let shape = context.machine.deviceShape
    let (filename, hub) = (filename, context.hub)
    return .finishing { progress in
      do throws(QMPError) {
        let sections = try Self.read(filename, shape)
        progress()
        let result = hub.onMachine { machine -> Result<Empty, QMPError> in
          if machine.runState == .running {
            return .failure(QMPError("Cannot update device state while vm is running"))
          }
          do throws(QMPError) {
            try migrating { () throws(MigrationError) in try machine.load(sections) }
            return .success(Empty())
          } catch {
            return .failure(error)
          }
        }
        return result ?? .failure(QMPError("The machine has ended"))
      } catch {
        return .failure(error)
      }
    }
  }

  private static func read(_ name: String, _ shape: ImageShape) throws(QMPError) -> [MachineImage.Section] {
    let file: FileDescriptor
    do throws(Errno) { file = try FileDescriptor.open(BytePath(name), .readOnly) } catch {
      throw QMPError("Unable to open \(name): \(error)")
    }
    defer { file.closeIgnoringErrors() }
    return try migrating { () throws(MigrationError) in try IncomingImage(file, expecting: shape).sections }
  }
}
