// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC

/// A drive as an option describes it, before it has a slot.
struct DriveRequest {
  enum Bus {
    case ide
    case floppy
    case virtio
    case none
  }

  var option: GivenOption
  /// Nil: a drive without a medium.
  var image: NodeOptions?
  var isSnapshot = false
  var isWriteback = true
  var errorPolicy = ErrorPolicy()
  var accounting = BlockAccounting()
  var throttle: (limits: ThrottleLimits, group: String?)?
  var bus = Bus.ide
  /// `index=`, or a bus and perhaps a unit on it.
  var index: Int?
  var busNumber: Int?
  var unit: Int?
  var medium = MachineConfiguration.Drive.Medium.disk
  var id: String?
  /// Sentences for the user that hold nothing up.
  var warnings: [String] = []

  init(
    option: GivenOption, file: BytePath?, index: Int?, medium: MachineConfiguration.Drive.Medium = .disk
  ) throws(OptionError) {
    (self.option, self.index, self.medium) = (option, index, medium)
    bus = medium == .floppy ? .floppy : .ide
    guard let file, !file.isEmpty else { return }
    var defaults = NodeOptions()
    (defaults.isReadOnly, defaults.isAutoReadOnly) = (medium == .cdrom, true)
    do throws(BlockError) {
      image = try NodeOptions(fileName: file, format: nil, defaults: defaults, isOfDrive: true)
    } catch {
      throw OptionError(option, "\(error)")
    }
  }

  /// `-drive key=value,…`.
  init(parsing option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option)
    id = try list.takeIdentifier()
    self.option = option
    let file = list.takePath("file")
    let format = list.take("format")
    let driver = list.take("driver")
    if format != nil, driver != nil { throw OptionError(option, "Cannot specify both 'driver' and 'format'") }
    let interface = list.take("if") ?? "ide"
    try readMedium(&list)
    try readPlace(&list, interface)
    var defaults = NodeOptions()
    try readImageOptions(&list, &defaults)
    try readErrorActions(&list)
    throttle = try list.takeThrottle()
    try readImage(file, format: format ?? driver, &list, defaults)
  }

  private mutating func readMedium(_ list: inout KeyValueList) throws(OptionError) {
    switch list.take("media") ?? "disk" {
    case "disk": medium = .disk
    case "cdrom": medium = .cdrom
    case let other: throw OptionError(option, "'\(other)' invalid media")
    }
  }

  private mutating func readPlace(_ list: inout KeyValueList, _ interface: String) throws(OptionError) {
    func number(_ key: String) throws(OptionError) -> Int? { try list.takeNumber(key).map { Int(clamping: $0) } }
    (unit, busNumber, index) = (try number("unit"), try number("bus"), try number("index"))
    if index != nil, unit != nil || busNumber != nil {
      throw OptionError(option, "index cannot be used with bus and unit")
    }
    switch interface {
    case "ide": bus = .ide
    case "none": bus = .none
    case "floppy": (bus, medium) = (.floppy, .floppy)
    case "virtio": bus = .virtio
    case "scsi", "pflash", "mtd", "sd", "xen":
      throw OptionError(option, "machine type does not support if=\(interface),bus=\(busNumber ?? 0),unit=\(unit ?? 0)")
    default: throw OptionError(option, "unsupported bus type '\(interface)'")
    }
  }

  /// What `-drive` has in spellings of its own.
  private mutating func readImageOptions(
    _ list: inout KeyValueList, _ image: inout NodeOptions
  ) throws(OptionError) {
    image.isAutoReadOnly = true
    if list.pairs.contains(where: { $0.key == "readonly" }), list.pairs.contains(where: { $0.key == "read-only" }) {
      throw OptionError(option, "'read-only' and its alias 'readonly' can't be used at the same time")
    }
    for key in ["readonly", "read-only"] {
      guard let value = list.take(key) else { continue }
      guard let isOn = KeyValueList.isOn(value) else {
        throw OptionError(option, "Parameter 'read-only' expects 'on' or 'off'")
      }
      image.isReadOnly = isOn
    }
    if medium == .cdrom { image.isReadOnly = true }
    isSnapshot = try list.takeSwitch("snapshot") ?? false
    switch list.take("cache") ?? "writeback" {
    case "none", "off": image.isDirect = true
    case "writeback": break
    case "unsafe": image.ignoresFlushes = true
    case "writethrough": isWriteback = false
    case "directsync": (image.isDirect, isWriteback) = (true, false)
    default: throw OptionError(option, "invalid cache option")
    }
    if let isDirect = try list.takeSwitch("cache.direct") { image.isDirect = isDirect }
    if let ignoresFlushes = try list.takeSwitch("cache.no-flush") { image.ignoresFlushes = ignoresFlushes }
    if let writeback = try list.takeSwitch("cache.writeback") { isWriteback = writeback }
    switch list.take("discard") ?? "ignore" {
    case "ignore", "off": break
    case "unmap", "on": image.unmapsDiscards = true
    default: throw OptionError(option, "Invalid discard option")
    }
    switch list.take("aio") ?? "threads" {
    case "threads", "io_uring": break
    case "native":
      guard image.isDirect else {
        throw OptionError(
          option, "aio=native was specified, but it requires cache.direct=on, which was not specified.")
      }
    default: throw OptionError(option, "invalid aio option")
    }
    image.copiesOnRead = try list.takeSwitch("copy-on-read") ?? false
    if image.copiesOnRead, image.isReadOnly {
      image.copiesOnRead = false
      warnings.append(option.prefixing("warning: disabling copy-on-read on read-only drive"))
    }
    accounting = try list.takeAccounting()
  }

  /// What a failing host does to the guest: it sees the error, or waits when there is no space left.
  private mutating func readErrorActions(_ list: inout KeyValueList) throws(OptionError) {
    let actions: [(key: String, kind: String, path: WritableKeyPath<ErrorPolicy, ErrorPolicy.Action>)] = [
      ("werror", "write", \.write), ("rerror", "read", \.read),
    ]
    for (key, kind, path) in actions {
      guard let value = list.take(key) else { continue }
      if bus == .floppy { throw OptionError(option, "\(key) is not supported by this bus type") }
      guard let action = ErrorPolicy.Action(rawValue: value), key == "werror" || action != .enospc else {
        throw OptionError(option, "'\(value)' invalid \(kind) error action")
      }
      errorPolicy[keyPath: path] = action
    }
  }

  /// The node: what is left are its options and those of the nodes below it.
  private mutating func readImage(
    _ file: BytePath?, format: String?, _ list: inout KeyValueList, _ defaults: NodeOptions
  ) throws(OptionError) {
    if file?.isEmpty != false, format == nil, list.pairs.isEmpty { return }
    do throws(BlockError) {
      var node = defaults
      if let format { node.nameDriver(try ImageOptions.driver(format)) }
      if let file, !file.isEmpty {
        if node.driver?.isProtocol == true {
          try node.setFileName(file)
        } else {
          node = try NodeOptions(fileName: file, format: node.driver, defaults: node, isOfDrive: true)
        }
      }
      var tree = OptionTree()
      for pair in list.pairs { try tree.set(pair.key, pair.bytes) }
      let read = try NodeOptions(legacy: tree, defaults: node)
      image = read
      warnings += read.warnings.map { option.prefixing("warning: \($0)") }
    } catch {
      throw OptionError(option, "\(error)")
    }
  }
}

