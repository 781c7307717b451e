// SPDX-License-Identifier: Apache-2.0
import Block
import QAPI

enum InfoBlock: HMPCommand {
  static let names = ["block"]
  static let parameters = "[-n] [-v] [device]"
  static let help = "show info of one block device or all block devices (-n: show named nodes; -v: show details)"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let flags = try line.flags("nv")
    let wanted = try line.optionalString()
    try line.end()
    let isVerbose = flags.contains("v")
    var text = ""
    if flags.contains("n") {
      let nodes = context.blockGraph.nodes.reversed()
      for (position, node) in nodes.enumerated() where wanted == nil || wanted == node.name {
        if position > 0 { text += "\n" }
        text += describe(title: node.name, node, BlockDeviceInfo(node), nil, isVerbose)
      }
      return .done(text)
    }
    for (position, backend) in context.blockGraph.backends.enumerated() {
      if let wanted, wanted != backend.name { continue }
      if position > 0 { text += "\n" }
      text += describe(backend, isVerbose)
    }
    return .done(text)
  }

  private static func describe(_ backend: BlockBackend, _ isVerbose: Bool) -> String {
    guard let root = backend.medium?.root else {
      let title = backend.name.isEmpty ? backend.attachedTo ?? "" : backend.name
      return "\(title): [not inserted]\n" + describeDevice(backend)
    }
    let title = backend.name.isEmpty ? root.name : "\(backend.name) (\(root.name))"
    return describe(title: title, root, BlockDeviceInfo(root, of: backend), backend, isVerbose)
  }

  private static func describeDevice(_ backend: BlockBackend) -> String {
    var text = ""
    if let user = backend.attachedTo { text += "    Attached to:      \(user)\n" }
    if backend.errorPolicy?.canStop == true, backend.ioStatus != .ok {
      text += "    I/O status:       \(backend.ioStatus.rawValue)\n"
    }
    if backend.isRemovable {
      text += "    Removable device: \(backend.device?.isMediumLocked == true ? "" : "not ")locked, tray "
      text += backend.device?.isTrayOpen == true ? "open\n" : "closed\n"
    }
    return text
  }

  private static func describe(
    title: String, _ node: GraphNode, _ info: BlockDeviceInfo, _ backend: BlockBackend?, _ isVerbose: Bool
  ) -> String {
    var text = "\(title): \(info.file) (\(info.drv)\(info.ro ? ", read-only" : ""))\n"
    if let backend { text += describeDevice(backend) }
    text += "    Cache mode:       \(info.cache.writeback ? "writeback" : "writethrough")"
    text += "\(info.cache.direct ? ", direct" : "")\(info.cache.noFlush ? ", ignore flushes" : "")\n"
    if let backing = info.backingFile {
      text += "    Backing file:     \(backing) (chain depth: \(info.backingFileDepth))\n"
    }
    if info.detectZeroes != "off" { text += "    Detect zeroes:    \(info.detectZeroes)\n" }
    if let group = info.group {
      let limits: [(String, Int64)] = [
        ("bps", info.bps), ("bps_rd", info.bpsRead), ("bps_wr", info.bpsWrite), ("bps_max", info.bpsMax ?? 0),
        ("bps_rd_max", info.bpsReadMax ?? 0), ("bps_wr_max", info.bpsWriteMax ?? 0), ("iops", info.iops),
        ("iops_rd", info.iopsRead), ("iops_wr", info.iopsWrite), ("iops_max", info.iopsMax ?? 0),
        ("iops_rd_max", info.iopsReadMax ?? 0), ("iops_wr_max", info.iopsWriteMax ?? 0),
        ("iops_size", info.iopsSize ?? 0),
      ]
      text += "    I/O throttling:   \(limits.map { "\($0.0)=\($0.1)" }.joined(separator: " ")) group=\(group)\n"
    }
    guard isVerbose else { return text }
    text += "\nImages:\n"
    for image in [node] + node.chain { text += describeImage(image) }
    return text
  }

  private static func describeImage(_ node: GraphNode) -> String {
    let details = node.details
    var text = "image: \(node.fileName)\nfile format: \(node.driver)\n"
    text += "virtual size: \(HumanSize.text(UInt64(clamping: node.byteCount))) (\(node.byteCount) bytes)\n"
    text += "disk size: \(node.allocatedByteCount.map { HumanSize.text(UInt64(clamping: $0)) } ?? "unavailable")\n"
    if let count = details.clusterByteCount { text += "cluster_size: \(count)\n" }
    if let name = details.backingFileName {
      text += "backing file: \(name)"
      if let actual = node.fullBackingFileName, actual != name { text += " (actual path: \(actual))" }
      text += "\n"
      if let format = details.backingFormat { text += "backing file format: \(format)\n" }
    }
    if let snapshots = (node.content as? QCOW2Node)?.snapshots, !snapshots.isEmpty {
      text += "Snapshot list:\n" + SnapshotTable.lines(snapshots).map { $0 + "\n" }.joined()
    }
    if let specific = details.specific?.object {
      text += "Format specific information:\n" + lines(of: .object(specific), indent: 4)
    }
    return text
  }

  /// Members and elements a line each, those below deeper.
  private static func lines(of value: JSON, indent: Int) -> String {
    var entries: [(name: String, value: JSON)] = []
    if let object = value.object {
      for (key, member) in zip(object.keys, object.values) {
        entries.append((key.map { $0 == "-" ? " " : String($0) }.joined(), member))
      }
    } else if let array = value.array {
      entries = array.enumerated().map { ("[\($0.offset)]", $0.element) }
    }
    return entries.map { entry in
      let start = String(repeating: " ", count: indent) + entry.name + ":"
      let isPlain = entry.value.object == nil && entry.value.array == nil
      return isPlain
        ? "\(start) \(entry.value.string ?? entry.value.text)\n"
        : "\(start)\n" + lines(of: entry.value, indent: indent + 4)
    }.joined()
  }
}

