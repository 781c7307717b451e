// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import X86

/// Strings of 16 bytes, each in a slot of 32 that ends in NOPs, so that whatever the first instruction leaves undecoded
/// cannot spill into the next slot.
struct Corpus {
  static let slot = 32
  private(set) var bytes: [UInt8] = []
  private var sequence: Sequence64
  private let size: CodeSize

  /// Every opcode of the four maps with all values of ModRM.mod and reg, behind random prefixes.
  init(size: CodeSize) {
    self.size = size
    sequence = Sequence64(state: UInt64(size.rawValue) + 100)
    for opcode in 0...0xff {
      for modReg in 0..<32 {
        append([UInt8(opcode)], modReg)
        append([0x0f, UInt8(opcode)], modReg)
      }
      for modReg in stride(from: 0, to: 32, by: 5) {
        append([0x0f, 0x38, UInt8(opcode)], modReg)
        append([0x0f, 0x3a, UInt8(opcode)], modReg)
      }
    }
    // The x87 maps are dense in ModRM: all of it.
    for opcode in 0xd8...0xdf {
      for modRM in 0...0xff { append([UInt8(opcode), UInt8(modRM)], nil) }
    }
  }

  var count: Int { bytes.count / Self.slot }

  private static let prefixes: [UInt8] = [
    0x66, 0x66, 0x66, 0x66, 0x66, 0x67, 0x67, 0x67, 0xf2, 0xf2, 0xf3, 0xf3, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65,
    0xf0, 0xf0,
  ]

  private mutating func append(_ opcode: [UInt8], _ modReg: Int?) {
    var string: [UInt8] = []
    let draw = sequence.below(100)
    let prefixCount = draw < 50 ? 0 : draw < 85 ? 1 : draw < 97 ? 2 : 3
    for _ in 0..<prefixCount { string.append(Self.prefixes[sequence.below(Self.prefixes.count)]) }
    if size == .bits64, sequence.below(3) == 0 { string.append(0x40 | UInt8(sequence.below(16))) }
    string += opcode
    if let modReg { string.append(UInt8(modReg << 3) | UInt8(sequence.below(8))) }
    while string.count < 16 {
      let draw = sequence.below(6)
      string.append(draw == 0 ? 0 : draw == 1 ? 0xff : sequence.byte())
    }
    bytes += string + [UInt8](repeating: 0x90, count: Self.slot - string.count)
  }
}

/// One line of `objdump`.
struct Listed {
  var length = 0
  var text = ""
}

enum Objdump {
  enum Syntax: String {
    case intel, att
  }

  /// What `objdump` makes of the first instruction in each slot.
  static func disassemble(_ corpus: Corpus, _ size: CodeSize, _ syntax: Syntax) throws -> [Listed] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("corpus-\(UUID().uuidString).bin")
    try Data(corpus.bytes).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let mode = [CodeSize.bits16: "i8086", .bits32: "i386", .bits64: "x86-64,intel64"][size] ?? ""
    process.arguments = [
      "objdump", "-D", "-z", "-w", "--insn-width=16", "-b", "binary", "-m", size == .bits64 ? "i386:x86-64" : "i386",
      "-M", mode + (syntax == .intel ? ",intel" : ""), file.path,
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "objdump of binutils is needed")
    return parse([UInt8](output), count: corpus.count)
  }

  /// Keeps the lines whose address starts a slot: `  20:	8b 00 	mov …`.
  private static func parse(_ output: [UInt8], count: Int) -> [Listed] {
    var listed = [Listed](repeating: Listed(), count: count)
    for line in output.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon - line.startIndex <= 10 else { continue }
      let digits = line[line.startIndex..<colon].drop { $0 == UInt8(ascii: " ") }
      // Slots are 32 bytes: their addresses end in an even digit and a 0.
      guard digits.last == UInt8(ascii: "0"), let address = Int(String(decoding: digits, as: UTF8.self), radix: 16),
        address % Corpus.slot == 0
      else { continue }
      let fields = line[(colon + 1)...].split(separator: UInt8(ascii: "\t"))
      guard fields.count >= 2, address / Corpus.slot < count else { continue }
      let length = fields[0].split(separator: UInt8(ascii: " ")).count
      listed[address / Corpus.slot] = Listed(length: length, text: String(decoding: fields[1], as: UTF8.self))
    }
    return listed
  }
}
