// SPDX-License-Identifier: Apache-2.0
import QAPI

enum InfoRegisters: HMPCommand {
  static let names = ["registers"]
  static let parameters = "[-a|cpu]"
  static let help = "the registers of the current CPU, of another, or with -a of all"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let all = try line.flag("a", among: "a")
    let wanted = try line.optionalInteger()
    try line.end()
    let processors = context.machine.processors
    if all {
      return .done(processors.map { describe($0.index, context) }.joined())
    }
    let index = wanted ?? Int64(context.processor.index)
    guard let known = processors.first(where: { Int64($0.index) == index }) else {
      return .done("CPU#\(index) not available\n")
    }
    return .done(describe(known.index, context))
  }

  private static func describe(_ index: Int, _ context: MonitorContext) -> String {
    "\nCPU#\(index)\n" + context.machine.registers(ofProcessor: index).dump
  }
}

extension ProcessorRegisters {
  /// The layout scripts parse: names, order, widths and line breaks are QEMU's.
  public var dump: String {
    var text = generalDump
    for (name, index) in [("ES", 0), ("CS", 1), ("SS", 2), ("DS", 3), ("FS", 4), ("GS", 5)] {
      text += segmentDump(name, segments[index])
    }
    text += segmentDump("LDT", localDescriptorTable) + segmentDump("TR", task)
    text += "GDT=     \(address(globalDescriptorTable.base)) \(Hex.text(globalDescriptorTable.limit, digits: 8))\n"
    text +=
      "IDT=     \(address(interruptDescriptorTable.base)) \(Hex.text(interruptDescriptorTable.limit, digits: 8))\n"
    text += "CR0=\(word(cr0)) CR2=\(address(cr2)) CR3=\(address(cr3)) CR4=\(word(cr4))\n"
    for (index, value) in debugAddresses.prefix(4).enumerated() { text += "DR\(index)=\(quad(value)) " }
    text += "\nDR6=\(quad(dr6)) DR7=\(quad(dr7))\nEFER=\(quad(efer))\n"
    return text + floatingPointDump
  }

  private func word(_ value: UInt64) -> String { Hex.text(UInt32(truncatingIfNeeded: value), digits: 8) }
  private func quad(_ value: UInt64) -> String { Hex.text(value, digits: 16) }
  private func address(_ value: UInt64) -> String { is64Bit ? quad(value) : word(value) }

  private var generalDump: String {
    let names = is64Bit ? Self.names64 : Self.names32
    var text = ""
    for (position, (name, index)) in names.enumerated() {
      text += "\(name)=\(address(general[index]))" + (position % 4 == 3 ? "\n" : " ")
    }
    let letters: [(UInt64, Character)] = [
      (1 << 10, "D"), (1 << 11, "O"), (1 << 7, "S"), (1 << 6, "Z"), (1 << 4, "A"), (1 << 2, "P"), (1, "C"),
    ]
    let shown = String(letters.map { flags & $0.0 != 0 ? $0.1 : "-" })
    text += is64Bit ? "RIP=\(quad(instructionPointer)) RFL=" : "EIP=\(word(instructionPointer)) EFL="
    text += "\(word(flags)) [\(shown)] CPL=\(privilegeLevel) II=\(isInterruptInhibited ? 1 : 0) "
    text += "A20=\(isA20Enabled ? 1 : 0) SMM=\(isInSMM ? 1 : 0) HLT=\(isHalted ? 1 : 0)\n"
    return text
  }

  private static let names32 = [
    ("EAX", 0), ("EBX", 3), ("ECX", 1), ("EDX", 2), ("ESI", 6), ("EDI", 7), ("EBP", 5), ("ESP", 4),
  ]
  private static let names64 = [
    ("RAX", 0), ("RBX", 3), ("RCX", 1), ("RDX", 2), ("RSI", 6), ("RDI", 7), ("RBP", 5), ("RSP", 4), ("R8 ", 8),
    ("R9 ", 9), ("R10", 10), ("R11", 11), ("R12", 12), ("R13", 13), ("R14", 14), ("R15", 15),
  ]

  private func segmentDump(_ name: String, _ segment: Segment) -> String {
    var text = "\(Hex.padRight(name, to: 3))=\(Hex.text(segment.selector, digits: 4)) \(address(segment.base)) "
    text += "\(Hex.text(segment.limit, digits: 8)) \(Hex.text(segment.attributes, digits: 8))"
    let isPresent = segment.attributes & (1 << 15) != 0
    if cr0 & 1 != 0, isPresent { text += meaning(of: segment.attributes) }
    return text + "\n"
  }

  /// What a descriptor's attributes say (Intel SDM volume 3, tables 3-1 and 3-2).
  private func meaning(of attributes: UInt32) -> String {
    func letter(_ bit: UInt32, _ letter: String) -> String { attributes & (1 << bit) != 0 ? letter : "-" }
    let isLongMode = efer & (1 << 10) != 0
    let isBig = attributes & (1 << 22) != 0
    var text = " DPL=\((attributes >> 13) & 3) "
    guard attributes & (1 << 12) != 0 else {
      return text + (isLongMode ? Self.systemTypes64 : Self.systemTypes32)[Int((attributes >> 8) & 15)]
    }
    if attributes & (1 << 11) != 0 {
      text += attributes & (1 << 21) != 0 ? "CS64" : isBig ? "CS32" : "CS16"
      text += " [\(letter(10, "C"))\(letter(9, "R"))"
    } else {
      text += isBig || isLongMode ? "DS  " : "DS16"
      text += " [\(letter(10, "E"))\(letter(9, "W"))"
    }
    return text + "\(letter(8, "A"))]"
  }

  private static let systemTypes32 = [
    "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16", "Reserved",
    "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32",
  ]
  private static let systemTypes64 = [
    "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "TSS64-avl",
    "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64", "TrapGate64",
  ]

  private var floatingPointDump: String {
    var text = "FCW=\(Hex.text(fpuControl, digits: 4)) FSW=\(Hex.text(fpuStatus, digits: 4)) "
    text += "[ST=\((fpuStatus >> 11) & 7)] FTW=\(Hex.text(fpuTagsInUse, digits: 2)) "
    text += "MXCSR=\(Hex.text(mxcsr, digits: 8))\n"
    for (index, value) in fpu.prefix(8).enumerated() {
      text += "FPR\(index)=\(quad(value.significand)) \(Hex.text(value.signExponent, digits: 4))"
      text += index % 2 == 1 ? "\n" : " "
    }
    for (index, value) in xmm.prefix(is64Bit ? 16 : 8).enumerated() {
      text += "XMM\(Hex.pad(String(index), to: 2, with: "0"))=\(quad(value.high)) \(quad(value.low))"
      text += index % 2 == 1 ? "\n" : " "
    }
    return text
  }
}
