// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

enum InfoCommand {
  static let syntax = "[--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] [--backing-chain] [-U] filename"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", "format", value: true), .init(nil, "output", value: true), .init(nil, "backing-chain"),
        .init("U", "force-share"),
      ])
    try given.check()
    let isJSON = try given.wantsJSON()
    var name = try given.onlyOperand()
    var format = given.text("format")
    var images: [ImageInformation] = []
    var seen: Set<BytePath> = []
    var options = given.opening()
    options.ignoresBacking = true
    while true {
      guard seen.insert(name).inserted else {
        throw ToolError("Backing file '\(name)' creates an infinite loop.")
      }
      let chain = try ToolImage.open(name, format: format, options)
      let information = ImageInformation(chain.links[0])
      images.append(information)
      guard given.has("backing-chain"), let next = information.fullBackingName else { break }
      (name, format) = (next, information.backingFormat)
      options.isOptionList = false
    }
    if isJSON {
      let all = images.map(\.json)
      let shown: JSON = given.has("backing-chain") ? .array(all) : all[0]
      console.print(String(decoding: shown.utf8(isPretty: true), as: UTF8.self))
    } else {
      console.print(images.map(\.text).joined(separator: "\n\n"))
    }
    return 0
  }
}

/// What `info` tells about one image.
struct ImageInformation {
  let link: ImageChain.Link

  init(_ link: ImageChain.Link) { self.link = link }

  private var qcow2: QCOW2Node? { link.node as? QCOW2Node }
  var backingName: BytePath? { qcow2?.extensions.backingFile.flatMap { $0.isEmpty ? nil : $0 } }
  var fullBackingName: BytePath? { backingName.map { ImageChain.resolve($0, beside: link.fileName) } }
  var backingFormat: String? { qcow2?.extensions.backingFormat }
  private var isDirty: Bool { qcow2?.header.incompatible.contains(.dirty) ?? false }

  var json: JSON {
    var object = JSONObject()
    object["virtual-size"] = JSON(link.node.byteCount)
    object["filename"] = .string(link.fileName.description)
    object["format"] = .string(link.driver)
    if let size = link.node.allocatedByteCount { object["actual-size"] = JSON(size) }
    if link.hasDetails { object["dirty-flag"] = .bool(isDirty) }
    if let qcow2 {
      object["cluster-size"] = JSON(qcow2.header.clusterByteCount)
      object["format-specific"] = .object(Self.object(["type": "qcow2", "data": specifics(qcow2)]))
      let snapshots = qcow2.snapshots
      if !snapshots.isEmpty { object["snapshots"] = .array(snapshots.map(SnapshotList.json)) }
    }
    if let backingName, let fullBackingName {
      object["backing-filename"] = .string(backingName.description)
      object["full-backing-filename"] = .string(fullBackingName.description)
      if let backingFormat { object["backing-filename-format"] = .string(backingFormat) }
    }
    return .object(object)
  }

  private static func object(_ members: KeyValuePairs<String, JSON>) -> JSONObject {
    var object = JSONObject()
    for (key, value) in members { object[key] = value }
    return object
  }

  private func specifics(_ node: QCOW2Node) -> JSON {
    let header = node.header
    var object = JSONObject()
    object["compat"] = .string(header.version == 2 ? "0.10" : "1.1")
    object["compression-type"] = .string(header.compression.name)
    object["refcount-bits"] = JSON(header.refcountBits)
    guard header.version >= 3 else { return .object(object) }
    object["lazy-refcounts"] = .bool(header.hasLazyRefcounts)
    object["corrupt"] = .bool(header.incompatible.contains(.corrupt))
    object["extended-l2"] = .bool(header.incompatible.contains(.extendedL2))
    if let name = node.extensions.dataFile { object["data-file"] = .string(name.description) }
    if node.dataFile != nil { object["data-file-raw"] = .bool(header.isDataRaw) }
    if !node.bitmaps.isEmpty {
      object["bitmaps"] = .array(
        node.bitmaps.map { bitmap in
          .object(
            Self.object([
              "flags": .array(Self.flags(bitmap).map { .string($0) }), "name": .string(bitmap.name),
              "granularity": JSON(bitmap.granularity),
            ]))
        })
    }
    return .object(object)
  }

  private static func flags(_ bitmap: QCOW2Bitmap) -> [String] {
    (bitmap.flags.contains(.inUse) ? ["in-use"] : []) + (bitmap.isEnabled ? ["auto"] : [])
  }

  var text: String {
    var lines = ["image: \(link.fileName)", "file format: \(link.driver)"]
    let size = link.node.byteCount
    lines.append("virtual size: \(HumanSize.text(UInt64(size))) (\(size) bytes)")
    lines.append("disk size: \(link.node.allocatedByteCount.map { HumanSize.text(UInt64($0)) } ?? "unavailable")")
    guard let qcow2 else { return lines.joined(separator: "\n") }
    if qcow2.header.encryption != .none { lines.append("encrypted: yes") }
    lines.append("cluster_size: \(qcow2.header.clusterByteCount)")
    if isDirty { lines.append("cleanly shut down: no") }
    if let backingName, let fullBackingName {
      let actual = fullBackingName == backingName ? "" : " (actual path: \(fullBackingName))"
      lines.append("backing file: \(backingName)\(actual)")
      if let backingFormat { lines.append("backing file format: \(backingFormat)") }
    }
    let snapshots = qcow2.snapshots
    if !snapshots.isEmpty { lines += ["Snapshot list:"] + SnapshotTable.lines(snapshots) }
    lines.append("Format specific information:")
    return (lines + specificLines(qcow2)).joined(separator: "\n")
  }

  private func specificLines(_ node: QCOW2Node) -> [String] {
    let header = node.header
    var lines = ["    compat: \(header.version == 2 ? "0.10" : "1.1")"]
    lines.append("    compression type: \(header.compression.name)")
    if header.version >= 3 { lines.append("    lazy refcounts: \(header.hasLazyRefcounts)") }
    if !node.bitmaps.isEmpty {
      lines.append("    bitmaps:")
      for (index, bitmap) in node.bitmaps.enumerated() {
        lines += ["        [\(index)]:", "            flags:"]
        for (number, flag) in Self.flags(bitmap).enumerated() { lines.append("                [\(number)]: \(flag)") }
        lines += ["            name: \(bitmap.name)", "            granularity: \(bitmap.granularity)"]
      }
    }
    lines.append("    refcount bits: \(header.refcountBits)")
    guard header.version >= 3 else { return lines }
    if let name = node.extensions.dataFile { lines.append("    data file: \(name)") }
    if node.dataFile != nil { lines.append("    data file raw: \(header.isDataRaw)") }
    lines.append("    corrupt: \(header.incompatible.contains(.corrupt))")
    lines.append("    extended l2: \(header.incompatible.contains(.extendedL2))")
    return lines
  }
}

/// Internal snapshots as `info --output=json` shows them.
enum SnapshotList {
  static func json(_ snapshot: QCOW2Snapshot) -> JSON {
    var object = JSONObject()
    object["id"] = .string(snapshot.id)
    object["name"] = .string(snapshot.name)
    object["vm-state-size"] = JSON(snapshot.stateByteCount)
    object["date-sec"] = JSON(snapshot.seconds)
    object["date-nsec"] = JSON(snapshot.nanoseconds)
    object["vm-clock-sec"] = JSON(snapshot.guestNanoseconds / 1_000_000_000)
    object["vm-clock-nsec"] = JSON(snapshot.guestNanoseconds % 1_000_000_000)
    if let count = snapshot.instructionCount { object["icount"] = JSON(count) }
    return .object(object)
  }
}
