// SPDX-License-Identifier: Apache-2.0
import Block
import DeviceBattery
import HostIO
import Platform
import StorageDevices
import Testing

/// The battery's bench: random accesses alone never finish a command, so stimuli issue whole ones.
struct IDEBatteryTests {
  /// `isHostile`: random accesses to every port as well, which leave little of a command's course.
  static func makeBench(isHostile: Bool) -> DeviceBench {
    DeviceBench { parts in
      let queue = BlockQueue(clock: parts.clock, mailbox: Mailbox(), timing: .atDeadline)
      let note = parts.recorder
      func backend(_ name: String, _ byteCount: Int64, _ latency: BlockLatency) -> BlockBackend {
        let node = PatternNode(byteCount: byteCount) { note("\(name) \($0)") }
        node.failsFrom = byteCount - 4096
        return BlockBackend(
          name: name, queue: queue, medium: BlockMedium(node: node, fileName: name), latency: latency,
          isRemovable: name == "cd", hasThread: false)
      }
      let cd = backend("cd", 4 << 20, .opticalDisc)
      guard let ram = ram() else { preconditionFailure("no memory for the bench") }
      parts.memory.map.add("ram", at: 0, byteCount: 0x10000, .ram(ram, offset: 0, isReadOnly: false))
      let ide = PIIX3IDE(
        ports: parts.ports, memory: parts.memory, primaryInterrupt: parts.output("irq14"),
        secondaryInterrupt: parts.output("irq15"),
        drives: [.disk(backend("a", 10 << 20, .disk)), nil, .opticalDisc(cd), .disk(backend("b", 1 << 20, .disk))])
      let ranges: [ClosedRange<UInt16>] = [
        0x1f0...0x1f7, 0x3f6...0x3f6, 0x170...0x177, 0x376...0x376, 0xc000...0xc00f,
      ]
      if isHostile { for range in ranges { parts.exercise(ports: range) } }
      parts.longestStep = isHostile ? 2 * .millisecond : 60 * .microsecond
      let ports = parts.ports
      let memory = parts.memory
      let driver = Driver(ports: ports, memory: memory, ide: ide, note: note)
      parts.stimulus { driver.configure($0) }
      for _ in 0..<3 {
        parts.stimulus { driver.diskCommand($0) }
        parts.stimulus { driver.packetCommand($0) }
        parts.stimulus { driver.moveData($0) }
        parts.stimulus { driver.lookAround($0) }
        parts.stimulus { driver.transferByDMA($0) }
        parts.stimulus { driver.changeSettings($0) }
        parts.stimulus { driver.readSettings($0) }
      }
      parts.stimulus { driver.startDMA($0) }
      parts.stimulus { driver.mechanics($0, cd) }
      parts.observe {
        Array(
          UnsafeRawBufferPointer(ram.contents).prefix(0x9000).enumerated().filter { $0.offset % 61 == 0 }.map(\.element)
        )
      }
      return ide
    }
  }

  static func ram() -> RAMBlock? {
    do throws(Errno) { return try RAMBlock(name: "ram", byteCount: 0x10000) } catch { return nil }
  }

  @Test func `the IDE function passes the device battery under a driver's commands`() {
    let failures = DeviceBattery.check(seeds: Array(1...48), steps: 800) { Self.makeBench(isHostile: false) }
    #expect(failures.isEmpty, "\(failures.map { String($0.prefix(300)) }.joined(separator: "\n"))")
  }

  @Test func `the IDE function passes the device battery under random accesses to every port`() {
    var names = StateNames()
    let device = Self.makeBench(isHostile: true).device
    names.collect(device)
    // What each field is good for is the other test's affair.
    let failures = DeviceBattery.check(exempt: names.names) { Self.makeBench(isHostile: true) }
    #expect(failures.isEmpty, "\(failures.map { String($0.prefix(300)) }.joined(separator: "\n"))")
  }

