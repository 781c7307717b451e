// SPDX-License-Identifier: Apache-2.0
import Network

/// What stands before every frame in a queue. Virtio 1.2, 5.1.6.
struct VirtioNetworkHeader: Equatable {
  enum Flag {
    static let needsChecksum: UInt8 = 1
    static let dataIsValid: UInt8 = 2
  }

  enum Segmentation {
    static let none: UInt8 = 0
    static let tcp4: UInt8 = 1
    static let tcp6: UInt8 = 4
    static let ecn: UInt8 = 0x80
  }

  var flags: UInt8
  var segmentation: UInt8
  /// Payload of a segment.
  var segmentByteCount: Int
  /// Where the checksum starts, and where from there it is put.
  var checksumStart: Int
  var checksumOffset: Int

  /// - Parameter bytes: at least ten.
  init(_ bytes: [UInt8]) {
    func word(_ at: Int) -> Int { Int(bytes[at]) | Int(bytes[at + 1]) << 8 }
    (flags, segmentation) = (bytes[0], bytes[1])
    (segmentByteCount, checksumStart, checksumOffset) = (word(4), word(6), word(8))
  }
}

/// A packet of a driver, which becomes one frame or several.
///
/// The wire carries complete frames only, so checksums are completed and long TCP packets cut here.
struct VirtioNetworkPacket {
  /// A segment's payload is at least this long: nobody's stack sends less, and a long packet would make very many.
  private static let shortestSegment = 8

  private let bytes: [UInt8]
  private let header: VirtioNetworkHeader
  /// Of a packet that is cut.
  private var cut: Cut?

  private struct Cut {
    /// Where the network header begins, and how long all headers are.
    var network: Int
    var headerByteCount: Int
    var isIPv6: Bool
  }

  /// Frames that it becomes.
  private(set) var frameCount = 1

  /// Nil for what cannot be sent.
  init?(_ bytes: [UInt8], _ header: VirtioNetworkHeader, features: UInt64) {
    guard bytes.count >= 14 else { return nil }
    (self.bytes, self.header) = (bytes, header)
    if header.flags & VirtioNetworkHeader.Flag.needsChecksum != 0 {
      guard features & VirtioNetworkFeature.checksum != 0,
        header.checksumStart + header.checksumOffset + 2 <= bytes.count
      else { return nil }
    }
    let kind = header.segmentation & ~VirtioNetworkHeader.Segmentation.ecn
    guard kind != VirtioNetworkHeader.Segmentation.none else { return }
    let isIPv6 = kind == VirtioNetworkHeader.Segmentation.tcp6
    guard isIPv6 || kind == VirtioNetworkHeader.Segmentation.tcp4,
      features & (isIPv6 ? VirtioNetworkFeature.hostTSO6 : VirtioNetworkFeature.hostTSO4) != 0,
      header.flags & VirtioNetworkHeader.Flag.needsChecksum != 0,
      header.segmentByteCount >= Self.shortestSegment, let cut = Self.cut(bytes, header, isIPv6)
    else { return nil }
    self.cut = cut
    let payload = bytes.count - cut.headerByteCount
    frameCount = max(1, (payload + header.segmentByteCount - 1) / header.segmentByteCount)
  }

  private static func cut(_ bytes: [UInt8], _ header: VirtioNetworkHeader, _ isIPv6: Bool) -> Cut? {
    var network = 14
    while network + 4 <= bytes.count,
      [0x8100, 0x88a8].contains(UInt16(bytes[network - 2]) << 8 | UInt16(bytes[network - 1]))
    {
      network += 4
    }
    let transport = header.checksumStart
    guard transport >= network + (isIPv6 ? 40 : 20), transport + 20 <= bytes.count else { return nil }
    guard bytes[network] >> 4 == (isIPv6 ? 6 : 4) else { return nil }
    if !isIPv6, network + Int(bytes[network] & 15) * 4 != transport { return nil }
    let end = transport + Int(bytes[transport + 12] >> 4) * 4
    guard end >= transport + 20, end <= bytes.count, header.checksumOffset == 16 else { return nil }
    return Cut(network: network, headerByteCount: end, isIPv6: isIPv6)
  }

  /// - Parameter index: below `frameCount`.
  func frame(_ index: Int) -> [UInt8] {
    guard let cut else {
      var frame = bytes
      if header.flags & VirtioNetworkHeader.Flag.needsChecksum != 0, header.checksumStart < frame.count {
        let sum = ~InternetChecksum.sum(frame, header.checksumStart..<frame.count)
        frame.store(sum == 0 ? 0xffff : sum, at: header.checksumStart + header.checksumOffset)
      }
      return frame
    }
    let size = header.segmentByteCount
    let start = cut.headerByteCount + index * size
    let end = min(start + size, bytes.count)
    var frame: [UInt8] = []
    frame.reserveCapacity(cut.headerByteCount + size)
    frame += bytes[..<cut.headerByteCount]
    if start < end { frame += bytes[start..<end] }
    finish(&frame, cut, index)
    return frame
  }

  /// Lengths, identification, sequence number, flags and checksums of a segment.
  private func finish(_ frame: inout [UInt8], _ cut: Cut, _ index: Int) {
    let (network, transport) = (cut.network, header.checksumStart)
    let addresses: Range<Int>
    if cut.isIPv6 {
      frame.store(UInt16(truncatingIfNeeded: frame.count - network - 40), at: network + 4)
      addresses = network + 8..<network + 40
    } else {
      frame.store(UInt16(truncatingIfNeeded: frame.count - network), at: network + 2)
      frame.store(frame.word(at: network + 4) &+ UInt16(truncatingIfNeeded: index), at: network + 4)
      frame.store(0, at: network + 10)
      frame.store(~InternetChecksum.sum(frame, network..<transport), at: network + 10)
      addresses = network + 12..<network + 20
    }
    let sequence = frame.long(at: transport + 4)
    let next = sequence &+ UInt32(truncatingIfNeeded: index * header.segmentByteCount)
    frame.store(UInt16(truncatingIfNeeded: next >> 16), at: transport + 4)
    frame.store(UInt16(truncatingIfNeeded: next), at: transport + 6)
    // FIN and PSH belong to the last segment, CWR to the first.
    if index + 1 < frameCount { frame[transport + 13] &= ~0x09 }
    if index > 0 { frame[transport + 13] &= ~0x80 }
    frame.store(0, at: transport + 16)
    let pseudo = UInt32(InternetChecksum.sum(frame, addresses)) + 6 + UInt32(frame.count - transport)
    frame.store(~InternetChecksum.sum(frame, transport..<frame.count, initial: pseudo), at: transport + 16)
  }
}

extension [UInt8] {
  /// A word in network order.
  func word(at place: Int) -> UInt16 { UInt16(self[place]) << 8 | UInt16(self[place + 1]) }

  /// Two words in network order.
  func long(at place: Int) -> UInt32 { UInt32(word(at: place)) << 16 | UInt32(word(at: place + 2)) }

  mutating func store(_ value: UInt16, at place: Int) {
    self[place] = UInt8(truncatingIfNeeded: value >> 8)
    self[place + 1] = UInt8(truncatingIfNeeded: value)
  }
}
