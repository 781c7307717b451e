// SPDX-License-Identifier: Apache-2.0
import PC
import X86

/// Texts of `-help`, `-version` and the `help` arguments, in the forms that clients parse.
enum HelpText {
  /// Clients match `^QEMU emulator version ([\d.]+)`; it says whose command line and monitor this is compatible with.
  static let version = "QEMU emulator version 7.2.0 (Apus \(apusVersion))\n"

  static var usage: String {
    var text = """
      Apus \(apusVersion): a full-system PC emulator with QEMU's command line and monitor.
      usage: apus [options] [disk_image]

      "disk_image" is a raw hard disk image. Options may be written with one dash or two.

      """
    for group in OptionDefinition.Group.allCases {
      text += "\n\(group.rawValue):\n"
      for option in OptionDefinition.all where option.group == group {
        let names = option.names.map { "-\($0)" }.joined(separator: ", ")
        let left = "  " + names + (option.argument.map { " " + $0 } ?? "")
        text +=
          left.count < 26
          ? left.padded(to: 26) + option.help + "\n" : left + "\n" + "".padded(to: 26) + option.help + "\n"
      }
    }
    return text + """

      While the terminal is shared with the monitor (-nographic), Ctrl-a h lists the keys.
      Every example of the documentation is in README.md.

      """
  }

  static func list(_ title: String, _ names: [String], indent: String = "  ") -> String {
    ([title] + names.map { indent + $0 }).joined(separator: "\n") + "\n"
  }

  static let machines = """
    Supported machines are:
    pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)
    pc-i440fx-7.2        Standard PC (i440FX + PIIX, 1996) (default)
    none                 empty machine

    """

  static func machineProperties(_ board: MachineConfiguration.Board) -> String {
    """
    \(board.rawValue)-machine options:
      accel=<string>         - Accelerator list
      dump-guest-core=<bool> - Include guest memory in a core dump
      graphics=<bool>        - Set on/off to enable/disable graphics emulation
      mem-merge=<bool>       - Enable/disable memory merge support

    """
  }

  static var processors: String {
    let descriptions = [
      "486": "Intel 80486", "pentium": "Intel Pentium", "pentium3": "Intel Pentium III",
      "max": "Enables all features supported by the emulator",
    ]
    let lines = CPUModel.all.sorted { $0.name < $1.name }.map { model in
      "x86 \(model.name.padded(to: 20))  \(descriptions[model.name] ?? model.brand)\n"
    }
    return "Available CPUs:\n" + lines.joined()
  }

  static let devices = """
    Display devices:
    name "VGA", bus PCI

    Input devices:
    name "isa-serial", bus ISA

    Misc devices:
    name "isa-debug-exit", bus ISA
    name "isa-debugcon", bus ISA
    name "pvpanic", bus ISA
    name "pvpanic-pci", bus PCI

    Network devices:
    name "e1000", bus PCI, alias "e1000-82540em", desc "Intel Gigabit Ethernet"
    name "virtio-net-pci", bus PCI, alias "virtio-net"
    name "virtio-net-pci-non-transitional", bus PCI
    name "virtio-net-pci-transitional", bus PCI

    Storage devices:
    name "floppy", bus floppy-bus, desc "virtual floppy drive"
    name "ide-cd", bus IDE, desc "virtual IDE CD-ROM"
    name "ide-hd", bus IDE, desc "virtual IDE disk"
    name "virtio-blk-pci", bus PCI, alias "virtio-blk"
    name "virtio-blk-pci-non-transitional", bus PCI
    name "virtio-blk-pci-transitional", bus PCI

    """

