// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

/// `--object`: what else a command line may hand to the tool. Secrets are taken and checked; nothing here has a use for
/// them, since encrypted images are refused.
enum ToolObjects {
  /// What QEMU's tool has too.
  private static let missing: Set<String> = [
    "authz-list", "authz-list-file", "authz-simple", "main-loop", "pr-manager-helper", "secret_keyring",
    "thread-context", "throttle-group", "tls-cipher-suites", "tls-creds-anon", "tls-creds-psk", "tls-creds-x509",
  ]
  private static let secretOptions = ["data", "file", "format", "iv", "keyid"]

  /// - Throws: the sentence about what is wrong; with status 0 when only the help was wanted.
  static func check(_ definitions: [BytePath]) throws(ToolError) {
    var names: Set<String> = []
    for definition in definitions {
      var members = try members(of: definition)
      guard let type = members.removeValue(forKey: "qom-type") else {
        throw ToolError("Parameter 'qom-type' is missing")
      }
      guard let id = members.removeValue(forKey: "id") else { throw ToolError("Parameter 'id' is missing") }
      if missing.contains(type) { throw ToolError("Objects of type '\(type)' are not supported") }
      guard type == "secret" else { throw ToolError("Parameter 'qom-type' does not accept value '\(type)'") }
      try checkSecret(members)
      guard names.insert(id).inserted else {
        throw ToolError("attempt to add duplicate property '\(id)' to object (type 'container')")
      }
    }
  }

  private static func members(of definition: BytePath) throws(ToolError) -> [String: String] {
    if definition.bytes.first == UInt8(ascii: "{") { return try jsonMembers(definition) }
    var members: [String: String] = [:]
    let parts = definition.bytes.splitAtSingleCommas().map { String(decoding: $0, as: UTF8.self) }
    if parts == ["help"] { try show("List of user creatable objects:\n  secret") }
    if parts.first == "secret", parts.contains("help") {
      try show(
        (["secret options:"] + secretOptions.map { "  \($0)=<\($0 == "format" ? "QCryptoSecretFormat" : "string")>" })
          .joined(separator: "\n"))
    }
    for (index, part) in parts.enumerated() {
      guard let equals = part.firstIndex(of: "=") else {
        guard index == 0 else { throw ToolError("Expected '=' after parameter '\(part)'") }
        members["qom-type"] = part
        continue
      }
      members[String(part[..<equals])] = String(part[part.index(after: equals)...])
    }
    return members
  }

  private static func jsonMembers(_ definition: BytePath) throws(ToolError) -> [String: String] {
    do throws(JSONError) {
      guard let object = try JSON(parsing: definition.bytes).object else { return [:] }
      var members: [String: String] = [:]
      for (key, value) in zip(object.keys, object.values) { members[key] = value.string ?? value.text }
      return members
    } catch {
      throw ToolError("\(error)")
    }
  }

  /// The help ends the command.
  private static func show(_ text: String) throws(ToolError) -> Never {
    do throws(Errno) { try HostProcess.printOutput(text + "\n") } catch {}
    throw ToolError("", status: 0)
  }

  private static func checkSecret(_ members: [String: String]) throws(ToolError) {
    if let unknown = members.keys.sorted().first(where: { !secretOptions.contains($0) }) {
      throw ToolError("Parameter '\(unknown)' is unexpected")
    }
    let format = members["format"] ?? "raw"
    guard format == "raw" || format == "base64" else {
      throw ToolError("Parameter 'format' does not accept value '\(format)'")
    }
    for key in ["keyid", "iv"] where members[key] != nil {
      throw ToolError("Secrets that are encrypted themselves ('\(key)') are not supported")
    }
    let content: [UInt8]
    switch (members["data"], members["file"]) {
    case (_?, _?): throw ToolError("'file' and 'data' are mutually exclusive")
    case (let data?, nil): content = Array(data.utf8)
    case (nil, let file?):
      do throws(Errno) { content = try BytePath(file).contents(limit: 1 << 20) } catch {
        throw ToolError("Unable to read \(file): \(error)")
      }
    case (nil, nil): throw ToolError("Either 'file' or 'data' must be provided")
    }
    let isBase64 = content.allSatisfy { byte in
      let letter = UInt8(ascii: "a")...UInt8(ascii: "z")
      return letter.contains(byte | 0x20) && byte >= 0x41 || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || "+/=\n".utf8.contains(byte)
    }
    if format == "base64", !isBase64 { throw ToolError("Base64 data contains invalid characters") }
  }
}