  private struct StateNames: StateVisitor {
    var names: Set<String> = []
    var isLoading: Bool { false }
    mutating func collect(_ device: some Device) {
      var state = device.state
      do throws(StateError) { try state.visit(&self) } catch { Issue.record(error) }
    }
    mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) throws(StateError) {
      names.insert("\(name)")
    }
    mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError) { names.insert("\(name)") }
    mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) { names.insert("\(name)") }
    mutating func buffer(_ name: StaticString, _ value: inout [UInt8], limit: Int) throws(StateError) {
      names.insert("\(name)")
    }
  }

  /// Acts as a guest's driver, with everything drawn from one random word.
  private final class Driver {
    let ports: PortSpace
    let memory: GuestMemory
    let ide: PIIX3IDE
    let note: (String) -> Void

    init(ports: PortSpace, memory: GuestMemory, ide: PIIX3IDE, note: @escaping (String) -> Void) {
      (self.ports, self.memory, self.ide, self.note) = (ports, memory, ide, note)
    }

    func out(_ port: UInt16, _ value: UInt64) { ports.write(port, .byte, UInt32(truncatingIfNeeded: value & 0xff)) }
    func base(_ word: UInt64) -> UInt16 { word & 1 == 0 ? 0x1f0 : 0x170 }

    func write(_ offset: UInt8, _ width: AccessWidth, _ value: UInt32) {
      ide.configuration.write(offset, width, value)
      ide.configurationDidChange(offset, width)
    }

    func configure(_ word: UInt64) {
      write(0x20, .dword, 0xc000)
      write(0x04, .word, word & 15 == 0 ? 1 : 5)
      if word & 0x70 == 0 { write(UInt8(0x40 + (word >> 8 & 7)), .byte, UInt32(truncatingIfNeeded: word >> 16)) }
      note("config \(ide.readConfiguration(UInt8(0x40 + (word >> 8 & 4)), .dword))")
    }

    func diskCommand(_ word: UInt64) {
      let commands: [UInt64] = [
        0x20, 0x20, 0x30, 0x30, 0xc4, 0xc5, 0xc8, 0xc8, 0xca, 0xca, 0x24, 0x25, 0x34, 0x35, 0xec, 0xef, 0xc6, 0x91,
        0xe7, 0xb0, 0xb0, 0xf8, 0x27, 0x06, 0x90, 0x08, 0xa1, 0xef,
      ]
      let base = word & 1 == 0 ? UInt16(0x1f0) : 0x170
      let command = commands[Int(word >> 1 % 1024) % commands.count]
      let isSMART = command == 0xb0
      let modes: [UInt64] = [0xe0, 0xa0, 0xe0, 0xe0]
      out(base + 6, modes[Int(word >> 12 & 3)] | (base == 0x170 ? 0x10 : 0))
      let features: [UInt64] = [0x02, 0x82, 0x03, 1]
      let smart: [UInt64] = [0xd0, 0xd8, 0xd9, 0xda]
      out(base + 1, isSMART ? (word >> 14 & 7 == 0 ? 0xd2 : smart[Int(word >> 14 & 3)]) : features[Int(word >> 14 & 3)])
      out(base + 2, 0)
      out(base + 2, isSMART ? (word >> 16 & 1) * 0xf1 : [1, 2, 8, 16, 0x22, 0x42, 3, 5][Int(word >> 16 & 7)])
      let isExtended = [0x24, 0x25, 0x34, 0x35].contains(command)
      for (register, value) in [(UInt16(3), word >> 20), (4, isSMART ? 0x4f : word >> 28), (5, isSMART ? 0xc2 : 0)] {
        out(base + register, isExtended ? 0 : word >> 36)
        out(base + register, value)
      }
      out(base + 7, command)
    }

    func packetCommand(_ word: UInt64) {
      let packets: [[UInt8]] = [
        [0x28, 0, 0, 0, 0, 16, 0, 0, 3], [0x28, 0, 0, 0, 7, 0xfe, 0, 0, 2], [0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 40],
        [0xbe, 0, 0, 0, 0, 2, 0, 0, 2, 0xf8], [0xbe, 0, 0, 0, 0, 2, 0, 0, 50, 0xf8], [3, 0, 0, 0, 18],
        [3, 0, 0, 0, 18],
        [0x12, 0, 0, 0, 36], [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8], [0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 30], [0xff],
        [0x43, 0, 0, 0, 0, 0, 0, 0, 20], [0], [0x2b, 0, 0, 1], [0xff], [0x28, 0, 0xff], [0x12, 1, 0x99],
      ]
      let packet = packets[Int(word >> 8 % 4096) % packets.count]
      let limits: [UInt64] = [2048, 510, 0xfffe, 12]
      if word >> 40 & 7 == 0 {
        out(0x176, 0xa0)
        out(0x177, 0xa1)  // IDENTIFY PACKET DEVICE
        return
      }
      // Sometimes the packet comes later, or never.
      let isComplete = word >> 37 & 7 != 0
      sendPacket(isComplete ? packet : nil, feature: word >> 36 & 1, limit: limits[Int(word >> 32 & 3)])
    }

    func sendPacket(_ packet: [UInt8]?, feature: UInt64, limit: UInt64) {
      out(0x176, 0xa0)
      out(0x171, feature)
      out(0x174, limit & 0xff)
      out(0x175, limit >> 8)
      out(0x177, 0xa0)
      guard let packet else { return }
      for index in stride(from: 0, to: 12, by: 2) {
        let low = index < packet.count ? UInt32(packet[index]) : 0
        let high = index + 1 < packet.count ? UInt32(packet[index + 1]) : 0
        ports.write(0x170, .word, low | high << 8)
      }
    }

    func moveData(_ word: UInt64) {
      let base = base(word)
      let lengths = [16, 100, 256, 600]
      var sum: UInt64 = 0
      for index in 0..<lengths[Int(word >> 1 & 3)] {
        if word >> 3 & 1 == 0 {
          sum = sum &* 31 &+ UInt64(ports.read(base, .word))
        } else {
          ports.write(base, .word, UInt32(truncatingIfNeeded: word >> 8) &+ UInt32(index))
        }
      }
      note("data \(sum)")
    }

    func startDMA(_ word: UInt64) {
      // As a driver, leaves a transfer under way alone, most of the time.
      if ports.read(base(word) + 0x206, .byte) & 0x80 != 0, word >> 61 != 0 { return }
      let channel = UInt16(word & 1)
      // Either pieces of any size, or a table whose last piece takes part in a second request.
      let sizes: [UInt32] = [0x9800, 0x1000, 0, 0xf602]
      let isLong = word >> 26 & 1 == 0
      let last = isLong ? 2 : Int(word >> 24 & 3) * 2 + 1
      for index in 0..<8 {
        let size = isLong ? [0xf000, 0xe000, 0][index % 3] : sizes[Int(word >> UInt64(2 * index + 4) & 3)]
        memory.write(0x100 + UInt64(8 * index), integer: UInt32(0x1000 + 0x1000 * index))
        memory.write(0x104 + UInt64(8 * index), integer: size | (index == last ? 0x8000_0000 : 0))
      }
      ports.write(0xc004 + 8 * channel, .dword, 0x100)
      out(0xc002 + 8 * channel, word >> 40 & 0x66)
      out(0xc000 + 8 * channel, 0)
      out(0xc000 + 8 * channel, word >> 1 & 1 == 0 ? 1 : 9)
    }

    /// A long transfer by DMA, which is under way for a while.
    func transferByDMA(_ word: UInt64) {
      if ports.read(base(word) + 0x206, .byte) & 0x80 != 0 { return }
      startDMA(word | 2)
      if word & 1 == 1, word >> 44 & 1 == 0 {
        let first = UInt8(word >> 45 & 15)
        let count = UInt8(word >> 50 & 0xff)
        let isRaw = word >> 60 & 1 == 0
        sendPacket(
          isRaw ? [0xbe, 0, 0, 0, 0, first, 0, 0, count, 0xf8] : [0x28, 0, 0, 0, 0, first, 0, 0, count], feature: 1,
          limit: 0)
        return
      }
      let base = base(word)
      let writes = word >> 49 & 3 == 0
      if writes { out(0xc000 + 8 * UInt16(word & 1), 1) }
      out(base + 6, base == 0x170 ? 0xf0 : 0xe0)
      out(base + 2, word >> 50 & 3)
      out(base + 2, word >> 52)
      for register: UInt16 in 3...5 {
        out(base + register, 0)
        out(base + register, register == 3 ? word >> 40 : 0)
      }
      out(base + 7, writes ? 0x35 : 0x25)
    }

    func changeSettings(_ word: UInt64) {
      let base = base(word)
      out(base + 6, base == 0x170 ? 0xf0 : 0xe0)
      switch word >> 1 & 7 {
      case 0:
        out(base + 2, [0x0c, 0x20, 0x22, 0x45][Int(word >> 4 & 3)])
        out(base + 1, 3)
        out(base + 7, 0xef)
      case 1:
        out(base + 2, [0, 2, 8, 16][Int(word >> 4 & 3)])
        out(base + 7, 0xc6)
      case 2:
        out(base + 1, word >> 4 & 1 == 0 ? 0x02 : 0x82)
        out(base + 7, 0xef)
      case 3:
        out(base + 2, 17 + (word >> 4 & 31))
        out(base + 6, (base == 0x170 ? 0xf0 : 0xe0) | word >> 9 & 15)
        out(base + 7, 0x91)
      case 4, 5:
        out(base + 1, [0xd2, 0xd2, 0xd8, 0xd9][Int(word >> 4 & 3)])
        out(base + 2, word >> 6 & 1 == 0 ? 0xf1 : 0)
        out(base + 4, 0x4f)
        out(base + 5, 0xc2)
        out(base + 7, 0xb0)
      case 6: out(base + 7, 0xef)  // with the subcommand and count that are there
      default: sendPacket([0x1e, 0, 0, 0, UInt8(word >> 4 & 1)], feature: 0, limit: 0)
      }
    }

    /// Asks a drive for what it remembers and takes the whole answer.
    func readSettings(_ word: UInt64) {
      let base = base(word)
      let choice = word >> 1 & 7
      if base == 0x170, choice > 3 {
        let packets: [[UInt8]] = [
          [3, 0, 0, 0, 18], [0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 30], [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8], [3, 0, 0, 0, 18],
        ]
        sendPacket(packets[Int(choice & 3)], feature: 0, limit: 0)
      } else {
        out(base + 6, base == 0x170 ? 0xf0 : 0xe0)
        out(base + 1, 0xd0)
        out(base + 4, 0x4f)
        out(base + 5, 0xc2)
        out(base + 7, choice & 1 == 0 ? 0xec : 0xb0)
      }
      note("status \(ports.read(base + 7, .byte))")
      note("answer \((0..<256).map { _ in ports.read(base, .word) })")
    }

    /// Reads everything that has no effect, on both drives of a channel.
    func lookAround(_ word: UInt64) {
      let base = base(word)
      if word >> 8 & 3 == 0 { out(base + 0x206, word >> 10 & 2) }
      let selected = UInt64(ports.read(base + 6, .byte))
      for drive: UInt64 in [0xa0, 0xb0] {
        out(base + 6, drive)
        note("status \(ports.read(base + 0x206, .byte))")
        for isHigh: UInt64 in [0x80, 0] {
          if word >> 12 & 1 == 0 { out(base + 0x206, isHigh) }
          note("file \((1...6).map { ports.read(base + UInt16($0), .byte) })")
        }
      }
      out(base + 6, selected)
      note("master \((0...15).map { ports.read(0xc000 + UInt16($0), .byte) })")
      if word >> 13 & 3 == 0 { out(base + 6, 0xa0 | (word >> 15 & 1) << 4) }
    }

    func mechanics(_ word: UInt64, _ cd: BlockBackend) {
      note("tray \(cd.device?.isTrayOpen.map(String.init) ?? "") \(cd.device?.isMediumLocked ?? false)")
      switch word >> 8 & 31 {
      case 0: note("opens \(cd.device?.openTray(force: word & 1 == 0) ?? false)")
      case 1...4: cd.device?.closeTray()
      case 5, 6: cd.changeMedium(cd.medium)
      default: break
      }
    }
  }
}
