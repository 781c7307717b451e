// SPDX-License-Identifier: Apache-2.0

/// The ones' complement sum of IP, TCP and UDP. RFC 1071.
package enum InternetChecksum {
  /// Sum of the 16-bit words in network order, an odd last byte as the high half of a word; folded to 16 bits, not
  /// complemented.
  package static func sum(_ bytes: UnsafeRawBufferPointer, initial: UInt32 = 0) -> UInt16 {
    // Four at a time; byte order is put right at the end, which the sum allows.
    var sums: (UInt64, UInt64) = (0, 0)
    var position = 0
    while position &+ 8 <= bytes.count {
      sums.0 &+= UInt64(bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
      sums.1 &+= UInt64(bytes.loadUnaligned(fromByteOffset: position &+ 4, as: UInt32.self))
      position &+= 8
    }
    var sum = sums.0 &+ sums.1
    while position &+ 2 <= bytes.count {
      sum &+= UInt64(bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
      position &+= 2
    }
    if position < bytes.count { sum &+= UInt64(UInt16(littleEndian: UInt16(bytes[position]))) }
    return fold(UInt64(UInt16(bigEndian: fold(sum))) + UInt64(initial))
  }

  package static func sum(_ bytes: [UInt8], _ range: Range<Int>, initial: UInt32 = 0) -> UInt16 {
    bytes.withUnsafeBytes { sum(UnsafeRawBufferPointer(rebasing: $0[range]), initial: initial) }
  }

  package static func fold(_ value: UInt64) -> UInt16 {
    var value = value
    while value > 0xffff { value = value & 0xffff &+ value >> 16 }
    return UInt16(value)
  }
}

/// Where the headers of a frame are, as far as checksums are concerned.
package struct FrameHeaders {
  /// Nil for anything but a well-formed IPv4 packet.
  package var ipv4: Range<Int>?
  /// TCP or UDP of an unfragmented packet: its bytes, its protocol number and the sum of its pseudo-header.
  package var transport: (range: Range<Int>, number: UInt8, pseudoSum: UInt32)?

  package init(_ frame: [UInt8]) {
    func word(_ at: Int) -> Int { Int(frame[at]) << 8 | Int(frame[at + 1]) }
    var start = 12
    while start + 4 < frame.count, word(start) == 0x8100 || word(start) == 0x88a8 { start += 4 }
    guard start + 2 + 20 <= frame.count, word(start) == 0x0800 else { return }
    start += 2
    let headerLength = Int(frame[start] & 15) * 4
    let totalLength = word(start + 2)
    guard frame[start] >> 4 == 4, headerLength >= 20, totalLength >= headerLength,
      start + totalLength <= frame.count
    else { return }
    ipv4 = start..<start + headerLength
    let number = frame[start + 9]
    guard word(start + 6) & 0x3fff == 0, number == 6 || number == 17 else { return }
    let range = start + headerLength..<start + totalLength
    guard range.count >= (number == 6 ? 20 : 8) else { return }
    let addresses = UInt32(InternetChecksum.sum(frame, start + 12..<start + 20))
    transport = (range, number, addresses + UInt32(number) + UInt32(range.count))
  }

  /// The transport checksum is there and right.
  package func hasValidTransportSum(_ frame: [UInt8]) -> Bool {
    guard let (range, number, pseudoSum) = transport else { return false }
    // A UDP checksum of zero is none.
    if number == 17, frame[range.lowerBound + 6] | frame[range.lowerBound + 7] == 0 { return false }
    return InternetChecksum.sum(frame, range, initial: pseudoSum) == 0xffff
  }
}
