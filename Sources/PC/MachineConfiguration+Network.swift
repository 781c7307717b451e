// SPDX-License-Identifier: Apache-2.0
public import HostIO
public import Network

extension MachineConfiguration {
  /// A back end that an option asks for.
  public struct NetworkRequest: Sendable {
    /// Without a name of its own it gets one (`#net100`).
    public var id: String?
    public var backend: NetworkConfiguration.Backend
    /// A hub that it is plugged into at once, as `-net` does.
    public var hub: Int?
    /// The option that asks for it, as error texts name it.
    public var option: String

    public init(id: String?, _ backend: NetworkConfiguration.Backend, hub: Int? = nil, option: String) {
      (self.id, self.backend, self.hub, self.option) = (id, backend, hub, option)
    }
  }

  /// Any network adapter: what it is plugged into and what it is called.
  public struct NetworkAdapter: Sendable {
    public enum Wire: Sendable, Equatable {
      case none
      /// A back end by name.
      case netdev(String)
      /// The back end at a place in `networks` (`-nic`).
      case request(Int)
      case hub(Int)
    }

    public var wire: Wire
    /// Six bytes; nil for the next free one of 52:54:00:12:34:56 and up.
    public var address: [UInt8]?
    /// The name in `info network`, if it is not the device's `id=` or its model and number.
    public var name: String?
    public init(_ wire: Wire) { self.wire = wire }
  }

  /// What only an e1000 is told.
  public struct E1000Settings: Sendable {
    /// `autonegotiation=`
    public var negotiates = true
    /// Interrupts wait as the guest wishes (`mitigation=`).
    public var mitigates = true
    /// `extra_mac_registers=`
    public var hasExtraRegisters = true
    /// A reset sets the EtherType of VLAN tags (`init-vet=`).
    public var resetsVLANType = true

    public init() {}
  }

  /// `-object filter-dump`.
  public struct NetworkDump: Sendable {
    public var id: String
    public var netdev: String
    public var file: BytePath
    /// Of a frame.
    public var maximumByteCount = 65536
    public var direction = DumpDirection.all
    /// Off: the file gets its header only.
    public var isOn = true

    public init(id: String, netdev: String, file: BytePath) {
      (self.id, self.netdev, self.file) = (id, netdev, file)
    }
  }
}
