// SPDX-License-Identifier: Apache-2.0

/// The report in the form of the Test Anything Protocol, version 13.
enum TAPReport {
  static func text(_ record: ShotRecord) -> String {
    var lines = ["TAP version 13", "1..\(record.steps.count + 1)"]
    for (index, step) in record.steps.enumerated() {
      let name = "\(index + 1) - \(step.name) \(escaped(step.argument))"
      switch step.result {
      case .ok, .updated: lines.append("ok \(name)")
      case .skipped: lines.append("ok \(name) # SKIP the run ended before")
      case .failed:
        lines.append("not ok \(name)")
        lines += (step.detail ?? "").split(separator: "\n").map { "# \($0)" }
      }
    }
    let isSuccess = record.verdict == .success
    lines.append("\(isSuccess ? "ok" : "not ok") \(record.steps.count + 1) - the run ends with \(record.verdict.name)")
    if let message = record.message { lines += message.split(separator: "\n").map { "# \($0)" } }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `#` begins a directive.
  private static func escaped(_ text: String) -> String {
    text.map { $0 == "#" ? "\\#" : $0.isNewline ? " " : String($0) }.joined()
  }
}

/// The report as JUnit's XML, which CI systems show: one test suite, one test case a step and one for the whole.
enum JUnitReport {
  static func text(_ record: ShotRecord) -> String {
    let failures = record.steps.count { $0.result == .failed } + (record.verdict == .success ? 0 : 1)
    let skipped = record.steps.count { $0.result == .skipped }
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    lines.append(
      #"<testsuite name="apus shot" tests="\#(record.steps.count + 1)" failures="\#(failures)" skipped="\#(skipped)" "#
        + #"time="\#(seconds(Int64(clamping: (record.realEnd &- record.realStart) / 1_000_000)))">"#)
    for (index, step) in record.steps.enumerated() {
      let name = attribute("\(index + 1) \(step.name) \(step.argument)")
      let start = #"  <testcase classname="apus.shot" name="\#(name)" time="\#(seconds(step.realMilliseconds ?? 0))""#
      switch step.result {
      case .ok, .updated: lines.append(start + "/>")
      case .skipped: lines.append(start + "><skipped/></testcase>")
      case .failed: lines.append(start + failure(step.detail ?? record.verdict.name))
      }
    }
    let whole = #"  <testcase classname="apus.shot" name="the run ends with success" time="0.000""#
    lines.append(whole + (record.verdict == .success ? "/>" : failure(record.message ?? record.verdict.name)))
    lines.append("</testsuite>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func failure(_ message: String) -> String {
    #"><failure message="\#(attribute(message))"/></testcase>"#
  }

  private static func seconds(_ milliseconds: Int64) -> String {
    "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst())"
  }

  /// XML 1.0 knows no control characters but these three, however they are written.
  private static func attribute(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t", "\r": result += "&#\(scalar.value);"
      case _ where scalar.value < 32 || scalar.value == 0xfffe || scalar.value == 0xffff: result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
