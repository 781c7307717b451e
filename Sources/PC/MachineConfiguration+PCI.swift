// SPDX-License-Identifier: Apache-2.0
import Block
import VirtioDevices

extension MachineConfiguration {
  /// Slot and function on PCI bus 0.
  public struct PCIPlace: Sendable, Equatable {
    /// 0...31.
    public var slot: UInt8
    /// 0...7.
    public var function: UInt8

    public init(slot: UInt8, function: UInt8 = 0) { (self.slot, self.function) = (slot, function) }
  }

  /// A device on the PCI bus that is not part of the board.
  public struct PCIDevice: Sendable {
    public enum Kind: Sendable {
      case virtioDisk(VirtioDisk)
      case e1000(NetworkAdapter)
      case virtioNetwork(VirtioNetworkAdapter)
      /// `pvpanic-pci`, and what reads of it say.
      case panic(offered: UInt8)
    }

    public var kind: Kind
    /// `id=`.
    public var userID: String?
    /// `addr=`, nil for the first free slot.
    public var place: PCIPlace?
    /// `bootindex=`.
    public var bootIndex: Int?
    /// The option that asks for it, as error texts name it.
    public var option: String

    public init(
      _ kind: Kind, userID: String? = nil, place: PCIPlace? = nil, bootIndex: Int? = nil, option: String = ""
    ) {
      (self.kind, self.userID, self.place, self.bootIndex) = (kind, userID, place, bootIndex)
      self.option = option
    }
  }

  /// `virtio-blk-pci`.
  public struct VirtioDisk: Sendable {
    /// Name of the drive that it shows.
    public var drive: String
    public var settings: VirtioBlockSettings
    public var transport: VirtioOptions
    public var errorPolicy = ErrorPolicy()
    /// Others may write to the image too.
    public var sharesWrites = false

    public init(
      drive: String, settings: VirtioBlockSettings = VirtioBlockSettings(),
      transport: VirtioOptions = VirtioOptions()
    ) {
      (self.drive, self.settings, self.transport) = (drive, settings, transport)
    }
  }

  /// `virtio-net-pci`.
  public struct VirtioNetworkAdapter: Sendable {
    public var adapter: NetworkAdapter
    /// But for the address, which is the adapter's.
    public var settings: VirtioNetworkSettings
    public var transport: VirtioOptions

    public init(
      _ adapter: NetworkAdapter, settings: VirtioNetworkSettings = VirtioNetworkSettings(address: []),
      transport: VirtioOptions = VirtioOptions()
    ) {
      (self.adapter, self.settings, self.transport) = (adapter, settings, transport)
    }
  }
}
