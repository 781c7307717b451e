// SPDX-License-Identifier: Apache-2.0
import Block
public import HostIO
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

  /// Code on a device that the firmware runs.
  public struct OptionROM: Sendable, Equatable {
    /// Nil for the model's own, empty for none.
    public var file: BytePath?
    /// The function has a base address register for it; otherwise the firmware gets it as a file (`rombar=`).
    public var hasBaseAddress = true
    /// Bytes behind the register, a power of two; nil for as many as it needs (`romsize=`).
    public var byteCount: UInt32?

    public init() {}
  }

  /// A device on the PCI bus that is not part of the board.
  public struct PCIDevice: Sendable {
    public enum Kind: Sendable {
      case virtioDisk(VirtioDisk)
      case e1000(NetworkAdapter, E1000Settings = E1000Settings())
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
    /// `acpi-index=`: the number that the guest's system may name it by; 0 for none.
    public var index: UInt32 = 0
    /// `multifunction=on`: its header tells of further functions in the slot.
    public var isMultifunction = false
    public var rom = OptionROM()
    /// Where QOM has it; nil for an adapter of `-nic` and `-net`, and for a device without a name that comes later.
    public var path: String?
    /// The option that asks for it, as error texts name it.
    public var option: String

    public init(
      _ kind: Kind, userID: String? = nil, place: PCIPlace? = nil, bootIndex: Int? = nil, option: String = ""
    ) {
      (self.kind, self.userID, self.place, self.bootIndex) = (kind, userID, place, bootIndex)
      self.option = option
      path = userID.map { "/machine/peripheral/\($0)" }
    }
  }

  /// A device of the command line that stays as long as the machine.
  public struct FixedDevice: Sendable, Equatable {
    public var model: String
    /// `id=`, or the QOM path of a device without one.
    public var path: String
    /// The bus, which nothing leaves while the machine runs; nil for a device that cannot leave its bus.
    public var bus: String?

    public init(model: String, path: String, bus: String?) {
      (self.model, self.path, self.bus) = (model, path, bus)
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
