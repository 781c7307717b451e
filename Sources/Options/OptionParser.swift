// SPDX-License-Identifier: Apache-2.0
import Automation
import Chardev
import HostIO
import PC

/// Turns a command line into a plan, as QEMU reads it: options in any order, `--opt` like `-opt`, a bare file name is the
/// first disk, repeats add up or the last one wins.
///
/// What depends on other options (which may come later) is kept and looked at in `finish`.
public struct OptionParser {
  var launch = Launch()
  /// A board that does not exist was asked for; a request for help still goes first.
  var unknownBoard: OptionError?
  var accelerators = AcceleratorRequests()
  /// A display that does not exist was asked for, and none that does afterwards.
  var unknownDisplay: OptionError?
  var kernel = KernelOptions()
  /// Drives whose slot is chosen after all options are known.
  var drives: [DriveRequest] = []
  /// `-snapshot`
  var isSnapshot = false
  var serials: [GivenOption] = []
  /// `-mon`, `-monitor`, `-qmp` in the order given.
  var monitors: [MonitorOption] = []
  /// `-monitor none` was given.
  var monitorsGiven = false
  /// Character devices made for monitors so far.
  var compatibleMonitors = 0
  var debugConsoles: [GivenOption] = []
  var devices: [DeviceRequest] = []
  /// Drives with `if=virtio`: their places among the machine's.
  var virtioDrives: [(place: Int, option: GivenOption)] = []
  var networkRequests = NetworkRequests()
  /// What a machine that runs has; nil on a command line.
  var surroundings: DeviceSurroundings?
  /// What `bootindex=` has named so far.
  var bootIndexes: Set<Int> = []
  var hasNoDefaults = false
  var isNoGraphic = false
  var parallelGiven = false
  var graphicsGiven = false
  /// Who is connected to which character device.
  var frontEndCounts: [String: Int] = [:]
  /// Texts asked for with `help`, printed instead of running.
  var helpText: String?

  init() {}

  /// - Parameter arguments: without the program's name.
  public static func parse(_ arguments: [BytePath]) throws(OptionError) -> LaunchPlan {
    var parser = OptionParser()
    var position = 0
    while position < arguments.count {
      let text = arguments[position].description
      position += 1
      guard text.hasPrefix("-") else {
        try parser.addImage(arguments[position - 1])
        continue
      }
      let name = String(text.dropFirst(text.hasPrefix("--") ? 2 : 1))
      guard let definition = OptionDefinition.find(name) else { throw OptionError("\(text): invalid option") }
      var option = GivenOption(definition: definition, name: text)
      if definition.argument != nil {
        guard position < arguments.count else { throw OptionError("\(text): requires an argument") }
        option.bytes = arguments[position]
        position += 1
      }
      for warning in ShortForms.warnings(of: option) { HostProcess.report(warning) }
      try parser.apply(option)
      if let help = parser.helpText { return .print(help) }
    }
    return .run(try parser.finish())
  }

  private mutating func addImage(_ path: BytePath) throws(OptionError) {
    guard let definition = OptionDefinition.find("version") else { return }
    let option = GivenOption(definition: definition, name: path.description)
    try drives.append(DriveRequest(option: option, file: path, index: 0))
  }

