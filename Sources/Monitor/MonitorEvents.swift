// SPDX-License-Identifier: Apache-2.0
public import Migration
public import Network
public import Platform
public import QAPI

// Events this program emits, as qapi/run-state.json and qapi/misc-target.json of 7.2 describe them.

/// The process is about to end, or with `-no-shutdown` the guest has turned itself off.
public struct ShutdownEvent: QMPEvent {
  public static let name = "SHUTDOWN"
  public var guest: Bool
  public var reason: ShutdownCause
  public init(_ cause: ShutdownCause) { (guest, reason) = (cause.isFromGuest, cause) }
}

public struct ResetEvent: QMPEvent {
  public static let name = "RESET"
  public var guest: Bool
  public var reason: ShutdownCause
  public init(_ cause: ShutdownCause) { (guest, reason) = (cause.isFromGuest, cause) }
}

public struct StopEvent: QMPEvent {
  public static let name = "STOP"
  public init() {}
}

public struct ResumeEvent: QMPEvent {
  public static let name = "RESUME"
  public init() {}
}

/// The power button was pressed for the guest.
public struct PowerdownEvent: QMPEvent {
  public static let name = "POWERDOWN"
  public init() {}
}

/// The guest set its clock.
public struct RTCChangeEvent: QMPEvent {
  public static let name = "RTC_CHANGE"
  public static let minimumInterval: UInt64 = 1_000_000_000
  /// Seconds between the clock at start-up, had it run on, and the guest's new time.
  public var offset: Int64
  public var qomPath: String
  public init(offset: Int64, qomPath: String) { (self.offset, self.qomPath) = (offset, qomPath) }
}

/// A network adapter's guest changed what it receives; not told again before `query-rx-filter`.
public struct ReceiveFilterEvent: QMPEvent {
  public static let name = "NIC_RX_FILTER_CHANGED"
  public var name: String?
  public var path: String
  public init(name: String?, path: String) { (self.name, self.path) = (name, path) }
}

/// Somebody has come to the other end of a `stream` back end.
public struct StreamConnectedEvent: QMPEvent {
  public static let name = "NETDEV_STREAM_CONNECTED"

  public struct Address: Codable, Sendable {
    public enum Kind: String, QMPEnum { case inet, unix }
    public var type: Kind
    public var host: String?
    public var port: String?
    public var ipv4: Bool?
    public var ipv6: Bool?
    public var path: String?
  }

  public var netdevId: String
  public var addr: Address

  public init(netdev: String, peer: StreamPeer) {
    netdevId = netdev
    switch peer {
    case .tcp(let host, let port):
      let isIPv6 = host.contains(":")
      addr = Address(type: .inet, host: host, port: port, ipv4: isIPv6 ? nil : true, ipv6: isIPv6 ? true : nil)
    case .unix(let path): addr = Address(type: .unix, path: path)
    }
  }
}

/// Somebody has left the other end of a `stream` back end.
public struct StreamDisconnectedEvent: QMPEvent {
  public static let name = "NETDEV_STREAM_DISCONNECTED"
  public var netdevId: String
  public init(netdev: String) { netdevId = netdev }
}

/// A migration has come so far; only with the capability `events`.
public struct MigrationStatusEvent: QMPEvent {
  public static let name = "MIGRATION"
  public var status: MigrationStatus
  public init(_ status: MigrationStatus) { self.status = status }
}

/// Memory is gone through once more; only with the capability `events`.
public struct MigrationPassEvent: QMPEvent {
  public static let name = "MIGRATION_PASS"
  public var pass: Int
  public init(_ pass: Int) { self.pass = pass }
}

/// Every event there is, for `query-events`.
enum EventTable {
  static let all: [any QMPEvent.Type] = [
    ShutdownEvent.self, PowerdownEvent.self, ResetEvent.self, StopEvent.self, ResumeEvent.self, RTCChangeEvent.self,
    MigrationStatusEvent.self, MigrationPassEvent.self,
    TrayMovedEvent.self, BlockIOErrorEvent.self, WriteThresholdEvent.self, JobStatusEvent.self,
    ReceiveFilterEvent.self, StreamConnectedEvent.self, StreamDisconnectedEvent.self, GuestPanickedEvent.self,
    GuestCrashLoadedEvent.self, TripleFaultEvent.self,
    GuestHungEvent.self, DeviceDeletedEvent.self,
  ]
}

/// What events are called, for those who wait for one.
public enum EventNames {
  public static let all = Set(EventTable.all.map { $0.name })
}