extension OptionParser {
  mutating func drive(_ option: GivenOption) throws(OptionError) {
    let parts = option.bytes.bytes.splitAtSingleCommas().map { String(decoding: $0, as: UTF8.self) }
    if parts.contains("format=help") || parts.contains("format=?") {
      helpText = "Supported formats: \(NodeOptions.Driver.allCases.map(\.rawValue).joined(separator: " "))\n"
      return
    }
    let request = try DriveRequest(parsing: option)
    if let id = request.id, drives.contains(where: { $0.id == id }) {
      throw OptionError(option, "Duplicate ID '\(id)' for drive")
    }
    drives.append(request)
  }

  /// Gives each drive its slot, as QEMU does: the one that is asked for, otherwise the first free one.
  mutating func placeDrives() throws(OptionError) {
    var taken: Set<Int> = []
    var takenFloppies: Set<Int> = []
    var virtioNumbers: Set<Int> = []
    var unattached = 0
    for request in drives {
      var slot: Int?
      var name = ""
      switch request.bus {
      case .ide:
        let place = try Self.slot(of: request, taken)
        taken.insert(place)
        slot = place
        name = "ide\(place / 2)-\(request.medium == .disk ? "hd" : "cd")\(place % 2)"
        guard request.image != nil || request.medium == .cdrom else {
          throw OptionError("Device needs media, but drive is empty")
        }
      case .floppy:
        let place = try Self.floppyUnit(of: request, takenFloppies)
        takenFloppies.insert(place)
        slot = place
        name = "floppy\(place)"
      case .virtio:
        guard request.image != nil else { throw OptionError(request.option, "Device needs media, but drive is empty") }
        name = "virtio\(try Self.virtioNumber(of: request, &virtioNumbers))"
        virtioDrives.append((launch.machine.drives.count, request.option))
      case .none:
        name = "none\(unattached)"
        unattached += 1
      }
      var drive = makeDrive(request, name: name, slot: slot)
      if request.bus == .none { drive.number = unattached - 1 }
      launch.machine.drives.append(drive)
      launch.warnings += request.warnings
    }
    if launch.machine.board != .pc, let request = drives.first(where: { $0.bus != .none }) {
      let kind = request.bus == .floppy ? "floppy" : "ide"
      throw OptionError(
        request.option,
        request.bus == .virtio
          ? "No 'PCI' bus found for device 'virtio-blk-pci'" : "machine type does not support if=\(kind),bus=0,unit=0")
    }
    // An empty CD-ROM drive is there unless its slot is taken, drives come by -device, or no defaults are wanted.
    if !hasNoDefaults, !taken.contains(2), launch.machine.board == .pc, !hasDevice("ide-hd", "ide-cd") {
      launch.machine.drives.append(.init(id: "ide1-cd0", medium: .cdrom, image: nil, slot: 2))
    }
    if hasDevice("floppy") { launch.machine.hasFloppyDrive = false }
  }

