// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// Copies disks one behind the other into a target, with several threads that read ahead; pieces are written in order.
struct CopyJob {
  /// Runs of zeros at least this long are not written; 0 writes all.
  var sparseByteCount = 4096
  var threadCount = 2
  var isCompressed = false
  /// Each write is on stable storage before the next one begins.
  var writesThrough = false
  /// What is not written reads as zeros.
  var targetIsZero = false
  /// What the source's own image does not have is left to the target's backing file.
  var hasBacking = false

  static let pieceByteCount: Int64 = 2 << 20

  private struct Piece {
    var source: Int
    var range: Range<Int64>
    var target: Int64
  }

  /// Gives the pieces of all sources one after the other: a disk may be so long that a list of them fits nowhere.
  private struct Pieces {
    let lengths: [Int64]
    private var source = 0
    private var start: Int64 = 0
    private var base: Int64 = 0

    init(_ lengths: [Int64]) { self.lengths = lengths }

    mutating func next() -> Piece? {
      while source < lengths.count, start >= lengths[source] {
        base += lengths[source]
        (source, start) = (source + 1, 0)
      }
      guard source < lengths.count else { return nil }
      // Pieces end where the target's do, so that its clusters are written whole.
      let whole = CopyJob.pieceByteCount
      let end = min(lengths[source], ((base + start) / whole + 1) * whole - base)
      defer { start = end }
      return Piece(source: source, range: start..<end, target: base + start)
    }
  }

  /// Shared by the threads.
  private struct State {
    var pieces: Pieces
    /// Pieces that were given out.
    var next = 0
    var written = 0
    var failure: ToolError?
    var runningCount: Int
  }

  func run(_ sources: [ImageChain], to target: any BlockNode, _ progress: Progress) throws(ToolError) {
    let count = max(1, threadCount)
    let state = Guarded(State(pieces: Pieces(sources.map(\.top.byteCount)), runningCount: count))
    let job = self
    for number in 0..<count {
      let body: @Sendable () -> Void = {
        job.work(sources, target, state, progress)
        state.update { $0.runningCount -= 1 }
      }
      if number == count - 1 {
        body()
      } else {
        do throws(Errno) { _ = try Thread(name: "copy", body) } catch { state.update { $0.runningCount -= 1 } }
      }
    }
    let failure: ToolError? = state.wait { $0.runningCount == 0 ? .some($0.failure) : nil }
    if let failure {
      progress.abandon()
      throw failure
    }
    progress.finish()
  }

  private func work(
    _ sources: [ImageChain], _ target: any BlockNode, _ state: Guarded<State>, _ progress: Progress
  ) {
    var buffer = [UInt8](repeating: 0, count: Int(Self.pieceByteCount))
    while true {
      let taken = state.withLock { state -> (index: Int, piece: Piece)? in
        guard state.failure == nil, let piece = state.pieces.next() else { return nil }
        defer { state.next += 1 }
        return (state.next, piece)
      }
      guard let (index, piece) = taken else { return }
      var failure: ToolError?
      var runs: [Run] = []
      do throws(ToolError) { runs = try read(piece, sources[piece.source], &buffer) } catch { failure = error }
      // Compressed clusters may come in any order: packing them is the work.
      if !isCompressed {
        state.wait { $0.written == index || $0.failure != nil ? () : nil }
      }
      if failure == nil, state.withLock({ $0.failure == nil }) {
        do throws(ToolError) { try write(runs, piece, buffer, target) } catch { failure = error }
      }
      state.update { state in
        state.written += 1
        if state.failure == nil { state.failure = failure }
      }
      progress.advance(by: piece.range.upperBound - piece.range.lowerBound)
    }
  }

  /// A part of a piece.
  private struct Run {
    enum Kind { case data, zero, backing }
    var kind: Kind
    var range: Range<Int>
  }

  private func read(_ piece: Piece, _ source: ImageChain, _ buffer: inout [UInt8]) throws(ToolError) -> [Run] {
    var runs: [Run] = []
    var place = piece.range.lowerBound
    while place < piece.range.upperBound {
      let rest = place..<piece.range.upperBound
      let status = try describing("error while reading block status at offset \(place)") { () throws(Errno) in
        try ChainStatus.at(rest, in: source, depthLimit: hasBacking ? 1 : .max)
      }
      let start = Int(place - piece.range.lowerBound)
      let end = Int(status.range.upperBound - piece.range.lowerBound)
      place = status.range.upperBound
      if hasBacking, !status.isPresent, !status.isZero || source.links.count > 1 {
        runs.append(Run(kind: .backing, range: start..<end))
      } else if status.isZero || !status.isPresent {
        if sparseByteCount == 0 {
          for index in start..<end { buffer[index] = 0 }
          add(.data, start..<end, &runs)
        } else {
          add(.zero, start..<end, &runs)
        }
      } else {
        let offset = piece.range.lowerBound + Int64(start)
        try describing("error while reading at byte \(offset)") { () throws(Errno) in
          try Self.fill(&buffer, start..<end) { (part) throws(Errno) in try source.top.read(at: offset, into: part) }
        }
        addData(start..<end, buffer, &runs)
      }
    }
    return runs
  }

