// SPDX-License-Identifier: Apache-2.0
import PC
import Testing

@Suite struct ACPITablesTests {
  static func board(lowMemory: UInt64 = 128 << 20, highMemory: UInt64 = 0) -> ACPIBoard {
    var board = ACPIBoard(lowMemory: lowMemory, highMemory: highMemory)
    board.serialPorts = [.init(port: 0x3f8, interrupt: 4)]
    board.hotplugSlots = 0xffff_fff8
    return board
  }

  /// Boards that differ in everything a description can.
  static let boards: [ACPIBoard] = {
    var many = board(lowMemory: 0xc000_0000, highMemory: 0x4000_1000)
    many.serialPorts = (0..<255).map { .init(port: [0x3f8, 0x2f8, 0x3e8, 0x2e8][$0 & 3], interrupt: 3 + $0 & 1) }
    many.floppyDrives = [
      .init(cmosType: 4, sectorsPerTrack: 18), .init(cmosType: 2, sectorsPerTrack: 15),
    ]
    many.panicPort = 0x505
    var bare = ACPIBoard(lowMemory: 1 << 20, highMemory: 0)
    bare.floppyDrives = [nil, nil]
    bare.hasEventTimer = false
    return [board(), many, bare]
  }()

  @Test(arguments: boards, [0x7fe_0000, 0xbffe_0000])
  func `every pointer leads to its table and every checksum holds`(board: ACPIBoard, start: Int) throws {
    let firmware = try FirmwareModel(ACPITables(board), start: start)
    let pointer = try #require(firmware.rootPointer)
    #expect(pointer.bytes.starts(with: Array("RSD PTR ".utf8)))
    #expect(pointer.bytes.count == 20 && pointer.sum == 0 && pointer.address % 16 == 0)

    let root = try #require(firmware.root)
    #expect(root.signature == "RSDT" && root.sum == 0)
    #expect(firmware.listed.map(\.signature) == ["FACP", "APIC"] + (board.hasEventTimer ? ["HPET"] : []) + ["WAET"])
    #expect(firmware.listed.allSatisfy { $0.sum == 0 })

    let fixed = try #require(firmware.listed("FACP"))
    let control = try #require(firmware.table(at: fixed.integer(at: 36)))
    #expect(control.signature == "FACS" && control.bytes.count == 64 && control.address % 64 == 0)
    let description = try #require(firmware.description)
    #expect(description.signature == "DSDT" && description.sum == 0)
    #expect(description.bytes[8] == 1, "32-bit integers")
  }

  @Test(arguments: boards)
  func `tables take as much memory as QEMU's`(board: ACPIBoard) throws {
    let firmware = try FirmwareModel(ACPITables(board))
    #expect(firmware.loaded["etc/acpi/tables"]?.bytes.count == 128 << 10)
  }

  /// Offsets of ACPI 1.0b, table 5-5; values of QEMU's `pc`.
  @Test(arguments: [
    (44, 1, 1), (45, 1, 0), (46, 2, 9), (48, 4, 0xb2), (52, 1, 0xf1), (53, 1, 0xf0), (56, 4, 0x600), (60, 4, 0),
    (64, 4, 0x604), (68, 4, 0), (72, 4, 0), (76, 4, 0x608), (80, 4, 0xafe0), (84, 4, 0), (88, 1, 4), (89, 1, 2),
    (90, 1, 0), (91, 1, 4), (92, 1, 4), (93, 1, 0), (96, 2, 0xfff), (98, 2, 0xfff), (108, 1, 0x32), (112, 4, 0x80a5),
  ])
  func `the fixed description has the registers of PIIX4`(offset: Int, byteCount: Int, value: Int) throws {
    let table = try #require(try FirmwareModel(ACPITables(Self.board())).listed("FACP"))
    #expect(table.bytes.count == 116)
    #expect(table.integer(at: offset, byteCount: byteCount) == value)
  }

  /// Contents of the tables of QEMU 7.2's `pc` after their headers, as a guest finds them.
  @Test(
    arguments: [
      (
        "APIC",
        """
        0000e0fe 01000000 0008000001000000 010c00000000c0fe00000000 020a0000020000000000 020a0005050000000d00
        020a0009090000000d00 020a000a0a0000000d00 020a000b0b0000000d00 0406ff000001
        """
      ), ("HPET", "01a28680 00000000 0000d0fe00000000 00000000"),
    ])
  func `interrupt controllers and event timer are described as QEMU's`(signature: String, contents: String) throws {
    let table = try #require(try FirmwareModel(ACPITables(Self.board())).listed(signature))
    let digits = contents.filter(\.isHexDigit)
    #expect(table.bytes[8] == 1)
    #expect(table.bytes.dropFirst(36).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == digits)
  }

  @Test func `power management registers can be elsewhere`() throws {
    var board = Self.board()
    board.powerManagementBase = 0xb000
    let table = try #require(try FirmwareModel(ACPITables(board)).listed("FACP"))
    #expect([56, 64, 76].map { table.integer(at: $0) } == [0xb000, 0xb004, 0xb008])
  }

  @Test(
    arguments: [
      (128 << 20, 0, 0x0800_0000, 0x1_0000_0000), (0xc000_0000, 0x4000_0000, 0xc000_0000, 0x1_4000_0000),
      (0xc000_0000, 0x4000_1000, 0xc000_0000, 0x1_8000_0000), (0xdfff_f000, 0, 0xdfff_f000, 0x1_0000_0000),
    ] as [(UInt64, UInt64, UInt32, UInt64)])
  func `windows of the PCI bus begin above memory`(low: UInt64, high: UInt64, low32: UInt32, low64: UInt64) throws {
    let tables = ACPITables(Self.board(lowMemory: low, highMemory: high))
    let bytes = try #require(try FirmwareModel(tables).description).bytes
    func holds(_ resources: [Resource]) -> Bool {
      // Without the end tag and the buffer's head: tag, one byte of length, the length as an integer.
      let wanted = ResourceTemplate(resources).aml.bytes.dropFirst(4).dropLast(2)
      return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }
    #expect(holds([.memoryWindow(low32...0xfebf_ffff, isCacheable: false)]))
    #expect(holds([.memoryWindow(low64...low64 + 0x7fff_ffff, isCacheable: true)]))
  }
}
