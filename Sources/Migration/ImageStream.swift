// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Reads an image from its source front to back; what ends too early is an error that names the part.
struct ImageStream {
  private let source: any ImageSource
  /// Bytes read so far.
  private(set) var position: Int64 = 0

  init(_ source: any ImageSource) { self.source = source }

  mutating func read(into target: UnsafeMutableRawBufferPointer, _ what: String) throws(MigrationError) {
    var done = 0
    while done < target.count {
      let count: Int
      do throws(Errno) {
        count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: target[done...]))
      } catch {
        throw MigrationError("Cannot read \(what) of the state file: \(error)", cause: error)
      }
      guard count > 0 else { throw MigrationError("The state file ends inside \(what)", cause: .ioError) }
      done += min(count, target.count - done)
    }
    position += Int64(done)
  }

  /// `byteCount` bytes. Memory is taken as they come: a length that a hostile file made up costs nothing.
  mutating func bytes(_ byteCount: Int, _ what: String) throws(MigrationError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      let start = bytes.count
      bytes += [UInt8](repeating: 0, count: min(byteCount - start, max(start, 1 << 20)))
      try bytes.fill(from: start, with: &self, what)
    }
    return bytes
  }

  /// Passes over everything before `offset`, which has not been read yet.
  mutating func skip(to offset: Int64, _ what: String) throws(MigrationError) {
    if offset > position {
      do throws(Errno) { if try source.skip(offset - position) { position = offset } } catch {
        throw MigrationError("Cannot read \(what) of the state file: \(error)")
      }
    }
    while position < offset { _ = try bytes(Int(min(offset - position, 1 << 20)), what) }
  }
}

extension [UInt8] {
  /// Replaces the bytes from `start` on by what the stream has next.
  fileprivate mutating func fill(
    from start: Int, with stream: inout ImageStream, _ what: String
  ) throws(MigrationError) {
    let outcome = withUnsafeMutableBytes { buffer -> Result<Void, MigrationError> in
      do throws(MigrationError) {
        try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[start...]), what)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }
}
