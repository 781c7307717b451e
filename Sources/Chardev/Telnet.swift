// SPDX-License-Identifier: Apache-2.0

/// The receiving half of the telnet protocol, and what a server says first.
///
/// Negotiation answers are swallowed, not argued with: the greeting already states all that is wanted.
/// Reference: RFC 854 (commands), 856 (binary), 857 (echo), 858 (suppress go-ahead).
struct Telnet {
  enum Item: Equatable {
    case data([UInt8])
    case serialBreak
  }

  private enum State { case data, command, option, subnegotiation, subnegotiationCommand }

  private static let escape: UInt8 = 255
  private static let breakCommand: UInt8 = 243
  private static let endSubnegotiation: UInt8 = 240
  private static let beginSubnegotiation: UInt8 = 250
  private static let will: UInt8 = 251
  private static let doIt: UInt8 = 253

  /// WILL echo, WILL suppress-go-ahead, WILL binary, DO binary: a character at a time, eight bits, no local echo.
  static let greeting: [UInt8] = [escape, will, 1, escape, will, 3, escape, will, 0, escape, doIt, 0]

  private var state = State.data

  mutating func receive(_ bytes: [UInt8]) -> [Item] {
    var items: [Item] = []
    var data: [UInt8] = []
    for byte in bytes {
      switch state {
      case .data:
        if byte == Self.escape { state = .command } else { data.append(byte) }
      case .command:
        switch byte {
        case Self.escape:
          data.append(byte)
          state = .data
        case Self.breakCommand:
          if !data.isEmpty { items.append(.data(data)) }
          data = []
          items.append(.serialBreak)
          state = .data
        case Self.beginSubnegotiation: state = .subnegotiation
        case Self.will...254: state = .option
        default: state = .data
        }
      case .option: state = .data
      case .subnegotiation:
        if byte == Self.escape { state = .subnegotiationCommand }
      case .subnegotiationCommand:
        state = byte == Self.endSubnegotiation ? .data : .subnegotiation
      }
    }
    if !data.isEmpty { items.append(.data(data)) }
    return items
  }

  /// Output with each 255 doubled, so that it is data.
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    bytes.contains(escape) ? bytes.flatMap { $0 == escape ? [escape, escape] : [$0] } : bytes
  }
}
