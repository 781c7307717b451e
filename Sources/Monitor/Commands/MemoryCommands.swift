// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI

/// Saves a range of a vCPU's virtual memory to a file.
struct VirtualMemorySave: MonitorTwoPhaseCommand {
  static let name = "memsave"
  var val: Int64
  var size: Int64
  var filename: String
  var cpuIndex: Int64?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let processor = try context.processorIndex(cpuIndex)
    let (start, size) = (UInt64(bitPattern: val), size)
    return try MemorySave.capture(size: size, to: filename, in: context) { machine, offset, buffer in
      do throws(MemoryAccessError) {
        try machine.readVirtual(processor: processor, at: start &+ offset, into: buffer)
        return nil
      } catch {
        return QMPError("Invalid addr 0x\(Hex.text(start, digits: 16))/size \(size) specified")
      }
    }
  }
}

/// Saves a range of guest physical memory to a file.
struct PhysicalMemorySave: MonitorTwoPhaseCommand {
  static let name = "pmemsave"
  var val: Int64
  var size: Int64
  var filename: String

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let start = UInt64(bitPattern: val)
    return try MemorySave.capture(size: size, to: filename, in: context) { machine, offset, buffer in
      // What nothing answers for is saved as zeros.
      _ = machine.readPhysical(at: start &+ offset, into: buffer)
      return nil
    }
  }
}

/// What both have in common: all bytes are those of one instant.
private enum MemorySave {
  typealias Reader = @Sendable (any MonitoredMachine, _ offset: UInt64, UnsafeMutableRawBufferPointer) -> QMPError?

  static func capture(
    size: Int64, to name: String, in context: MonitorContext, _ read: @escaping Reader
  ) throws(QMPError) -> Phase<Empty> {
    guard size >= 0 else { throw .invalidParameter("size", expected: "a size that is not negative") }
    if size <= HostFile.copiedAtOnce {
      let bytes = try self.read(context.machine, offset: 0, byteCount: Int(size), read).get()
      return .finishing { progress in
        save(to: name) { file throws(QMPError) in
          progress()
          try file.append(bytes)
        }
      }
    }
    // The guest stands still while a worker fetches the range piece by piece; the machine thread serves others between.
    let hub = context.hub
    context.machine.holdGuest()
    return .finishing { progress in
      defer { hub.post { $0.releaseGuest() } }
      return save(to: name) { file throws(QMPError) in
        var offset: Int64 = 0
        while offset < size {
          let (position, byteCount) = (UInt64(offset), Int(min(Int64(HostFile.chunk), size - offset)))
          let piece = hub.onMachine { self.read($0, offset: position, byteCount: byteCount, read) }
          guard let piece else { throw QMPError("The machine has ended") }
          try file.append(try piece.get())
          progress()
          offset += Int64(byteCount)
        }
      }
    }
  }

  private static func read(
    _ machine: any MonitoredMachine, offset: UInt64, byteCount: Int, _ read: Reader
  ) -> Result<[UInt8], QMPError> {
    var failure: QMPError?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      buffer.initialize(repeating: 0)
      count = byteCount
      failure = read(
        machine, offset, UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<byteCount])))
    }
    return failure.map { .failure($0) } ?? .success(bytes)
  }

  private static func save(
    to name: String, _ fill: (HostFile) throws(QMPError) -> Void
  ) -> Result<Empty, QMPError> {
    HostFile.save(
      to: name, openingFailed: { QMPError("Could not open '\(name)': \($0)") },
      writingFailed: { QMPError("An IO error has occurred: \($0)") }, fill)
  }
}
