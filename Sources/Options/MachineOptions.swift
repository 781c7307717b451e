// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC

/// `-machine`, `-smp`, `-m`, `-name`, `-uuid`, `-boot`, `-L`.
extension OptionParser {
  mutating func machine(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.machines
      return
    }
    var list = try KeyValueList(option, impliedKey: "type", bareKey: .isRefused)
    if let type = list.take("type") {
      unknownBoard = nil
      switch type {
      case "pc", MachineConfiguration.Board.pc.rawValue: launch.machine.board = .pc
      case MachineConfiguration.Board.none.rawValue: launch.machine.board = .none
      case "": throw OptionError(option, "Invalid parameter ''")
      default: unknownBoard = OptionError("unsupported machine type\nUse -machine help to list supported machines")
      }
    }
    if list.wantsHelp {
      if let unknownBoard { throw unknownBoard }
      helpText = HelpText.machineProperties(launch.machine.board)
      return
    }
    if let names = list.take("accel") { accelerators.machine = names }
    // Only KVM has another one than the board's.
    _ = list.take("kernel-irqchip")
    for property in BoardProperty.all {
      if let value = list.take(property.name) { try setBoardProperty(property, value, option) }
    }
    if let rest = list.pairs.first {
      throw OptionError("Property '\(launch.machine.board.rawValue)-machine.\(rest.key)' not found")
    }
  }

  /// A property of the board that is a switch and may be given the value this board has.
  private struct BoardProperty {
    enum Meaning {
      /// About the host: no effect here.
      case ignored
      case present
      case absent
      /// The firmware's view of `-nographic`.
      case graphics
      case eventTimer
    }

    var name: String
    var meaning: Meaning
    /// `auto` is a value too, and a wrong one is told differently.
    var hasAutomatic = false

    static let all = [
      BoardProperty(name: "dump-guest-core", meaning: .ignored), BoardProperty(name: "mem-merge", meaning: .ignored),
      BoardProperty(name: "graphics", meaning: .graphics), BoardProperty(name: "usb", meaning: .absent),
      BoardProperty(name: "smm", meaning: .absent, hasAutomatic: true),
      BoardProperty(name: "vmport", meaning: .absent, hasAutomatic: true),
      BoardProperty(name: "hpet", meaning: .eventTimer),
      BoardProperty(name: "sata", meaning: .absent), BoardProperty(name: "nvdimm", meaning: .absent),
      BoardProperty(name: "acpi", meaning: .present, hasAutomatic: true), BoardProperty(name: "pit", meaning: .present),
      BoardProperty(name: "i8042", meaning: .present),
    ]
  }

  private mutating func setBoardProperty(
    _ property: BoardProperty, _ value: String, _ option: GivenOption
  ) throws(OptionError) {
    if property.hasAutomatic, value == "auto" { return }
    guard let isOn = KeyValueList.isOn(value) else {
      throw OptionError(
        property.hasAutomatic
          ? "Parameter '\(property.name)' does not accept value '\(value)'"
          : "Parameter '\(property.name)' expects 'on' or 'off'")
    }
    switch property.meaning {
    case .ignored: break
    case .eventTimer: launch.machine.hasEventTimer = isOn
    case .graphics: launch.machine.isNoGraphic = !isOn
    case .present where !isOn:
      throw OptionError(option, "\(property.name)=\(value) is not supported: this board always has it")
    case .absent where isOn:
      throw OptionError(option, "\(property.name)=\(value) is not supported: this board does not have it")
    case .present, .absent: break
    }
  }

  mutating func processors(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      let keys = ["clusters", "cores", "cpus", "dies", "maxcpus", "sockets", "threads"]
      helpText = HelpText.list("smp-opts options:", keys.map { "\($0)=<num>" })
      return
    }
    var list = try KeyValueList(option, impliedKey: "cpus", bareKey: .isRefused)
    func number(_ key: String) throws(OptionError) -> UInt64? {
      guard let text = list.take(key) else { return nil }
      if text.hasPrefix("-"), KeyValueList.number(String(text.dropFirst())) != nil { throw tooMany(text) }
      guard let value = KeyValueList.number(text) else { throw OptionError("Parameter 'smp.\(key)' expects integer") }
      return value
    }
    func tooMany(_ count: String) -> OptionError {
      OptionError(
        option,
        "Invalid SMP CPUs \(count). The max CPUs supported by machine '\(launch.machine.board.rawValue)' is 1")
    }
    let count = try number("cpus")
    let maximum = try number("maxcpus")
    var product: UInt64 = 1
    var topology: [String] = []
    for (key, fallback) in [("sockets", 0), ("dies", 1), ("cores", 0), ("threads", 1)] as [(String, UInt64)] {
      let value = try number(key)
      topology.append("\(key) (\(value ?? fallback))")
      product = product.multipliedReportingOverflow(by: max(1, value ?? 1)).partialValue
    }
    _ = try number("clusters")
    if let rest = list.pairs.first { throw OptionError("Parameter 'smp.\(rest.key)' is unexpected") }
    // Zero counts as not given.
    let total = max(1, count.flatMap { $0 == 0 ? nil : $0 } ?? product)
    let most = max(total, maximum ?? 0)
    if total == 1, most == 1, product != 1 {
      throw OptionError(
        "Invalid CPU topology: product of the hierarchy must match maxcpus: "
          + topology.joined(separator: " * ") + " != maxcpus (\(most))")
    }
    guard most == 1 else { throw tooMany("\(most)") }
    launch.machine.processorCount = 1
  }

  mutating func memory(_ option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option, impliedKey: "size")
    if list.wantsHelp { throw OptionError(option, "Invalid parameter 'help'") }
    if let text = list.take("size") {
      let bytes = try SizeValue.parse(text, unit: 1 << 20, key: "size", option: option)
      // Zero means the default; sizes are rounded up to whole 8 KiB pages as QEMU does.
      let (rounded, overflow) = bytes.addingReportingOverflow(8191)
      guard !overflow else { throw OptionError("ram size too large") }
      launch.machine.memoryByteCount = bytes == 0 ? 128 << 20 : rounded & ~8191
    }
    let slots = try list.takeNumber("slots")
    if let text = list.take("maxmem") {
      let most = try SizeValue.parse(text, key: "maxmem", option: option)
      let size = launch.machine.memoryByteCount
      if most < size {
        throw OptionError(
          "invalid value of maxmem: maximum memory size (0x\(String(most, radix: 16))) must be at least the initial "
            + "memory size (0x\(String(size, radix: 16)))")
      }
      if most > size || slots ?? 0 > 0 { throw OptionError(option, "memory hotplug is not supported by this machine") }
    } else if slots != nil {
      throw OptionError("slots specified but no max-size")
    }
    try list.finish()
  }

  mutating func name(_ option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option, impliedKey: "guest")
    if let name = list.take("guest") { launch.machine.name = name }
    // Names of threads and of the process are for the host's ps(1); ours have theirs.
    _ = try list.takeSwitch("debug-threads")
    _ = list.take("process")
    try list.finish()
  }

  mutating func uuid(_ option: GivenOption) throws(OptionError) {
    let text = Array(option.bytes.bytes)
    let digits = text.filter { $0 != UInt8(ascii: "-") }
    let groups = text.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map(\.count)
    let nibbles = digits.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard groups == [8, 4, 4, 4, 12], nibbles.count == 32 else {
      throw OptionError(option, "failed to parse UUID string: wrong format")
    }
    launch.machine.uuid = stride(from: 0, to: 32, by: 2).map { UInt8(nibbles[$0] << 4 | nibbles[$0 + 1]) }
  }

  mutating func boot(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.bootOptions
      return
    }
    var list = try KeyValueList(option, impliedKey: "order", bareKey: .isRefused)
    func order(_ key: String) throws(OptionError) -> String? {
      guard let order = list.take(key) else { return nil }
      var seen: Set<Character> = []
      for letter in order {
        guard ("a"..."p").contains(letter) else { throw OptionError("Invalid boot device '\(letter)'") }
        guard seen.insert(letter).inserted else { throw OptionError("Boot device '\(letter)' was given twice") }
      }
      return order
    }
    func isOn(_ key: String) throws(OptionError) -> Bool? {
      guard let text = list.take(key) else { return nil }
      guard let isOn = KeyValueList.isOn(text) else {
        throw OptionError("Parameter 'boot.\(key)' expects 'on' or 'off'")
      }
      return isOn
    }
    if let order = try order("order") { launch.machine.bootOrder = order }
    if let once = try order("once") { launch.machine.bootOnce = once.isEmpty ? nil : once }
    if let menu = try isOn("menu") { launch.machine.bootMenu = menu }
    if let strict = try isOn("strict") { launch.machine.bootIsStrict = strict }
    if let text = list.take("splash-time") {
      guard let wait = Int64(text) ?? KeyValueList.number(text).map({ Int64(clamping: $0) }) else {
        throw OptionError("Parameter 'boot.splash-time' expects integer")
      }
      guard (0...0xffff).contains(wait) else {
        throw OptionError("splash-time is invalid,it should be a value between 0 and 65535")
      }
      launch.machine.bootMenuWait = UInt16(wait)
    }
    if let text = list.take("reboot-timeout"), text != "-1" {
      throw OptionError(option, "reboot-timeout is not supported")
    }
    if list.take("splash") != nil { throw OptionError(option, "splash is not supported") }
    if let rest = list.pairs.first { throw OptionError("Parameter 'boot.\(rest.key)' is unexpected") }
  }

  /// The PC's firmware knows four kinds of boot devices, and its battery-backed RAM has room for three.
  func checkBootOrder() throws(OptionError) {
    guard launch.machine.board == .pc else { return }
    for order in [launch.machine.bootOrder, launch.machine.bootOnce ?? ""] {
      guard order.count <= 3 else { throw OptionError("Too many boot devices for PC") }
      if let letter = order.first(where: { !"abcdn".contains($0) }) {
        throw OptionError("Invalid boot device for PC: '\(letter)'")
      }
    }
  }

  mutating func firmwareFolder(_ option: GivenOption) {
    if option.asksForHelp {
      let folders = FirmwareSearch(given: launch.machine.firmwareFolders).folders
      helpText = folders.map { "\($0)\n" }.joined()
    } else {
      launch.machine.firmwareFolders.append(option.bytes)
    }
  }
}
