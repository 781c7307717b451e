// SPDX-License-Identifier: Apache-2.0

/// What a user wrote about a back end: keys and values in order, from `-netdev`'s list, JSON or QMP.
///
/// Members of objects have their path as key (`addr.host`); elements of an array repeat the key.
public struct NetworkFields: Sendable {
  /// How the mistakes are worded.
  public enum Style: Sendable {
    case list
    case json
  }

  /// Gives away a descriptor that a monitor's client sent under a name; nil where nobody can.
  public typealias DescriptorTaker = @Sendable (_ name: String) -> Int32?

  private var pairs: [(key: String, value: String)]
  public var takeDescriptor: DescriptorTaker?
  public var style: Style

  public init(_ pairs: [(key: String, value: String)], style: Style) { (self.pairs, self.style) = (pairs, style) }

  /// Takes a key out; its last value counts.
  public mutating func take(_ key: String) -> String? {
    defer { pairs.removeAll { $0.key == key } }
    return pairs.last { $0.key == key }?.value
  }

  /// Takes all values of a key that may be repeated.
  mutating func takeAll(_ key: String) -> [String] {
    defer { pairs.removeAll { $0.key == key } }
    return pairs.filter { $0.key == key }.map(\.value)
  }

  mutating func takeSwitch(_ key: String) throws(NetworkError) -> Bool? {
    switch take(key) {
    case nil: nil
    case "on", "yes", "true", "y": true
    case "off", "no", "false", "n": false
    default: throw NetworkError("Parameter '\(key)' expects 'on' or 'off'")
    }
  }

  mutating func takeNumber(
    _ key: String, in range: ClosedRange<Int>, expecting kind: String = "an int64 value"
  ) throws(NetworkError) -> Int? {
    guard let text = take(key) else { return nil }
    let digits = text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    guard let value = digits, range.contains(value) else {
      throw NetworkError("Parameter '\(key)' expects \(kind)")
    }
    return value
  }

  /// A descriptor by its number, or by the name that a monitor's client gave it.
  func descriptor(_ text: String) throws(NetworkError) -> Int32 {
    if let takeDescriptor, text.utf8.first.map({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) != true {
      guard let number = takeDescriptor(text) else {
        throw NetworkError("File descriptor named '\(text)' has not been found")
      }
      return number
    }
    guard let number = Int32(text), number >= 0 else {
      throw NetworkError("Invalid file descriptor number '\(text)'")
    }
    return number
  }

  mutating func require(_ key: String) throws(NetworkError) -> String {
    guard let value = take(key) else { throw NetworkError("Parameter '\(key)' is missing") }
    return value
  }

  /// Whether a key, or a member of the object of that name, is there.
  func has(_ key: String) -> Bool { pairs.contains { $0.key == key || $0.key.hasPrefix(key + ".") } }

  /// Refuses whatever has not been taken.
  public func finish() throws(NetworkError) {
    guard let rest = pairs.first else { return }
    throw NetworkError(
      style == .list ? "Invalid parameter '\(rest.key)'" : "Parameter '\(rest.key)' is unexpected")
  }
}

extension NetworkFields {
  /// `TYPE,key=value,…`, as the human monitor's `netdev_add` takes it. A key alone is a switch that is on.
  public init(parsing text: String) {
    var parts: [String] = [""]
    var rest = Substring(text)
    while let character = rest.popFirst() {
      if character != "," {
        parts[parts.count - 1].append(character)
      } else if rest.first == "," {
        rest.removeFirst()
        parts[parts.count - 1].append(",")
      } else {
        parts.append("")
      }
    }
    let pairs = parts.enumerated().compactMap { index, part -> (key: String, value: String)? in
      if let equals = part.firstIndex(of: "=") {
        return (String(part[..<equals]), String(part[part.index(after: equals)...]))
      }
      if part.isEmpty { return nil }
      return index == 0 ? ("type", part) : (part, "on")
    }
    self.init(pairs, style: .list)
  }
}
