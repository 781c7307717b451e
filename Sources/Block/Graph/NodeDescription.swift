// SPDX-License-Identifier: Apache-2.0
import HostIO
public import QAPI

/// How a node could be opened again: a plain file name where that is enough, or QEMU's `json:` name.
public struct NodeDescription: Sendable {
  /// The options that say where the content is, as members of BlockdevOptions.
  public let json: JSON
  public let plainFileName: String?

  init(driver: String, options: NodeOptions, children: [GraphNode.Child]) {
    var members = JSONObject()
    members["driver"] = .string(driver)
    if let name = options.fileName { members["filename"] = .string(name.description) }
    if options.readsZeroes { members["read-zeroes"] = true }
    if let offset = options.offset { members["offset"] = .int(offset) }
    if let size = options.size { members["size"] = .int(size) }
    for child in children where child.role != .backing { members[child.name] = child.node.description.json }
    let file = children.first { $0.name == "file" }?.node
    let backing = children.first { $0.role == .backing }?.node
    if options.overridesBacking, driver == "qcow2" { members["backing"] = backing?.description.json ?? .null }
    json = .object(members)
    if options.driver?.isNull == true {
      plainFileName = options.size == nil && !options.readsZeroes ? "\(driver)://" : nil
    } else if let name = options.fileName {
      plainFileName = name.description
    } else if let file, file.isProtocol, options.offset == nil, options.size == nil, !options.overridesBacking,
      !children.contains(where: { $0.name == "data-file" })
    {
      plainFileName = file.description.plainFileName
    } else {
      plainFileName = nil
    }
  }

  public var jsonFileName: String { "json:" + json.text }
}

extension GraphNode {
  /// The node holds a file and no format.
  public var isFile: Bool { locks != nil }
  public var isProtocol: Bool { isFile || options.driver?.isNull == true }
  /// The driver tells something of the image beyond its length.
  public var hasDetails: Bool { file?.hasDetails ?? (options.driver?.isNull != true) }

  /// For a user who asks for a length, and not only for enough room.
  package func checkResize(to byteCount: Int64) throws(BlockError) {
    if content is RawNode, let file { return try file.checkResize(to: byteCount) }
    if let file = content as? FileNode, file.isDevice, file.byteCount != byteCount {
      throw .cannotResize("Cannot resize device files")
    }
  }
}
