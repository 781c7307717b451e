// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A host file name. Names are bytes to the kernel and need not be UTF-8, so they are kept as bytes.
///
/// A name with an embedded NUL cannot be given to the kernel; it ends at the NUL, as in C.
public struct BytePath: Hashable, Sendable {
  /// The name without a terminating NUL.
  public let bytes: [UInt8]

  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes.prefix { $0 != 0 }) }
  public init(_ string: some StringProtocol) { self.init(bytes: string.utf8) }
  /// From a NUL-terminated C string, for example an element of `argv`.
  public init(cString: UnsafePointer<CChar>) {
    self.init(bytes: UnsafeBufferPointer(start: cString, count: strlen(cString)).lazy.map { UInt8(bitPattern: $0) })
  }

  public var isEmpty: Bool { bytes.isEmpty }
  public var isAbsolute: Bool { bytes.first == UInt8(ascii: "/") }

  /// Everything after the last slash.
  public var lastComponent: BytePath {
    BytePath(bytes: bytes.suffix(from: bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0))
  }

  /// The folder that holds the file; `.` for a bare name and `/` for a file in the root.
  public var directory: BytePath {
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == 0 ? "/" : BytePath(bytes: bytes[..<slash])
  }

  /// The name followed by a slash and `component`; an absolute component replaces the name.
  public func appending(_ component: BytePath) -> BytePath {
    if component.isAbsolute || isEmpty { return component }
    let separator: [UInt8] = bytes.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
    return BytePath(bytes: bytes + separator + component.bytes)
  }

  /// The name with `suffix` glued on, without a slash.
  public static func + (path: BytePath, suffix: String) -> BytePath { BytePath(bytes: path.bytes + Array(suffix.utf8)) }

  /// Calls `body` with the NUL-terminated name.
  func withCString<Result, Failure: Error>(
    _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let terminated = bytes.map { CChar(bitPattern: $0) } + [0]
    // The standard library's closure is not typed, so the typed result travels through a Result.
    let outcome = terminated.withUnsafeBufferPointer { buffer -> Swift.Result<Result, Failure> in
      guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator has storage") }
      do throws(Failure) { return .success(try body(base)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}

extension BytePath: ExpressibleByStringLiteral, CustomStringConvertible {
  public init(stringLiteral value: String) { self.init(value) }
  /// For messages: bytes that are not UTF-8 show as U+FFFD.
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
