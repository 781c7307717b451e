// SPDX-License-Identifier: Apache-2.0

/// The registers that both machines are compared by.
struct Registers: Equatable {
  /// RAX RCX RDX RBX RSP RBP RSI RDI R8…R15.
  var general = [UInt64](repeating: 0, count: 16)
  var ip: UInt64 = 0
  var flags: UInt32 = 0
  /// ES CS SS DS FS GS.
  var selectors = [UInt16](repeating: 0, count: 6)
  var fsBase: UInt64 = 0
  var gsBase: UInt64 = 0
  var cr0: UInt64 = 0
  var cr2: UInt64 = 0
  var cr3: UInt64 = 0
  var cr4: UInt64 = 0
  var efer: UInt64 = 0

  static let generalNames = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
  ]
  static let selectorNames = ["es", "cs", "ss", "ds", "fs", "gs"]

  /// EFLAGS bits that exist.
  static let flagMask: UInt32 = 0x3f_7fd5

  /// Name and value of each, in the order of a report.
  var named: [(name: String, value: UInt64)] {
    zip(Registers.generalNames, general).map { ($0, $1) } + [("rip", ip), ("eflags", UInt64(flags))]
      + zip(Registers.selectorNames, selectors).map { ($0, UInt64($1)) }
      + [
        ("fs_base", fsBase), ("gs_base", gsBase), ("cr0", cr0), ("cr2", cr2), ("cr3", cr3), ("cr4", cr4),
        ("efer", efer),
      ]
  }
}

/// Where each register lies in the answer to `g`, read from the stub's own description.
struct RegisterLayout {
  private var places: [String: (number: Int, offset: Int, byteCount: Int)] = [:]
  private(set) var byteCount = 0

  /// `description`: the documents that target.xml names, in its order.
  init(_ description: String) throws {
    var number = 0
    for element in RegisterLayout.withoutComments(description).split(separator: "<") where element.hasPrefix("reg ") {
      guard let name = RegisterLayout.attribute("name", element),
        let bits = RegisterLayout.attribute("bitsize", element).flatMap({ Int($0) })
      else { throw LockstepError("A register of the gdb stub has no name or size.") }
      places[name] = (number, byteCount, bits / 8)
      number += 1
      byteCount += bits / 8
    }
    for name in Registers().named.map(\.name) where places[name] == nil {
      throw LockstepError("The gdb stub has no register '\(name)'.")
    }
  }

  /// The stub's description has registers in comments.
  private static func withoutComments(_ text: String) -> String {
    var bytes = ArraySlice(Array(text.utf8)), result: [UInt8] = []
    while let byte = bytes.first {
      if bytes.starts(with: Array("<!--".utf8)) {
        while !bytes.isEmpty, !bytes.starts(with: Array("-->".utf8)) { bytes.removeFirst() }
      } else {
        result.append(byte)
        bytes.removeFirst()
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func attribute(_ name: String, _ element: Substring) -> String? {
    for word in element.split(separator: " ") where word.hasPrefix(name + "=\"") {
      return String(word.dropFirst(name.count + 2).prefix { $0 != "\"" })
    }
    return nil
  }

  func number(of name: String) -> Int? { places[name]?.number }

  func read(_ bytes: [UInt8]) throws -> Registers {
    guard bytes.count >= byteCount else { throw LockstepError("The gdb stub sent \(bytes.count) bytes of registers.") }
    func value(_ name: String) -> UInt64 {
      guard let place = places[name] else { return 0 }
      return bytes[place.offset..<place.offset + place.byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    var registers = Registers()
    for (index, name) in Registers.generalNames.enumerated() { registers.general[index] = value(name) }
    for (index, name) in Registers.selectorNames.enumerated() {
      registers.selectors[index] = UInt16(truncatingIfNeeded: value(name))
    }
    registers.ip = value("rip")
    registers.flags = UInt32(truncatingIfNeeded: value("eflags")) & Registers.flagMask
    registers.fsBase = value("fs_base")
    registers.gsBase = value("gs_base")
    registers.cr0 = value("cr0")
    registers.cr2 = value("cr2")
    registers.cr3 = value("cr3")
    registers.cr4 = value("cr4")
    registers.efer = value("efer")
    return registers
  }
}
