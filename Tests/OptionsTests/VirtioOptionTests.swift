// SPDX-License-Identifier: Apache-2.0
import Options
import PC
import Testing
import VirtioDevices

struct VirtioOptionTests {
  private static let disk = "-drive file=a,if=none,id=d -device virtio-blk-pci,drive=d"

  /// Texts are QEMU 7.2's, or name what is missing.
  @Test(arguments: [
    Refused("-device virtio-blk-pci", "OPT: drive property not set"),
    Refused("-device virtio-blk-pci,drive=no", "OPT: Property 'virtio-blk-device.drive' can't find value 'no'"),
    Refused("-drive if=none,id=d -device virtio-blk,drive=d", "OPT: Device needs media, but drive is empty"),
    Refused("-drive if=virtio", "OPT: Device needs media, but drive is empty"),
    Refused("-drive if=virtio,media=cdrom", "OPT: Device needs media, but drive is empty"),
    Refused("\(disk),bogus=1", "OPT: Property 'virtio-blk-pci.bogus' not found"),
    Refused("\(disk),bus=ide.0", "OPT: Device 'virtio-blk-pci' can't go on IDE bus"),
    Refused("\(disk),addr=20", "OPT: Property 'virtio-blk-pci.addr' doesn't take value '20'"),
    Refused("\(disk),addr=3.8", "OPT: Property 'virtio-blk-pci.addr' doesn't take value '3.8'"),
    Refused("\(disk),addr=", "OPT: Property 'virtio-blk-pci.addr' doesn't take value ''"),
    Refused("\(disk),bootindex=x", "OPT: Parameter 'bootindex' expects integer"),
    Refused("\(disk),disable-legacy=x", "OPT: Parameter 'disable-legacy' does not accept value 'x'"),
    Refused("\(disk),packed=maybe", "OPT: Parameter 'packed' expects 'on' or 'off'"),
    Refused("\(disk),queue-size=100", "OPT: invalid queue-size property (100), must be a power of 2 (max 1024)"),
    Refused("\(disk),queue-size=2048", "OPT: invalid queue-size property (2048), must be a power of 2 (max 1024)"),
    Refused("\(disk),queue-size=2", "OPT: invalid queue-size property (2), must be > 2"),
    Refused("\(disk),num-queues=0", "OPT: num-queues property must be larger than 0"),
    Refused(
      "\(disk),logical_block_size=513",
      "OPT: Property .logical_block_size doesn't take value '513', it's not a power of 2"),
    Refused(
      "\(disk),logical_block_size=100",
      "OPT: Property .logical_block_size doesn't take value 100 (minimum: 512, maximum: 2097152)"),
    Refused("\(disk),logical_block_size=4096", "OPT: logical_block_size > physical_block_size not supported"),
    Refused("\(disk),min_io_size=1000", "OPT: min_io_size must be a multiple of logical_block_size"),
    Refused("\(disk),opt_io_size=1000", "OPT: opt_io_size must be a multiple of logical_block_size"),
    Refused("\(disk),discard_granularity=700", "OPT: discard_granularity must be a multiple of logical_block_size"),
    Refused(
      "\(disk),max-discard-sectors=0",
      "OPT: invalid max-discard-sectors property (0), must be between 1 and 4194303"),
    Refused("\(disk),cyls=10", "OPT: heads must be between 1 and 255"),
    Refused("\(disk),scsi=on", "OPT: Please set scsi=off for virtio-blk devices in order to use virtio 1.0"),
    Refused("\(disk),iothread=x", "OPT: Device 'x' not found"),
    Refused(
      "\(disk),iommu_platform=on",
      "OPT: VIRTIO_F_IOMMU_PLATFORM was supported by neither legacy nor transitional device"),
    Refused("\(disk),modern-pio-notify=on", "OPT: modern-pio-notify=on is not supported"),
    Refused("\(disk) -device ide-hd,drive=d", "OPT: Drive 'd' is already in use by another device"),
    Refused(
      "\(disk),bootindex=1 -drive file=b,if=none,id=e -device virtio-blk-pci,drive=e,bootindex=1",
      "OPT: The bootindex 1 has already been used"),
    Refused(
      "-drive file=a,if=virtio,index=3 -drive file=b,if=virtio,index=3",
      "OPT: drive with bus=0, unit=3 (index=3) exists"),
    Refused("-M none -device virtio-blk-pci", "OPT: No 'PCI' bus found for device 'virtio-blk-pci'"),
    Refused("-M none -drive file=a,if=virtio", "OPT: No 'PCI' bus found for device 'virtio-blk-pci'"),
  ])
  func `mistakes are told`(_ refused: Refused) { refused.check() }

