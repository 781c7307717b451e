// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

enum MeasureCommand {
  static let syntax =
    "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [--object objectdef] [--image-opts] [-f fmt] [-l snapshot_param] filename]"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", "format", value: true), .init("O", value: true), .init("o", value: true), .init("l", value: true),
        .init(nil, "output", value: true), .init(nil, "size", value: true), .init("U", "force-share"),
      ])
    try given.check(refusing: "l")
    let isJSON = try given.wantsJSON()
    if given.operands.count > 1 { throw ToolError("At most one filename argument is allowed.") }
    let name = given.operands.first
    if name != nil, given.has("size") { throw ToolError("--size N cannot be used together with a filename.") }
    if name == nil, !given.has("size") { throw ToolError("Either --size N or one filename must be specified.") }
    var options = try CreationOptions(format: given.text("O") ?? "raw")
    for list in given.all("o") { try options.add(list, fileName: name ?? "") }
    if options.wantsHelp {
      console.print(options.help(withFile: false))
      return 0
    }
    var source: ImageChain?
    var byteCount: Int64 = 0
    if let name {
      let chain = try ToolImage.open(name, format: given.text("format"), given.opening())
      (source, byteCount) = (chain, chain.top.byteCount)
    } else if let text = given.text("size") {
      guard let size = ToolSize.parse(text) else {
        throw ToolError(
          "Invalid image size specified. You may use k, M, G, T, P or E suffixes for\nkilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes."
        )
      }
      byteCount = (size + 511) & -512
    }
    var result = ImageMeasure(required: byteCount, fullyAllocated: byteCount)
    if options.format == .qcow2 {
      let creation = try ImageMaker(fileName: name ?? "", options: options).qcow2(byteCount)
      result = try ImageMeasure(qcow2: creation, byteCount, of: source)
    }
    console.print(isJSON ? result.json : result.text)
    return 0
  }
}

/// How much room a new image will take.
struct ImageMeasure {
  var required: Int64
  var fullyAllocated: Int64
  var bitmaps: Int64?

  init(required: Int64, fullyAllocated: Int64) { (self.required, self.fullyAllocated) = (required, fullyAllocated) }

  init(qcow2 creation: QCOW2Creation, _ byteCount: Int64, of source: ImageChain?) throws(ToolError) {
    let cluster = creation.clusterByteCount
    func roundedUp(_ value: Int64, _ unit: Int64) -> Int64 { (value + unit - 1) / unit * unit }
    let virtual = roundedUp(byteCount, cluster)
    let entryByteCount: Int64 = creation.hasExtendedL2 ? 16 : 8
    guard virtual / cluster * entryByteCount / cluster * 8 <= 32 << 20 else {
      throw ToolError("The image size is too large (try using a larger cluster size)")
    }
    // The header, the L2 tables, the L1 table and then the counts of all that.
    let l2Count = roundedUp(virtual / cluster, cluster / entryByteCount)
    let l1Count = roundedUp(l2Count * entryByteCount / cluster, cluster / 8)
    let metadata = cluster + l2Count * entryByteCount + l1Count * 8
    let counted = (metadata + virtual) / cluster
    let perBlock = cluster * 8 / Int64(creation.refcountBits)
    var (table, blocks, last): (Int64, Int64, Int64) = (0, 0, -1)
    while table + blocks != last {
      last = table + blocks
      blocks = (counted + table + blocks + perBlock - 1) / perBlock
      table = (blocks + cluster / 8 - 1) / (cluster / 8)
    }
    fullyAllocated = metadata + virtual + (blocks + table) * cluster
    var data: Int64 = 0
    if creation.preallocation == .full || creation.preallocation == .falloc {
      data = virtual
    } else if let source {
      data = try Self.dataByteCount(source, cluster)
    }
    required = fullyAllocated - virtual + data
    if creation.version >= 3, let node = source?.top as? QCOW2Node, node.header.version >= 3 {
      bitmaps = Self.bitmapByteCount(node.bitmaps, byteCount, cluster)
    }
  }

  private static func dataByteCount(_ source: ImageChain, _ cluster: Int64) throws(ToolError) -> Int64 {
    var (place, sum): (Int64, Int64) = (0, 0)
    let end = source.top.byteCount
    while place < end {
      let range = place..<end
      let status = try describing("Unable to get block status") { () throws(Errno) in
        try ChainStatus.at(range, in: source)
      }
      var next = status.range.upperBound
      if status.isPresent, status.isData, !status.isZero {
        next = (next + cluster - 1) / cluster * cluster
        sum += next - place / cluster * cluster
      }
      place = next
    }
    return sum
  }

  private static func bitmapByteCount(_ bitmaps: [QCOW2Bitmap], _ byteCount: Int64, _ cluster: Int64) -> Int64 {
    func clusters(_ count: Int64) -> Int64 { (count + cluster - 1) / cluster }
    var (sum, directory): (Int64, Int64) = (0, 0)
    for bitmap in bitmaps {
      let bits = (byteCount + bitmap.granularity - 1) / bitmap.granularity
      let data = clusters((bits + 7) / 8)
      sum += (data + clusters(data * 8)) * cluster
      directory += Int64((24 + bitmap.name.utf8.count + 7) & ~7)
    }
    return sum + clusters(directory) * cluster
  }

  var text: String {
    let lines = "required size: \(required)\nfully allocated size: \(fullyAllocated)"
    return lines + (bitmaps.map { "\nbitmaps size: \($0)" } ?? "")
  }

  var json: String {
    var object = JSONObject()
    object["required"] = JSON(required)
    object["fully-allocated"] = JSON(fullyAllocated)
    if let bitmaps { object["bitmaps"] = JSON(bitmaps) }
    return String(decoding: JSON.object(object).utf8(isPretty: true), as: UTF8.self)
  }
}
