// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What ends a run as a failure: `panic,triple-fault,reset,idle=30s,hang`.
public struct StopRules: Sendable, Equatable {
  public var endsOnPanic = false
  public var endsOnTripleFault = false
  public var endsOnReset = false
  public var endsOnHang = false
  /// How long the screen and the serial ports may stay as they are, in virtual time.
  public var longestIdleness: Nanoseconds?

  public init() {}

  /// Why a list of rules cannot be used: a sentence without the option's name.
  public struct Mistake: Error, CustomStringConvertible, Equatable {
    public let description: String
  }

  /// - Parameter text: rules with commas between them, or `none`.
  public init(parsing text: String) throws(Mistake) {
    if text == "none" { return }
    for rule in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = rule.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      switch (parts[0], parts.count) {
      case ("panic", 1): endsOnPanic = true
      case ("triple-fault", 1): endsOnTripleFault = true
      case ("reset", 1): endsOnReset = true
      case ("hang", 1): endsOnHang = true
      case ("idle", 2):
        guard let duration = DurationText.parse(parts[1]), duration > 0 else {
          throw Mistake(description: "'\(parts[1])' is no length of time such as 30s")
        }
        longestIdleness = duration
      case ("idle", 1): throw Mistake(description: "'idle' takes a length of time: idle=30s")
      default:
        throw Mistake(
          description: "unknown rule '\(rule)'; known are panic, triple-fault, reset, idle=TIME, hang and none")
      }
    }
  }
}
