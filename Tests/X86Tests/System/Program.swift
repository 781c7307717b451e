// SPDX-License-Identifier: Apache-2.0

import Testing
import X86

/// A bare-metal program with the report it must make.
struct Program: Sendable, CustomTestStringConvertible {
  var name: String
  /// The environment it starts in.
  var library: Environment
  var source: String
  var expected: String
  /// Where Debian's QEMU is known to differ from the manual, and why: such a program is not compared with it.
  var quirk: String?
  /// What `-cpu` names, features that are added and taken away included.
  var model: String

  /// The processor of that name.
  var processorModel: CPUModel? {
    let parts = model.split(separator: ",").map(String.init)
    var result = parts.first.flatMap(CPUModel.named)
    for feature in parts.dropFirst() {
      if case .model(let changed) = result?.setting(String(feature.dropFirst()), feature.hasPrefix("+")) {
        result = changed
      }
    }
    return result
  }

  enum Environment: Sendable { case real, protected, paging }

  init(
    _ name: String, _ library: Environment, _ source: String, expect: String, quirk: String? = nil,
    model: String = "qemu64"
  ) {
    self.name = name
    self.library = library
    self.source = source
    self.expected = expect
    self.quirk = quirk
    self.model = model
  }

  var testDescription: String { name }

  /// The whole text for the assembler.
  var text: String {
    switch library {
    case .real: Library.real + source + Library.tail
    case .protected: Library.protected + Self.defaults(source) + source + Library.tail
    case .paging: Library.protected + Library.paging + Self.defaults(source) + source + Library.tail
    }
  }

  /// Labels that the library's tables name and a program need not define.
  private static func defaults(_ source: String) -> String {
    ["gated", "gated16"].filter { !source.contains($0 + ":") }.map { "    \($0) equ 0\n" }.joined()
  }
}
