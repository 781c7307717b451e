// SPDX-License-Identifier: Apache-2.0
import HostIO

extension QCOW2Node {
  public func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(offset, buffer.count) else { throw .ioError }
    try writeMapped(at: offset, from: buffer)
  }

  /// What is allocated already, to this image alone.
  public func writesToMemory(_ range: Range<Int64>) -> Bool {
    guard !isReadOnly, contains(range) else { return false }
    let run = state.withLock { $0.cachedRun(at: range.lowerBound, upTo: range.upperBound) }
    guard let run, run.kind == .normal, run.isCopied, run.range.upperBound >= range.upperBound,
      let host = run.hostOffset
    else { return false }
    return data.writesToMemory(host..<host + (range.upperBound - range.lowerBound))
  }

  private struct Step {
    var plan: QCOW2Metadata.WriteStep
    var token: QCOW2Operations.Token
  }

  /// Writes by the tables, behind the disk's end too.
  func writeMapped(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    var done = 0
    while done < buffer.count {
      let start = offset + Int64(done)
      let step = try nextStep(at: start, upTo: offset + Int64(buffer.count))
      let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
      switch step.plan {
      case .inPlace(let host, let count):
        let part = UnsafeRawBufferPointer(rebasing: rest[..<count])
        defer { state.update { $0.operations.end(step.token) } }
        try data.write(at: host, from: part)
        done += count
      case .allocate(let allocation):
        let count = Int(allocation.written.upperBound - allocation.written.lowerBound)
        try fill(allocation, with: UnsafeRawBufferPointer(rebasing: rest[..<count]), step.token)
        done += count
      }
    }
  }

  /// Waits until nobody else changes the entries of the range's first part, then decides what to do with it.
  private func nextStep(at start: Int64, upTo end: Int64) throws(Errno) -> Step {
    let clusters = start >> Int64(geometry.clusterBits)..<geometry.clusterCount(end)
    let outcome = state.wait { metadata -> Result<Step, Errno>? in
      if metadata.operations.isClaimed(clusters) { return nil }
      do throws(Errno) {
        try metadata.prepareChange()
        metadata.markDirty(start..<end)
        let plan = try metadata.planWrite(at: start, upTo: end) { self.isBackingZero($0) }
        if case .allocate(let allocation) = plan { metadata.operations.claim(allocation.clusters) }
        return .success(Step(plan: plan, token: metadata.operations.begin()))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  /// Brings the data and what belongs around it into the file, then into the tables.
  private func fill(
    _ allocation: QCOW2Allocation, with buffer: UnsafeRawBufferPointer, _ token: QCOW2Operations.Token
  ) throws(Errno) {
    var failure: Errno?
    do throws(Errno) { try store(allocation, buffer) } catch { failure = error }
    let error = failure
    try state.update { (metadata) throws(Errno) in
      defer {
        metadata.operations.release(allocation.clusters)
        metadata.operations.end(token)
      }
      do throws(Errno) {
        if let error { throw error }
        try metadata.link(allocation)
      } catch {
        metadata.abandon(allocation)
        throw error
      }
    }
  }

  /// Up to this size, data and surroundings are one write.
  private static let mergeLimit = 256 << 10

  private func store(_ allocation: QCOW2Allocation, _ buffer: UnsafeRawBufferPointer) throws(Errno) {
    let hostBase = allocation.hostOffset - geometry.clusterStart(allocation.written.lowerBound)
    if allocation.head.isEmpty && allocation.tail.isEmpty || allocation.isFresh && allocation.startsAsZeros {
      try data.write(at: hostBase + allocation.written.lowerBound, from: buffer)
      return
    }
    let head = try surroundings(allocation.head, allocation)
    let tail = try surroundings(allocation.tail, allocation)
    if allocation.isFresh, head.isAllZero, tail.isAllZero {
      try data.write(at: hostBase + allocation.written.lowerBound, from: buffer)
      return
    }
    if head.count + buffer.count + tail.count <= Self.mergeLimit {
      var merged = head
      merged.reserveCapacity(head.count + buffer.count + tail.count)
      merged.append(contentsOf: buffer)
      merged += tail
      try merged.withBytes { (bytes) throws(Errno) in
        try data.write(at: hostBase + allocation.filled.lowerBound, from: bytes)
      }
      return
    }
    try head.withBytes { (bytes) throws(Errno) in
      if !bytes.isEmpty { try data.write(at: hostBase + allocation.head.lowerBound, from: bytes) }
    }
    try data.write(at: hostBase + allocation.written.lowerBound, from: buffer)
    try tail.withBytes { (bytes) throws(Errno) in
      if !bytes.isEmpty { try data.write(at: hostBase + allocation.tail.lowerBound, from: bytes) }
    }
  }

  /// What a part of the claimed clusters reads as now. Behind the disk's end that is zeros.
  private func surroundings(_ range: Range<Int64>, _ allocation: QCOW2Allocation) throws(Errno) -> [UInt8] {
    let count = Int(range.upperBound - range.lowerBound)
    if allocation.startsAsZeros || count == 0 { return [UInt8](repeating: 0, count: count) }
    return try [UInt8].filled(count) { (target) throws(Errno) in
      if range.lowerBound < byteCount {
        try read(at: range.lowerBound, into: target)
      } else {
        try readMapped(at: range.lowerBound, into: target)
      }
    }
  }
}

extension Array where Element == UInt8 {
  var isAllZero: Bool { withUnsafeBytes { $0.isAllZero } }
}

extension UnsafeRawBufferPointer {
  /// Whether every byte is 0; looks at 64 bytes at once.
  public var isAllZero: Bool {
    var place = 0
    while place + 64 <= count {
      let block = loadUnaligned(fromByteOffset: place, as: SIMD8<UInt64>.self)
      if block != .zero { return false }
      place += 64
    }
    while place < count {
      if self[place] != 0 { return false }
      place += 1
    }
    return true
  }
}
