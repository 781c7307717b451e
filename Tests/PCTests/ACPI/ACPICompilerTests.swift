// SPDX-License-Identifier: Apache-2.0
import Foundation
import PC
import Testing

/// The tables as ACPICA, the interpreter of most operating systems, understands them (Debian's `acpica-tools`).
@Suite struct ACPICompilerTests {
  /// A folder with one table in it, removed with what the tools write beside it.
  final class Workplace {
    let folder: URL
    let table: FirmwareModel.Table

    init(_ table: FirmwareModel.Table) throws {
      self.table = table
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("acpi-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(table.bytes).write(to: folder.appendingPathComponent("table.dat"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What a tool prints, on both streams; it must succeed.
    func run(_ arguments: String...) throws -> String {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = arguments
      process.currentDirectoryURL = folder
      let pipe = Pipe()
      (process.standardOutput, process.standardError) = (pipe, pipe)
      try process.run()
      let output = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      let text = String(decoding: output, as: UTF8.self)
      try #require(process.terminationStatus == 0, "\(arguments) of acpica-tools: \(text)")
      return text
    }

    func contents(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }
  }

  static func tables(_ board: ACPIBoard) throws -> [FirmwareModel.Table] {
    let firmware = try FirmwareModel(ACPITables(board))
    return try [#require(firmware.description)] + firmware.listed
  }

  /// Disassembled and compiled again without optimization, a table is the same but for the compiler's name.
  @Test(arguments: ACPITablesTests.boards)
  func `ACPICA has nothing to remark on and reads what was written`(board: ACPIBoard) throws {
    for table in try Self.tables(board) {
      let workplace = try Workplace(table)
      let disassembly = try workplace.run("iasl", "-d", "table.dat")
      #expect(!disassembly.contains("Warning") && !disassembly.contains("Error"), "\(disassembly)")
      let compilation = try workplace.run("iasl", "-oa", "-p", "again", "table.dsl")
      #expect(compilation.contains("0 Errors, 0 Warnings, 0 Remarks"), "\(compilation)")
      #expect(try workplace.contents("again.aml").dropFirst(36) == table.bytes.dropFirst(36)[...], "\(table.signature)")
    }
  }

  /// Values that objects have, evaluated one after the other on one machine whose PCI configuration space starts as
  /// zeros: `[Integer] = …` or `[Buffer] …` in the interpreter's words.
  static func evaluate(_ board: ACPIBoard, _ objects: [String]) throws -> [String] {
    let description = try #require(try tables(board).first)
    let commands = objects.map { "evaluate \($0)" }.joined(separator: ";")
    let output = try Workplace(description).run("acpiexec", "-b", commands, "table.dat")
    return output.split(separator: "\n").compactMap { line in
      let line = line.drop { $0 == " " }
      if line.starts(with: "[Integer] = ") { return String(line.suffix(2)) }
      guard line.starts(with: "[Buffer]"), let colon = line.firstIndex(of: ":"), let end = line.firstRange(of: "//")
      else { return nil }
      return line[line.index(after: colon)..<end.lowerBound].split(separator: " ").joined(separator: " ")
    }
  }

  @Test(arguments: ["LNKA", "LNKB", "LNKC", "LNKD"])
  func `a link is set, reads back and is disabled through its route register`(link: String) throws {
    func path(_ name: String) -> String { #"\_SB."# + link + "." + name }
    func resource(_ interrupt: String) -> String { "89 06 00 09 01 \(interrupt) 00 00 00 79 00" }
    let setting = path("_SRS") + " (89060009010B0000007900)"
    let values = try Self.evaluate(
      ACPITablesTests.board(),
      [path("_STA"), setting, path("_STA"), path("_CRS"), path("_DIS"), path("_STA"), path("_CRS")])
    #expect(values == ["0B", "0B", resource("0B"), "09", resource("00")])
  }

  @Test func `a link leaves the other links alone`() throws {
    let links = ["LNKA", "LNKB", "LNKC", "LNKD"].map { #"\_SB."# + $0 }
    let settings = links.enumerated().map { $0.element + "._SRS (89060009010\($0.offset + 5)0000007900)" }
    let values = try Self.evaluate(ACPITablesTests.board(), settings + links.map { $0 + "._CRS" })
    #expect(values == (5...8).map { "89 06 00 09 01 0\($0) 00 00 00 79 00" })
  }

  @Test func `the system control interrupt stays where it is`() throws {
    let values = try Self.evaluate(
      ACPITablesTests.board(),
      [#"\_SB.LNKS._SRS (89060009010B0000007900)"#, #"\_SB.LNKS._DIS"#, #"\_SB.LNKS._CRS"#, #"\_SB.LNKS._STA"#])
    #expect(values == ["89 06 00 09 01 09 00 00 00 79 00", "0B"])
  }

  /// Slot, pin and link as PIIX3's board has them: PIRQA for pin A of slot 1, one further for each pin and slot.
  @Test(arguments: [
    (0, 0, "LNKD"), (0, 1, "LNKA"), (1, 0, "LNKS"), (1, 1, "LNKB"), (1, 3, "LNKD"), (2, 0, "LNKB"), (3, 0, "LNKC"),
    (3, 3, "LNKB"), (4, 0, "LNKD"), (5, 0, "LNKA"), (31, 0, "LNKC"), (31, 3, "LNKB"),
  ])
  func `interrupt pins are routed over the links`(slot: Int, pin: Int, link: String) throws {
    let description = try #require(try Self.tables(ACPITablesTests.board()).first)
    let workplace = try Workplace(description)
    _ = try workplace.run("iasl", "-d", "table.dat")
    let text = String(decoding: try workplace.contents("table.dsl"), as: UTF8.self)
    let table = try #require(text.firstRange(of: "_PRT, Package (0x80)"))
    let words = text[table.upperBound...].split { " ,\n(){}".contains($0) }
    let digits = String(slot << 16 | 0xffff, radix: 16, uppercase: true)
    let address = slot == 0 ? "0xFFFF" : "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    let pinText = ["Zero", "One", "0x02", "0x03"][pin]
    let row = ["Package", "0x04", address, pinText, link, "Zero"]
    #expect(words.indices.contains { words[$0...].lazy.map { String($0) }.starts(with: row) }, "\(row)")
  }

  /// Each device that is present, by its Plug and Play identifier, in order.
  @Test(arguments: zip(ACPITablesTests.boards, [1, 255, 0]))
  func `ISA devices are those of the board`(board: ACPIBoard, uartCount: Int) throws {
    let description = try #require(try Self.tables(board).first)
    let workplace = try Workplace(description)
    _ = try workplace.run("iasl", "-d", "table.dat")
    let text = String(decoding: try workplace.contents("table.dsl"), as: UTF8.self)
    func count(_ identifier: String) -> Int { text.ranges(of: "_HID, EisaId (\"\(identifier)\")").count }
    #expect(count("PNP0303") == 1 && count("PNP0B00") == 1 && count("PNP0F13") == 1)
    #expect(count("PNP0103") == (board.hasEventTimer ? 1 : 0))
    #expect(count("PNP0501") == uartCount)
    #expect(count("PNP0700") == (board.floppyDrives == nil ? 0 : 1))
    #expect(text.ranges(of: "_FDI").count == (board.floppyDrives ?? []).count { $0 != nil } * 2, "name and its comment")
  }

  @Test(arguments: [3, 4, 31]) func `a slot is ejected through its bit`(slot: Int) throws {
    let object = #"\_SB.PCI0.S"# + String(slot * 8, radix: 16, uppercase: true)
    let output = try Self.interpret([
      "\(object)._ADR", "\(object)._SUN", "\(object)._EJ0 1", #"\_SB.PCI0.B0EJ"#, #"\_SB.PCI0.BNUM"#,
    ])
    #expect(output == [UInt64(slot) << 16, UInt64(slot), 1 << UInt64(slot), 0])
  }

  @Test func `only slots that can be emptied are described`() throws {
    var board = ACPITablesTests.board()
    board.hotplugSlots = 1 << 2 | 1 << 7
    let description = try #require(try Self.tables(board).first)
    let workplace = try Workplace(description)
    _ = try workplace.run("iasl", "-d", "table.dat")
    let text = String(decoding: try workplace.contents("table.dsl"), as: UTF8.self)
    #expect(text.ranges(of: "Method (_EJ0").count == 2)
    #expect(text.contains("Device (S10)") && text.contains("Device (S38)"))
    #expect(text.contains("Notify (S10, Arg1)") && text.contains("Notify (S38, Arg1)"))
    #expect(text.contains("Method (_E01"))
  }

  /// The number register of the interpreter's simulated ports reads back what was written: a bit, which is a number.
  @Test func `a device's number is told through its specific method`() throws {
    let method = #"\_SB.PCI0.S28._DSM"#
    let labeling = "(D037C9E553357A4D9117EA4D19C3434D)"
    let values = try Self.evaluate(
      ACPITablesTests.board(),
      [
        "\(method) \(labeling) 2 0 0", "\(method) \(labeling) 1 0 0",
        "\(method) (00112233445566778899AABBCCDDEEFF) 2 0 0",
        "\(method) \(labeling) 2 3 0",
      ])
    #expect(values == ["81", "00", "00", "00"])
    let description = try #require(try Self.tables(ACPITablesTests.board()).first)
    let label = try Workplace(description).run("acpiexec", "-b", "evaluate \(method) \(labeling) 2 7 0", "table.dat")
    #expect(label.contains("[Package] Contains 2 Elements") && label.contains("= 0000000000000020"), "\(label)")
  }

  /// Integers that objects have, evaluated one after the other.
  private static func interpret(_ objects: [String]) throws -> [UInt64] {
    let description = try #require(try tables(ACPITablesTests.board()).first)
    let commands = objects.map { "evaluate \($0)" }.joined(separator: ";")
    let output = try Workplace(description).run("acpiexec", "-b", commands, "table.dat")
    return output.split(separator: "\n").compactMap { line in
      let line = line.drop { $0 == " " }
      return line.starts(with: "[Integer] = ") ? UInt64(line.dropFirst(12), radix: 16) : nil
    }
  }
}
