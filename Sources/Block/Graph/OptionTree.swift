// SPDX-License-Identifier: Apache-2.0
import HostIO
public import QAPI

/// Options of a node with those of the nodes below it, as they come from `key=value` lists with dotted keys or from JSON.
public struct OptionTree: Sendable, Equatable {
  public enum Value: Sendable, Equatable {
    /// From a list, whose values are bytes.
    case text([UInt8])
    /// From JSON, and no object.
    case json(JSON)
    case tree(OptionTree)
  }

  public private(set) var members: [(key: String, value: Value)] = []

  public init() {}

  public init(_ object: JSONObject) {
    for (key, value) in zip(object.keys, object.values) {
      members.append((key, value.object.map { .tree(OptionTree($0)) } ?? .json(value)))
    }
  }

  /// An object whose keys may be dotted, as in `json:` file names.
  init(dotted object: JSONObject) throws(BlockError) {
    for (key, value) in zip(object.keys, object.values) {
      if let below = value.object {
        for member in Self.flat(try OptionTree(dotted: below)) {
          try set("\(key).\(member.key)"[...], member.value, path: "")
        }
      } else {
        try set(key[...], .json(value), path: "")
      }
    }
  }

  /// All values, with whole keys.
  static func flat(_ tree: OptionTree) -> [(key: String, value: Value)] {
    tree.members.flatMap { member -> [(key: String, value: Value)] in
      guard case .tree(let below) = member.value else { return [(member.key, member.value)] }
      return flat(below).map { ("\(member.key).\($0.key)", $0.value) }
    }
  }

  public static func == (a: OptionTree, b: OptionTree) -> Bool {
    a.members.count == b.members.count
      && zip(a.members, b.members).allSatisfy { $0.key == $1.key && $0.value == $1.value }
  }

  public var isEmpty: Bool { members.isEmpty }
  public subscript(_ key: String) -> Value? { members.last { $0.key == key }?.value }

  /// Sets the value of a dotted key. Of two equal keys the later one wins.
  /// - Throws: when a key is a value in one place and has members in another.
  public mutating func set(_ key: String, _ text: [UInt8]) throws(BlockError) {
    try set(key[...], .text(text), path: "")
  }

  private mutating func set(_ key: Substring, _ value: Value, path: String) throws(BlockError) {
    guard let dot = key.firstIndex(of: "."), dot != key.startIndex, key.index(after: dot) != key.endIndex else {
      try put(String(key), value, path)
      return
    }
    let first = String(key[..<dot])
    var below = OptionTree()
    switch self[first] {
    case .tree(let tree): below = tree
    case nil: break
    default: throw .refused("Parameters '\(path)\(first).*' used inconsistently")
    }
    try below.set(key[key.index(after: dot)...], value, path: "\(path)\(first).")
    try put(first, .tree(below), path)
  }

  /// Takes out what has these keys, which may be dotted.
  mutating func drop(_ keys: [String]) {
    for key in keys {
      guard let dot = key.firstIndex(of: ".") else {
        members.removeAll { $0.key == key }
        continue
      }
      let first = key[..<dot]
      guard let position = members.firstIndex(where: { $0.key == first }),
        case .tree(var below) = members[position].value
      else { continue }
      below.drop([String(key[key.index(after: dot)...])])
      if below.isEmpty { members.remove(at: position) } else { members[position].value = .tree(below) }
    }
  }

  /// The same over others, whose keys it may have too.
  func added(to others: OptionTree) -> OptionTree {
    var sum = others
    sum.members.removeAll { self[$0.key] != nil }
    sum.members += members
    return sum
  }

  private mutating func put(_ key: String, _ value: Value, _ path: String) throws(BlockError) {
    if let position = members.firstIndex(where: { $0.key == key }) {
      if case .tree = members[position].value {
        if case .tree = value {} else { throw .refused("Parameters '\(path)\(key).*' used inconsistently") }
      }
      members[position].value = value
    } else {
      members.append((key, value))
    }
  }

  mutating func take(_ key: String) -> Value? {
    guard let position = members.lastIndex(where: { $0.key == key }) else { return nil }
    return members.remove(at: position).value
  }
}

/// Takes options out of a tree, each in its type. What is left at the end is unknown.
///
/// QEMU words mistakes differently where a QAPI value is read (`-blockdev`, `blockdev-add`) and where older options are
/// (`-drive`, `json:` file names).
struct OptionReader {
  enum Style {
    case strict
    case legacy
  }

  private var tree: OptionTree
  /// With a dot at its end, empty at the root.
  let path: String
  let style: Style

  init(_ tree: OptionTree, path: String = "", style: Style) { (self.tree, self.path, self.style) = (tree, path, style) }

  private func wrongType(_ key: String, _ expected: String) -> BlockError {
    .refused("Invalid parameter type for '\(path)\(key)', expected: \(expected)")
  }

  mutating func bytes(_ key: String) throws(BlockError) -> [UInt8]? {
    switch tree.take(key) {
    case nil: return nil
    case .text(let bytes): return bytes
    case .json(.string(let text)): return Array(text.utf8)
    case .json, .tree: throw wrongType(key, "string")
    }
  }

  mutating func text(_ key: String) throws(BlockError) -> String? {
    try bytes(key).map { String(decoding: $0, as: UTF8.self) }
  }