  private mutating func apply(_ option: GivenOption) throws(OptionError) {
    switch option.definition.names[0] {
    case "help": helpText = HelpText.usage
    case "version": helpText = HelpText.version
    case "machine": try machine(option)
    case "cpu": try processor(option)
    case "accel": try accelerator(option)
    case "enable-kvm": accelerators.machine = "kvm"
    case "smp": try processors(option)
    case "m": try memory(option)
    case "name": try name(option)
    case "uuid": try uuid(option)
    case "boot": try boot(option)
    case "bios": launch.machine.firmware = option.bytes
    case "L": firmwareFolder(option)
    case "kernel": kernel.file = option.bytes
    case "initrd": kernel.initrd = option.bytes
    case "append": kernel.commandLine = option.bytes
    case "dtb": kernel.deviceTree = option.bytes
    case "hda": try drives.append(DriveRequest(option: option, file: option.bytes, index: 0))
    case "hdb": try drives.append(DriveRequest(option: option, file: option.bytes, index: 1))
    case "hdc": try drives.append(DriveRequest(option: option, file: option.bytes, index: 2))
    case "hdd": try drives.append(DriveRequest(option: option, file: option.bytes, index: 3))
    case "cdrom": try drives.append(DriveRequest(option: option, file: option.bytes, index: 2, medium: .cdrom))
    case "drive": try drive(option)
    case "fda": try drives.append(DriveRequest(option: option, file: option.bytes, index: 0, medium: .floppy))
    case "fdb": try drives.append(DriveRequest(option: option, file: option.bytes, index: 1, medium: .floppy))
    case "blockdev": try blockdev(option)
    case "snapshot": isSnapshot = true
    default: try applySurroundings(option)
    }
  }

  /// Options about what is around the machine.
  private mutating func applySurroundings(_ option: GivenOption) throws(OptionError) {
    switch option.definition.names[0] {
    case "display": try display(option)
    case "nographic":
      isNoGraphic = true
      launch.machine.isNoGraphic = true
    case "vga": try graphics(option)
    case "nic", "net", "netdev": try network(option)
    case "object": try object(option)
    case "audiodev": try audio(option)
    case "chardev": try characterDevice(option)
    case "serial": serials.append(option)
    case "parallel": try parallel(option)
    case "monitor", "qmp", "qmp-pretty": try monitorOnBackend(option)
    case "mon": try monitor(option)
    case "debugcon": debugConsoles.append(option)
    case "pidfile": launch.pidFile = option.bytes
    case "device": try device(option)
    case "nodefaults":
      hasNoDefaults = true
      launch.machine.hasFloppyDrive = false
    case "no-user-config": break
    case "rtc": try clock(option)
    case "icount": try instructionCounting(option)
    case "seed": try seed(option)
    case "S": launch.machine.startsPaused = true
    case "incoming":
      launch.incoming = option.bytes
      launch.machine.waitsForIncoming = true
    case "loadvm": launch.snapshot = option.bytes.description
    case "only-migratable": launch.isMigratableOnly = true
    case "fail-on":
      do throws(StopRules.Mistake) { launch.stopRules = try StopRules(parsing: option.value) } catch {
        throw OptionError(option, "\(error)")
      }
    case "no-hpet": launch.machine.hasEventTimer = false
    case "action": try actions(option)
    case "watchdog-action": launch.machine.actions.watchdog = try action(option.value, of: "watchdog", option)
    case "no-reboot": launch.machine.actions.reboot = .shutdown
    case "no-shutdown":
      launch.machine.actions.shutdown = .pause
      launch.machine.actions.panic = .pause
    default: throw OptionError("\(option.name): invalid option")
    }
  }

  private mutating func finish() throws(OptionError) -> Launch {
    if let unknownBoard { throw unknownBoard }
    if let unknownDisplay { throw unknownDisplay }
    try chooseAccelerator()
    try checkBootOrder()
    try addKernel()
    try attachMonitors()
    try attachSerialPorts()
    launch.machine.countsParallelPort = !hasNoDefaults && !parallelGiven && launch.machine.board == .pc
    try placeDrives()
    try addNetworks()
    try addDevices()
    try attachVirtioDrives()
    try attachDebugConsoles()
    try checkDriveNames()
    launch.machine.characterDeviceReader = { ChardevOptions.configuration(described: $0) }
    return launch
  }

  /// Whether one of these models was given with `-device`, which takes the place of the default one.
  func hasDevice(_ drivers: String...) -> Bool { devices.contains { drivers.contains($0.driver) } }
}