  private func makeDrive(_ request: DriveRequest, name: String, slot: Int?) -> MachineConfiguration.Drive {
    var drive = MachineConfiguration.Drive(
      id: request.id ?? name, medium: request.medium, image: request.image.map { .open($0) }, slot: slot)
    drive.isSnapshot = (request.isSnapshot || isSnapshot) && request.medium != .cdrom
    if drive.isSnapshot, case .open(let options) = drive.image { drive.image = .open(options.belowOverlay) }
    drive.isWriteback = request.isWriteback
    (drive.errorPolicy, drive.accounting) = (request.errorPolicy, request.accounting)
    drive.throttle = request.throttle.map { .init(group: $0.group ?? drive.id, limits: $0.limits) }
    drive.option = request.option.text
    return drive
  }

  private static func floppyUnit(of request: DriveRequest, _ taken: Set<Int>) throws(OptionError) -> Int {
    let unit = request.index ?? request.unit ?? (0..<2).first { !taken.contains($0) } ?? 2
    if taken.contains(unit) {
      throw OptionError(request.option, "drive with bus=0, unit=\(unit) (index=\(request.index ?? -1)) exists")
    }
    let bus = request.busNumber ?? 0
    guard unit < 2, bus == 0 else {
      throw OptionError(request.option, "machine type does not support if=floppy,bus=\(bus),unit=\(unit)")
    }
    return unit
  }

  /// Virtio drives are numbered on one bus, by `index=` or `unit=` or the next free number.
  private static func virtioNumber(of request: DriveRequest, _ taken: inout Set<Int>) throws(OptionError) -> Int {
    let wanted = request.index ?? request.unit
    let number = wanted ?? (0...taken.count).first { !taken.contains($0) } ?? taken.count
    guard taken.insert(number).inserted else {
      throw OptionError(
        request.option, "drive with bus=0, unit=\(number) (index=\(request.index ?? -1)) exists")
    }
    return number
  }

  private static func slot(of request: DriveRequest, _ taken: Set<Int>) throws(OptionError) -> Int {
    let unitCount = 2
    var bus = min(request.index.map { $0 / unitCount } ?? request.busNumber ?? 0, 1 << 20)
    var unit = request.index.map { $0 % unitCount } ?? request.unit
    if let unit, unit >= unitCount {
      throw OptionError(request.option, "unit \(unit) too big (max is \(unitCount - 1))")
    }
    if unit == nil {
      var free = 0
      while taken.contains(bus * unitCount + free) {
        free += 1
        if free == unitCount { (free, bus) = (0, bus + 1) }
      }
      unit = free
    }
    let slot = bus * unitCount + (unit ?? 0)
    if taken.contains(slot) {
      throw OptionError(
        request.option,
        "drive with bus=\(slot / unitCount), unit=\(slot % unitCount) (index=\(request.index ?? -1)) exists")
    }
    guard bus < 2 else {
      throw OptionError(
        request.option, "machine type does not support if=ide,bus=\(slot / unitCount),unit=\(slot % unitCount)")
    }
    return slot
  }

  /// Names are what the monitor finds drives by.
  func checkDriveNames() throws(OptionError) {
    var names: Set<String> = []
    for drive in launch.machine.drives where !drive.id.isEmpty && !names.insert(drive.id).inserted {
      throw OptionError("\(drive.option): Duplicate ID '\(drive.id)' for drive")
    }
  }
}
