// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC
import QAPI

extension OptionParser {
  /// `-blockdev driver=…,node-name=…` or the same as a JSON object.
  mutating func blockdev(_ option: GivenOption) throws(OptionError) {
    do throws(BlockError) {
      let options = try NodeOptions(strict: try Self.optionTree(option))
      launch.warnings += options.warnings.map { option.prefixing("warning: \($0)") }
      launch.machine.blockNodes.append(.init(options: options, option: option.text))
    } catch {
      throw OptionError(option, "\(error)")
    }
  }

  private static func optionTree(_ option: GivenOption) throws(BlockError) -> OptionTree {
    let bytes = option.bytes.bytes
    if bytes.first == UInt8(ascii: "{") {
      do throws(JSONError) {
        return OptionTree(try JSON(parsing: bytes).object ?? JSONObject())
      } catch {
        throw .refused("\(error)")
      }
    }
    var tree = OptionTree()
    if bytes.isEmpty { return tree }
    for (index, part) in bytes.splitAtSingleCommas().enumerated() {
      if let equals = part.firstIndex(of: UInt8(ascii: "=")) {
        try tree.set(String(decoding: part[..<equals], as: UTF8.self), Array(part[(equals + 1)...]))
      } else if index == 0 {
        let word = String(decoding: part, as: UTF8.self)
        if word == "help" || word == "?" { throw .refused("Help is not available for this option") }
        try tree.set("driver", part)
      } else if !part.isEmpty {
        throw .refused("Expected '=' after parameter '\(String(decoding: part, as: UTF8.self))'")
      }
    }
    return tree
  }
}
