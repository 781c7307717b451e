// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC

/// A drive as an option describes it, before it has a slot.
struct DriveRequest {
  enum Bus {
    case ide
    case virtio
    case none
  }

  var option: GivenOption
  var file: BytePath?
  var image = ImageOptions()
  var bus = Bus.ide
  /// `index=`, or a bus and perhaps a unit on it.
  var index: Int?
  var busNumber: Int?
  var unit: Int?
  var medium = MachineConfiguration.Drive.Medium.disk
  var id: String?

  init(
    option: GivenOption, file: BytePath?, index: Int?, medium: MachineConfiguration.Drive.Medium = .disk
  ) throws(OptionError) {
    (self.option, self.index, self.medium) = (option, index, medium)
    self.file = try Self.localFile(file, option)
  }

  /// A name without the protocol in front; only files can be opened. A colon behind a slash belongs to the name.
  private static func localFile(_ file: BytePath?, _ option: GivenOption) throws(OptionError) -> BytePath? {
    guard let file, !file.isEmpty else { return nil }
    let stop = file.bytes.firstIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") }
    guard let stop, file.bytes[stop] == UInt8(ascii: ":") else { return file }
    let scheme = String(decoding: file.bytes[..<stop], as: UTF8.self)
    guard scheme == "file" else { throw OptionError(option, "Unknown protocol '\(scheme)'") }
    return BytePath(bytes: file.bytes[(stop + 1)...])
  }

  /// `-drive key=value,…`.
  init(parsing option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option)
    id = try list.takeIdentifier()
    self.option = option
    file = try Self.localFile(list.takePath("file") ?? list.takePath("file.filename"), option)
    let format = list.take("format")
    let driver = list.take("driver")
    if format != nil, driver != nil { throw OptionError(option, "Cannot specify both 'driver' and 'format'") }
    image.format = format ?? driver
    let interface = list.take("if") ?? "ide"
    bus = interface == "none" ? .none : interface == "virtio" ? .virtio : .ide
    try readMedium(&list)
    try readPlace(&list, interface)
    try readImageOptions(&list)
    try Self.refuseUnsupported(&list)
    if let rest = list.pairs.first {
      throw OptionError(option, "Block format '\(image.format ?? "raw")' does not support the option '\(rest.key)'")
    }
    if file == nil, image.format != nil {
      throw OptionError(option, "A block device must be specified for \"file\"")
    }
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
    case "ide", "none", "virtio": break
    case "scsi", "floppy", "pflash", "mtd", "sd", "xen":
      throw OptionError(option, "machine type does not support if=\(interface),bus=\(busNumber ?? 0),unit=\(unit ?? 0)")
    default: throw OptionError(option, "unsupported bus type '\(interface)'")
    }
  }

  private mutating func readImageOptions(_ list: inout KeyValueList) throws(OptionError) {
    for key in ["readonly", "read-only"] {
      guard let value = list.take(key) else { continue }
      guard let isOn = KeyValueList.isOn(value) else {
        throw OptionError(option, "Parameter 'read-only' expects 'on' or 'off'")
      }
      image.isReadOnly = isOn
    }
    image.isSnapshot = try list.takeSwitch("snapshot") ?? false
    switch list.take("cache") ?? "writeback" {
    case "none", "off": image.isDirect = true
    case "writeback": break
    case "unsafe": image.ignoresFlushes = true
    case "writethrough": image.isWriteback = false
    case "directsync": (image.isDirect, image.isWriteback) = (true, false)
    default: throw OptionError(option, "invalid cache option")
    }
    if let isDirect = try list.takeSwitch("cache.direct") { image.isDirect = isDirect }
    if let ignoresFlushes = try list.takeSwitch("cache.no-flush") { image.ignoresFlushes = ignoresFlushes }
    if let isWriteback = try list.takeSwitch("cache.writeback") { image.isWriteback = isWriteback }
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
    try readErrorActions(&list)
    if let value = list.take("detect-zeroes"), !["off", "on", "unmap"].contains(value) {
      throw OptionError(option, "invalid parameter value: \(value)")
    }
    // Without a backing file there is nothing to copy.
    _ = try list.takeSwitch("copy-on-read")
    _ = try list.takeSwitch("auto-read-only")
  }

  /// What a failing host does to the guest: it sees the error, or waits when there is no space left.
  private func readErrorActions(_ list: inout KeyValueList) throws(OptionError) {
    let choices = [
      ("werror", "write", ["ignore", "stop", "report", "enospc"]), ("rerror", "read", ["ignore", "stop", "report"]),
    ]
    for (key, kind, values) in choices {
      guard let value = list.take(key) else { continue }
      guard values.contains(value) else { throw OptionError(option, "'\(value)' invalid \(kind) error action") }
      if value != "report" { throw OptionError(option, "\(key)=\(value) is not supported: the guest sees the error") }
    }
  }

  /// Options that raw images have in QEMU and that would be silently without effect here.
  private static func refuseUnsupported(_ list: inout KeyValueList) throws(OptionError) {
    let names = ["node-name", "size", "offset", "group", "stats-intervals"]
    let prefixes = ["throttling.", "bps", "iops", "file."]
    for pair in list.pairs {
      if pair.key == "file.driver", pair.value == "file" {
        list.drop([pair.key])
      } else if names.contains(pair.key) || prefixes.contains(where: { pair.key.hasPrefix($0) }) {
        throw OptionError(list.option, "'\(pair.key)' is not supported")
      }
    }
  }
}