  private static func fill(
    _ buffer: inout [UInt8], _ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Void
  ) throws(Errno) {
    let outcome = buffer.withUnsafeMutableBytes { bytes -> Result<Void, Errno> in
      do throws(Errno) { return .success(try body(UnsafeMutableRawBufferPointer(rebasing: bytes[range]))) } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  private func add(_ kind: Run.Kind, _ range: Range<Int>, _ runs: inout [Run]) {
    if let last = runs.last, last.kind == kind, last.range.upperBound == range.lowerBound {
      runs[runs.count - 1].range = last.range.lowerBound..<range.upperBound
    } else {
      runs.append(Run(kind: kind, range: range))
    }
  }

  /// Finds zeros in data. Compressed clusters are looked at whole when they are written.
  private func addData(_ range: Range<Int>, _ buffer: [UInt8], _ runs: inout [Run]) {
    guard sparseByteCount > 0 else { return add(.data, range, &runs) }
    let unit = max(4096, sparseByteCount)
    buffer.withUnsafeBytes { bytes in
      var place = range.lowerBound
      while place < range.upperBound {
        let end = min(range.upperBound, (place / unit + 1) * unit)
        let isZero = UnsafeRawBufferPointer(rebasing: bytes[place..<end]).isAllZero
        add(isZero ? .zero : .data, place..<end, &runs)
        place = end
      }
    }
  }

  private func write(_ runs: [Run], _ piece: Piece, _ buffer: [UInt8], _ target: any BlockNode) throws(ToolError) {
    if isCompressed { return try writeCompressed(runs, piece, buffer, target) }
    for run in runs {
      let offset = piece.target + Int64(run.range.lowerBound)
      let end = piece.target + Int64(run.range.upperBound)
      try describing("error while writing at byte \(offset)") { () throws(Errno) in
        switch run.kind {
        case .backing: break
        case .zero:
          if targetIsZero { break }
          try target.writeZeroes(offset..<end, mayUnmap: true)
          if writesThrough { try target.flush() }
        case .data:
          try Self.write(buffer, run.range, to: target, at: offset)
          if writesThrough { try target.flush() }
        }
      }
    }
  }

  private static func write(
    _ buffer: [UInt8], _ range: Range<Int>, to target: any BlockNode, at offset: Int64
  ) throws(Errno) {
    let outcome = buffer.withUnsafeBytes { bytes -> Result<Void, Errno> in
      do throws(Errno) {
        return .success(try target.write(at: offset, from: UnsafeRawBufferPointer(rebasing: bytes[range])))
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  /// Cluster by cluster: all zeros are left out or marked, the rest is packed.
  private func writeCompressed(
    _ runs: [Run], _ piece: Piece, _ buffer: [UInt8], _ target: any BlockNode
  ) throws(ToolError) {
    guard let node = target as? QCOW2Node else { throw ToolError("Compression not supported for this file format") }
    let size = Int(node.header.clusterByteCount)
    let count = Int(piece.range.upperBound - piece.range.lowerBound)
    var whole = buffer
    for run in runs where run.kind == .zero { for index in run.range { whole[index] = 0 } }
    for start in stride(from: 0, to: count, by: size) {
      let end = min(count, start + size)
      let touching = runs.filter { $0.range.overlaps(start..<end) }
      if touching.allSatisfy({ $0.kind == .backing }) { continue }
      let offset = piece.target + Int64(start)
      try describing("error while writing at byte \(offset)") { () throws(Errno) in
        if touching.allSatisfy({ $0.kind == .zero }) {
          if !targetIsZero { try node.writeZeroes(offset..<offset + Int64(end - start), mayUnmap: true) }
          return
        }
        for run in touching where run.kind == .backing {
          let part = run.range.clamped(to: start..<end)
          try Self.fill(&whole, part) { (bytes) throws(Errno) in
            try node.read(at: piece.target + Int64(part.lowerBound), into: bytes)
          }
        }
        let outcome = whole.withUnsafeBytes { bytes -> Result<Void, Errno> in
          do throws(Errno) {
            return .success(
              try node.writeCompressed(at: offset, from: UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
          } catch {
            return .failure(error)
          }
        }
        try outcome.get()
        if writesThrough { try node.flush() }
      }
    }
  }
}