  /// `-device DRIVER,help`.
  static func properties(of driver: String) -> String {
    let chardev = "chardev=<str>          - ID of a chardev to use as a backend"
    let place = [
      "bootindex=<int32>", "drive=<str>            - Node name or ID of a block device to use as a backend",
      "logical_block_size=<size> - A power of two between 512 B and 2 MiB (default: 0)",
      "physical_block_size=<size> - A power of two between 512 B and 2 MiB (default: 0)",
      "share-rw=<bool>        -  (default: false)", "unit=<uint32>          -  (default: 4294967295)",
      "write-cache=<OnOffAuto> - on/off/auto (default: \"auto\")",
    ]
    let drive =
      place + [
        "model=<str>",
        "rerror=<BlockdevOnError> - Error handling policy, report/ignore/enospc/stop/auto (default: \"auto\")",
        "serial=<str>", "ver=<str>",
        "werror=<BlockdevOnError> - Error handling policy, report/ignore/enospc/stop/auto (default: \"auto\")",
        "wwn=<uint64>           -  (default: 0)",
      ]
    let disk =
      drive + [
        "bios-chs-trans=<BiosAtaTranslation> - Logical CHS translation algorithm, auto/none/lba/large/rechs (default: \"auto\")",
        "cyls=<uint32>          -  (default: 0)", "heads=<uint32>         -  (default: 0)",
        "rotation_rate=<uint16> -  (default: 0)", "secs=<uint32>          -  (default: 0)",
      ]
    let properties: [String: [String]] = [
      "isa-debug-exit": ["iobase=<uint32>        -  (default: 1281)", "iosize=<uint32>        -  (default: 2)"],
      "isa-debugcon": [
        chardev, "iobase=<uint32>        -  (default: 233)", "readback=<uint32>      -  (default: 233)",
      ],
      "pvpanic": ["events=<uint8>         -  (default: 3)", "ioport=<uint16>        -  (default: 1285)"],
      "pvpanic-pci": [
        "acpi-index=<uint32>    -  (default: 0)",
        "addr=<int32>           - Slot and optional function number, example: 06.0 or 06 (default: -1)",
        "events=<uint8>         -  (default: 3)", "failover_pair_id=<str>",
        "multifunction=<bool>   - on/off (default: false)", "rombar=<uint32>        -  (default: 1)",
        "romfile=<str>", "romsize=<uint32>       -  (default: 4294967295)",
        "x-pcie-extcap-init=<bool> - on/off (default: true)",
        "x-pcie-lnksta-dllla=<bool> - on/off (default: true)",
      ],
      "isa-serial": [
        "baudbase=<uint32>      -  (default: 115200)", chardev, "index=<uint32>         -  (default: 4294967295)",
        "iobase=<uint32>        -  (default: 4294967295)", "irq=<uint32>           -  (default: 4294967295)",
        "wakeup=<bool>          -  (default: false)",
      ],
      "ide-hd": disk.sorted(), "ide-cd": drive.sorted(),
      "floppy": (place + ["drive-type=<FdcDriveType> - FDC drive type, 144/288/120/none/auto (default: \"auto\")"])
        .sorted(),
      "virtio-blk-pci": virtioDisk, "virtio-blk": virtioDisk,
      "virtio-blk-pci-transitional": virtioDisk.filter { !$0.hasPrefix("disable-") },
      "virtio-blk-pci-non-transitional": virtioDisk.filter { !$0.hasPrefix("disable-") },
      "virtio-net-pci": virtioAdapter, "virtio-net": virtioAdapter,
      "virtio-net-pci-transitional": virtioAdapter.filter { !$0.hasPrefix("disable-") },
      "virtio-net-pci-non-transitional": virtioAdapter.filter { !$0.hasPrefix("disable-") },
      "e1000": e1000, "e1000-82540em": e1000,
      "VGA": [
        "multifunction=<bool>   - on/off (default: false)",
        "addr=<int32>           - Slot and optional function number, example: 06.0 or 06 (default: -1)",
        "edid=<bool>            - on/off (default: true)", "vgamem_mb=<uint32>     -  (default: 16)",
        "xres=<uint32>          -  (default: 1280)", "yres=<uint32>          -  (default: 800)",
      ],
    ]
    return list("\(driver) options:", properties[driver] ?? [])
  }

  private static let e1000 = [
    "acpi-index=<uint32>    -  (default: 0)",
    "addr=<int32>           - Slot and optional function number, example: 06.0 or 06 (default: -1)",
    "autonegotiation=<bool> - on/off (default: true)", "bootindex=<int32>",
    "extra_mac_registers=<bool> - on/off (default: true)", "failover_pair_id=<str>",
    "init-vet=<bool>        - on/off (default: true)",
    "mac=<str>              - Ethernet 6-byte MAC Address, example: 52:54:00:12:34:56",
    "migrate_tso_props=<bool> - on/off (default: true)", "mitigation=<bool>      - on/off (default: true)",
    "multifunction=<bool>   - on/off (default: false)",
    "netdev=<str>           - ID of a netdev to use as a backend", "rombar=<uint32>        -  (default: 1)",
    "romfile=<str>", "romsize=<uint32>       -  (default: 4294967295)",
    "x-pcie-extcap-init=<bool> - on/off (default: true)", "x-pcie-lnksta-dllla=<bool> - on/off (default: true)",
  ]

  static let bootOptions = """
    boot-opts options:
      menu=<bool (on/off)>
      once=<str>
      order=<str>
      splash-time=<num>
      strict=<bool (on/off)>

    """
}

extension String {
  func padded(to width: Int) -> String { count >= width ? self : self + String(repeating: " ", count: width - count) }
}