extension OptionParser {
  mutating func drive(_ option: GivenOption) throws(OptionError) {
    let parts = KeyValueList.split(option.bytes.bytes).map { String(decoding: $0, as: UTF8.self) }
    if parts.contains("format=help") || parts.contains("format=?") {
      helpText = "Supported formats: raw\n"
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
    var virtioNumbers: Set<Int> = []
    var unattached = 0
    for request in drives {
      var slot: Int?
      var name = ""
      if request.bus == .ide {
        let place = try Self.slot(of: request, taken)
        taken.insert(place)
        slot = place
        name = "ide\(place / 2)-\(request.medium == .disk ? "hd" : "cd")\(place % 2)"
        guard request.file != nil || request.medium == .cdrom else {
          throw OptionError("Device needs media, but drive is empty")
        }
      } else if request.bus == .virtio {
        guard request.file != nil else { throw OptionError(request.option, "Device needs media, but drive is empty") }
        let number = try Self.virtioNumber(of: request, &virtioNumbers)
        name = "virtio\(number)"
      } else {
        name = "none\(unattached)"
        unattached += 1
      }
      var image = request.image
      if request.medium == .cdrom {
        (image.isReadOnly, image.isSnapshot) = (true, false)
      } else if launch.machine.isSnapshot {
        image.isSnapshot = true
      }
      var drive = MachineConfiguration.Drive(
        id: request.id ?? name, medium: request.medium, file: request.file, imageOptions: image, slot: slot)
      drive.option = request.option.text
      if request.bus == .virtio { virtioDrives.append((launch.machine.drives.count, request.option)) }
      launch.machine.drives.append(drive)
    }
    if launch.machine.board != .pc, let request = drives.first(where: { $0.bus != .none }) {
      throw OptionError(
        request.option,
        request.bus == .ide
          ? "machine type does not support if=ide,bus=0,unit=0" : "No 'PCI' bus found for device 'virtio-blk-pci'")
    }
    // An empty CD-ROM drive is there unless its slot is taken, drives come by -device, or no defaults are wanted.
    if !hasNoDefaults, !taken.contains(2), launch.machine.board == .pc, !hasDevice("ide-hd", "ide-cd") {
      let image = ImageOptions(isReadOnly: true)
      launch.machine.drives.append(.init(id: "ide1-cd0", medium: .cdrom, file: nil, imageOptions: image, slot: 2))
    }
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
    for drive in launch.machine.drives where !names.insert(drive.id).inserted {
      throw OptionError("\(drive.option): Duplicate ID '\(drive.id)' for drive")
    }
  }
}
