// SPDX-License-Identifier: Apache-2.0
import Block
import DeviceBattery
import HostIO
import Platform
import StorageDevices
import Testing

/// A disk of numbers that takes writes and forgets them, so that two benches' disks never differ.
private final class ForgetfulNode: BlockNode {
  let byteCount: Int64 = 1_474_560
  let isReadOnly: Bool
  let driver = "raw"
  var allocatedByteCount: Int64? { nil }
  // Called on the one thread of a back end without a worker.
  nonisolated(unsafe) private let record: (String) -> Void

  init(isReadOnly: Bool, record: @escaping (String) -> Void) {
    self.isReadOnly = isReadOnly
    self.record = record
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    for index in buffer.indices {
      let position = Int(offset) + index
      buffer[index] = UInt8(truncatingIfNeeded: position &* 31 ^ position >> 9)
    }
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    record("write \(offset) \(buffer.reduce(0) { $0 &* 31 &+ Int($1) })")
  }
  func flush() throws(Errno) {}
}

@Suite("Device battery: floppy controller")
struct FloppyBatteryTests {
  @Test(arguments: [false, true]) func `floppy controller`(isReadOnly: Bool) {
    // To a write-protected medium nothing is written: what only writes use is never exercised.
    let exempt: Set<String> = isReadOnly ? ["tc", "fill", "request_write"] : []
    let failures = DeviceBattery.check(seeds: Array(1...300), steps: 300, exempt: exempt) {
      DeviceBench { parts in bench(&parts, isReadOnly: isReadOnly) }
    }
    #expect(failures == [])
  }

  private func bench(_ parts: inout DeviceBench.Parts, isReadOnly: Bool) -> FloppyController {
    let queue = BlockQueue(clock: parts.clock, mailbox: Mailbox(), timing: .atDeadline)
    let record = parts.recorder
    let drives = (0..<2).map { index in
      FloppyDrive(
        backend: BlockBackend(
          name: "floppy\(index)", queue: queue,
          medium: BlockMedium(node: ForgetfulNode(isReadOnly: isReadOnly, record: record), fileName: "floppy.img"),
          latency: .floppy, isRemovable: true, hasThread: false))
    }
    let clock = parts.clock
    let controller = FloppyController(clock: clock, irq: parts.output("irq6"), drives: drives) { buffer in
      // Stateless: masked, at its end or answering as the instant says, with data that the instant says.
      let instant = clock.now / 1000
      if instant % 7 == 0 { return (0, false) }
      record("dma \(buffer.reduce(0) { $0 &* 31 &+ Int($1) })")
      for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: Int(instant) ^ index) }
      if buffer.count == 4 { buffer = [0, 0, UInt8(instant % 20), 2] }  // for FORMAT TRACK
      return instant % 5 == 0 ? (buffer.count / 2, true) : (buffer.count, instant % 11 == 0)
    }
    let ports = parts.ports
    ports.map(0x3f0...0x3f5, to: controller)
    ports.map(0x3f7...0x3f7, to: controller.digitalInput)
    parts.exercise(ports: 0x3f0...0x3f7)
    // Most random writes would reset the controller; so most accesses go to a port where nothing is.
    for _ in 0..<60 { parts.exercise(ports: 0x3e0...0x3e0) }
    parts.longestStep = .millisecond / 4
    stimulate(&parts, controller)
    return controller
  }

  private func stimulate(_ parts: inout DeviceBench.Parts, _ controller: FloppyController) {
    let ports = parts.ports
    let record = parts.recorder
    func write(_ port: UInt16, _ value: UInt64) { ports.write(port, .byte, UInt32(value & 0xff)) }
    func read(_ port: UInt16) -> UInt32 { ports.read(port, .byte) }

    // Bytes at random seldom make a command, so most of them are made here.
    let commands: [[UInt64]] = [
      [0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff], [0xc5, 0, 0, 0, 17, 2, 18, 0x1b, 0xff], [0x46, 1, 2, 1, 17, 2, 18, 0, 0],
      [0x4a, 4], [0x0f, 0, 9], [0x0f, 1, 3], [0x07, 0], [0x08], [0x03, 0xaf, 2], [0x03, 0xaf, 3], [0x0e], [0x2e],
      [0x13, 0, 0x41, 7], [0x12, 0x87], [0x94], [0x17, 3, 0], [0x4d, 0, 2, 18, 0x6c, 0xf6],
      [0x51, 0, 0, 0, 3, 2, 6, 0, 1],
      [0xd9, 0, 0, 0, 3, 2, 6, 0, 1], [0x5d, 0, 0, 0, 3, 2, 6, 0, 1], [0xf6, 0, 0, 0, 3, 2, 6, 0, 1],
      [0x04, 1], [0x04, 4], [0xe6, 4, 1, 1, 1, 0, 18, 0x1b, 0x80],
    ]
    for _ in 0..<6 {
      parts.stimulus { word in
        while read(0x3f4) == 0x90 { write(0x3f5, 0) }  // what a random byte began
        guard read(0x3f4) == 0x80 else { return }
        for byte in commands[Int(word % UInt64(commands.count))] { write(0x3f5, byte) }
      }
    }
    for _ in 0..<6 {
      parts.stimulus { word in
        var limit = word % 1024
        while limit > 0, read(0x3f4) & 0xc0 == 0xc0 {
          record("data \(read(0x3f5))")
          limit -= 1
        }
        while limit > 0, read(0x3f4) & 0xe0 == 0xa0 {
          write(0x3f5, word >> 60 < 12 ? 0xff : word >> limit % 50)  // FFh satisfies a scan
          limit -= 1
        }
      }
    }
    parts.stimulus { word in if word & 15 == 0 { write(0x3f2, word & 0x10 == 0 ? 0x1c : 0) } else { write(0x3f2, 0x1d) }
    }
    parts.stimulus { word in if word & 3 != 0 { write(0x3f7, 0) } }
    parts.stimulus { word in
      if word & 31 == 0 { controller.drives[Int(word >> 8 & 1)]?.mediumDidChange() }
    }
  }
}
