// SPDX-License-Identifier: Apache-2.0
import Automation
import HostIO
import Platform

/// Reads the command line of `apus shot`: its own options, which begin with two dashes and may stand anywhere, and the
/// emulator's.
struct ShotArguments {
  private(set) var request = ShotRequest()
  /// What the command line says for all steps, and a script for those that follow.
  private var timeout: Nanoseconds?
  private var scriptTimeout: Nanoseconds?
  /// `or` was the last word: what follows is one more condition of the last step.
  private var isJoining = false

  private static let switches = ["realtime", "update-golden", "write", "verbose", "quiet", "or"]
  private static let values = [
    "script", "timeout", "total-timeout", "output", "report", "junit", "tap", "bundle", "from", "fail-on",
  ]
  private static let refinements = ["mask", "tolerance", "margin"]

  /// nil: help was asked for.
  static func parse(_ arguments: [BytePath]) throws(ShotMistake) -> ShotRequest? {
    var parser = ShotArguments()
    // Wherever it stands: what is expected need not be there then.
    parser.request.updatesGolden = arguments.contains("--update-golden")
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let text = argument.description
      if ["--help", "-help", "-h"].contains(text) { return nil }
      let own = text == "-o" ? "output" : text.hasPrefix("--") ? String(text.dropFirst(2)) : ""
      let parts = own.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts.first ?? ""
      if parts.count == 1, switches.contains(name) {
        try parser.turnOn(name)
      } else if isOwn(name) {
        guard let value = parts.count > 1 ? BytePath(parts[1]) : rest.popFirst() else {
          throw ShotMistake("\(text) takes a value; see apus shot --help")
        }
        if value.isEmpty { throw ShotMistake("\(name): '' is empty") }
        try parser.take(name, value, folder: nil, isScript: false)
      } else {
        parser.request.emulatorArguments.append(argument)
      }
    }
    if parser.isJoining { throw ShotMistake("or must stand between two conditions such as until-text") }
    for (name, path) in parser.request.outputs { try OutputCheck.check(name, path) }
    for index in parser.request.steps.indices {
      parser.request.steps[index].timeout =
        parser.request.steps[index].ownTimeout ?? parser.timeout ?? ShotRequest.defaultTimeout
    }
    return parser.request
  }

  private static func isOwn(_ name: String) -> Bool {
    values.contains(name) || refinements.contains(name) || ShotStep.forms.contains { $0.name == name }
  }

  private static func noStep(_ word: String) -> String {
    "'\(ShotConsole.plain(word))' is no step; see apus shot --help"
  }

  private mutating func turnOn(_ name: String) throws(ShotMistake) {
    switch name {
    case "or":
      guard !isJoining, !request.steps.isEmpty else {
        throw ShotMistake("or must stand between two conditions such as until-text")
      }
      isJoining = true
    case "realtime": request.isRealTime = true
    case "update-golden": request.updatesGolden = true
    case "write": request.writesDisks = true
    case "verbose": request.isVerbose = true
    default: request.isQuiet = true
    }
  }

  /// An option, or a line of a script.
  private mutating func take(
    _ name: String, _ value: BytePath, folder: BytePath?, isScript: Bool
  ) throws(ShotMistake) {
    if isJoining, !ShotStep.forms.contains(where: { $0.name == name }) {
      throw ShotMistake("or takes a condition such as until-text, not \(name)")
    }
    if Self.refinements.contains(name) {
      guard !request.steps.isEmpty else { throw ShotMistake("\(name) must follow expect or until-picture") }
      return try request.steps[request.steps.count - 1].refine(
        name, value, folder: folder, updates: request.updatesGolden)
    }
    if ShotStep.forms.contains(where: { $0.name == name }) {
      let step = try ShotStep(
        name, value, timeout: isScript ? scriptTimeout : nil, folder: folder, updates: request.updatesGolden)
      guard isJoining else { return request.steps.append(step) }
      isJoining = false
      return try request.steps[request.steps.count - 1].join(step)
    }
    switch name {
    case "timeout":
      let duration = try duration(name, value)
      if isScript { scriptTimeout = duration } else { timeout = duration }
    case "total-timeout": request.totalTimeout = try duration(name, value)
    case "fail-on":
      do throws(StopRules.Mistake) { request.rules = try StopRules(parsing: value.description) } catch {
        throw ShotMistake("\(name): \(error)")
      }
    case _ where isScript: throw ShotMistake(Self.noStep(name))
    case "script": try script(value)
    case "output": request.output = value
    case "report": request.report = value
    case "junit": request.junit = value
    case "tap": request.tap = value
    case "bundle": request.bundle = value
    default: request.origin = value
    }
  }

  private func duration(_ name: String, _ value: BytePath) throws(ShotMistake) -> Nanoseconds {
    guard let duration = DurationText.parse(value.description), duration > 0 else {
      throw ShotMistake("\(name): '\(value)' is no length of time such as 90s")
    }
    return duration
  }

  // MARK: Scripts

  /// Scripts of more bytes are refused.
  private static let scriptLimit = 1 << 20

  /// One step a line: its name, a blank, its value; before them `or`, which adds a condition to the step above. Lines that begin
  /// with `#` are comments.
  private mutating func script(_ path: BytePath) throws(ShotMistake) {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes =
        path == "-"
        ? try FileDescriptor.standardInput.readToEnd(limit: Self.scriptLimit)
        : try path.contents(limit: Self.scriptLimit)
    } catch {
      throw ShotMistake("cannot read the script '\(path)': \(error)")
    }
    let folder = path == "-" ? nil : path.directory
    scriptTimeout = nil
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let text = Self.trimmed(line)
      guard let first = text.first, first != UInt8(ascii: "#") else { continue }
      var name = text.prefix { !Self.isBlank($0) }
      var rest = Self.trimmed(text[name.endIndex...])
      do throws(ShotMistake) {
        if name.elementsEqual("or".utf8), !rest.isEmpty {
          try turnOn("or")
          name = rest.prefix { !Self.isBlank($0) }
          rest = Self.trimmed(rest[name.endIndex...])
        }
        let value = Self.unquoted(rest), word = String(decoding: name, as: UTF8.self)
        guard Self.isOwn(word) || word == "or" else { throw ShotMistake(Self.noStep(word)) }
        guard !value.isEmpty else { throw ShotMistake("'\(word)' takes a value; see apus shot --help") }
        try take(word, BytePath(bytes: value), folder: folder, isScript: true)
      } catch {
        throw ShotMistake("\(path):\(number + 1): \(error)")
      }
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0d].contains(byte) }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = line.drop(while: isBlank)
    guard let last = start.lastIndex(where: { !isBlank($0) }) else { return [] }
    return start[...last]
  }

  /// Quotes keep blanks at the ends of a value.
  private static func unquoted(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let quote = UInt8(ascii: "\"")
    return value.count >= 2 && value.first == quote && value.last == quote ? value.dropFirst().dropLast() : value
  }
}
