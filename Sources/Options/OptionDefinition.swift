// SPDX-License-Identifier: Apache-2.0

/// One option of the command line: its names, its argument's form and a line of help.
struct OptionDefinition {
  enum Group: String, CaseIterable {
    case standard = "Standard options"
    case block = "Disks and other media"
    case display = "Display"
    case network = "Network"
    case character = "Serial ports, monitors and character devices"
    case device = "Devices"
    case time = "Time and determinism"
    case expert = "Running and debugging"
  }

  var names: [String]
  /// Form of the argument, nil for a switch.
  var argument: String?
  var group: Group
  var help: String

  init(_ names: String..., argument: String? = nil, in group: Group, _ help: String) {
    (self.names, self.argument, self.group, self.help) = (names, argument, group, help)
  }

  static let all: [OptionDefinition] = [
    .init("help", "h", in: .standard, "print this text and exit"),
    .init("version", in: .standard, "print the version and exit"),
    .init(
      "machine", "M", argument: "NAME[,accel=tcg]", in: .standard, "select the board (\"-machine help\" lists them)"),
    .init("cpu", argument: "MODEL", in: .standard, "select the processor (\"-cpu help\" lists them)"),
    .init("accel", argument: "tcg", in: .standard, "select the accelerator (\"-accel help\" lists them)"),
    .init("enable-kvm", in: .standard, "refused: the processor is always emulated"),
    .init("smp", argument: "1", in: .standard, "number of processors"),
    .init("m", argument: "[size=]MEGABYTES", in: .standard, "size of main memory, with suffix k, M, G or T if wanted"),
    .init("name", argument: "NAME", in: .standard, "name of the machine"),
    .init("uuid", argument: "UUID", in: .standard, "identity of the machine"),
    .init(
      "boot", argument: "[order=]DRIVES[,once=DRIVES][,menu=on|off]", in: .standard,
      "boot order: a floppy, c disk, d CD-ROM, n network"),
    .init("no-hpet", in: .standard, "leave the high precision event timer out (\"-machine hpet=off\")"),
    .init("bios", argument: "FILE", in: .standard, "system firmware instead of SeaBIOS"),
    .init("kernel", argument: "FILE", in: .standard, "start a Linux (bzImage) or Multiboot kernel"),
    .init(
      "initrd", argument: "FILE", in: .standard,
      "its initial RAM disk; for Multiboot modules: \"FILE ARGUMENTS,...\""),
    .init("append", argument: "TEXT", in: .standard, "its command line"),
    .init("dtb", argument: "FILE", in: .standard, "device tree blob for Linux"),
    .init("L", argument: "FOLDER", in: .standard, "search firmware in FOLDER first"),

    .init("fda", argument: "FILE", in: .block, "disk in floppy drive A"),
    .init("fdb", argument: "FILE", in: .block, "disk in floppy drive B"),
    .init("hda", argument: "FILE", in: .block, "first disk (a bare FILE means the same)"),
    .init("hdb", argument: "FILE", in: .block, "second disk"),
    .init("hdc", argument: "FILE", in: .block, "third disk"),
    .init("hdd", argument: "FILE", in: .block, "fourth disk"),
    .init("cdrom", argument: "FILE", in: .block, "disc in the CD-ROM drive"),
    .init(
      "blockdev", argument: "[driver=]DRIVER,node-name=NAME[,...]", in: .block,
      "a node of the block graph, also as JSON"),
    .init(
      "drive",
      argument: "[file=FILE][,format=raw|qcow2][,if=ide|floppy|none][,index=N][,media=disk|cdrom][,readonly=on][,...]",
      in: .block, "a drive in detail"),
    .init("snapshot", in: .block, "write to temporary files instead of the images"),

    .init("display", argument: "none", in: .display, "display window: there is none"),
    .init("nographic", in: .display, "no display; serial port and monitor share the terminal"),
    .init("vga", argument: "std|none", in: .display, "graphics adapter"),
    .init("audiodev", argument: "none,id=ID", in: .display, "sound output: there is none"),

    .init(
      "nic", argument: "TYPE[,model=e1000][,mac=ADDRESS][,...]|none", in: .network,
      "a network adapter and its back end (default: \"user\"); \"none\" for no adapter"),
    .init("netdev", argument: "TYPE,id=ID[,...]", in: .network, "a network back end (\"-netdev help\" lists them)"),
    .init(
      "net", argument: "nic|TYPE|none[,...]", in: .network, "the older form: adapters and back ends on one hub"),

    .init(
      "chardev", argument: "BACKEND,id=ID[,...]", in: .character, "a character device (\"-chardev help\" lists them)"),
    .init("serial", argument: "DEVICE", in: .character, "connect a serial port; repeat for COM2..."),
    .init("parallel", argument: "none", in: .character, "parallel port: there is none"),
    .init("monitor", argument: "DEVICE", in: .character, "connect the human monitor"),
    .init("qmp", argument: "DEVICE", in: .character, "connect a QMP monitor"),
    .init("qmp-pretty", argument: "DEVICE", in: .character, "the same with indented JSON"),
    .init(
      "mon", argument: "[chardev=]ID[,mode=readline|control][,pretty=on]", in: .character,
      "a monitor on a character device"),
    .init("debugcon", argument: "DEVICE", in: .character, "connect the debug port E9h"),
    .init("pidfile", argument: "FILE", in: .expert, "write the process id to FILE"),

    .init(
      "device", argument: "DRIVER[,PROPERTY=VALUE]...", in: .device,
      "add a device (\"-device help\" lists them, \"-device DRIVER,help\" its properties)"),
    .init(
      "object", argument: "filter-dump,id=ID,netdev=ID,file=FILE", in: .device, "record the frames of a back end"),
    .init("nodefaults", in: .device, "no devices but those asked for"),
    .init("no-user-config", in: .device, "accepted: there are no configuration files"),

    .init(
      "rtc", argument: "[base=utc|localtime|DATE][,clock=host|rt|vm][,driftfix=none|slew]", in: .time,
      "real-time clock"),
    .init(
      "icount", argument: "[shift=]N[,sleep=on|off]", in: .time,
      "virtual time counts instructions, 2^N ns each: runs become exact"),
    .init("seed", argument: "NUMBER", in: .time, "what the guest's random numbers follow from"),

    .init("S", in: .expert, "do not start; wait for \"cont\""),
    .init(
      "incoming", argument: "URI|defer", in: .expert,
      "take a machine in from file:, exec:, fd:, unix: or tcp:, or wait for \"migrate-incoming\""),
    .init("loadvm", argument: "TAG", in: .expert, "begin with the snapshot that \"savevm\" left in the disks' images"),
    .init("only-migratable", in: .expert, "refuse devices that \"migrate\" cannot send: there are none"),
    .init(
      "fail-on", argument: "RULE[,RULE...]", in: .expert,
      "end as a failure on panic, triple-fault, reset, idle=TIME or hang (status 4, 5, 8, 9, 7)"),
    .init(
      "action", argument: "reboot=|shutdown=|panic=|watchdog=ACTION[,...]", in: .expert,
      "what becomes of a machine whose guest reboots, powers off or panics"),
    .init("no-reboot", in: .expert, "end instead of rebooting (\"-action reboot=shutdown\")"),
    .init(
      "no-shutdown", in: .expert,
      "stop instead of ending when the guest powers off (\"-action shutdown=pause,panic=pause\")"),
    .init("watchdog-action", argument: "ACTION", in: .expert, "the same as \"-action watchdog=ACTION\""),
  ]

  static func find(_ name: String) -> OptionDefinition? { all.first { $0.names.contains(name) } }
}
