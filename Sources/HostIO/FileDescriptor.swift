// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// An open file descriptor. A plain value: whoever opened it closes it. All descriptors made here are close-on-exec.
///
/// Calls that a signal interrupts are repeated; every other failure is thrown as `Errno`.
public struct FileDescriptor: Hashable, Sendable {
  public let rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let standardInput = FileDescriptor(rawValue: 0)
  public static let standardOutput = FileDescriptor(rawValue: 1)
  public static let standardError = FileDescriptor(rawValue: 2)

  public enum Access: Sendable { case readOnly, writeOnly, readWrite }

  public struct OpenOptions: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static let create = OpenOptions(rawValue: O_CREAT)
    public static let exclusiveCreate = OpenOptions(rawValue: O_CREAT | O_EXCL)
    public static let truncate = OpenOptions(rawValue: O_TRUNC)
    public static let append = OpenOptions(rawValue: O_APPEND)
    public static let nonBlocking = OpenOptions(rawValue: O_NONBLOCK)
    public static let noControllingTerminal = OpenOptions(rawValue: O_NOCTTY)
    public static let dataSync = OpenOptions(rawValue: O_DSYNC)
    public static let directory = OpenOptions(rawValue: O_DIRECTORY)
    public static let noFollow = OpenOptions(rawValue: O_NOFOLLOW)
    /// Bypasses the page cache; buffers, offsets and lengths must then be aligned to the block size.
    public static let direct = OpenOptions(rawValue: LINUX_O_DIRECT.integer)
  }

  /// open(2). `permissions` apply to a created file, less the umask.
  public static func open(
    _ path: BytePath, _ access: Access, _ options: OpenOptions = [], permissions: UInt32 = 0o666
  ) throws(Errno) -> FileDescriptor {
    let mode: Int32 =
      switch access {
      case .readOnly: O_RDONLY
      case .writeOnly: O_WRONLY
      case .readWrite: O_RDWR
      }
    return try path.withCString { (name) throws(Errno) in
      FileDescriptor(rawValue: try call { Glibc.open(name, mode | options.rawValue | O_CLOEXEC, permissions) })
    }
  }

  /// close(2). A close that a signal interrupts has closed the descriptor on Linux, so it is never repeated.
  public func close() throws(Errno) {
    if Glibc.close(rawValue) != 0, errno != EINTR { throw .last }
  }

  /// Closes and forgets an error, for paths that already report another one.
  public func closeIgnoringErrors() { _ = Glibc.close(rawValue) }

  /// read(2). 0 at the end of the file.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try call { Glibc.read(rawValue, buffer.baseAddress, buffer.count) }
  }

  /// read(2) of at most `byteCount` bytes into a fresh array; empty at the end of the file.
  public func read(upTo byteCount: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(Errno) { count = try read(into: UnsafeMutableRawBufferPointer(buffer)) } catch {
        failure = error
        count = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Reads until the end of the file; fails with `.fileTooLarge` past `limit` bytes.
  public func readToEnd(limit: Int = .max) throws(Errno) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let part = try read(upTo: 65536)
      if part.isEmpty { return all }
      if part.count > limit - all.count { throw .fileTooLarge }
      all += part
    }
  }

  /// write(2). May write less than asked.
  public func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
    try call { Glibc.write(rawValue, buffer.baseAddress, buffer.count) }
  }

  public func write(_ bytes: [UInt8]) throws(Errno) -> Int {
    try bytes.withRaw { (buffer) throws(Errno) in try write(buffer) }
  }

  /// Writes every byte, waiting with poll(2) when the descriptor is non-blocking and full.
  public func writeAll(_ buffer: UnsafeRawBufferPointer) throws(Errno) {
    var rest = buffer
    while !rest.isEmpty {
      do throws(Errno) { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(try write(rest))) } catch .wouldBlock {
        _ = try wait(for: .writable, milliseconds: -1)
      }
    }
  }

  public func writeAll(_ bytes: [UInt8]) throws(Errno) {
    try bytes.withRaw { (buffer) throws(Errno) in try writeAll(buffer) }
  }

  public func writeAll(_ text: String) throws(Errno) { try writeAll(Array(text.utf8)) }

  /// pread(2): reads at `offset` without moving the file position. 0 at the end of the file.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
    try call { pread(rawValue, buffer.baseAddress, buffer.count, off_t(offset)) }
  }

  /// Reads at `offset` until the buffer is full or the file ends; returns the bytes read.
  public func readFully(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
    var done = 0
    while done < buffer.count {
      let (position, overflow) = offset.addingReportingOverflow(Int64(done))
      if overflow { throw .overflow }
      let got = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: position)
      if got == 0 { break }
      done += got
    }
    return done
  }

  /// Fills the buffer with what the host has in memory; false, with the buffer in any state, where that is not all of it.
  public func readIfCached(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Bool {
    linux_read_cached(rawValue, buffer.baseAddress, buffer.count, off_t(offset)) == buffer.count
  }

  /// Whether the file's system is one of this host, in its kernel: others may keep a writer waiting for somebody else.
  public var isOnLocalFileSystem: Bool {
    // ext2 to ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, overlayfs: statfs(2), "f_type".
    let known: Set<Int> = [
      0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e, 0x0102_1994, 0x794c_7630,
    ]
    return known.contains(linux_file_system(rawValue))
  }

  /// At most `byteCount` bytes at `offset`; shorter only where the file ends.
  public func read(upTo byteCount: Int, at offset: Int64) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(Errno) { count = try readFully(into: UnsafeMutableRawBufferPointer(buffer), at: offset) } catch {
        failure = error
        count = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// pwrite(2). May write less than asked.
  public func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
    try call { pwrite(rawValue, buffer.baseAddress, buffer.count, off_t(offset)) }
  }

  /// Writes every byte at `offset` without moving the file position.
  public func writeAll(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    var done = 0
    while done < buffer.count {
      let (position, overflow) = offset.addingReportingOverflow(Int64(done))
      if overflow { throw .overflow }
      done += try write(UnsafeRawBufferPointer(rebasing: buffer[done...]), at: position)
    }
  }

  public func writeAll(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
    try bytes.withRaw { (buffer) throws(Errno) in try writeAll(buffer, at: offset) }
  }

  // MARK: Descriptor flags

  /// fcntl(F_DUPFD_CLOEXEC): a second descriptor of the same open file.
  public func duplicate() throws(Errno) -> FileDescriptor {
    FileDescriptor(rawValue: try call { fcntl(rawValue, F_DUPFD_CLOEXEC, 0) })
  }

  /// dup2(2): makes `target` name this open file, for example a standard stream.
  public func duplicate(onto target: FileDescriptor) throws(Errno) {
    _ = try call { dup2(rawValue, target.rawValue) }
  }

  /// Whether the descriptor is open in this process.
  public var isOpen: Bool { fcntl(rawValue, F_GETFD) != -1 }

  /// Whether every write goes to the end of the file (`O_APPEND`).
  public var isAppending: Bool { fcntl(rawValue, F_GETFL) & O_APPEND != 0 }

  public func setNonBlocking(_ enabled: Bool) throws(Errno) {
    let flags = try call { fcntl(rawValue, F_GETFL) }
    let wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
    if wanted != flags { _ = try call { fcntl(rawValue, F_SETFL, wanted) } }
  }

  public func setCloseOnExec() throws(Errno) {
    _ = try call { fcntl(rawValue, F_SETFD, FD_CLOEXEC) }
  }

  // MARK: Making descriptors that have no name

  public static func pipe() throws(Errno) -> (reader: FileDescriptor, writer: FileDescriptor) {
    var ends: [Int32] = [0, 0]
    _ = try call { pipe2(&ends, O_CLOEXEC) }
    return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
  }

  /// A connected pair of unix stream sockets.
  public static func socketPair() throws(Errno) -> (FileDescriptor, FileDescriptor) {
    var ends: [Int32] = [0, 0]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    _ = try call { socketpair(AF_UNIX, kind, 0, &ends) }
    return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
  }

  /// memfd_create(2): an anonymous file in memory.
  public static func memoryFile(named name: String) throws(Errno) -> FileDescriptor {
    FileDescriptor(rawValue: try call { memfd_create(name, UInt32(LINUX_MFD_CLOEXEC.integer)) })
  }

  // MARK: Waiting

  public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let readable = Readiness(rawValue: 1)
    public static let writable = Readiness(rawValue: 2)
    /// The peer is gone or the descriptor failed; reported whether asked for or not.
    public static let hungUp = Readiness(rawValue: 4)
  }

  /// poll(2) of this one descriptor. Empty when `milliseconds` (-1: no limit) have passed.
  public func wait(for interest: Readiness, milliseconds: Int32) throws(Errno) -> Readiness {
    var events: Int32 = 0
    if interest.contains(.readable) { events |= POLLIN }
    if interest.contains(.writable) { events |= POLLOUT }
    var entry = pollfd(fd: rawValue, events: Int16(truncatingIfNeeded: events), revents: 0)
    if try call({ poll(&entry, 1, milliseconds) }) == 0 { return [] }
    var ready: Readiness = []
    let got = Int32(entry.revents)
    if got & POLLIN != 0 { ready.insert(.readable) }
    if got & POLLOUT != 0 { ready.insert(.writable) }
    if got & (POLLHUP | POLLERR | POLLNVAL) != 0 { ready.insert(.hungUp) }
    return ready
  }
}

extension Array where Element == UInt8 {
  /// `withUnsafeBytes` with the typed error kept.
  func withRaw<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome = withUnsafeBytes { buffer -> Swift.Result<Result, Failure> in
      do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
