// SPDX-License-Identifier: Apache-2.0
import QAPI

enum HMPExamine: HMPCommand {
  static let names = ["x"]
  static let parameters = "/fmt address"
  static let help = "show virtual memory"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try MemoryDump.run(&line, in: context, isPhysical: false)
  }
}

enum HMPExaminePhysical: HMPCommand {
  static let names = ["xp"]
  static let parameters = "/fmt address"
  static let help = "show physical memory"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try MemoryDump.run(&line, in: context, isPhysical: true)
  }
}

enum HMPPrint: HMPCommand {
  static let names = ["print", "p"]
  static let parameters = "/fmt expression"
  static let help = "evaluate an expression; $name is a register"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    var defaults = context.hub.dumpDefaults
    let format = try line.format(&defaults).1
    context.hub.dumpDefaults = defaults
    let value = UInt64(bitPattern: try line.expression())
    try line.end()
    switch format.style {
    case .octal: return .done(value == 0 ? "0\n" : "0\(String(value, radix: 8))\n")
    case .hexadecimal: return .done(value == 0 ? "0\n" : "0x\(String(value, radix: 16))\n")
    case .unsigned: return .done("\(value)\n")
    case .decimal, .instructions: return .done("\(Int64(bitPattern: value))\n")
    case .character: return .done(MemoryDump.character(UInt8(truncatingIfNeeded: value)) + "\n")
    }
  }
}

enum HMPVirtualMemorySave: HMPCommand {
  static let names = ["memsave"]
  static let parameters = "address size file"
  static let help = "write a range of virtual memory to a file"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let (address, size) = (try line.expression(), try line.integer())
    let name = try line.string()
    try line.end()
    let index = Int64(context.processor.index)
    return try perform(VirtualMemorySave(val: address, size: size, filename: name, cpuIndex: index), in: context)
  }
}

enum HMPPhysicalMemorySave: HMPCommand {
  static let names = ["pmemsave"]
  static let parameters = "address size file"
  static let help = "write a range of physical memory to a file"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let (address, size) = (try line.expression(), try line.integer())
    let name = try line.string()
    try line.end()
    return try perform(PhysicalMemorySave(val: address, size: size, filename: name), in: context)
  }
}

/// The hexadecimal dump behind `x` and `xp`.
enum MemoryDump {
  /// Lines are made until this many characters; a larger count is cut with a remark instead of filling the host's
  /// memory.
  static let longestText = 4 << 20

  static func run(
    _ line: inout HMPLine, in context: MonitorContext, isPhysical: Bool
  ) throws(HMPError) -> Phase<String> {
    var defaults = context.hub.dumpDefaults
    let (count, format) = try line.format(&defaults)
    context.hub.dumpDefaults = defaults
    let address = UInt64(bitPattern: try line.expression())
    try line.end()
    if format.style == .instructions {
      return .done(instructions(count, at: address, in: context, isPhysical: isPhysical))
    }
    return .done(dump(count, format, at: address, in: context, isPhysical: isPhysical))
  }

  private static func instructions(
    _ count: Int, at address: UInt64, in context: MonitorContext, isPhysical: Bool
  ) -> String {
    var text = ""
    var next = address
    var left = count
    while left > 0 {
      let decoded = context.machine.disassemble(
        processor: context.processor.index, at: next, count: min(left, 256), isPhysical: isPhysical)
      for one in decoded {
        text += instruction(one)
        next = one.address &+ UInt64(one.bytes.count)
      }
      left -= decoded.count
      if left > 0, decoded.count < 256 {
        return text + "0x\(Hex.text(next, digits: 8)): unable to read memory\n"
      }
      if text.utf8.count > longestText { return text + "(output cut)\n" }
    }
    return text
  }

  /// Address, up to eight bytes a line, mnemonic, operands.
  static func instruction(_ one: DisassembledInstruction) -> String {
    var lines = ""
    for start in stride(from: 0, to: max(1, one.bytes.count), by: 8) {
      let part = one.bytes[start..<min(start + 8, one.bytes.count)]
      let bytes = part.map { " " + Hex.text($0, digits: 2) }.joined()
      lines += "0x\(Hex.text(one.address &+ UInt64(start), digits: 8)): "
      if start == 0 {
        lines += "\(Hex.padRight(bytes, to: 24))  \(Hex.padRight(one.mnemonic, to: 8)) \(one.operands)\n"
      } else {
        lines += bytes + "\n"
      }
    }
    return lines
  }

  private static func dump(
    _ count: Int, _ format: DumpFormat, at start: UInt64, in context: MonitorContext, isPhysical: Bool
  ) -> String {
    var text = ""
    var address = start
    // Characters are shown one by one, whatever the size, but the size still says how many.
    var left = count.multipliedReportingOverflow(by: format.byteCount).partialValue
    let lineLength = format.byteCount == 1 ? 8 : 16
    let unit = format.style == .character ? 1 : format.byteCount
    while left > 0 {
      text += Hex.text(address, digits: 16) + ":"
      let length = min(left, lineLength)
      guard let bytes = read(length, at: address, in: context, isPhysical: isPhysical) else {
        return text + " Cannot access memory\n"
      }
      for offset in stride(from: 0, to: length, by: unit) {
        var value: UInt64 = 0
        for byte in bytes[offset..<offset + unit].reversed() { value = value << 8 | UInt64(byte) }
        text += " " + number(value, format.style, byteCount: unit)
      }
      text += "\n"
      address &+= UInt64(length)
      left -= length
      if text.utf8.count > longestText { return text + "(output cut)\n" }
    }
    return text
  }

  private static func read(
    _ byteCount: Int, at address: UInt64, in context: MonitorContext, isPhysical: Bool
  ) -> [UInt8]? {
    let machine = context.machine
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let isRead = bytes.withUnsafeMutableBytes { buffer -> Bool in
      if isPhysical { return machine.readPhysical(at: address, into: buffer) }
      do throws(MemoryAccessError) {
        try machine.readVirtual(processor: context.processor.index, at: address, into: buffer)
        return true
      } catch {
        return false
      }
    }
    return isRead ? bytes : nil
  }

  private static func number(_ value: UInt64, _ style: DumpFormat.Style, byteCount: Int) -> String {
    let bits = byteCount * 8
    switch style {
    case .octal: return Hex.pad(value == 0 ? "0" : "0" + String(value, radix: 8), to: (bits + 2) / 3)
    case .hexadecimal, .instructions: return "0x" + Hex.text(value, digits: bits / 4)
    case .unsigned: return Hex.pad(String(value), to: (bits * 10 + 32) / 33)
    case .decimal: return Hex.pad(String(Int64(bitPattern: value)), to: (bits * 10 + 32) / 33)
    case .character: return character(UInt8(truncatingIfNeeded: value))
    }
  }

  /// A C character constant.
  static func character(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "'"): "'\\''"
    case UInt8(ascii: "\\"): "'\\\\'"
    case UInt8(ascii: "\n"): "'\\n'"
    case UInt8(ascii: "\r"): "'\\r'"
    case 0x20...0x7E: "'\(Character(Unicode.Scalar(byte)))'"
    default: "'\\x\(Hex.text(byte, digits: 2))'"
    }
  }
}
