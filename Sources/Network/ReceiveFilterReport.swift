// SPDX-License-Identifier: Apache-2.0

/// What an adapter receives, as `query-rx-filter` shows it.
public struct ReceiveFilterReport: Sendable, Equatable {
  public enum Mode: String, Sendable { case normal, none, all }

  public var isPromiscuous = false
  public var multicast = Mode.normal
  public var unicast = Mode.normal
  public var vlan = Mode.all
  public var allowsBroadcast = true
  public var multicastOverflows = false
  public var unicastOverflows = false
  /// Six bytes, here and in the tables.
  public var mainAddress: [UInt8] = []
  public var vlans: [Int] = []
  public var unicastTable: [[UInt8]] = []
  public var multicastTable: [[UInt8]] = []

  public init() {}
}
