// SPDX-License-Identifier: Apache-2.0

/// Why a network back end could not be made or used: a sentence for the user, QEMU's where it has one.
public struct NetworkError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Reason: Hashable, Sendable {
    case generic
    /// QMP's class DeviceNotFound.
    case notFound
  }

  public let description: String
  public let reason: Reason

  public init(_ description: String, _ reason: Reason = .generic) {
    (self.description, self.reason) = (description, reason)
  }

  static func notFound(_ name: String) -> NetworkError { NetworkError("Device '\(name)' not found", .notFound) }
}
