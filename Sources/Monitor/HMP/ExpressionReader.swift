// SPDX-License-Identifier: Apache-2.0

/// Reads the monitor's arithmetic: 64-bit signed, `+ -` weakest, then `& | ^` from left to right, then `* / %`, then
/// unary `+ - ~`, parentheses, numbers in C's notation, `'c'`, and `$register`.
struct ExpressionReader {
  private let context: MonitorContext
  /// Nesting is bounded so that a long line of parentheses cannot exhaust the stack.
  private static let deepest = 256

  init(_ context: MonitorContext) { self.context = context }

  func value(_ line: inout HMPLine) throws(HMPError) -> Int64 { try sum(&line, depth: 0) }

  private func next(_ line: inout HMPLine) {
    line.advance()
    line.skipSpaces()
  }

  private func sum(_ line: inout HMPLine, depth: Int) throws(HMPError) -> Int64 {
    guard depth < Self.deepest else { throw .usage("expression is nested too deeply") }
    var left = try logic(&line, depth: depth)
    while true {
      switch line.current {
      case UInt8(ascii: "+"):
        next(&line)
        left &+= try logic(&line, depth: depth)
      case UInt8(ascii: "-"):
        next(&line)
        left &-= try logic(&line, depth: depth)
      default: return left
      }
    }
  }

  private func logic(_ line: inout HMPLine, depth: Int) throws(HMPError) -> Int64 {
    var left = try product(&line, depth: depth)
    while true {
      switch line.current {
      case UInt8(ascii: "&"):
        next(&line)
        left &= try product(&line, depth: depth)
      case UInt8(ascii: "|"):
        next(&line)
        left |= try product(&line, depth: depth)
      case UInt8(ascii: "^"):
        next(&line)
        left ^= try product(&line, depth: depth)
      default: return left
      }
    }
  }

  private func product(_ line: inout HMPLine, depth: Int) throws(HMPError) -> Int64 {
    var left = try unary(&line, depth: depth)
    while true {
      let sign = line.current
      switch sign {
      case UInt8(ascii: "*"):
        next(&line)
        left &*= try unary(&line, depth: depth)
      case UInt8(ascii: "/"), UInt8(ascii: "%"):
        next(&line)
        let right = try unary(&line, depth: depth)
        if right == 0 { throw .usage("division by zero") }
        // The one overflow, the least number by -1, wraps.
        left =
          sign == UInt8(ascii: "/")
          ? left.dividedReportingOverflow(by: right).partialValue
          : left.remainderReportingOverflow(dividingBy: right).partialValue
      default: return left
      }
    }
  }

  private func unary(_ line: inout HMPLine, depth: Int) throws(HMPError) -> Int64 {
    guard depth < Self.deepest else { throw .usage("expression is nested too deeply") }
    if line.isAtEnd { throw .usage("unexpected end of expression") }
    switch line.current {
    case UInt8(ascii: "+"):
      next(&line)
      return try unary(&line, depth: depth + 1)
    case UInt8(ascii: "-"):
      next(&line)
      return 0 &- (try unary(&line, depth: depth + 1))
    case UInt8(ascii: "~"):
      next(&line)
      return ~(try unary(&line, depth: depth + 1))
    case UInt8(ascii: "("):
      next(&line)
      let inner = try sum(&line, depth: depth + 1)
      guard line.current == UInt8(ascii: ")") else { throw .usage("')' expected") }
      next(&line)
      return inner
    case UInt8(ascii: "'"): return try character(&line)
    case UInt8(ascii: "$"): return try register(&line)
    default: return try number(&line)
    }
  }

  private func character(_ line: inout HMPLine) throws(HMPError) -> Int64 {
    line.advance()
    if line.isAtEnd { throw .usage("character constant expected") }
    let value = Int64(line.current)
    line.advance()
    guard line.current == UInt8(ascii: "'") else { throw .usage("missing terminating ' character") }
    next(&line)
    return value
  }

  private func register(_ line: inout HMPLine) throws(HMPError) -> Int64 {
    line.advance()
    let start = line.position
    while Self.isNamePart(line.current) { line.advance() }
    let name = line.text(from: start)
    line.skipSpaces()
    let registers = context.machine.registers(ofProcessor: context.processor.index)
    guard let value = registers.value(named: name) else { throw .usage("unknown register") }
    return Int64(bitPattern: value)
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".")
  }

  /// Decimal, 0x hexadecimal or 0 octal; ends at the first byte that is no digit of its base.
  private func number(_ line: inout HMPLine) throws(HMPError) -> Int64 {
    let first = line.current
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
      throw .usage("invalid char '\(HMPLine.shown(first))' in expression")
    }
    var base: UInt64 = 10
    if first == UInt8(ascii: "0") {
      base = 8
      var ahead = line
      ahead.advance()
      if ahead.current | 0x20 == UInt8(ascii: "x") {
        ahead.advance()
        if Self.digit(ahead.current, base: 16) != nil { (line, base) = (ahead, 16) }
      }
    }
    var value: UInt64 = 0
    var isTooLarge = false
    while let digit = Self.digit(line.current, base: base) {
      let (scaled, overflow) = value.multipliedReportingOverflow(by: base)
      let (sum, carry) = scaled.addingReportingOverflow(digit)
      isTooLarge = isTooLarge || overflow || carry
      value = sum
      line.advance()
    }
    if isTooLarge { throw .usage("number too large") }
    line.skipSpaces()
    return Int64(bitPattern: value)
  }

  private static func digit(_ byte: UInt8, base: UInt64) -> UInt64? {
    let value: UInt64
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): value = UInt64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): value = UInt64(byte - UInt8(ascii: "A")) + 10
    default: return nil
    }
    return value < base ? value : nil
  }
}

extension ProcessorRegisters {
  private static let generalNames: [String: Int] = [
    "eax": 0, "ecx": 1, "edx": 2, "ebx": 3, "esp": 4, "sp": 4, "ebp": 5, "fp": 5, "esi": 6, "edi": 7,
    "r8": 8, "r9": 9, "r10": 10, "r11": 11, "r12": 12, "r13": 13, "r14": 14, "r15": 15,
  ]
  private static let segmentNames: [String: Int] = ["es": 0, "cs": 1, "ss": 2, "ds": 3, "fs": 4, "gs": 5]

  /// The registers an expression may name.
  func value(named name: String) -> UInt64? {
    if let index = Self.generalNames[name] { return general[index] }
    let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    if let first = parts.first, let index = Self.segmentNames[String(first)] {
      switch parts.count == 2 ? parts[1] : "" {
      case "" where parts.count == 1: return UInt64(segments[index].selector)
      case "base": return segments[index].base
      case "limit": return UInt64(segments[index].limit)
      default: return nil
      }
    }
    switch name {
    case "eflags": return flags
    case "eip": return instructionPointer
    case "pc": return segments[1].base &+ instructionPointer
    default: return nil
    }
  }
}
