// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What stat(2) tells about a file.
public struct FileStatus: Sendable, Hashable {
  public enum Kind: Sendable, Hashable { case regular, directory, characterDevice, blockDevice, fifo, socket, other }

  public let kind: Kind
  /// Length in bytes; 0 for a block device (see `FileDescriptor.length()`).
  public let byteCount: Int64
  /// Bytes that are really stored, less than `byteCount` for a sparse file.
  public let allocatedByteCount: Int64
  /// Preferred transfer size in bytes.
  public let blockByteCount: Int
  /// Permission bits, `0o777` and the sticky and set-id bits.
  public let permissions: UInt32
  /// Together these two name the file whatever its path.
  public let device: UInt64
  public let inode: UInt64
  /// Last change of the content, nanoseconds since 1970.
  public let modified: Int64

  init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      case S_IFIFO: .fifo
      case S_IFSOCK: .socket
      default: .other
      }
    byteCount = Int64(status.st_size)
    allocatedByteCount = Int64(status.st_blocks) &* 512
    blockByteCount = Int(status.st_blksize)
    permissions = UInt32(status.st_mode) & 0o7777
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
  }
}

extension FileDescriptor {
  /// fstat(2).
  public func status() throws(Errno) -> FileStatus {
    var status = stat()
    _ = try call { fstat(rawValue, &status) }
    return FileStatus(status)
  }

  /// The length of a regular file or device, in bytes; 0 for character devices such as `/dev/null`.
  public func length() throws(Errno) -> Int64 {
    let status = try status()
    if status.kind != .blockDevice, status.kind != .characterDevice { return status.byteCount }
    let position = try seek(to: 0, from: .current)
    let end = try seek(to: 0, from: .end)
    _ = try seek(to: position, from: .start)
    return end
  }

  public enum SeekOrigin: Sendable { case start, current, end }

  /// lseek(2); returns the new position. `.illegalSeek` for pipes and sockets.
  @discardableResult
  public func seek(to offset: Int64, from origin: SeekOrigin) throws(Errno) -> Int64 {
    let whence =
      switch origin {
      case .start: SEEK_SET
      case .current: SEEK_CUR
      case .end: SEEK_END
      }
    return Int64(try call { lseek(rawValue, off_t(offset), whence) })
  }

  /// The first stored byte at or after `offset` (SEEK_DATA); nil when only a hole follows. Moves the file position.
  public func nextData(from offset: Int64) throws(Errno) -> Int64? {
    do throws(Errno) {
      return Int64(try call { lseek(rawValue, off_t(offset), LINUX_SEEK_DATA.integer) })
    } catch .noDeviceOrAddress {
      return nil
    }
  }

  /// The first byte of a hole at or after `offset` (SEEK_HOLE); the file's end counts as one. nil past the end.
  public func nextHole(from offset: Int64) throws(Errno) -> Int64? {
    do throws(Errno) {
      return Int64(try call { lseek(rawValue, off_t(offset), LINUX_SEEK_HOLE.integer) })
    } catch .noDeviceOrAddress {
      return nil
    }
  }

  /// ftruncate(2).
  public func truncate(to byteCount: Int64) throws(Errno) { _ = try call { ftruncate(rawValue, off_t(byteCount)) } }

  /// fsync(2): content and all metadata reach stable storage.
  public func synchronize() throws(Errno) { _ = try call { fsync(rawValue) } }

  /// fdatasync(2): the content, and the metadata needed to read it, reach stable storage.
  public func synchronizeData() throws(Errno) { _ = try call { fdatasync(rawValue) } }

  /// Frees the storage of a range, which then reads as zeros; the length stays. `.notSupported` where the file system cannot.
  public func punchHole(at offset: Int64, byteCount: Int64) throws(Errno) {
    let mode = LINUX_FALLOC_FL_PUNCH_HOLE.integer | LINUX_FALLOC_FL_KEEP_SIZE.integer
    _ = try call { fallocate(rawValue, mode, off_t(offset), off_t(byteCount)) }
  }

  /// Makes a range read as zeros, extending the file if needed. `.notSupported` where the file system cannot.
  public func zeroRange(at offset: Int64, byteCount: Int64) throws(Errno) {
    _ = try call { fallocate(rawValue, LINUX_FALLOC_FL_ZERO_RANGE.integer, off_t(offset), off_t(byteCount)) }
  }

  /// Reserves storage for a range, extending the file if needed.
  public func allocate(at offset: Int64, byteCount: Int64) throws(Errno) {
    _ = try call { fallocate(rawValue, 0, off_t(offset), off_t(byteCount)) }
  }

  public enum LockKind: Sendable { case shared, exclusive, unlock }

  /// An open-file-description lock on `byteCount` bytes (0: to the end of the file), never waiting.
  /// It belongs to the open file, not the process. `.wouldBlock` or `.accessDenied` when another open file holds it.
  public func lock(_ kind: LockKind, at offset: Int64, byteCount: Int64) throws(Errno) {
    var request = flock()
    request.l_type = Self.lockType(kind)
    request.l_whence = Int16(truncatingIfNeeded: SEEK_SET)
    request.l_start = off_t(offset)
    request.l_len = off_t(byteCount)
    _ = try call { linux_fcntl_lock(rawValue, LINUX_F_OFD_SETLK.integer, &request) }
  }

