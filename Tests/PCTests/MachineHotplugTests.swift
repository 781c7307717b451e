// SPDX-License-Identifier: Apache-2.0
import Block
import MachineBench
import PC
import Platform
import Testing

/// PCI devices that come to a machine and leave it, through the ports that the guest's interpreter uses.
@Suite(.serialized) struct MachineHotplugTests {
  private typealias Device = MachineConfiguration.PCIDevice

  private func bench(_ devices: [Device] = []) throws -> MachineBench {
    try MachineBench(disk: [UInt8](repeating: 0, count: 512)) { $0.pciDevices = devices }
  }

  private func adapter(_ id: String, at slot: UInt8) -> Device {
    .init(.e1000(.init(.none)), userID: id, place: .init(slot: slot))
  }

  /// Nobody's disk but this test's.
  private func disk(_ bench: MachineBench, _ id: String, at slot: UInt8) throws -> Device {
    try bench.machine.blockGraph.adopt(
      GraphNode(name: "node-\(id)", content: MemoryNode([UInt8](repeating: 7, count: 1 << 16)), fileName: ""),
      isOwned: true)
    return .init(.virtioDisk(.init(drive: "node-\(id)")), userID: id, place: .init(slot: slot))
  }

  private final class Weak {
    weak var object: AnyObject?
    init(_ object: AnyObject?) { self.object = object }
  }

  private func read(_ bench: MachineBench, _ port: UInt16) throws -> UInt32 {
    try #require(bench.machine.board).ports.read(port, .dword)
  }

  private func write(_ bench: MachineBench, _ port: UInt16, _ value: UInt32) throws {
    try #require(bench.machine.board).ports.write(port, .dword, value)
  }

  @Test func `a device that comes is announced, and ejected it leaves nothing behind`() throws {
    let bench = try bench()
    let board = try #require(bench.machine.board)
    let known = Set(board.devices.map { ObjectIdentifier($0) })
    let before = (
      regions: board.map.regions.count, parts: bench.machine.stateNames, drives: bench.machine.blockGraph.backends.count
    )
    for _ in 0..<3 {
      try bench.machine.plug(adapter("net", at: 9))
      try bench.machine.plug(try disk(bench, "disk", at: 10))
      #expect(try read(bench, 0xae00) == 0x600 && read(bench, 0xafe0) & 2 == 2)
      let gone = board.devices.filter { !known.contains(ObjectIdentifier($0)) }.map { Weak($0) }
      #expect(gone.count == 2)
      // BARs are mapped, as the guest's system does it.
      board.pci.write(PCIAddress(slot: 9), 0x10, .dword, 0xe000_0000)
      board.pci.write(PCIAddress(slot: 9), 0x14, .dword, 0xc000)
      board.pci.write(PCIAddress(slot: 9), 0x04, .word, 7)
      board.commitMap()
      #expect(board.map.find(0xe000_0008)?.region.name == "e1000.mmio" && board.ports.read(0xc000, .dword) != .max)

      for id in ["net", "disk"] { try bench.machine.requestUnplug(id, isMigrating: false) }
      #expect(try read(bench, 0xae04) == 0x600)
      try write(bench, 0xae08, 1 << 9)
      try write(bench, 0xae08, 1 << 10)
      board.commitMap()
      #expect(try read(bench, 0xae04) == 0)
      #expect(board.map.find(0xe000_0008)?.region.name != "e1000.mmio" && board.ports.read(0xc000, .dword) == .max)
      #expect(board.map.regions.count == before.regions && bench.machine.stateNames == before.parts)
      #expect(gone.allSatisfy { $0.object == nil })
      #expect(bench.machine.blockGraph.backends.count == before.drives)
      _ = try bench.machine.blockGraph.remove("node-disk")
    }
    let path = "/machine/peripheral/disk"
    #expect(
      bench.events.suffix(3) == [
        .deviceDeleted(name: "net", path: "/machine/peripheral/net"),
        .deviceDeleted(name: nil, path: path + "/virtio-backend"), .deviceDeleted(name: "disk", path: path),
      ])
  }

  @Test func `chips of the board stay, whatever is written`() throws {
    let bench = try bench()
    let board = try #require(bench.machine.board)
    let before = board.pci.functions.count
    #expect(try read(bench, 0xae0c) == 0xffff_fff8)
    for slot in 0..<32 { try write(bench, 0xae08, 1 << UInt32(slot)) }
    #expect(board.pci.functions.count == before && bench.events == [])
  }

  @Test func `a device in the middle of its interrupt lets go of the line`() throws {
    let bench = try bench()
    let board = try #require(bench.machine.board)
    try bench.machine.plug(adapter("net", at: 9))
    board.pci.write(PCIAddress(slot: 9), 0x10, .dword, 0xe000_0000)
    board.pci.write(PCIAddress(slot: 9), 0x04, .word, 7)
    board.commitMap()
    board.memory.busWrite(0xe000_00d0, .dword, 4)  // IMS: link status change
    board.memory.busWrite(0xe000_00c8, .dword, 4)  // ICS: there was one
    let line = (9 - 1) & 3
    #expect(board.pci.pirqLevel(line))
    try bench.machine.requestUnplug("net", isMigrating: false)
    try write(bench, 0xae08, 1 << 9)
    #expect(!board.pci.pirqLevel(line))
  }

  @Test func `a reset takes out what is to go, and tells of it afterwards`() throws {
    let bench = try bench([adapter("net", at: 5)])
    try bench.machine.requestUnplug("net", isMigrating: false)
    bench.machine.reset(.hostQMPSystemReset)
    #expect(
      bench.events == [
        .reset(.hostQMPSystemReset), .deviceDeleted(name: "net", path: "/machine/peripheral/net"),
      ])
    #expect(throws: UnplugRefusal.notFound("net")) { try bench.machine.requestUnplug("net", isMigrating: false) }
  }

  @Test func `a machine with devices that came goes on where the command line has them in another order`() throws {
    let first = try bench()
    try first.machine.plug(adapter("b", at: 9))
    try first.machine.plug(adapter("a", at: 4))
    try first.machine.requestUnplug("a", isMigrating: false)
    let board = try #require(first.machine.board)
    board.pci.write(PCIAddress(slot: 9), 0x3c, .byte, 0x99)
    board.pci.write(PCIAddress(slot: 4), 0x3c, .byte, 0x44)
    let parts = try first.machine.saveState()
    for order in [["a", "b"], ["b", "a"]] {
      let second = try bench(order.map { adapter($0, at: $0 == "a" ? 4 : 9) })
      try second.machine.loadState(parts)
      let board = try #require(second.machine.board)
      #expect(board.pci.read(PCIAddress(slot: 9), 0x3c, .byte) == 0x99)
      #expect(board.pci.read(PCIAddress(slot: 4), 0x3c, .byte) == 0x44)
      #expect(try read(second, 0xae00) == 1 << 9 | 1 << 4 && read(second, 0xae04) == 1 << 4)
      try first.machine.loadState(parts)
      #expect(try second.machine.saveState().map(\.name) == parts.map(\.name))
    }
    let third = try bench([adapter("a", at: 4), adapter("b", at: 10)])
    #expect(throws: MachineError.self) { try third.machine.loadState(parts) }
  }

  @Test func `what was saved before there was hotplugging is loaded`() throws {
    let first = try bench([adapter("a", at: 4)])
    let parts = try first.machine.saveState().filter { !["acpi_pcihp", "pci_devices"].contains($0.name) }
    let second = try bench([adapter("a", at: 4)])
    try second.machine.loadState(parts)
    #expect(try read(second, 0xae0c) == 0xffff_fff8)
  }
}
