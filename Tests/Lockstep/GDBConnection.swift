// SPDX-License-Identifier: Apache-2.0
import HostIO

/// What went wrong, as a sentence for the user.
struct LockstepError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// A client of a gdb stub over a stream socket: packets in, packets out.
///
/// *Reference:* GDB manual, appendix E, "Remote Protocol"; QEMU documentation, "GDB usage", for the `qemu.` packets.
final class GDBConnection {
  private let socket: FileDescriptor
  private var received: [UInt8] = []
  private var position = 0
  /// Longest time to wait for an answer.
  private let limit: Int32 = 30_000

  init(_ socket: FileDescriptor) throws {
    self.socket = socket
    guard try ask("qSupported:xmlRegisters=i386").contains("qXfer:features:read+") else {
      throw LockstepError("The gdb stub describes no registers.")
    }
  }

  func close() { socket.closeIgnoringErrors() }

  /// Sends a packet and returns the answer; nil if none comes within `milliseconds`.
  func ask(_ packet: String, within milliseconds: Int32) throws -> String? {
    try send(packet)
    return try receive(milliseconds)
  }

  func ask(_ packet: String) throws -> String {
    guard let answer = try ask(packet, within: limit) else { throw LockstepError("No answer to '\(packet)'.") }
    return answer
  }

  /// `ask` for packets whose only good answer is OK.
  func command(_ packet: String) throws {
    let answer = try ask(packet)
    guard answer == "OK" else { throw LockstepError("'\(packet)' was answered '\(answer)'.") }
  }

  /// A monitor command's output.
  func monitor(_ command: String) throws -> String {
    try send("qRcmd," + command.utf8.map { GDBConnection.hex(UInt64($0), digits: 2) }.joined())
    var text: [UInt8] = []
    while let answer = try receive(limit) {
      if answer == "OK" { return String(decoding: text, as: UTF8.self) }
      guard answer.hasPrefix("O") else { throw LockstepError("The monitor refused '\(command)': \(answer)") }
      text += GDBConnection.bytes(answer.dropFirst())
    }
    throw LockstepError("No answer to the monitor command '\(command)'.")
  }

  /// A document of the stub, read piece by piece.
  func document(_ name: String) throws -> String {
    var text = ""
    while true {
      let offset = GDBConnection.hex(UInt64(text.utf8.count), digits: 1)
      let piece = try ask("qXfer:features:read:\(name):\(offset),7fb")
      text += piece.dropFirst()
      if piece.hasPrefix("l") { return text }
      guard piece.hasPrefix("m") else { throw LockstepError("The gdb stub has no '\(name)'.") }
    }
  }

  // MARK: Packets

  private func send(_ packet: String) throws {
    let sum = packet.utf8.reduce(0 as UInt8, &+)
    try socket.writeAll("$\(packet)#\(GDBConnection.hex(UInt64(sum), digits: 2))")
  }

  private func receive(_ milliseconds: Int32) throws -> String? {
    while let first = try nextByte(milliseconds) {
      guard first == UInt8(ascii: "$") else { continue }
      var content: [UInt8] = []
      while let byte = try nextByte(milliseconds), byte != UInt8(ascii: "#") {
        if byte == UInt8(ascii: "*"), let last = content.last, let count = try nextByte(milliseconds) {
          // Run-length encoding: 29 is added to the count so that it is printable.
          content += [UInt8](repeating: last, count: Int(count) - 29)
        } else {
          content.append(byte)
        }
      }
      _ = try nextByte(milliseconds)
      _ = try nextByte(milliseconds)
      try socket.writeAll("+")
      return String(decoding: content, as: UTF8.self)
    }
    return nil
  }

  private func nextByte(_ milliseconds: Int32) throws -> UInt8? {
    if position == received.count {
      guard try socket.wait(for: .readable, milliseconds: milliseconds).contains(.readable) else { return nil }
      received = try socket.read(upTo: 1 << 16)
      position = 0
      if received.isEmpty { throw LockstepError("The reference machine has ended.") }
    }
    position += 1
    return received[position - 1]
  }

  // MARK: Hexadecimal

  static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  static func bytes(_ text: some StringProtocol) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count / 2)
    var high: UInt8?
    for character in text.utf8 {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
      default: digit = 0
      }
      if let first = high {
        result.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return result
  }
}