  /// Whether a lock of this kind would be granted now.
  public func canLock(_ kind: LockKind, at offset: Int64, byteCount: Int64) throws(Errno) -> Bool {
    var request = flock()
    request.l_type = Self.lockType(kind)
    request.l_whence = Int16(truncatingIfNeeded: SEEK_SET)
    request.l_start = off_t(offset)
    request.l_len = off_t(byteCount)
    _ = try call { linux_fcntl_lock(rawValue, LINUX_F_OFD_GETLK.integer, &request) }
    return request.l_type == Int16(truncatingIfNeeded: F_UNLCK)
  }

  private static func lockType(_ kind: LockKind) -> Int16 {
    switch kind {
    case .shared: Int16(truncatingIfNeeded: F_RDLCK)
    case .exclusive: Int16(truncatingIfNeeded: F_WRLCK)
    case .unlock: Int16(truncatingIfNeeded: F_UNLCK)
    }
  }
}

/// Questions and changes that concern a name rather than an open file.
extension BytePath {
  /// stat(2), following symbolic links.
  public func status() throws(Errno) -> FileStatus {
    var status = stat()
    _ = try withCString { (name) throws(Errno) in try call { stat(name, &status) } }
    return FileStatus(status)
  }

  public var exists: Bool { withCString { access($0, F_OK) == 0 } }
  public var isReadable: Bool { withCString { access($0, R_OK) == 0 } }

  /// unlink(2).
  public func unlink() throws(Errno) {
    _ = try withCString { (name) throws(Errno) in try call { Glibc.unlink(name) } }
  }

  /// rename(2), replacing `target`.
  public func rename(to target: BytePath) throws(Errno) {
    _ = try withCString { (old) throws(Errno) in
      try target.withCString { (new) throws(Errno) in try call { Glibc.rename(old, new) } }
    }
  }

  /// mkdir(2).
  public func makeDirectory(permissions: UInt32 = 0o777) throws(Errno) {
    _ = try withCString { (name) throws(Errno) in try call { mkdir(name, permissions) } }
  }

  /// chmod(2), but for what the process's mask takes away.
  public func setPermissions(_ permissions: UInt32) throws(Errno) {
    let mask = umask(0)
    umask(mask)
    _ = try withCString { (name) throws(Errno) in try call { chmod(name, permissions & ~mask) } }
  }

  /// rmdir(2); the folder must be empty.
  public func removeDirectory() throws(Errno) {
    _ = try withCString { (name) throws(Errno) in try call { rmdir(name) } }
  }

  /// mkfifo(3).
  public func makeFIFO(permissions: UInt32 = 0o666) throws(Errno) {
    _ = try withCString { (name) throws(Errno) in try call { mkfifo(name, permissions) } }
  }

  /// symlink(2): makes this name a symbolic link to `target`.
  public func makeSymbolicLink(to target: BytePath) throws(Errno) {
    _ = try withCString { (name) throws(Errno) in
      try target.withCString { (to) throws(Errno) in try call { symlink(to, name) } }
    }
  }

  /// realpath(3): absolute, without links.
  public func resolved() throws(Errno) -> BytePath {
    try withCString { (name) throws(Errno) in
      guard let real = realpath(name, nil) else { throw .last }
      defer { free(real) }
      return BytePath(cString: real)
    }
  }

  /// readlink(2).
  public func symbolicLinkTarget() throws(Errno) -> BytePath {
    try withCString { (name) throws(Errno) in
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = buffer.withUnsafeMutableBytes { raw in
        raw.withMemoryRebound(to: CChar.self) { text in text.baseAddress.map { readlink(name, $0, text.count) } ?? -1 }
      }
      if count < 0 { throw .last }
      return BytePath(bytes: buffer[..<count])
    }
  }

  /// The entries of a folder, without `.` and `..`, in byte order.
  public func directoryEntries() throws(Errno) -> [BytePath] {
    try withCString { (name) throws(Errno) in
      guard let stream = opendir(name) else { throw .last }
      defer { closedir(stream) }
      var names: [BytePath] = []
      while let entry = readdir(stream) {
        let found = withUnsafePointer(to: &entry.pointee.d_name) { field in
          field.withMemoryRebound(to: CChar.self, capacity: 256) { BytePath(cString: $0) }
        }
        if found != "." && found != ".." { names.append(found) }
      }
      return names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }
  }

  /// The whole content of a file; `.fileTooLarge` past `limit` bytes.
  public func contents(limit: Int = .max) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(self, .readOnly)
    defer { file.closeIgnoringErrors() }
    return try file.readToEnd(limit: limit)
  }

  /// mkdtemp(3): a fresh folder whose name starts with this path.
  public func makeUniqueDirectory() throws(Errno) -> BytePath {
    var template = (self + "XXXXXX").bytes + [0]
    let made = template.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { text in text.baseAddress.map { mkdtemp($0) != nil } ?? false }
    }
    if !made { throw .last }
    return BytePath(bytes: template)
  }

  /// A fresh file for this user alone whose name starts with this path, open for reading and writing.
  public func makeUniqueFile() throws(Errno) -> (name: BytePath, file: FileDescriptor) {
    let characters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    while true {
      let name = self + String((0..<6).map { _ in characters[Int.random(in: characters.indices)] })
      do throws(Errno) {
        return (name, try .open(name, .readWrite, [.exclusiveCreate, .noFollow], permissions: 0o600))
      } catch .exists {}
    }
  }
}
