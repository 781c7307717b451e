// SPDX-License-Identifier: Apache-2.0
import Block
import PC

extension KeyValueList {
  /// Takes the limits of `-drive`: `throttling.bps-total=` and the like, in the older spelling `bps=`. Nil without any.
  mutating func takeThrottle() throws(OptionError) -> (limits: ThrottleLimits, group: String?)? {
    let group = take("throttling.group") ?? take("group")
    var limits = ThrottleLimits()
    let kinds: [(key: String, old: String, path: WritableKeyPath<ThrottleLimits, ThrottleLimits.Limit>)] = [
      ("bps-total", "bps", \.bytes), ("bps-read", "bps_rd", \.bytesRead), ("bps-write", "bps_wr", \.bytesWritten),
      ("iops-total", "iops", \.operations), ("iops-read", "iops_rd", \.operationsRead),
      ("iops-write", "iops_wr", \.operationsWritten),
    ]
    for kind in kinds {
      if let value = try takeLimit("throttling.\(kind.key)", kind.old) { limits[keyPath: kind.path].average = value }
      if let value = try takeLimit("throttling.\(kind.key)-max", "\(kind.old)_max") {
        limits[keyPath: kind.path].burst = value
      }
      if let value = try takeLimit("throttling.\(kind.key)-max-length", "\(kind.old)_max_length") {
        limits[keyPath: kind.path].burstLength = value
      }
    }
    if let value = try takeLimit("throttling.iops-size", "iops_size") { limits.operationByteCount = value }
    do throws(BlockError) { try limits.check() } catch { throw OptionError(option, "\(error)") }
    return limits.isEnabled ? (limits, group) : nil
  }

  /// Takes what `-drive` says of its statistics.
  mutating func takeAccounting() throws(OptionError) -> BlockAccounting {
    var accounting = BlockAccounting()
    if let isOn = try takeSwitch("stats-account-invalid") { accounting.countsInvalid = isOn }
    if let isOn = try takeSwitch("stats-account-failed") { accounting.countsFailed = isOn }
    while let text = take("stats-intervals.\(accounting.intervals.count)") {
      guard let number = Self.number(text), number > 0, let length = UInt32(exactly: number) else {
        throw OptionError(option, "Invalid interval length: \(text)")
      }
      accounting.intervals.append(length)
    }
    if let pair = pairs.first(where: { $0.key.hasPrefix("stats-intervals.") }) {
      throw OptionError(option, "Invalid option \(pair.key)")
    }
    return accounting
  }

  private mutating func takeLimit(_ key: String, _ old: String) throws(OptionError) -> Int64? {
    if pairs.contains(where: { $0.key == key }), pairs.contains(where: { $0.key == old }) {
      throw OptionError(option, "'\(key)' and its alias '\(old)' can't be used at the same time")
    }
    guard let text = take(key) ?? take(old) else { return nil }
    // C's conversion takes a sign; what is below zero is then out of range.
    if text.hasPrefix("-"), Self.number(String(text.dropFirst())) != nil { return -1 }
    if let number = Self.number(text) { return Int64(clamping: number) }
    let isNumber = !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber }
    throw OptionError(
      option,
      isNumber ? "Value '\(text)' is too large for parameter '\(key)'" : "Parameter '\(key)' expects a number")
  }
}
