// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
public import QAPI

/// A tray was opened or closed, by the guest or by a command.
public struct TrayMovedEvent: QMPEvent {
  public static let name = "DEVICE_TRAY_MOVED"
  public var device: String
  public var id: String
  public var trayOpen: Bool
}

/// The host could not do what a guest's disk needed.
public struct BlockIOErrorEvent: QMPEvent {
  public static let name = "BLOCK_IO_ERROR"
  public enum Operation: String, QMPEnum { case read, write }
  public enum Action: String, QMPEnum { case ignore, report, stop }
  public var device: String
  public var nodeName: String?
  public var operation: Operation
  public var action: Action
  /// There was no space left; only told when the guest was stopped.
  public var nospace: Bool?
  public var reason: String
}

/// A write ended beyond the threshold.
public struct WriteThresholdEvent: QMPEvent {
  public static let name = "BLOCK_WRITE_THRESHOLD"
  public var nodeName: String
  public var amountExceeded: UInt64
  public var writeThreshold: UInt64
}

extension MonitorHub {
  /// Sends what happens to disks to the monitors.
  func follow(_ graph: BlockGraph) {
    graph.eventHandler = { [unowned self] event in
      switch event {
      case .trayMoved(let device, let id, let isOpen):
        emit(TrayMovedEvent(device: device, id: id, trayOpen: isOpen))
      case .failed(let failure):
        emit(
          BlockIOErrorEvent(
            device: failure.device, nodeName: failure.nodeName.isEmpty ? nil : failure.nodeName,
            operation: failure.isRead ? .read : .write, action: .init(rawValue: failure.action.rawValue) ?? .stop,
            nospace: failure.error == .noSpace, reason: failure.error.description))
      case .thresholdPassed(let node, let amount, let threshold):
        emit(WriteThresholdEvent(nodeName: node, amountExceeded: amount, writeThreshold: threshold))
      }
    }
  }
}