enum InfoBlockStats: HMPCommand {
  static let names = ["blockstats"]
  static let help = "show block device statistics"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let now = context.machine.virtualTime
    return .done(
      context.blockGraph.backends.map { backend in
        let stats = backend.statistics
        let idle = stats.lastCompletion.map { max(0, now &- $0) } ?? 0
        let (reads, writes, flushes) = (stats.reads, stats.writes, stats.flushes)
        return "\(backend.name): rd_bytes=\(reads.bytes) wr_bytes=\(writes.bytes) rd_operations=\(reads.operations)"
          + " wr_operations=\(writes.operations) flush_operations=\(flushes.operations)"
          + " wr_total_time_ns=\(writes.totalNanoseconds) rd_total_time_ns=\(reads.totalNanoseconds)"
          + " flush_total_time_ns=\(flushes.totalNanoseconds) rd_merged=0 wr_merged=0 idle_time_ns=\(idle)\n"
      }.joined())
  }
}

enum HMPEject: HMPCommand {
  static let names = ["eject"]
  static let parameters = "[-f] device"
  static let help = "eject a removable medium (use -f to force it)"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let force = try line.flag("f", among: "f")
    let device = try line.string(expected: "block device name")
    try line.end()
    return try perform(Eject(device: device, force: force), in: context)
  }
}

enum HMPChange: HMPCommand {
  static let names = ["change"]
  static let parameters = "device [-f] filename [format [read-only-mode]]"
  static let help = "change a removable medium, optional format, use -f to force the operation"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let device = try line.string(expected: "block device name")
    let force = try line.flag("f", among: "f")
    let name = try line.string(expected: "filename")
    let format = try line.optionalString()
    let mode = try line.optionalString()
    try line.end()
    if device == "vnc" { throw .failed(QMPError("VNC is not supported: there is no display to change")) }
    let parsed = mode.flatMap(ChangeMedium.ReadOnlyMode.init(rawValue:))
    if let mode, parsed == nil { throw .failed(QMPError("invalid parameter value: \(mode)")) }
    return try perform(
      ChangeMedium(device: device, filename: name, format: format, force: force, readOnlyMode: parsed), in: context)
  }
}

enum HMPBlockResize: HMPCommand {
  static let names = ["block_resize"]
  static let parameters = "device size"
  static let help = "resize a block image"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let device = try line.string(expected: "block device name")
    guard let word = try line.optionalString(), let size = Self.size(word) else { throw .usage("invalid size") }
    try line.end()
    return try perform(BlockResize(device: device, size: size), in: context)
  }

  /// Megabytes, unless a suffix says otherwise.
  private static func size(_ text: String) -> Int64? {
    let powers: [Character: Int64] = ["b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60]
    var digits = text[...]
    var power: Int64 = 20
    if let last = digits.last, let named = powers[Character(last.lowercased())] {
      power = named
      digits = digits.dropLast()
    }
    guard let value = Int64(digits), value >= 0 else { return nil }
    let (bytes, overflow) = value.multipliedReportingOverflow(by: 1 << power)
    return overflow ? nil : bytes
  }
}

enum HMPSetIOThrottle: HMPCommand {
  static let names = ["block_set_io_throttle"]
  static let parameters = "device bps bps_rd bps_wr iops iops_rd iops_wr"
  static let help = "change I/O throttle limits for a block drive"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let device = try line.string(expected: "block device name")
    var numbers: [Int64] = []
    for _ in 0..<6 { numbers.append(try line.expression()) }
    try line.end()
    // HMP takes the name of the drive or that of its device.
    let isDrive = context.blockGraph.backend(named: device) != nil
    _ = try perform(
      SetIOThrottle(
        device: isDrive ? device : nil, id: isDrive ? nil : device, bps: numbers[0], bpsRead: numbers[1],
        bpsWrite: numbers[2], iops: numbers[3],
        iopsRead: numbers[4], iopsWrite: numbers[5]), in: context)
    return .done("")
  }
}
