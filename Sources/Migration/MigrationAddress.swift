// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO

/// Where a migration goes to or comes from: the URI of `migrate`, `migrate-incoming` and `-incoming`.
///
/// Names of files, sockets and commands are taken as they stand; only TCP addresses have options.
public enum MigrationAddress: Sendable, Hashable {
  /// `file:PATH`: a state file, which appears whole or not at all.
  case file(BytePath)
  /// `exec:COMMAND`: a shell command that takes the stream on its standard input or gives it on its output.
  case command(BytePath)
  /// `fd:NAME`: a descriptor passed to the monitor or, as a number, inherited by the process.
  case descriptor(String)
  /// `unix:PATH`
  case unix(BytePath)
  /// `tcp:HOST:PORT[,to=N][,ipv4=on|off][,ipv6=on|off]`: a listener takes the first free port up to `lastPort`.
  case tcp(host: String, port: String, family: SocketAddress.IPFamily, lastPort: UInt16?)

  /// Nil for a protocol that there is none of; the sentences for what is wrong with an address are QEMU's.
  public static func parse(_ uri: BytePath) throws(MigrationError) -> MigrationAddress? {
    guard let colon = uri.bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let rest = BytePath(bytes: uri.bytes[(colon + 1)...])
    switch String(decoding: uri.bytes[..<colon], as: UTF8.self) {
    case "file":
      if rest.isEmpty { throw MigrationError("The file's name is missing") }
      return .file(rest)
    case "exec": return .command(rest)
    case "fd": return .descriptor(rest.description)
    case "unix":
      if rest.isEmpty { throw MigrationError("invalid Unix socket address") }
      return .unix(rest)
    case "tcp": return try tcp(rest.description)
    default: return nil
    }
  }

  private static func tcp(_ text: String) throws(MigrationError) -> MigrationAddress {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let address = parts[0]
    let wrong = MigrationError("error parsing address '\(text)'")
    // An IPv6 address stands in brackets.
    let hostEnd = address.hasPrefix("[") ? address.firstIndex(of: "]") : address.firstIndex(of: ":")
    guard let hostEnd else { throw wrong }
    let isBracketed = address.hasPrefix("[")
    let host = isBracketed ? address[address.index(after: address.startIndex)..<hostEnd] : address[..<hostEnd]
    let tail = isBracketed ? address[address.index(after: hostEnd)...] : address[hostEnd...]
    let port = tail.dropFirst()
    guard tail.first == ":", !port.isEmpty, !port.contains(":") else { throw wrong }
    var switches: [Substring: Bool] = [:]
    var lastPort: UInt16?
    for option in parts.dropFirst() {
      let pair = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      switch (pair[0], pair.count == 2 ? pair[1] : "on") {
      case ("ipv4", let value), ("ipv6", let value):
        guard value == "on" || value == "off" else {
          throw MigrationError("error parsing '\(pair[0])' flag '\(value)'")
        }
        switches[pair[0]] = value == "on"
      case ("to", let value):
        guard let number = UInt16(value) else { throw MigrationError("error parsing to= argument") }
        lastPort = number
      default: throw wrong
      }
    }
    let family: SocketAddress.IPFamily
    switch (switches["ipv4"], switches["ipv6"]) {
    case (false, false): throw MigrationError("Cannot disable IPv4 and IPv6 at same time")
    case (true, true), (nil, nil): family = isBracketed ? .ipv6 : .any
    case (true, _), (_, false): family = .ipv4
    case (_, true), (false, _): family = .ipv6
    }
    return .tcp(host: String(host), port: String(port), family: family, lastPort: lastPort)
  }

  /// The socket to connect to or to listen on; nil for what is no socket.
  var socketAddress: SocketAddress? {
    switch self {
    case .unix(let path): .unix(path)
    case .tcp(let host, let port, let family, _): .tcp(host: host, port: port, family: family)
    case .file, .command, .descriptor: nil
    }
  }
}

extension MigrationError {
  /// A socket's failure in the words that all of them share.
  init(_ error: SocketError, _ address: SocketAddress) {
    let place: SocketConfiguration.Address =
      switch address {
      case .unix(let path): .unix(path)
      case .abstract(let name): .abstract(name)
      case .tcp(let host, let port, let family): .tcp(host: host, port: port, family: family)
      }
    let cause = ChardevError.socket(error, place)
    self.init("\(cause)" + (cause.hint.map { "\n\($0)" } ?? ""))
  }
}
