// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// Moves bytes between memory and a file past the host's page cache (`cache.direct=on`).
///
/// The host takes whole units only. Everything else goes by way of a buffer in between; a write that has a unit in part
/// reads that unit first, and nobody else changes it meanwhile. The last unit of a file may so become whole.
final class DirectTransfer: Sendable {
  let alignment: DirectAlignment
  private let file: FileDescriptor
  private let changes = Guarded(Changes())
  private let spareBuffers = Mutex<[AlignedBuffer]>([])

  private static let bufferByteCount = 1 << 20
  private static let spareLimit = 4

  private struct Changes {
    struct Change {
      let identity: UInt64
      let range: Range<Int64>
      let isAlone: Bool
    }
    var running: [Change] = []
    var nextIdentity: UInt64 = 0

    /// Changes of the same bytes are kept apart by who asks for them; only units that are read first concern others.
    func mayBegin(_ range: Range<Int64>, isAlone: Bool) -> Bool {
      !running.contains { ($0.isAlone || isAlone) && $0.range.overlaps(range) }
    }
  }

  /// `file` stays the caller's.
  init(_ file: FileDescriptor, _ alignment: DirectAlignment) { (self.file, self.alignment) = (file, alignment) }

  private var unit: Int64 { Int64(alignment.request) }

  /// The units that a range lies in.
  private func units(_ range: Range<Int64>) -> Range<Int64> {
    range.lowerBound & -unit..<(range.upperBound + unit - 1) & -unit
  }

  private func check(_ offset: Int64, _ count: Int) throws(Errno) {
    guard offset >= 0, Int64(count) <= .max - 2 * unit, offset <= .max - 2 * unit - Int64(count) else {
      throw .overflow
    }
  }

  private func isAligned(_ memory: UnsafeRawPointer?) -> Bool {
    UInt(bitPattern: memory) & UInt(alignment.memory - 1) == 0
  }

  private func withBuffer<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    let buffer =
      spareBuffers.withLock { $0.popLast() }
      ?? AlignedBuffer(byteCount: Self.bufferByteCount, alignment: max(alignment.memory, alignment.request, 4096))
    defer { spareBuffers.withLock { if $0.count < Self.spareLimit { $0.append(buffer) } } }
    return try buffer.withBytes(body)
  }

  // MARK: Reading

  /// Reads until the buffer is full or the file ends; returns the bytes read.
  func read(at offset: Int64, into target: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try check(offset, target.count)
    if offset % unit == 0, Int64(target.count) % unit == 0, isAligned(target.baseAddress) {
      return try readUnits(into: target, at: offset)
    }
    return try withBuffer { (buffer) throws(Errno) in
      var done = 0
      while done < target.count {
        let place = offset + Int64(done)
        let start = place & -unit
        let skipped = Int(place - start)
        let wanted = min(buffer.count, (skipped + target.count - done + Int(unit) - 1) & -Int(unit))
        let got = try readUnits(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: start)
        let count = min(got - skipped, target.count - done)
        guard count > 0 else { break }
        UnsafeMutableRawBufferPointer(rebasing: target[done...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: buffer[skipped..<skipped + count]))
        done += count
        if got < wanted { break }
      }
      return done
    }
  }

  /// Less than asked for only where the file ends.
  private func readUnits(into target: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
    var done = 0
    while done < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
      let got = try file.read(into: rest, at: offset + Int64(done))
      done += got
      if got == 0 || got % alignment.request != 0 { break }
    }
    return done
  }

  // MARK: Writing

  func write(at offset: Int64, from source: UnsafeRawBufferPointer) throws(Errno) {
    guard !source.isEmpty else { return }
    try check(offset, source.count)
    let range = offset..<offset + Int64(source.count)
    let whole = units(range)
    try changing(range, isAlone: whole != range) { () throws(Errno) in
      if whole == range, isAligned(source.baseAddress) { return try writeUnits(source, at: offset) }
      try withBuffer { (buffer) throws(Errno) in
        for start in stride(from: whole.lowerBound, to: whole.upperBound, by: buffer.count) {
          let piece = start..<min(start + Int64(buffer.count), whole.upperBound)
          try fillEdges(of: piece, outside: range, buffer)
          let given = piece.clamped(to: range)
          let place = Int(given.lowerBound - start)
          let part = source[Int(given.lowerBound - offset)..<Int(given.upperBound - offset)]
          UnsafeMutableRawBufferPointer(rebasing: buffer[place...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: part))
          try writeUnits(UnsafeRawBufferPointer(rebasing: buffer[..<Int(piece.upperBound - start)]), at: start)
        }
      }
    }
  }

  /// Reads the first and the last unit of a piece if they are not given whole.
  private func fillEdges(
    of piece: Range<Int64>, outside given: Range<Int64>, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) {
    if piece.lowerBound < given.lowerBound { try fill(piece.lowerBound, piece, buffer) }
    let last = piece.upperBound - unit
    let isDone = last == piece.lowerBound && piece.lowerBound < given.lowerBound
    if piece.upperBound > given.upperBound, !isDone { try fill(last, piece, buffer) }
  }

  /// Behind the end of the file there are zeros.
  private func fill(_ place: Int64, _ piece: Range<Int64>, _ buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    let start = Int(place - piece.lowerBound)
    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + alignment.request])
    let got = try readUnits(into: target, at: place)
    UnsafeMutableRawBufferPointer(rebasing: target[got...]).initializeMemory(as: UInt8.self, repeating: 0)
  }

  private func writeUnits(_ source: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    let step = max(alignment.request, alignment.memory)
    var done = 0
    while done < source.count {
      let rest = UnsafeRawBufferPointer(rebasing: source[done...])
      let put = try file.write(rest, at: offset + Int64(done))
      // The rest of a unit that was written in part is written again.
      let whole = put == rest.count ? put : put & -step
      guard whole > 0 else { throw .ioError }
      done += whole
    }
  }

  /// Does something to a range of the file while no unit that it touches is being read in order to be written again.
  func changing<Result>(
    _ range: Range<Int64>, isAlone: Bool = false, _ body: () throws(Errno) -> Result
  ) throws(Errno) -> Result {
    let whole = isAlone ? units(range) : range
    let identity = changes.wait { changes -> UInt64? in
      guard changes.mayBegin(whole, isAlone: isAlone) else { return nil }
      changes.nextIdentity &+= 1
      changes.running.append(.init(identity: changes.nextIdentity, range: whole, isAlone: isAlone))
      return changes.nextIdentity
    }
    defer { changes.update { $0.running.removeAll { $0.identity == identity } } }
    return try body()
  }
}
