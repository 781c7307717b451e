// SPDX-License-Identifier: Apache-2.0
import HostIO

/// What happens when the host cannot do what a guest's disk needs (`werror=`, `rerror=`).
public struct ErrorPolicy: Sendable, Equatable {
  /// QEMU's words.
  public enum Action: String, Sendable, CaseIterable {
    /// The guest sees the error.
    case report
    /// The guest sees success.
    case ignore
    /// The guest stops, and `cont` tries again.
    case stop
    /// `stop` when the host has no space left, `report` otherwise.
    case enospc
  }

  public var read = Action.report
  public var write = Action.enospc

  public init(read: Action = .report, write: Action = .enospc) { (self.read, self.write) = (read, write) }

  func action(for operation: BlockOperation, _ error: Errno) -> Action {
    var action = write
    if case .read = operation { action = read }
    guard action == .enospc else { return action }
    return error == .noSpace ? .stop : .report
  }

  /// Whether an error can stop the guest, so that it is worth asking how the disk is.
  public var canStop: Bool { write == .stop || write == .enospc || read == .stop }
}

/// The state of a drive's medium as `query-block` shows it.
public enum BlockIOStatus: String, Sendable {
  case ok
  case failed
  case noSpace = "nospace"
}

/// A failed request, told to the user.
public struct BlockFailure: Sendable, Equatable {
  public var device: String
  public var nodeName: String
  public var isRead: Bool
  public var action: ErrorPolicy.Action
  public var error: Errno
}
