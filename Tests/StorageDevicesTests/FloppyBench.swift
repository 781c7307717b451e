// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

import StorageDevices

/// DMA channel 2 as the board gives it to the controller.
final class FloppyChannel {
  /// The memory that the channel's address points to; as long as its count.
  var memory: [UInt8] = []
  var moved = 0
  var isWriteToMemory = true
  var isMasked = false

  func program(_ memory: [UInt8], isWriteToMemory: Bool) {
    (self.memory, self.isWriteToMemory, moved) = (memory, isWriteToMemory, 0)
  }

  func transfer(_ buffer: inout [UInt8]) -> (byteCount: Int, terminalCount: Bool) {
    if isMasked || moved == memory.count { return (0, false) }
    let count = min(buffer.count, memory.count - moved)
    for index in 0..<count {
      if isWriteToMemory { memory[moved + index] = buffer[index] } else { buffer[index] = memory[moved + index] }
    }
    moved += count
    return (count, moved == memory.count)
  }
}

/// A controller with one drive at its ports.
struct FloppyBench {
  let clock = VirtualClock()
  let ports = PortSpace()
  let irq = IRQLine()
  let channel = FloppyChannel()
  let backend: BlockBackend
  let drive: FloppyDrive
  let controller: FloppyController

  init(medium: BlockMedium? = nil, type: FloppyDriveType? = nil) {
    let queue = BlockQueue(clock: clock, mailbox: Mailbox(), timing: .atDeadline)
    backend = BlockBackend(
      name: "floppy0", queue: queue, medium: medium, latency: .floppy, isRemovable: true, hasThread: false)
    drive = FloppyDrive(backend: backend, type: type)
    controller = FloppyController(clock: clock, irq: irq, drives: [drive]) { [channel] in channel.transfer(&$0) }
    ports.map(0x3f0...0x3f5, to: controller)
    ports.map(0x3f7...0x3f7, to: controller.digitalInput)
    controller.reset(.power)
  }

  /// A disk whose sectors are full of their number's low and high byte.
  static func image(sectorCount: Int) -> [UInt8] {
    (0..<sectorCount).flatMap { sector in
      (0..<512).map { UInt8(truncatingIfNeeded: $0 & 1 == 0 ? sector : sector >> 8) }
    }
  }

  static func medium(kilobytes: Int, isReadOnly: Bool = false) -> BlockMedium {
    BlockMedium(
      node: MemoryNode(image(sectorCount: kilobytes * 2), isReadOnly: isReadOnly), fileName: "floppy.img")
  }

  func read(_ port: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: ports.read(port, .byte)) }
  func write(_ port: UInt16, _ value: UInt8) { ports.write(port, .byte, UInt32(value)) }

  /// Resets through DOR and takes the four reports.
  func start(digitalOutput: UInt8 = 0x1c) {
    write(0x3f2, 0)
    write(0x3f2, digitalOutput)
    for _ in 0..<4 { command(0x08) }
  }

  /// Sends a command, waits as long as it needs, and returns its result bytes.
  @discardableResult
  func command(_ bytes: UInt8...) -> [UInt8] { command(bytes) }

  @discardableResult
  func command(_ bytes: [UInt8]) -> [UInt8] {
    for byte in bytes { write(0x3f5, byte) }
    var waits = 0
    while read(0x3f4) == 0x10, waits < 100 {
      clock.advance(by: .millisecond)
      waits += 1
    }
    return results()
  }

  func results() -> [UInt8] {
    var bytes: [UInt8] = []
    while read(0x3f4) == 0xd0, bytes.count < 20 { bytes.append(read(0x3f5)) }
    return bytes
  }

  /// SEEK or RECALIBRATE and its acknowledgement.
  func move(_ bytes: UInt8...) -> [UInt8] {
    command(bytes)
    return command(0x08)
  }
}
