// SPDX-License-Identifier: Apache-2.0
import HostIO

/// `hostfwd=[tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT`. Addresses are in host order, 0 where none is given.
public struct ForwardRule: Sendable, Equatable {
  /// As the user wrote it.
  public var text: String
  public var isUDP: Bool
  public var hostAddress: UInt32
  /// 0: any free one.
  public var hostPort: Int
  /// 0: the first address that DHCP gives.
  public var guestAddress: UInt32
  public var guestPort: Int

  /// The error is the reason alone, as QEMU puts it into brackets.
  public init(_ text: String) throws(NetworkError) {
    self.text = text
    var rest = Substring(text)
    func field(upTo separator: Character, else sentence: String) throws(NetworkError) -> String {
      guard let end = rest.firstIndex(of: separator) else { throw NetworkError(sentence) }
      defer { rest = rest[rest.index(after: end)...] }
      return String(rest[..<end])
    }
    isUDP = try Self.isUDP(try field(upTo: ":", else: "No : separators"))
    hostAddress = try Self.address(try field(upTo: ":", else: "Missing : separator"), "Bad host address")
    let hostPort = try field(upTo: "-", else: "Bad host port separator")
    self.hostPort = try Self.port(hostPort.isEmpty ? "0" : hostPort, 0...65535, "Bad host port")
    guestAddress = try Self.address(try field(upTo: ":", else: "Missing guest address"), "Bad guest address")
    guestPort = try Self.port(String(rest), 1...65535, "Bad guest port")
  }

  /// What `hostfwd_remove` names: `[tcp|udp]:[HOSTADDR]:HOSTPORT`. Nil when it is malformed.
  public init?(removing text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3 else { return nil }
    do throws(NetworkError) {
      isUDP = try Self.isUDP(parts[0])
      hostAddress = try Self.address(parts[1], "")
      // No rule has a port that is none.
      hostPort = HostPort.leadingNumber(parts[2]) ?? 0
    } catch { return nil }
    (self.text, guestAddress, guestPort) = (text, 0, 0)
  }

  private static func isUDP(_ name: String) throws(NetworkError) -> Bool {
    guard ["", "tcp", "udp"].contains(name) else { throw NetworkError("Bad protocol name") }
    return name == "udp"
  }

  private static func address(_ text: String, _ sentence: String) throws(NetworkError) -> UInt32 {
    if text.isEmpty { return 0 }
    guard let address = IPAddress.ipv4(text) else { throw NetworkError(sentence) }
    return address
  }

  static func port(_ text: String, _ range: ClosedRange<Int>, _ sentence: String) throws(NetworkError) -> Int {
    let isHexadecimal = text.hasPrefix("0x") || text.hasPrefix("0X")
    let isOctal = text.hasPrefix("0") && text.utf8.count > 1
    let number =
      isHexadecimal ? Int(text.dropFirst(2), radix: 16) : isOctal ? Int(text, radix: 8) : Int(text)
    guard let port = number, range.contains(port) else { throw NetworkError(sentence) }
    return port
  }
}

/// `guestfwd=[tcp]:ADDR:PORT-cmd:COMMAND`: connections of the guest to that address become a command's streams.
/// `…-DEVICE`: they reach a character device, which `DEVICE` describes as for `-serial`.
public struct GuestForward: Sendable, Equatable {
  public var text: String
  /// 0: the one after the network's own servers.
  public var address: UInt32
  public var port: Int
  public enum Target: Sendable, Equatable {
    case command(String)
    case device(String)
  }
  public var target: Target
  /// The label of the character device.
  public var label: String

  /// The device belongs to the rule, and is no other's.
  public var hasOwnDevice: Bool {
    if case .device(let text) = target { !text.hasPrefix("chardev:") } else { false }
  }

  /// There is no such device, or somebody has it.
  public var failure: NetworkError { NetworkError("Could not open guest forwarding device '\(label)'") }

  init(_ text: String) throws(NetworkError) {
    self.text = text
    let malformed = NetworkError("Invalid guest forwarding rule '\(text)'")
    var parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts[0].isEmpty || parts[0] == "tcp",
      let address = parts[1].isEmpty ? 0 : IPAddress.ipv4(parts[1])
    else {
      throw malformed
    }
    parts = parts[2].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let port = Int(parts[0]), (1...65535).contains(port) else { throw malformed }
    (self.address, self.port, label) = (address, port, "guestfwd.tcp.\(port)")
    target = parts[1].hasPrefix("cmd:") ? .command(String(parts[1].dropFirst(4))) : .device(parts[1])
  }
}