  @Test func `both interfaces cannot be off, and an automatic device belongs to its drive`() {
    #expect(
      Line.refusal("\(Self.disk),disable-legacy=on,disable-modern=on") == [
        "-device virtio-blk-pci,drive=d,disable-legacy=on,disable-modern=on: device cannot work as neither modern nor "
          + "legacy mode is enabled\nSet either disable-modern or disable-legacy to off"
      ])
    #expect(
      Line.refusal("-drive file=a,if=virtio,id=d -device virtio-blk-pci,drive=d") == [
        "-drive file=a,if=virtio,id=d: Drive 'd' is already in use because it has been automatically connected to "
          + "another device (did you need 'if=none' in the drive options?)"
      ])
  }

  @Test func `properties reach the device`() throws {
    let machine = try Line.machine(
      Self.disk
        + ",serial=abc,num-queues=4,queue-size=64,physical_block_size=4k,min_io_size=8192,opt_io_size=64k,"
        + "config-wce=off,write-cache=off,discard=off,write-zeroes=off,packed=on,event_idx=off,indirect_desc=off,"
        + "vectors=2,disable-legacy=on,"
        + "addr=1f.7,multifunction=on,bootindex=5,id=me")
    let device = try #require(machine.pciDevices.first)
    guard case .virtioDisk(let disk) = device.kind else { return }
    #expect(device.userID == "me" && device.bootIndex == 5 && device.place == .init(slot: 31, function: 7))
    #expect(disk.drive == "d" && disk.settings.serial == "abc")
    #expect(disk.settings.queueCount == 4 && disk.settings.queueSize == 64)
    #expect(disk.settings.physicalBlockByteCount == 4096 && disk.settings.logicalBlockByteCount == 512)
    #expect(disk.settings.minimumIOByteCount == 8192 && disk.settings.optimalIOByteCount == 65536)
    #expect(!disk.settings.offersCacheControl && disk.settings.isWriteback == false)
    #expect(!disk.settings.offersDiscard && !disk.settings.offersWriteZeroes)
    let transport = disk.transport
    #expect(transport.offersPackedRing && !transport.offersEventIndex && !transport.offersIndirectDescriptors)
    #expect(transport.vectorCount == 2 && !transport.hasLegacyInterface && transport.isMultifunction)
  }

  @Test func `devices come first, then drives of the interface virtio, in their order`() throws {
    let machine = try Line.machine(
      "-drive file=b,if=virtio -drive file=c,if=virtio,index=4,id=mine -drive file=e,if=virtio "
        + "-drive file=a,if=none,id=d -device virtio-blk-pci-non-transitional,drive=d")
    let disks = machine.pciDevices.compactMap { device -> MachineConfiguration.VirtioDisk? in
      guard case .virtioDisk(let disk) = device.kind else { return nil }
      return disk
    }
    #expect(disks.map(\.drive) == ["d", "virtio0", "mine", "virtio1"])
    #expect(disks.map(\.transport.hasLegacyInterface) == [false, true, true, true])
    #expect(machine.drives.filter(\.isVirtio).count == 4)
    #expect(machine.drives.contains { $0.id == "ide1-cd0" })
  }

  @Test func `too many vectors are none, with a warning`() throws {
    let launch = try Line.launch("\(Self.disk),vectors=3000")
    #expect(launch.warnings.contains { $0.contains("unable to init msix vectors to 3000") })
  }

  @Test func `the models list their properties`() throws {
    #expect(try Line.help("-device help").contains("name \"virtio-blk-pci\", bus PCI, alias \"virtio-blk\"\n"))
    #expect(try Line.help("-device virtio-blk-pci,help").contains("packed=<bool>          - on/off (default: false)\n"))
    #expect(try !Line.help("-device virtio-blk-pci-transitional,help").contains("disable-legacy"))
  }
}
