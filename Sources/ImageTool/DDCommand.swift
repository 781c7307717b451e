// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum DDCommand {
  static let syntax =
    "[--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] [skip=blocks] if=input of=output"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments, [.init("f", value: true), .init("O", value: true), .init("U", "force-share")])
    try given.check()
    var names: [String: BytePath] = [:]
    var numbers: [String: Int64] = ["bs": 512, "skip": 0]
    for operand in given.operands {
      let parts = operand.bytes.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(decoding: parts[0], as: UTF8.self)
      guard parts.count == 2, ["if", "of", "bs", "count", "skip"].contains(key) else {
        throw ToolError("unrecognized operand \(key)")
      }
      if key == "if" || key == "of" {
        names[key] = BytePath(bytes: parts[1])
        continue
      }
      let text = String(decoding: parts[1], as: UTF8.self)
      guard let value = ToolSize.parse(text) else { throw ToolError("invalid number: '\(text)'") }
      if key == "bs", !(1...2_147_483_647).contains(value) {
        throw ToolError("Invalid bs specified. Must be between 1 and 2147483647.")
      }
      numbers[key] = value
    }
    guard let input = names["if"], let output = names["of"] else {
      throw ToolError("Must specify both input and output files")
    }
    let options = try CreationOptions(format: given.text("O") ?? "raw")
    let source = try ToolImage.open(input, format: given.text("f"), given.opening())
    let block = numbers["bs"] ?? 512
    let length = source.top.byteCount
    var end = length
    if let count = numbers["count"] {
      let product = count.multipliedReportingOverflow(by: block)
      if !product.overflow { end = min(length, product.partialValue) }
    }
    // As qemu-img has it: `count` counts from the start of the input, `skip` included.
    let skipped = (numbers["skip"] ?? 0).multipliedReportingOverflow(by: block)
    let start = skipped.overflow ? length : skipped.partialValue
    let isBehind = start > length
    if isBehind { console.report("\(input): cannot skip to specified offset") }
    let byteCount = isBehind || start >= end ? 0 : end - start
    var creation = options
    creation.set("size", BytePath(String(byteCount)))
    try ImageMaker(fileName: output, options: creation).make((byteCount + 511) & -512)
    let target = try ToolImage.open(output, format: options.format.rawValue, .init(isReadOnly: false))
    var place: Int64 = 0
    while place < byteCount {
      let count = Int(min(byteCount - place, max(block, 1 << 20)))
      let offset = start + place
      try describing("error while copying at byte \(offset)") { () throws(Errno) in
        let bytes = try source.top.bytes(at: offset, count)
        try target.top.write(bytes, at: place)
      }
      place += Int64(count)
    }
    try ToolImage.close(target, output)
    return 0
  }
}
