// SPDX-License-Identifier: Apache-2.0
import Network

/// Consecutive segments of one TCP connection as the one long packet that a driver with GUEST_TSO4 takes in their place, which
/// saves a guest most of its work for each. Cutting it as its header says gives the segments back, but for their IPv4
/// identifications, of which the first is kept. Virtio 1.2, 5.1.6.4.
///
/// Joined are segments over IPv4 without options or fragments, in frames without tags, with right checksums, that carry data and
/// differ in nothing but sequence number, identification, checksums and, at the last, length and PSH.
struct VirtioNetworkJoiner {
  /// The longest IPv4 packet.
  private static let packetLimit = 65_535
  private static let network = 14, transport = 34

  /// Frames of the run that the packet stands for.
  private(set) var frameCount = 1
  /// Ethernet, IPv4 and TCP headers.
  private let headerByteCount: Int
  /// Payload of each segment but the last.
  private let segmentByteCount: Int
  private let frames: ArraySlice<[UInt8]>
  private var byteCount: Int

  /// Nil unless at least two frames at the start of the run go together.
  init?(_ frames: ArraySlice<[UInt8]>) {
    guard frames.count > 1, let first = frames.first, let header = Self.headerByteCount(first) else { return nil }
    self.frames = frames
    headerByteCount = header
    segmentByteCount = Self.packetByteCount(first) - header
    byteCount = Self.packetByteCount(first)
    // A segment with PSH is the last of what belongs together.
    guard !Self.hasPush(first) else { return nil }
    for frame in frames.dropFirst() {
      guard follows(frame, first) else { break }
      byteCount += Self.packetByteCount(frame) - headerByteCount
      frameCount += 1
      if Self.packetByteCount(frame) - headerByteCount < segmentByteCount || Self.hasPush(frame) { break }
    }
    if frameCount < 2 { return nil }
  }

  /// Header for the queue, without a count of buffers, of ten bytes.
  var header: [UInt8] {
    func low(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: value) }
    return [
      VirtioNetworkHeader.Flag.needsChecksum, VirtioNetworkHeader.Segmentation.tcp4,
      low(headerByteCount), low(headerByteCount >> 8), low(segmentByteCount), low(segmentByteCount >> 8),
      low(Self.transport), 0, 16, 0,
    ]
  }

  /// The long packet; its TCP checksum is the sum of the pseudo-header.
  var packet: [UInt8] {
    guard let first = frames.first, let last = frames.dropFirst(frameCount - 1).first else { return [] }
    var packet: [UInt8] = []
    packet.reserveCapacity(byteCount)
    packet += first[..<headerByteCount]
    for frame in frames.prefix(frameCount) { packet += frame[headerByteCount..<Self.packetByteCount(frame)] }
    let (network, transport) = (Self.network, Self.transport)
    packet.store(UInt16(truncatingIfNeeded: byteCount - network), at: network + 2)
    packet.store(0, at: network + 10)
    packet.store(~InternetChecksum.sum(packet, network..<transport), at: network + 10)
    packet[transport + 13] = last[transport + 13]
    let pseudo = UInt64(InternetChecksum.sum(packet, network + 12..<network + 20)) + 6 + UInt64(byteCount - transport)
    packet.store(InternetChecksum.fold(pseudo), at: transport + 16)
    return packet
  }

  // MARK: What goes together

  /// The length of all headers of a frame that can be joined with others, or nil.
  private static func headerByteCount(_ frame: [UInt8]) -> Int? {
    guard frame.count >= transport + 20, frame[12] == 8, frame[13] == 0, frame[network] == 0x45 else { return nil }
    // TCP; no fragment; of the flags of TCP ACK and perhaps PSH.
    guard frame[network + 9] == 6, frame.word(at: network + 6) & 0x3fff == 0, frame[transport + 13] & ~0x08 == 0x10
    else { return nil }
    let header = transport + Int(frame[transport + 12] >> 4) * 4
    let end = packetByteCount(frame)
    guard header >= transport + 20, end > header, end <= frame.count, FrameHeaders(frame).hasValidTransportSum(frame)
    else { return nil }
    return header
  }

  /// The frame's length without padding; of frames of at least 34 bytes.
  private static func packetByteCount(_ frame: [UInt8]) -> Int { network + Int(frame.word(at: network + 2)) }

  private static func hasPush(_ frame: [UInt8]) -> Bool { frame[transport + 13] & 0x08 != 0 }

  private func follows(_ frame: [UInt8], _ first: [UInt8]) -> Bool {
    guard Self.headerByteCount(frame) == headerByteCount else { return false }
    let payload = Self.packetByteCount(frame) - headerByteCount
    guard payload <= segmentByteCount, byteCount - Self.network + payload <= Self.packetLimit else { return false }
    let (network, transport) = (Self.network, Self.transport)
    // Addresses and kind of the frame, service, flags, time to live, addresses; ports; acknowledgement, offset, window, options.
    let equal = [
      0..<network + 2, network + 6..<network + 10, network + 12..<transport + 4, transport + 8..<transport + 13,
      transport + 14..<transport + 16, transport + 18..<headerByteCount,
    ]
    for range in equal where first[range] != frame[range] { return false }
    let sequence = first.long(at: transport + 4) &+ UInt32(truncatingIfNeeded: byteCount - headerByteCount)
    return frame.long(at: transport + 4) == sequence
  }
}
