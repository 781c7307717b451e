// SPDX-License-Identifier: Apache-2.0
import Network
import Platform

/// A context that a context descriptor sets: where the checksums of the following packets are, and how they are cut.
///
/// Reference: the manual's sections 3.3.6, 3.4 and 3.5.
struct E1000Offload: Equatable {
  /// Where each checksum starts, where it is put and where it ends (0: at the end of the packet).
  var headerStart: UInt8 = 0
  var headerPlace: UInt8 = 0
  var headerEnd: UInt16 = 0
  var transportStart: UInt8 = 0
  var transportPlace: UInt8 = 0
  var transportEnd: UInt16 = 0
  /// Bytes of headers that every segment begins with.
  var headerByteCount: UInt8 = 0
  /// Most payload bytes of a segment.
  var segmentByteCount: UInt16 = 0
  var isIPv4 = false
  var isTCP = false

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("ipcss", &headerStart)
    try visitor.field("ipcso", &headerPlace)
    try visitor.field("ipcse", &headerEnd)
    try visitor.field("tucss", &transportStart)
    try visitor.field("tucso", &transportPlace)
    try visitor.field("tucse", &transportEnd)
    try visitor.field("hdrlen", &headerByteCount)
    try visitor.field("mss", &segmentByteCount)
    try visitor.field("ip", &isIPv4)
    try visitor.field("tcp", &isTCP)
  }

  init() {}

  init(low: UInt64, high: UInt64) {
    headerStart = UInt8(truncatingIfNeeded: low)
    headerPlace = UInt8(truncatingIfNeeded: low >> 8)
    headerEnd = UInt16(truncatingIfNeeded: low >> 16)
    transportStart = UInt8(truncatingIfNeeded: low >> 32)
    transportPlace = UInt8(truncatingIfNeeded: low >> 40)
    transportEnd = UInt16(truncatingIfNeeded: low >> 48)
    isTCP = high >> 24 & 1 != 0
    isIPv4 = high >> 25 & 1 != 0
    headerByteCount = UInt8(truncatingIfNeeded: high >> 40)
    segmentByteCount = UInt16(truncatingIfNeeded: high >> 48)
  }
}

/// A packet while its descriptors are read.
struct E1000Packet: Equatable {
  var bytes: [UInt8] = []
  var isStarted = false
  /// Cut into segments.
  var isSegmented = false
  var insertsHeaderChecksum = false
  var insertsTransportChecksum = false
  /// A packet of segments: bytes of headers and of a whole segment.
  var headerByteCount: UInt16 = 0
  var segmentLimit: UInt32 = 0
  /// Segments made so far, and their payload.
  var segmentCount: UInt16 = 0
  var sentPayload: UInt32 = 0
  /// Too long, or cut impossibly: it is not sent.
  var isBad = false

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.buffer("packet", &bytes, limit: E1000Transmitter.frameLimit)
    try visitor.field("packet_started", &isStarted)
    try visitor.field("packet_segmented", &isSegmented)
    try visitor.field("packet_ixsm", &insertsHeaderChecksum)
    try visitor.field("packet_txsm", &insertsTransportChecksum)
    try visitor.field("packet_header", &headerByteCount)
    try visitor.field("packet_limit", &segmentLimit)
    try visitor.field("packet_segments", &segmentCount)
    try visitor.field("packet_payload", &sentPayload)
    try visitor.field("packet_bad", &isBad)
    guard segmentLimit <= UInt32(E1000Transmitter.frameLimit), headerByteCount <= 255,
      !isSegmented || isBad
        || (headerByteCount >= 14 && segmentLimit > UInt32(headerByteCount) && bytes.count <= Int(segmentLimit))
    else { throw .outOfRange("packet") }
  }

  /// Bytes that still fit before a frame has to be made.
  var room: Int {
    if isBad { return 0 }
    return max(0, (isSegmented ? Int(segmentLimit) : E1000Transmitter.frameLimit) - bytes.count)
  }

  var isSegmentFull: Bool { isSegmented && !isBad && bytes.count >= Int(segmentLimit) }

  /// Notes a packet that is too long; true when the rest of it is to be passed over.
  mutating func isOverflowing(_ left: Int) -> Bool {
    if !isSegmented, !isBad, left > 0, bytes.count == E1000Transmitter.frameLimit { isBad = true }
    return isBad
  }
}

extension E1000Transmitter {
  mutating func takeContext(low: UInt64, high: UInt64) {
    let context = E1000Offload(low: low, high: high)
    if high & E1000TransmitDescriptor.segmentation != 0 {
      segmentationContext = context
    } else {
      checksumContext = context
    }
  }

  /// The first descriptor of a packet tells what is done with it.
  mutating func startPacket(_ word: UInt64) {
    packet = E1000Packet()
    packet.isStarted = true
    guard word & E1000TransmitDescriptor.isExtended != 0 else { return }
    packet.insertsHeaderChecksum = word & E1000TransmitDescriptor.insertHeaderChecksum != 0
    packet.insertsTransportChecksum = word & E1000TransmitDescriptor.insertTransportChecksum != 0
    packet.isSegmented = word & E1000TransmitDescriptor.segmentation != 0
    guard packet.isSegmented else { return }
    packet.headerByteCount = UInt16(segmentationContext.headerByteCount)
    let limit = UInt32(packet.headerByteCount) + UInt32(segmentationContext.segmentByteCount)
    packet.segmentLimit = min(limit, UInt32(Self.frameLimit))
    // Every segment begins with an Ethernet header at least.
    packet.isBad =
      segmentationContext.segmentByteCount == 0 || packet.headerByteCount < 14 || limit > UInt32(Self.frameLimit)
  }

