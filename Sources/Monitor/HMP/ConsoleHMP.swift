// SPDX-License-Identifier: Apache-2.0
import QAPI

enum HMPScreendump: HMPCommand {
  static let names = ["screendump"]
  static let parameters = "filename [-f ppm|png] [device [head]]"
  static let help = "write what a display shows to an image file"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string(expected: "filename")
    let word = try line.option("f")
    let device = try line.optionalString()
    let head = device == nil ? nil : try line.optionalInteger()
    try line.end()
    let format = word.flatMap(Screendump.Format.init(rawValue:))
    if let word, format == nil { throw .failed(QMPError("invalid parameter value: \(word)")) }
    return try perform(Screendump(filename: name, device: device, head: head, format: format), in: context)
  }
}

enum HMPSendKey: HMPCommand {
  static let names = ["sendkey"]
  static let parameters = "keys [milliseconds]"
  static let help = "press keys together, joined by '-': sendkey ctrl-alt-delete"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let words = try line.string()
    let holdTime = try line.optionalInteger()
    try line.end()
    var keys: [KeyCode] = []
    for word in words.split(separator: "-", omittingEmptySubsequences: false) {
      guard let key = key(String(word)) else { throw .message("invalid parameter: \(word)") }
      keys.append(key)
    }
    do throws(QMPError) { try SendKey.type(keys, holdTime: holdTime, on: context.machine) } catch {
      throw .failed(error)
    }
    return .done("")
  }

  /// A name, `<` for the key that has it, or a number as `0x1e`; one that no key has presses none.
  private static func key(_ word: String) -> KeyCode? {
    if word == "<" { return KeyCode(rawValue: "less") }
    if word.hasPrefix("0x") { return Int64(word.dropFirst(2), radix: 16).map { KeyCode(number: $0) ?? .unmapped } }
    return KeyCode(rawValue: word)
  }
}
