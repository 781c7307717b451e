// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC

/// `-rtc`, `-icount` and `-seed`.
extension OptionParser {
  mutating func clock(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.list("rtc options:", ["base=<str>", "clock=<str>", "driftfix=<str>"])
      return
    }
    var list = try KeyValueList(option)
    if let base = list.take("base") {
      switch base {
      case "utc": launch.machine.realTimeClock.base = .utc
      case "localtime": launch.machine.realTimeClock.base = .localTime
      default:
        guard let date = CalendarTime(parsing: base) else {
          throw OptionError("invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'")
        }
        launch.machine.realTimeClock.base = .date(date.secondsSince1970)
      }
    }
    if let name = list.take("clock") {
      guard let source = MachineConfiguration.RealTimeClock.Source(rawValue: name) else {
        throw OptionError("invalid option value '\(name)'")
      }
      launch.machine.realTimeClock.source = source
    }
    // How lost ticks are made up for: none are lost here.
    if let driftfix = list.take("driftfix"), !["none", "slew"].contains(driftfix) {
      throw OptionError("invalid option value '\(driftfix)'")
    }
    try list.finish()
  }

  mutating func seed(_ option: GivenOption) throws(OptionError) {
    // As strtoull(3) reads it.
    var digits = option.value.drop { $0 == " " }
    if digits.first == "+" { digits = digits.dropFirst() }
    guard let seed = KeyValueList.number(String(digits)) else {
      throw OptionError(option, "Invalid seed number: \(option.value)")
    }
    launch.machine.randomSeed = seed
  }

  mutating func instructionCounting(_ option: GivenOption) throws(OptionError) {
    if option.value == "help" || option.value == "?" { throw OptionError(option, "icount: Invalid shift value") }
    var list = try KeyValueList(option, impliedKey: "shift")
    let shift = list.take("shift")
    let sleeps = try list.takeSwitch("sleep") ?? true
    let aligns = try list.takeSwitch("align") ?? false
    if let mode = list.take("rr") {
      guard ["record", "replay"].contains(mode) else { throw OptionError(option, "Invalid icount rr option: \(mode)") }
      throw OptionError(option, "icount: rr=\(mode) is not supported")
    }
    list.drop(["rrfile", "rrsnapshot"])
    try list.finish()
    guard let shift else {
      // Nothing is counted without a shift.
      if aligns { throw OptionError(option, "Please specify shift option when using align") }
      return
    }
    if aligns, !sleeps { throw OptionError(option, "align=on and sleep=off are incompatible") }
    if aligns { throw OptionError(option, "icount: align=on is not supported: it follows the host's speed") }
    if shift == "auto" {
      // Its purpose is a virtual clock that keeps up with the host's, which is the clock without counting.
      guard sleeps else { throw OptionError(option, "icount: sleep=off needs a shift that is a number") }
      launch.machine.instructionCounting = nil
      launch.warnings.append("warning: -icount shift=auto follows the host's clock: runs are not repeatable")
      return
    }
    guard let value = KeyValueList.number(shift), value <= 10 else {
      throw OptionError(option, "icount: Invalid shift value")
    }
    launch.machine.instructionCounting = .init(shift: Int(value), sleeps: sleeps)
  }
}
