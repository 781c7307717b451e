// SPDX-License-Identifier: Apache-2.0
import QAPI

struct QueryPCI: MonitorCommand {
  static let name = "query-pci"
  typealias Returns = [PciInfo]

  struct PciInfo: Codable, Sendable {
    var bus: Int
    var devices: [PciDeviceInfo]
  }
  struct PciDeviceInfo: Codable, Sendable {
    var bus: Int
    var slot: Int
    var function: Int
    var classInfo: PciDeviceClass
    var id: PciDeviceId
    var irq: Int?
    var irqPin: Int
    var qdevID: String
    var regions: [PciMemoryRegion]
    enum CodingKeys: String, CodingKey {
      case bus
      case slot
      case function
      case classInfo = "class_info"
      case id
      case irq
      case irqPin = "irq_pin"
      case qdevID = "qdev_id"
      case regions
    }
  }
  struct PciDeviceClass: Codable, Sendable {
    var desc: String?
    var `class`: Int
  }
  struct PciDeviceId: Codable, Sendable {
    var device: Int
    var vendor: Int
    var subsystem: Int?
    var subsystemVendor: Int?
  }
  struct PciMemoryRegion: Codable, Sendable {
    enum Kind: String, QMPEnum { case io, memory }
    var bar: Int
    var type: Kind
    /// -1 while the guest has not mapped it.
    var address: Int64
    var size: Int64
    var prefetch: Bool?
    var memType64: Bool?
    enum CodingKeys: String, CodingKey {
      case bar
      case type
      case address
      case size
      case prefetch
      case memType64 = "mem_type_64"
    }
  }

  func run(in context: MonitorContext) -> [PciInfo] {
    let functions = context.machine.pciFunctions
    return Set(functions.map(\.bus)).sorted().map { bus in
      PciInfo(bus: bus, devices: functions.filter { $0.bus == bus }.map(Self.describe))
    }
  }

  private static func describe(_ function: PCIFunction) -> PciDeviceInfo {
    PciDeviceInfo(
      bus: function.bus, slot: function.slot, function: function.function,
      classInfo: PciDeviceClass(desc: PCIClass.description(of: function.classCode), class: Int(function.classCode)),
      id: PciDeviceId(
        device: Int(function.device), vendor: Int(function.vendor),
        subsystem: function.subsystem.map { Int($0.device) },
        subsystemVendor: function.subsystem.map { Int($0.vendor) }),
      irq: function.interruptPin == 0 ? nil : function.interruptLine, irqPin: function.interruptPin,
      qdevID: function.id,
      regions: function.regions.map(describe))
  }

  private static func describe(_ region: PCIFunction.Region) -> PciMemoryRegion {
    let address = region.address.map { Int64(bitPattern: $0) } ?? -1
    let size = Int64(clamping: region.byteCount)
    switch region.kind {
    case .io: return PciMemoryRegion(bar: region.bar, type: .io, address: address, size: size)
    case .memory(let isPrefetchable, let is64Bit):
      return PciMemoryRegion(
        bar: region.bar, type: .memory, address: address, size: size, prefetch: isPrefetchable, memType64: is64Bit)
    }
  }
}

/// Names of device classes (PCI Code and ID Assignment Specification 1.11), worded as QEMU's clients know them.
enum PCIClass {
  static func description(of code: UInt16) -> String? { names[code] }

  private static let names: [UInt16: String] = [
    0x0001: "VGA controller", 0x0100: "SCSI controller", 0x0101: "IDE controller", 0x0102: "Floppy controller",
    0x0103: "IPI controller", 0x0104: "RAID controller", 0x0106: "SATA controller", 0x0107: "SAS controller",
    0x0180: "Storage controller", 0x0200: "Ethernet controller", 0x0201: "Token Ring controller",
    0x0202: "FDDI controller", 0x0203: "ATM controller", 0x0280: "Network controller", 0x0300: "VGA controller",
    0x0301: "XGA controller", 0x0302: "3D controller", 0x0380: "Display controller", 0x0400: "Video controller",
    0x0401: "Audio controller", 0x0403: "Audio controller", 0x0480: "Multimedia controller", 0x0500: "RAM controller",
    0x0501: "Flash controller", 0x0580: "Memory controller", 0x0600: "Host bridge", 0x0601: "ISA bridge",
    0x0602: "EISA bridge", 0x0603: "MC bridge", 0x0604: "PCI bridge", 0x0605: "PCMCIA bridge", 0x0606: "NUBUS bridge",
    0x0607: "CARDBUS bridge", 0x0608: "RACEWAY bridge", 0x0680: "Bridge", 0x0700: "Serial port",
    0x0701: "Parallel port",
    0x0800: "Interrupt controller", 0x0801: "DMA controller", 0x0802: "Timer", 0x0803: "RTC", 0x0900: "Keyboard",
    0x0901: "Pen", 0x0902: "Mouse", 0x0A00: "Dock station", 0x0B00: "i386 cpu", 0x0C00: "Firewire controller",
    0x0C01: "Access bus controller", 0x0C02: "SSA controller", 0x0C03: "USB controller",
    0x0C04: "Fibre channel controller", 0x0C05: "SMBus",
  ]
}
