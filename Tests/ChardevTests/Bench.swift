// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO

/// A folder of one test's own, removed with what is in it.
final class TemporaryDirectory: Sendable {
  let path: BytePath

  init() throws {
    path = try BytePath("/tmp/apus-test-").makeUniqueDirectory()
  }

  deinit {
    for name in (try? path.directoryEntries()) ?? [] { try? path.appending(name).unlink() }
    try? path.removeDirectory()
  }

  func callAsFunction(_ name: String) -> BytePath { path.appending(BytePath(name)) }
}

/// A loop that runs for the length of one test.
final class RunningLoop: Sendable {
  let loop: EventLoop

  init() throws {
    loop = try EventLoop()
    try loop.start()
  }

  deinit { loop.stop() }
}

/// Long enough for a loaded machine; passing tests never wait for it.
let patience: UInt64 = 20_000_000_000

/// A front end that records what it is told and takes as much as `room` says.
final class Recorder: Sendable {
  struct Record: Sendable {
    var bytes: [UInt8] = []
    var events: [ChardevEvent] = []
    var descriptors: [FileDescriptor] = []
    var room = Int.max
    var drained = 0
  }

  let record = Guarded(Record())

  func frontEnd(_ delivery: FrontEnd.Delivery = .bounded, room: Int = .max) -> FrontEnd {
    record.withLock { $0.room = room }
    return FrontEnd(
      delivery: delivery, canReceive: { [record] in record.withLock { $0.room } },
      receive: { [record] bytes in
        record.update { record in
          record.bytes += bytes
          if record.room != .max { record.room -= bytes.count }
        }
      },
      event: { [record] event in record.update { $0.events.append(event) } },
      receiveDescriptors: { [record] descriptors in record.update { $0.descriptors += descriptors } },
      outputDrained: { [record] in record.update { $0.drained += 1 } })
  }

  var text: String { record.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
  var events: [ChardevEvent] { record.withLock { $0.events } }

  /// Waits until the text received so far is `expected`; what it was otherwise.
  func waits(forText expected: String) -> Bool {
    record.wait(nanoseconds: patience) { String(decoding: $0.bytes, as: UTF8.self) == expected ? true : nil } ?? false
  }

  func waits(forEvents expected: [ChardevEvent]) -> Bool {
    record.wait(nanoseconds: patience) { $0.events == expected ? true : nil } ?? false
  }
}

/// Messages a device gave its host, and whether it asked to quit.
final class RecordedHost: Sendable {
  let reports = Guarded<[String]>([])
  let quits = Guarded(0)

  var host: ChardevHost {
    ChardevHost(
      report: { [reports] text in reports.update { $0.append(text) } }, quit: { [quits] in quits.update { $0 += 1 } })
  }
}

/// Reads exactly `byteCount` bytes, or what came until the end or the time limit.
func read(_ byteCount: Int, from descriptor: FileDescriptor) throws -> [UInt8] {
  var all: [UInt8] = []
  while all.count < byteCount, try descriptor.wait(for: .readable, milliseconds: 20_000).contains(.readable) {
    let part = try descriptor.read(upTo: byteCount - all.count)
    if part.isEmpty { break }
    all += part
  }
  return all
}

func readText(_ byteCount: Int, from descriptor: FileDescriptor) throws -> String {
  String(decoding: try read(byteCount, from: descriptor), as: UTF8.self)
}

/// Waits until `condition` holds, looking every millisecond.
func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<20_000 {
    if condition() { return true }
    HostClock.sleep(nanoseconds: 1_000_000)
  }
  return false
}
