// SPDX-License-Identifier: Apache-2.0
import Chipset
import DeviceBattery
import Platform
import Testing

@Suite struct PVPanicTests {
  @Test func `the port passes the battery`() {
    let failures = DeviceBattery.check {
      DeviceBench { parts in
        let record = parts.recorder
        let device = PVPanic(offered: .panicked) { record("event \($0.rawValue)") }
        parts.ports.map(0x505...0x505, to: device)
        parts.exercise(ports: 0x505...0x505)
        return device
      }
    }
    #expect(failures == [])
  }

  @Test func `the PCI function is where its base address says, and after a load too`() throws {
    var heard: [UInt8] = []
    let memory = GuestMemory(), ports = PortSpace()
    let bus = PCIBus(memory: memory.map, ports: ports)
    let device = PVPanicFunction(bus: bus, address: PCIAddress(slot: 3)) { heard.append($0.rawValue) }
    let configurationPorts = PCIConfigurationPorts(bus: bus)
    ports.map(0xcf8...0xcff, to: configurationPorts)
    func configure(_ register: UInt32, _ value: UInt32) {
      ports.write(0xcf8, .dword, 0x8000_1800 | register)
      ports.write(0xcfc, .dword, value)
      memory.map.commit()
    }
    device.reset(.power)
    configure(0x10, 0xfebf_0000)
    memory.busWrite(0xfebf_0000, .byte, 1)
    #expect(heard == [])
    configure(0x04, 2)
    #expect(memory.busRead(0xfebf_0000, .byte) == 3 && memory.busRead(0xfebf_0001, .byte) == 3)
    memory.busWrite(0xfebf_0000, .byte, 1)
    // The range ends after two bytes.
    #expect(memory.busRead(0xfebf_0002, .byte) == 0xff)
    memory.busWrite(0xfebf_0002, .byte, 1)
    #expect(heard == [1])
    let state = device.save()
    device.reset(.system)
    memory.map.commit()
    memory.busWrite(0xfebf_0000, .byte, 1)
    #expect(heard == [1])
    try device.load(state)
    memory.map.commit()
    memory.busWrite(0xfebf_0000, .byte, 2)
    #expect(heard == [1, 2])
  }

  @Test(
    arguments: [(0, []), (1, [1]), (2, [2]), (3, [1]), (0xfd, [1]), (0xfc, [])] as [(UInt32, [UInt8])])
  func `a panic goes before a crash kernel`(value: UInt32, events: [UInt8]) {
    var heard: [UInt8] = []
    let ports = PortSpace()
    ports.map(0x505...0x505, to: PVPanic { heard.append($0.rawValue) })
    ports.write(0x505, .byte, value)
    #expect(heard == events)
    #expect(ports.read(0x505, .byte) == 3)
  }
}
