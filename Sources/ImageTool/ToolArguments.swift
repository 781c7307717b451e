// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A command's arguments, in getopt's grammar: options anywhere before `--`, short ones together, long ones with `=` or the
/// next argument, and abbreviated as long as it is clear which is meant.
struct ToolArguments {
  /// An option by its short name or its long one.
  struct Option {
    var short: Character?
    var long: String?
    var takesValue: Bool

    init(_ short: Character? = nil, _ long: String? = nil, value: Bool = false) {
      (self.short, self.long, takesValue) = (short, long, value)
    }

    var name: String { long ?? short.map(String.init) ?? "" }
  }

  private(set) var given: [(name: String, value: BytePath)] = []
  private(set) var operands: [BytePath] = []

  /// - Parameter namesImages: `--image-opts` may say how the images named are to be opened.
  init(_ arguments: [BytePath], _ known: [Option], namesImages: Bool = true) throws(ToolError) {
    var options = known + [Option("h", "help"), Option(nil, "object", value: true)]
    if namesImages { options.append(Option(nil, "image-opts")) }
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let text = argument.description
      if text == "--" {
        operands += rest
        return
      }
      if text.hasPrefix("--") {
        try addLong(argument, options, &rest)
      } else if text.hasPrefix("-"), text.count > 1 {
        try addShort(argument, options, &rest)
      } else {
        operands.append(argument)
      }
    }
  }

  private mutating func addLong(
    _ argument: BytePath, _ options: [Option], _ rest: inout ArraySlice<BytePath>
  ) throws(ToolError) {
    let parts = argument.bytes.dropFirst(2).split(
      separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(decoding: parts[0], as: UTF8.self)
    let matching = options.filter { $0.long?.hasPrefix(name) == true }
    guard let option = matching.first(where: { $0.long == name }) ?? (matching.count == 1 ? matching[0] : nil) else {
      throw .usage(matching.isEmpty ? "unrecognized option '--\(name)'" : "option '--\(name)' is ambiguous")
    }
    var value = parts.count > 1 ? BytePath(bytes: parts[1]) : nil
    if option.takesValue, value == nil { value = rest.popFirst() }
    if option.takesValue, value == nil { throw .usage("option '--\(name)' requires an argument") }
    if !option.takesValue, value != nil { throw .usage("option '--\(option.name)' doesn't allow an argument") }
    given.append((option.name, value ?? ""))
  }

  private mutating func addShort(
    _ argument: BytePath, _ options: [Option], _ rest: inout ArraySlice<BytePath>
  ) throws(ToolError) {
    var letters = argument.bytes.dropFirst()
    while let letter = letters.popFirst() {
      let name = Character(UnicodeScalar(letter))
      guard let option = options.first(where: { $0.short == name }) else {
        throw .usage("unrecognized option '-\(name)'")
      }
      guard option.takesValue else {
        given.append((option.name, ""))
        continue
      }
      if !letters.isEmpty {
        given.append((option.name, BytePath(bytes: letters)))
        return
      }
      guard let value = rest.popFirst() else { throw .usage("option requires an argument -- '\(name)'") }
      given.append((option.name, value))
    }
  }

  func has(_ name: String) -> Bool { given.contains { $0.name == name } }
  func path(_ name: String) -> BytePath? { given.last { $0.name == name }?.value }
  func text(_ name: String) -> String? { path(name)?.description }
  func all(_ name: String) -> [BytePath] { given.filter { $0.name == name }.map(\.value) }

  /// What is known by name and not built in, and objects that cannot be made.
  func check(refusing names: String...) throws(ToolError) {
    try ToolObjects.check(all("object"))
    for name in names where has(name) {
      throw ToolError("Option '\(name.count == 1 ? "-" : "--")\(name)' is not supported yet")
    }
  }

  /// How the images named are to be opened.
  func opening(isReadOnly: Bool = true) -> ImageChain.Options {
    var options = ImageChain.Options(isReadOnly: isReadOnly)
    (options.isOptionList, options.sharesWrite) = (has("image-opts"), has("force-share"))
    return options
  }

  /// `--output=`: whether JSON is wanted.
  func wantsJSON() throws(ToolError) -> Bool {
    switch text("output") {
    case nil, "human": return false
    case "json": return true
    default: throw ToolError("--output must be used with human or json as argument.")
    }
  }

  func onlyOperand() throws(ToolError) -> BytePath {
    guard operands.count == 1 else { throw .usage("Expecting one image file name") }
    return operands[0]
  }
}

/// Sizes as the tool's command line has them: `64M`, `1.5G`, `4096`.
enum ToolSize {
  static func parse(_ text: String) -> Int64? {
    var digits = text[...]
    var scale: Double = 1
    var factor: Int64 = 1
    if let last = text.last, let power = "bkmgtpe".firstIndex(of: Character(last.lowercased())) {
      let bits = 10 * "bkmgtpe".distance(from: "bkmgtpe".startIndex, to: power)
      factor = 1 << Int64(bits)
      scale = Double(factor)
      digits = digits.dropLast()
    }
    if digits.hasPrefix("0x"), let value = Int64(digits.dropFirst(2), radix: 16) { return bounded(value) }
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }), !digits.isEmpty else { return nil }
    if let whole = Int64(digits) {
      let product = whole.multipliedReportingOverflow(by: factor)
      return product.overflow ? nil : bounded(product.partialValue)
    }
    guard let value = Double(digits), factor > 1, value * scale < 9.2e18 else { return nil }
    return bounded(Int64(value * scale))
  }

  /// Nothing is longer than whole clusters can be: sizes are rounded up to them.
  private static func bounded(_ value: Int64) -> Int64? { value <= .max - (4 << 20) ? value : nil }

  /// A number with that many decimals, rounded half to even as printf does with these values.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    var factor: Int64 = 1
    for _ in 0..<decimals { factor *= 10 }
    let scaled = Int64((value * Double(factor)).rounded(.toNearestOrEven))
    guard decimals > 0 else { return String(scaled) }
    let fraction = String(scaled % factor)
    return "\(scaled / factor)." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - unicodeScalars.count)) }
  func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - unicodeScalars.count)) + self
  }
}