  /// Makes the frame, or the next segment, of what has been read. Nil for a packet that cannot be sent.
  ///
  /// - Parameter vlanType: the EtherType of a tag to insert.
  mutating func makeFrame(_ word: UInt64, isLast: Bool, vlanType: UInt16?) -> [UInt8]? {
    defer { if isLast { packet = E1000Packet() } }
    guard !packet.isBad, packet.bytes.count >= 14 else { return nil }
    var frame = packet.bytes
    if packet.isSegmented {
      guard packet.bytes.count > Int(packet.headerByteCount) || packet.segmentCount == 0 else { return nil }
      let context = segmentationContext
      fixHeaders(&frame, context, isLast: isLast)
      insertChecksums(&frame, context)
      packet.sentPayload = packet.sentPayload &+ UInt32(frame.count - min(frame.count, Int(packet.headerByteCount)))
      packet.segmentCount = packet.segmentCount &+ 1
      packet.bytes.removeLast(max(0, packet.bytes.count - Int(packet.headerByteCount)))
    } else if word & E1000TransmitDescriptor.isExtended != 0 {
      insertChecksums(&frame, checksumContext)
    } else if word & E1000TransmitDescriptor.insertChecksum != 0 {
      let start = Int(word >> 40 & 0xff)
      Self.insertSum(&frame, start: start, end: 0, place: Int(word >> 16 & 0xff))
    }
    if let vlanType {
      let tag = UInt16(truncatingIfNeeded: word >> 48)
      frame.insert(contentsOf: [vlanType.high, vlanType.low, tag.high, tag.low], at: 12)
    }
    return frame
  }

  private func insertChecksums(_ frame: inout [UInt8], _ context: E1000Offload) {
    if packet.insertsTransportChecksum {
      Self.insertSum(
        &frame, start: Int(context.transportStart), end: Int(context.transportEnd), place: Int(context.transportPlace))
    }
    if packet.insertsHeaderChecksum {
      Self.insertSum(
        &frame, start: Int(context.headerStart), end: Int(context.headerEnd), place: Int(context.headerPlace))
    }
  }

  /// Sums from `start` up to and with byte `end`, with what stands at `place`, and puts the complement there.
  private static func insertSum(_ frame: inout [UInt8], start: Int, end: Int, place: Int) {
    let limit = end == 0 ? frame.count : min(end + 1, frame.count)
    guard start < limit, place + 2 <= frame.count else { return }
    let sum = ~InternetChecksum.sum(frame, start..<limit)
    frame.store(sum, at: place)
  }

  /// Lengths, sequence numbers and flags of a segment.
  private func fixHeaders(_ frame: inout [UInt8], _ context: E1000Offload, isLast: Bool) {
    let header = Int(context.headerStart)
    let transport = Int(context.transportStart)
    func length(_ start: Int) -> UInt16 { UInt16(truncatingIfNeeded: max(0, frame.count - start)) }
    if context.isIPv4 {
      frame.store(length(header), at: header + 2)
      frame.store(frame.word(at: header + 4) &+ packet.segmentCount, at: header + 4)
    } else {
      frame.store(length(header) &- 40, at: header + 4)
    }
    if context.isTCP {
      let sequence = UInt32(frame.word(at: transport + 4)) << 16 | UInt32(frame.word(at: transport + 6))
      let next = sequence &+ packet.sentPayload
      frame.store(UInt16(truncatingIfNeeded: next >> 16), at: transport + 4)
      frame.store(UInt16(truncatingIfNeeded: next), at: transport + 6)
      // FIN and PSH belong to the last segment.
      if !isLast, transport + 13 < frame.count { frame[transport + 13] &= ~0x09 }
    } else {
      frame.store(length(transport), at: transport + 4)
    }
    guard packet.insertsTransportChecksum else { return }
    // Software has summed the pseudo-header without the length.
    let sum = UInt64(frame.word(at: Int(context.transportPlace))) + UInt64(length(transport))
    frame.store(InternetChecksum.fold(sum), at: Int(context.transportPlace))
  }
}

extension UInt16 {
  fileprivate var high: UInt8 { UInt8(truncatingIfNeeded: self >> 8) }
  fileprivate var low: UInt8 { UInt8(truncatingIfNeeded: self) }
}

extension [UInt8] {
  /// A word in network order; zero beyond the end.
  fileprivate func word(at place: Int) -> UInt16 {
    place + 2 <= count ? UInt16(self[place]) << 8 | UInt16(self[place + 1]) : 0
  }

  /// Stores a word in network order, unless it is beyond the end.
  fileprivate mutating func store(_ value: UInt16, at place: Int) {
    guard place + 2 <= count else { return }
    self[place] = value.high
    self[place + 1] = value.low
  }
}
