// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Numeric internet addresses, as the C library reads and writes them.
public enum IPAddress {
  /// inet_aton(3), which also takes `10.2` and hexadecimal parts. In host order.
  public static func ipv4(_ text: String) -> UInt32? {
    var address = in_addr()
    guard inet_aton(text, &address) != 0 else { return nil }
    return UInt32(bigEndian: address.s_addr)
  }

  /// Dotted decimal. `address` is in host order.
  public static func text(_ address: UInt32) -> String {
    (0..<4).map { String(address >> UInt32(24 - 8 * $0) & 0xff) }.joined(separator: ".")
  }

  /// inet_pton(3): 16 bytes.
  public static func ipv6(_ text: String) -> [UInt8]? {
    var address = in6_addr()
    guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
    return withUnsafeBytes(of: &address) { Array($0) }
  }

  /// The first IPv4 address of a name or a literal, in host order. May ask a name server.
  public static func resolveIPv4(_ name: String) -> UInt32? {
    if let literal = ipv4(name) { return literal }
    var hints = addrinfo()
    hints.ai_family = AF_INET
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return nil }
    defer { freeaddrinfo(list) }
    guard let entry = list, Int(entry.pointee.ai_addrlen) >= MemoryLayout<sockaddr_in>.size else { return nil }
    let bytes = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
    return UInt32(bigEndian: bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr)
  }
}
