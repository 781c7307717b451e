// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum MapCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] [--max-length=len] [--output=ofmt] [-U] filename"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", "format", value: true), .init(nil, "output", value: true), .init("U", "force-share"),
        .init("s", "start-offset", value: true), .init("l", "max-length", value: true),
      ])
    try given.check()
    let isJSON = try given.wantsJSON()
    let start = try size(given.text("start-offset"), "start offset", console) ?? 0
    let limit = try size(given.text("max-length"), "max length", console)
    let name = try given.onlyOperand()
    let options = given.opening()
    let chain = try ToolImage.open(name, format: given.text("format"), options)
    let length = chain.top.byteCount
    let end = limit.map { min(length, start.addingReportingOverflow($0).overflow ? length : start + $0) } ?? length
    var lines: [String] = isJSON ? [] : ["Offset          Length          Mapped to       File"]
    var pending: ChainStatus?
    func emit() throws(ToolError) {
      guard let run = pending else { return }
      if isJSON { lines.append(json(run)) } else if let line = try human(run, chain) { lines.append(line) }
    }
    var place = start
    while place < end {
      let range = place..<end
      let status = try describing("Failed to read image metadata") { () throws(Errno) in
        try ChainStatus.at(range, in: chain)
      }
      if let last = pending, continues(last, status) {
        pending?.range = last.range.lowerBound..<status.range.upperBound
      } else {
        try emit()
        pending = status
      }
      place = status.range.upperBound
    }
    try emit()
    console.print(isJSON ? "[" + lines.joined(separator: ",\n") + "]" : lines.joined(separator: "\n"))
    return 0
  }

  private static func size(_ text: String?, _ what: String, _ console: Console) throws(ToolError) -> Int64? {
    guard let text else { return nil }
    guard let value = ToolSize.parse(text) else {
      console.report("Invalid \(what) specified. You may use k, M, G, T, P or E suffixes for")
      throw ToolError("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.")
    }
    return value
  }

  private static func continues(_ last: ChainStatus, _ next: ChainStatus) -> Bool {
    guard last.depth == next.depth, last.isData == next.isData, last.isZero == next.isZero,
      last.isPresent == next.isPresent, (last.hostOffset == nil) == (next.hostOffset == nil)
    else { return false }
    guard let offset = last.hostOffset else { return true }
    return offset + (last.range.upperBound - last.range.lowerBound) == next.hostOffset
  }

  private static func json(_ run: ChainStatus) -> String {
    let length = run.range.upperBound - run.range.lowerBound
    var text = #"{ "start": \#(run.range.lowerBound), "length": \#(length), "depth": \#(run.depth)"#
    text += #", "present": \#(run.isPresent), "zero": \#(run.isZero), "data": \#(run.isData)"#
    if let offset = run.hostOffset { text += #", "offset": \#(offset)"# }
    return text + "}"
  }

  private static func human(_ run: ChainStatus, _ chain: ImageChain) throws(ToolError) -> String? {
    guard run.isData, !run.isZero else { return nil }
    guard let offset = run.hostOffset else {
      throw ToolError("File contains external, encrypted or compressed clusters.")
    }
    let link = chain.links[run.depth]
    let columns = [run.range.lowerBound, run.range.upperBound - run.range.lowerBound, offset]
    return columns.map { hex($0).padded(to: 16) }.joined() + (link.dataFileName ?? link.fileName).description
  }

  private static func hex(_ value: Int64) -> String { value == 0 ? "0" : "0x" + String(value, radix: 16) }
}
