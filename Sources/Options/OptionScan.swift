// SPDX-License-Identifier: Apache-2.0
public import HostIO

/// What a command line gives, without looking at what it says.
public struct OptionScan {
  /// Options that are given, by their first names.
  public private(set) var names: Set<String> = []
  /// Every option with its argument, in the order given.
  public private(set) var options: [(name: String, argument: String)] = []
  /// Positions of bare file names.
  public private(set) var files: [Int] = []

  /// Options that do not exist are passed over; `OptionParser.parse` refuses them.
  public init(_ arguments: [BytePath]) {
    var position = 0
    while position < arguments.count {
      let text = arguments[position].description
      defer { position += 1 }
      guard text.hasPrefix("-") else {
        files.append(position)
        continue
      }
      guard let definition = OptionDefinition.find(String(text.dropFirst(text.hasPrefix("--") ? 2 : 1))) else {
        continue
      }
      names.insert(definition.names[0])
      if definition.argument != nil { position += 1 }
      let argument = definition.argument != nil && position < arguments.count ? arguments[position].description : ""
      options.append((definition.names[0], argument))
    }
  }
}
