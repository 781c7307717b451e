// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// `-o key=value,…` of a new image, as far as it does not depend on the format what they mean.
struct CreationOptions {
  enum Kind { case text, size, number, flag }

  struct Definition {
    var name: String
    var kind: Kind
    var help: String
    var isShared = false
  }

  /// In the order in which they are shown when an image is made.
  static let qcow2: [Definition] = [
    Definition(
      name: "encryption", kind: .flag,
      help: "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"),
    Definition(name: "encrypt.format", kind: .text, help: "Encrypt the image, format choices: 'aes', 'luks'"),
    Definition(
      name: "encrypt.key-secret", kind: .text, help: "ID of secret providing qcow AES key or LUKS passphrase"),
    Definition(name: "encrypt.cipher-alg", kind: .text, help: "Name of encryption cipher algorithm"),
    Definition(name: "encrypt.cipher-mode", kind: .text, help: "Name of encryption cipher mode"),
    Definition(name: "encrypt.ivgen-alg", kind: .text, help: "Name of IV generator algorithm"),
    Definition(name: "encrypt.ivgen-hash-alg", kind: .text, help: "Name of IV generator hash algorithm"),
    Definition(name: "encrypt.hash-alg", kind: .text, help: "Name of encryption hash algorithm"),
    Definition(name: "encrypt.iter-time", kind: .number, help: "Time to spend in PBKDF in milliseconds"),
    Definition(name: "cluster_size", kind: .size, help: "qcow2 cluster size"),
    Definition(name: "extended_l2", kind: .flag, help: "Extended L2 tables"),
    Definition(
      name: "preallocation", kind: .text, help: "Preallocation mode (allowed values: off, metadata, falloc, full)"),
    Definition(name: "compression_type", kind: .text, help: "Compression method used for image cluster compression"),
    Definition(name: "size", kind: .size, help: "Virtual disk size"),
    Definition(name: "compat", kind: .text, help: "Compatibility level (v2 [0.10] or v3 [1.1])"),
    Definition(name: "backing_file", kind: .text, help: "File name of a base image"),
    Definition(name: "backing_fmt", kind: .text, help: "Image format of the base image"),
    Definition(name: "data_file", kind: .text, help: "File name of an external data file"),
    Definition(
      name: "data_file_raw", kind: .flag, help: "The external data file must stay valid as a raw image"),
    Definition(name: "lazy_refcounts", kind: .flag, help: "Postpone refcount updates"),
    Definition(name: "refcount_bits", kind: .number, help: "Width of a reference count entry in bits"),
  ]
  static let raw: [Definition] = [Definition(name: "size", kind: .size, help: "Virtual disk size")]
  /// Of the file that an image lies in.
  static let file: [Definition] = [
    Definition(
      name: "preallocation", kind: .text, help: "Preallocation mode (allowed values: off, falloc, full)"),
    Definition(name: "nocow", kind: .flag, help: "Turn off copy-on-write (valid only on btrfs)"),
    Definition(name: "extent_size_hint", kind: .size, help: "Extent size hint for the image file, 0 to disable"),
  ]

  let format: ImageFormat
  private(set) var values: [String: BytePath] = [:]
  private(set) var wantsHelp = false

  init(format name: String) throws(ToolError) {
    guard let format = ImageFormat(rawValue: name) else { throw ToolError("Unknown file format '\(name)'") }
    guard format == .raw || format == .qcow2 else {
      throw ToolError("Format driver '\(name)' does not support image creation")
    }
    self.format = format
  }

  var definitions: [Definition] { format == .qcow2 ? Self.qcow2 : Self.raw }

  mutating func add(_ list: BytePath, fileName: BytePath) throws(ToolError) {
    for part in list.bytes.splitAtSingleCommas() where !part.isEmpty {
      let text = String(decoding: part, as: UTF8.self)
      if text == "help" || text == "?" {
        wantsHelp = true
        continue
      }
      let pieces = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(decoding: pieces[0], as: UTF8.self)
      guard let definition = (definitions + Self.file).first(where: { $0.name == key }) else {
        throw ToolError("\(fileName): Invalid parameter '\(key)'")
      }
      try set(definition, pieces.count > 1 ? BytePath(bytes: pieces[1]) : "on", fileName)
    }
  }

  private mutating func set(_ definition: Definition, _ value: BytePath, _ fileName: BytePath) throws(ToolError) {
    let text = value.description
    switch definition.kind {
    case .text: break
    case .flag:
      guard text == "on" || text == "off" else {
        throw ToolError("\(fileName): Parameter '\(definition.name)' expects 'on' or 'off'")
      }
    case .number:
      guard UInt64(text) != nil else { throw ToolError("\(fileName): Parameter '\(definition.name)' expects a number") }
    case .size:
      guard ToolSize.parse(text) != nil else {
        throw ToolError(
          """
          \(fileName): Parameter '\(definition.name)' expects a non-negative number below 2^64
          Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
          and exabytes, respectively.
          """)
      }
    }
    values[definition.name] = value
  }

  mutating func set(_ name: String, _ value: BytePath) { values[name] = value }
  func text(_ name: String) -> String? { values[name]?.description }
  func path(_ name: String) -> BytePath? { values[name] }
  func isOn(_ name: String) -> Bool { text(name) == "on" }
  func size(_ name: String) -> Int64? { text(name).flatMap(ToolSize.parse) }

  /// The line that tells what is made.
  func summary(_ fileName: BytePath) -> String {
    var text = "Formatting '\(fileName)', fmt=\(format.rawValue)"
    let defaults =
      format == .qcow2
      ? [
        "cluster_size": "65536", "extended_l2": "off", "compression_type": "zlib", "lazy_refcounts": "off",
        "refcount_bits": "16",
      ] : [:]
    let shown = format == .qcow2 ? definitions : definitions + Self.file
    for definition in shown {
      guard let value = self.text(definition.name) ?? defaults[definition.name] else { continue }
      let exact = definition.kind == .size ? ToolSize.parse(value).map(String.init) ?? value : value
      text += " \(definition.name)=\(exact.contains(" ") ? "'\(exact)'" : exact)"
    }
    return text
  }

  /// `-o help`. The file's own options are added where a file is named.
  func help(withFile: Bool) -> String {
    var all = definitions
    if withFile { all += Self.file.filter { file in !all.contains { $0.name == file.name } } }
    var text = withFile ? "Supported options:\n" : "Supported \(format.rawValue) options:\n"
    for definition in all.sorted(by: { $0.name < $1.name }) { text += Self.helpLine(definition) }
    if !withFile {
      text +=
        "\nThe protocol level may support further options.\nSpecify the target filename to include those options.\n"
    }
    return String(text.dropLast())
  }

  static func helpLine(_ definition: Definition) -> String {
    let kind =
      switch definition.kind {
      case .text: "str"
      case .size: "size"
      case .number: "num"
      case .flag: "bool (on/off)"
      }
    let name = "  \(definition.name)=<\(kind)>"
    return "\(name.padded(to: 24)) - \(definition.help)\n"
  }
}
