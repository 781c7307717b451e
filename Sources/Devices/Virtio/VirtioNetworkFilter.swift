// SPDX-License-Identifier: Apache-2.0
import Network
import Platform

/// Which frames are for a virtio network adapter: modes, a table of addresses and one of VLANs.
///
/// Reference: Virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3; the order of the checks as QEMU's.
struct VirtioNetworkFilter: Equatable {
  /// Addresses of both kinds together; more of a kind than fit pass all of it.
  static let tableLimit = 64

  /// Until a driver says otherwise everything is received.
  var isPromiscuous = true
  var allMulticast = false
  var allUnicast = false
  var noMulticast = false
  var noUnicast = false
  var noBroadcast = false
  var unicastOverflows = false
  var multicastOverflows = false
  /// Six bytes each.
  var unicast: [[UInt8]] = []
  var multicast: [[UInt8]] = []
  /// A bit for each VLAN.
  private(set) var vlans = [UInt32](repeating: 0, count: 128)

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("promisc", &isPromiscuous)
    try visitor.field("allmulti", &allMulticast)
    try visitor.field("alluni", &allUnicast)
    try visitor.field("nomulti", &noMulticast)
    try visitor.field("nouni", &noUnicast)
    try visitor.field("nobcast", &noBroadcast)
    try visitor.field("uni_overflow", &unicastOverflows)
    try visitor.field("multi_overflow", &multicastOverflows)
    try Self.visit(&visitor, "unicast", &unicast)
    try Self.visit(&visitor, "multicast", &multicast)
    try visitor.array("vlans", &vlans)
    guard unicast.count + multicast.count <= Self.tableLimit else { throw .outOfRange("unicast") }
  }

  private static func visit<V: StateVisitor>(
    _ visitor: inout V, _ name: StaticString, _ table: inout [[UInt8]]
  ) throws(StateError) {
    var bytes = table.flatMap { $0 }
    try visitor.buffer(name, &bytes, limit: 6 * tableLimit)
    guard bytes.count % 6 == 0 else { throw .outOfRange("\(name)") }
    if visitor.isLoading { table = split(bytes[...]) }
  }

  static func split(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    stride(from: bytes.startIndex, to: bytes.endIndex, by: 6).map { Array(bytes[$0..<min($0 + 6, bytes.endIndex)]) }
  }

  mutating func setVLAN(_ number: UInt16, _ isWanted: Bool) {
    let bit: UInt32 = 1 << UInt32(number % 32)
    if isWanted { vlans[Int(number / 32)] |= bit } else { vlans[Int(number / 32)] &= ~bit }
  }

  func wantsVLAN(_ number: UInt16) -> Bool { vlans[Int(number / 32)] >> UInt32(number % 32) & 1 != 0 }

  /// - Parameter filtersVLANs: the driver manages VLANs.
  func accepts(_ frame: [UInt8], address: [UInt8], filtersVLANs: Bool) -> Bool {
    guard frame.count >= 14 else { return false }
    if isPromiscuous { return true }
    if filtersVLANs, frame[12] == 0x81, frame[13] == 0, frame.count >= 16,
      !wantsVLAN((UInt16(frame[14]) << 8 | UInt16(frame[15])) & 0xfff)
    {
      return false
    }
    let target = frame[0..<6]
    if target[0] & 1 != 0 {
      if target.allSatisfy({ $0 == 0xff }) { return !noBroadcast }
      if noMulticast { return false }
      return allMulticast || multicastOverflows || multicast.contains { $0.elementsEqual(target) }
    }
    if noUnicast { return false }
    return allUnicast || unicastOverflows || target.elementsEqual(address)
      || unicast.contains { $0.elementsEqual(target) }
  }
}
