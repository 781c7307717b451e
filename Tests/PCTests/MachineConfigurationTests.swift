// SPDX-License-Identifier: Apache-2.0
import HostIO
import MachineBench
import PC
import Testing

struct MachineConfigurationTests {
  @Test func `the default machine is QEMU's`() {
    let machine = MachineConfiguration()
    #expect(machine.board == .pc && machine.board.rawValue == "pc-i440fx-7.2")
    #expect(machine.memoryByteCount == 128 << 20)
    #expect(machine.processorModel == "qemu64" && machine.processorCount == 1 && machine.processorFeatures.isEmpty)
    #expect(machine.bootOrder == "cad" && machine.bootOnce == nil && !machine.bootMenu && machine.bootMenuWait == nil)
    #expect(machine.graphics == .standard && machine.videoMemoryByteCount == 16 << 20)
    #expect(machine.instructionCounting == nil)
    #expect(!machine.startsPaused && machine.actions == GuestActions() && machine.blockNodes.isEmpty)
    #expect(machine.uuid == [UInt8](repeating: 0, count: 16) && machine.name == nil)
    #expect(machine.firmware == nil && machine.firmwareFolders.isEmpty && !machine.isNoGraphic)
    #expect(machine.drives.isEmpty && machine.serialPorts.isEmpty && machine.isaDevices.isEmpty)
    guard case .utc = machine.realTimeClock.base else {
      Issue.record("the clock does not start at UTC")
      return
    }
    #expect(machine.realTimeClock.source == .host)
  }

  @Test(arguments: [(0, 0x3f8, 4), (1, 0x2f8, 3), (2, 0x3e8, 4), (3, 0x2e8, 3)] as [(Int, UInt16, Int)])
  func `serial ports are at COM1 to COM4`(number: Int, port: UInt16, interrupt: Int) {
    let serial = MachineConfiguration.SerialPort(chardev: "x", number: number)
    #expect(serial == .init(chardev: "x", port: port, interrupt: interrupt))
  }

  /// Bytes in all, below the hole, above 4 GiB.
  static let splits: [(all: UInt64, low: UInt64, high: UInt64)] = [
    (1 << 20, 1 << 20, 0), (128 << 20, 128 << 20, 0), (3 << 30, 3 << 30, 0),
    (0xdfff_f000, 0xdfff_f000, 0), (0xe000_0000, 3 << 30, 512 << 20), (4 << 30, 3 << 30, 1 << 30),
    (1 << 40, 3 << 30, (1 << 40) - (3 << 30)),
  ]

  @Test(arguments: splits)
  func `memory that would reach into the PCI hole continues at 4 GiB`(all: UInt64, low: UInt64, high: UInt64) {
    #expect(PC440FX.split(all) == (low, high))
  }

  static let refusals: [(String, @Sendable (inout MachineConfiguration) -> Void)] = [
    ("could not load PC BIOS '/nonexistent'", { $0.firmware = "/nonexistent" }),
    ("could not load PC BIOS 'nonexistent.bin'", { $0.firmware = "nonexistent.bin" }),
    ("unable to find CPU model 'nonesuch'", { $0.processorModel = "nonesuch" }),
    ("chardev 'nonesuch' not found", { $0.serialPorts = [.init(chardev: "nonesuch", number: 0)] }),
    (
      "chardev 'nonesuch' not found",
      { $0.isaDevices = [.debugConsole(chardev: "nonesuch", port: 0xe9, readback: 0xe9)] }
    ),
    ("isa-debug-exit: ports 65535...+2 do not exist", { $0.isaDevices = [.debugExit(port: 0xffff, portCount: 2)] }),
  ]

  @Test(arguments: refusals)
  func `what cannot be built is refused with a sentence`(
    sentence: String, change: @Sendable (inout MachineConfiguration) -> Void
  ) {
    #expect {
      _ = try MachineBench(configure: change)
    } throws: {
      ($0 as? MachineError)?.description == sentence
    }
  }

  @Test func `a firmware image must be a multiple of 64 KiB`() {
    #expect(throws: MachineError.self) { try MachineBench(firmware: [UInt8](repeating: 0, count: 65535)) }
    #expect(throws: MachineError.self) { try MachineBench(firmware: []) }
  }
}
