// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Writes a whole file so that a reader sees the old content or all of the new, and a failure leaves nothing behind.
///
/// The bytes go to a temporary name in the same folder, which replaces the target on `commit()`. When the target exists and
/// is not a regular file (a FIFO, a terminal, `/dev/stdout`, `/proc/self/fd/N`) there is nothing to replace: it is written
/// directly. A symbolic link is followed, so that the link survives.
public final class AtomicFile {
  public let descriptor: FileDescriptor
  private let target: BytePath
  private let temporary: BytePath?
  private var isFinished = false

  private static let counter = Atomic<UInt32>(0)

  /// Opens the temporary file. May wait for a reader when `path` is a FIFO, so call it on a worker.
  public init(_ path: BytePath, permissions: UInt32 = 0o666) throws(Errno) {
    let existing: FileStatus?
    do throws(Errno) { existing = try path.status() } catch .noSuchFile { existing = nil }
    if let existing, existing.kind != .regular || Self.isDescriptorName(path) {
      if existing.kind == .directory { throw .isADirectory }
      target = path
      temporary = nil
      descriptor = try FileDescriptor.open(path, .writeOnly, .truncate)
      return
    }
    if let existing {
      target = try path.resolved()
      // Replacing a file needs only the right to its folder; refuse where a plain open for writing would be.
      if target.withCString({ access($0, W_OK) }) != 0 { throw .last }
      var opened: (FileDescriptor, BytePath)
      do throws(Errno) { opened = try Self.openTemporary(beside: target, existing.permissions) } catch .accessDenied {
        // A writable file in a folder that is not: no way to replace it.
        temporary = nil
        descriptor = try FileDescriptor.open(target, .writeOnly, .truncate)
        return
      }
      _ = fchmod(opened.0.rawValue, existing.permissions)
      (descriptor, temporary) = (opened.0, opened.1)
    } else {
      // A dangling link is created at its own place by open(2); the link itself would be lost by rename(2).
      if let link = try? path.symbolicLinkTarget() {
        target = path.directory.appending(link)
      } else {
        target = path
      }
      let opened = try Self.openTemporary(beside: target, permissions)
      (descriptor, temporary) = (opened.0, opened.1)
    }
  }

  deinit { abandon() }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) { try descriptor.writeAll(bytes) }
  public func write(_ bytes: [UInt8]) throws(Errno) { try descriptor.writeAll(bytes) }

  /// Puts the file in place. `synchronized` waits until it is on stable storage first.
  public func commit(synchronized: Bool = false) throws(Errno) {
    precondition(!isFinished, "a file is committed once")
    isFinished = true
    do throws(Errno) {
      if synchronized { try descriptor.synchronize() }
      // A full disk on NFS is first reported here.
      try descriptor.close()
      if let temporary { try temporary.rename(to: target) }
    } catch {
      if let temporary { try? temporary.unlink() }
      throw error
    }
  }

  /// Removes what was written. Harmless after `commit()`.
  public func abandon() {
    if isFinished { return }
    isFinished = true
    descriptor.closeIgnoringErrors()
    if let temporary { try? temporary.unlink() }
  }

  /// Writes `bytes` as the whole content of `path`.
  public static func write(_ bytes: [UInt8], to path: BytePath, permissions: UInt32 = 0o666) throws(Errno) {
    let file = try AtomicFile(path, permissions: permissions)
    try file.write(bytes)
    try file.commit()
  }

  private static func isDescriptorName(_ path: BytePath) -> Bool {
    ["/dev/fd/", "/proc/self/fd/"].contains { path.bytes.starts(with: $0.utf8) }
      || ["/dev/stdout", "/dev/stderr"].contains(path)
  }

  private static func openTemporary(
    beside target: BytePath, _ permissions: UInt32
  ) throws(Errno) -> (FileDescriptor, BytePath) {
    // The name is cut so that the suffix fits the usual limit of 255 bytes.
    let stem = BytePath(bytes: target.lastComponent.bytes.prefix(200))
    if stem.isEmpty { throw target.isEmpty ? .noSuchFile : .isADirectory }
    while true {
      let number = counter.add(1, ordering: .relaxed).newValue
      let name = target.directory.appending(
        BytePath(bytes: [UInt8(ascii: ".")] + stem.bytes) + ".\(getpid()).\(number).tmp")
      do throws(Errno) {
        return (try FileDescriptor.open(name, .writeOnly, .exclusiveCreate, permissions: permissions), name)
      } catch .exists {
        continue
      }
    }
  }
}
