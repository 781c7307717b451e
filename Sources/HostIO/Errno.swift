// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A failed system call: the kernel's `errno` value. `description` is the C library's sentence (`No such file or directory`).
public struct Errno: Error, Hashable, Sendable {
  public let rawValue: Int32

  public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// What the last failed C call of this thread left behind.
  static var last: Errno { Errno(errno) }

  public static let notPermitted = Errno(EPERM)
  public static let noSuchFile = Errno(ENOENT)
  public static let interrupted = Errno(EINTR)
  public static let ioError = Errno(EIO)
  public static let badFileDescriptor = Errno(EBADF)
  public static let wouldBlock = Errno(EAGAIN)
  public static let outOfMemory = Errno(ENOMEM)
  public static let accessDenied = Errno(EACCES)
  public static let busy = Errno(EBUSY)
  public static let exists = Errno(EEXIST)
  public static let notADirectory = Errno(ENOTDIR)
  public static let isADirectory = Errno(EISDIR)
  public static let invalidArgument = Errno(EINVAL)
  public static let notATerminal = Errno(ENOTTY)
  public static let fileTooLarge = Errno(EFBIG)
  public static let noSpace = Errno(ENOSPC)
  public static let illegalSeek = Errno(ESPIPE)
  public static let readOnlyFileSystem = Errno(EROFS)
  public static let brokenPipe = Errno(EPIPE)
  public static let outOfRange = Errno(ERANGE)
  public static let nameTooLong = Errno(ENAMETOOLONG)
  public static let overflow = Errno(EOVERFLOW)
  public static let noDeviceOrAddress = Errno(ENXIO)
  public static let notSupported = Errno(EOPNOTSUPP)
  public static let notASocket = Errno(ENOTSOCK)
  public static let addressInUse = Errno(EADDRINUSE)
  public static let addressNotAvailable = Errno(EADDRNOTAVAIL)
  public static let connectionRefused = Errno(ECONNREFUSED)
  public static let connectionReset = Errno(ECONNRESET)
  public static let notConnected = Errno(ENOTCONN)
  public static let timedOut = Errno(ETIMEDOUT)
  public static let inProgress = Errno(EINPROGRESS)
  public static let canceled = Errno(ECANCELED)
  public static let noSuchProcess = Errno(ESRCH)
}

extension Errno: CustomStringConvertible {
  public var description: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress, strerror_r(rawValue, base, buffer.count) == 0 else {
        return "Unknown error \(rawValue)"
      }
      return String(cString: base)
    }
  }
}

/// Repeats a system call that a signal interrupted; -1 becomes a thrown `Errno`.
@inline(__always)
func call<Result: FixedWidthInteger & SignedInteger>(_ body: () -> Result) throws(Errno) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let error = Errno.last
    if error != .interrupted { throw error }
  }
}
