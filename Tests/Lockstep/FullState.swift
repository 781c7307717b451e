// SPDX-License-Identifier: Apache-2.0
import X86

extension Comparison {
  /// Makes our processor and memory equal to the reference machine's, which has stopped somewhere. Devices stay as
  /// they are.
  ///
  /// The hidden parts of segments come from the monitor's `info registers`, which the stub's registers do not have.
  func adoptState() throws {
    let registers = try reference.registers()
    let words = FullState(try reference.monitor("info registers"))
    var system = Processor.SystemRegisters()
    system.cr0 = registers.cr0
    system.cr2 = registers.cr2
    system.cr3 = registers.cr3
    system.cr4 = registers.cr4
    system.efer = registers.efer
    system.segments = try ["ES", "CS", "SS", "DS", "FS", "GS"].map { try words.segment($0) }
    system.ldtr = try words.segment("LDT")
    system.tr = try words.segment("TR")
    system.gdtr = try words.table("GDT")
    system.idtr = try words.table("IDT")
    system.debug = try [0, 1, 2, 3, 4, 5, 6, 7].map { $0 == 4 || $0 == 5 ? 0 : try words.number("DR\($0)") }
    system.privilege = UInt8(truncatingIfNeeded: try words.number("CPL"))
    memories.adoptAll()
    let processor = subject.processor
    processor.flags = registers.flags
    processor.replaceSystemRegisters(system)
    for number in 0..<16 { processor.setRegister(number, registers.general[number]) }
    processor.instructionPointer = registers.ip
  }
}

/// The text of `info registers`: `NAME=value` words, segments and tables as lines of several values.
private struct FullState {
  private var lines: [String: [UInt64]] = [:]

  init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      // Names may be padded before the sign.
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2, let name = parts[0].split(separator: " ").first, parts[0].split(separator: " ").count == 1 {
        let values = parts[1].split(separator: " ").prefix { UInt64($0, radix: 16) != nil }
        lines[String(name)] = values.compactMap { UInt64($0, radix: 16) }
      }
      for word in line.split(separator: " ") {
        let pair = word.split(separator: "=", maxSplits: 1)
        if pair.count == 2, let value = UInt64(pair[1], radix: 16), lines[String(pair[0])] == nil {
          lines[String(pair[0])] = [value]
        }
      }
    }
  }

  func number(_ name: String) throws -> UInt64 {
    guard let value = lines[name]?.first else { throw LockstepError("The monitor does not show \(name).") }
    return value
  }

  func segment(_ name: String) throws -> Segment {
    guard let values = lines[name], values.count >= 4 else { throw LockstepError("The monitor does not show \(name).") }
    var segment = Segment()
    segment.selector = UInt16(truncatingIfNeeded: values[0])
    segment.base = values[1]
    segment.limit = UInt32(truncatingIfNeeded: values[2])
    segment.attributes = UInt16(truncatingIfNeeded: values[3] >> 8) & 0xf0ff
    return segment
  }

  func table(_ name: String) throws -> DescriptorTableRegister {
    guard let values = lines[name], values.count >= 2 else { throw LockstepError("The monitor does not show \(name).") }
    var table = DescriptorTableRegister()
    table.base = values[0]
    table.limit = UInt16(truncatingIfNeeded: values[1])
    return table
  }
}
