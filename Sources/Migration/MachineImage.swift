// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A whole machine as a file or stream: named state sections and the pages of its memory that are not all zero.
/// Docs/StateFormat.md describes it.
public enum MachineImage {
  /// A named part of the machine's state.
  public struct Section: Equatable, Sendable {
    public var name: String
    public var bytes: [UInt8]
    public init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }
  }

  static let magic = Array("APUS-VM\n".utf8)
}

/// Why a machine could not be saved or loaded: one sentence that names the part.
public struct MigrationError: Error, CustomStringConvertible, Equatable {
  public let description: String
  /// What the system would call it: an image that is wrong, or one that cannot be read to its end.
  public let cause: Errno
  public init(_ description: String, cause: Errno = .invalidArgument) {
    (self.description, self.cause) = (description, cause)
  }

  public static func == (a: MigrationError, b: MigrationError) -> Bool { a.description == b.description }
}
