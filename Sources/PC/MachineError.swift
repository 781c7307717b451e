// SPDX-License-Identifier: Apache-2.0

/// Why a machine could not be built: one sentence for the user.
public struct MachineError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