  mutating func flag(_ key: String) throws(BlockError) -> Bool? {
    switch tree.take(key) {
    case nil: return nil
    case .json(.bool(let value)): return value
    case .json(.string(let text)) where style == .legacy: return try Self.flag(text, path + key)
    case .text(let bytes): return try Self.flag(String(decoding: bytes, as: UTF8.self), path + key)
    case .json, .tree: throw wrongType(key, "boolean")
    }
  }

  private static func flag(_ text: String, _ key: String) throws(BlockError) -> Bool {
    switch text {
    case "on", "yes", "true", "y": return true
    case "off", "no", "false", "n": return false
    default: throw .refused("Parameter '\(key)' expects 'on' or 'off'")
    }
  }

  /// A byte count or another number that is not negative.
  mutating func size(_ key: String) throws(BlockError) -> Int64? {
    switch tree.take(key) {
    case nil: return nil
    case .json(.int(let value)):
      if value >= 0 { return value }
      throw style == .legacy
        ? noSize(key) : .refused("Parameter '\(path)\(key)' expects a non-negative number below 2^64")
    case .text(let bytes): return try size(String(decoding: bytes, as: UTF8.self), key)
    case .json(.string(let text)) where style == .legacy: return try size(text, key)
    case .json(.null) where style == .legacy: return nil
    case .json where style == .legacy: throw noSize(key)
    case .json, .tree: throw wrongType(key, "integer")
    }
  }

  private func noSize(_ key: String) -> BlockError {
    .refused(
      """
      Parameter '\(path)\(key)' expects a non-negative number below 2^64
      Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
      and exabytes, respectively.
      """)
  }

  private func size(_ text: String, _ key: String) throws(BlockError) -> Int64 {
    if style == .strict {
      guard let value = Int64(text), value >= 0 else { throw .refused("Parameter '\(path)\(key)' expects integer") }
      return value
    }
    var digits = text[...]
    let powers: [Character: Int64] = ["b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60]
    var shift: Int64 = 0
    if let last = digits.last, let power = powers[Character(last.lowercased())] {
      shift = power
      digits = digits.dropLast()
    }
    guard let value = Int64(digits), value >= 0 else {
      throw noSize(key)
    }
    let (bytes, overflow) = value.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else { throw .refused("Value '\(text)' is out of range for parameter '\(path)\(key)'") }
    return bytes
  }

  /// A number with perhaps a sign.
  mutating func number(_ key: String) throws(BlockError) -> Int64? {
    let text: String
    switch tree.take(key) {
    case nil: return nil
    case .json(.int(let value)): return value
    case .text(let bytes): text = String(decoding: bytes, as: UTF8.self)
    case .json(.string(let value)) where style == .legacy: text = value
    case .json, .tree: throw wrongType(key, "integer")
    }
    guard let value = Int64(text) else {
      throw .refused("Parameter '\(path)\(key)' expects \(style == .strict ? "integer" : "a number")")
    }
    return value
  }

  /// A word of an enumeration.
  mutating func word<Words: RawRepresentable<String>>(
    _ key: String, _ type: Words.Type, legacyMistake: (String) -> String
  ) throws(BlockError) -> Words? {
    guard let text = try text(key) else { return nil }
    guard let word = Words(rawValue: text) else {
      throw .refused(
        style == .strict ? "Parameter '\(key)' does not accept value '\(text)'" : legacyMistake(text))
    }
    return word
  }

  mutating func tree(_ key: String) throws(BlockError) -> OptionReader? {
    switch tree.take(key) {
    case nil: return nil
    case .tree(let below): return OptionReader(below, path: "\(path)\(key).", style: style)
    case .text, .json: throw wrongType(key, "object")
    }
  }

  enum Child {
    case null
    case name(String)
    case options(OptionReader)
  }

  /// A node below: its name, or its options.
  mutating func child(_ key: String, mayBeNull: Bool = false) throws(BlockError) -> Child? {
    switch tree.take(key) {
    case nil: return nil
    case .tree(let below): return .options(OptionReader(below, path: "\(path)\(key).", style: style))
    case .text(let bytes): return .name(String(decoding: bytes, as: UTF8.self))
    case .json(.string(let text)): return .name(text)
    case .json(.null) where mayBeNull: return .null
    case .json: throw wrongType(key, mayBeNull ? "BlockdevRefOrNull" : "BlockdevRef")
    }
  }

  /// What has not been taken.
  var remaining: OptionTree { tree }

  func has(_ key: String) -> Bool { tree[key] != nil }

  /// `backing=`, the old way to say that there is none.
  var saysEmptyBacking: Bool {
    switch tree["backing"] {
    case .text(let bytes)?: bytes.isEmpty
    case .json(.string(let text))?: text.isEmpty
    default: false
    }
  }

  /// Everything that has not been taken, with whole keys as the user gave them.
  var rest: [(key: String, value: OptionTree.Value)] { OptionTree.flat(tree) }

  /// Refuses what has not been taken.
  func finish(_ driver: NodeOptions.Driver) throws(BlockError) {
    guard let first = rest.first else { return }
    switch style {
    case .strict: throw .refused("Parameter '\(path)\(first.key)' is unexpected")
    case .legacy where driver.isProtocol:
      throw .refused("Block protocol '\(driver.rawValue)' doesn't support the option '\(first.key)'")
    case .legacy: throw .refused("Block format '\(driver.rawValue)' does not support the option '\(first.key)'")
    }
  }
}
