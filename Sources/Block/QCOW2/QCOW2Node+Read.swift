// SPDX-License-Identifier: Apache-2.0
import HostIO

extension QCOW2Node {
  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    let inside = Int(max(0, min(Int64(buffer.count), byteCount - offset)))
    if inside < buffer.count {
      UnsafeMutableRawBufferPointer(rebasing: buffer[inside...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
    try readMapped(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<inside]))
  }

  /// Reads by the tables, behind the disk's end too.
  func readMapped(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    var done = 0
    while done < buffer.count {
      let start = offset + Int64(done)
      let (run, token) = try state.withLock { (metadata) throws(Errno) in
        let run = try metadata.run(at: start, upTo: offset + Int64(buffer.count))
        return (run, metadata.operations.begin())
      }
      defer { state.update { $0.operations.end(token) } }
      let end = done + Int(run.range.upperBound - run.range.lowerBound)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<end])
      switch run.kind {
      case .normal:
        guard let host = run.hostOffset else { throw .ioError }
        try data.read(at: host, into: part)
      case .zero: part.initializeMemory(as: UInt8.self, repeating: 0)
      case .unallocated: try readBacking(at: start, into: part)
      case .compressed: try readCompressed(run, into: part)
      case .invalid: throw .ioError
      }
      done = end
    }
  }

  /// What tables in memory say, and the host has in memory. Compressed clusters take too long.
  public func readAtOnce(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, buffer.count) else { return false }
    var done = 0
    while done < buffer.count {
      let start = offset + Int64(done)
      let found = state.withLock { metadata in
        metadata.cachedRun(at: start, upTo: offset + Int64(buffer.count)).map { ($0, metadata.operations.begin()) }
      }
      guard let (run, token) = found else { return false }
      defer { state.update { $0.operations.end(token) } }
      let end = done + Int(run.range.upperBound - run.range.lowerBound)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<end])
      switch (run.kind, run.hostOffset) {
      case (.normal, let host?): guard data.readAtOnce(at: host, into: part) else { return false }
      case (.zero, _): part.initializeMemory(as: UInt8.self, repeating: 0)
      case (.unallocated, _):
        guard let backing else {
          part.initializeMemory(as: UInt8.self, repeating: 0)
          break
        }
        guard backing.readAtOnce(at: start, into: part) else { return false }
      default: return false
      }
      done = end
    }
    return true
  }

  private func readBacking(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    let limit = byteCount
    guard let backing, offset < limit else {
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    try backing.read(at: offset, into: buffer)
  }

  private func readCompressed(_ run: QCOW2Run, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    let place = geometry.compressedPlace(run.descriptor)
    // Its last sector may lie behind the file's end.
    let packed = try [UInt8].filled(place.byteCount) { (buffer) throws(Errno) in
      try file.read(at: place.offset, into: buffer)
    }
    let method = compression
    let whole = try [UInt8].filled(Int(geometry.clusterByteCount)) { (target) throws(Errno) in
      try method.unpack(packed, into: target)
    }
    let within = Int(run.range.lowerBound - geometry.clusterStart(run.range.lowerBound))
    whole.withUnsafeBytes { bytes in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[within..<within + buffer.count]))
    }
  }

  /// What the backing node holds for a range that is not allocated here is zeros.
  func isBackingZero(_ range: Range<Int64>) -> Bool {
    guard let backing else { return true }
    return range.lowerBound >= min(backing.byteCount, byteCount)
  }

  public func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent {
    guard range.lowerBound >= 0 else { throw .invalidArgument }
    let (run, checksHoles) = try state.withLock { (metadata) throws(Errno) in
      (try metadata.run(at: range.lowerBound, upTo: range.upperBound), metadata.isPreallocated())
    }
    switch run.kind {
    case .compressed: return BlockExtent(run.range, .data, isCompressed: true)
    case .zero: return BlockExtent(run.range, .zero, hostOffset: run.hostOffset)
    case .unallocated: return BlockExtent(run.range, .unallocated, hostOffset: run.hostOffset)
    case .invalid: throw .ioError
    case .normal:
      guard checksHoles, let host = run.hostOffset else {
        return BlockExtent(run.range, .data, hostOffset: run.hostOffset)
      }
      // Clusters may have been set aside without ever being written.
      let below = try data.extent(in: host..<host + (run.range.upperBound - run.range.lowerBound))
      let count = below.range.upperBound - below.range.lowerBound
      return BlockExtent(
        run.range.lowerBound..<run.range.lowerBound + count, .data, hostOffset: host, isHole: below.kind == .zero)
    }
  }
}
