// SPDX-License-Identifier: Apache-2.0

/// The name of a unix socket that lies in no folder and is gone with its last user (unix(7), "abstract").
public struct AbstractName: Hashable, Sendable {
  /// Room for a name and the NUL before it.
  static let limit = 108
  public let bytes: [UInt8]
  /// The name ends where it ends; otherwise NULs up to the limit belong to it.
  public let isTight: Bool

  public init(_ name: BytePath, isTight: Bool = true) { (bytes, self.isTight) = (name.bytes, isTight) }

  /// As the kernel has it: without the NUL in front.
  init(kernel name: some Collection<UInt8>) {
    isTight = name.count + 1 < Self.limit
    bytes = isTight ? Array(name) : Array(name.prefix { $0 != 0 })
  }
}

extension AbstractName: CustomStringConvertible {
  /// In the words of `query-chardev`.
  public var description: String {
    String(decoding: bytes, as: UTF8.self) + ",abstract=on" + (isTight ? ",tight=on" : "")
  }
}
