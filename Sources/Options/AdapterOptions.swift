// SPDX-License-Identifier: Apache-2.0
import PC

/// `-display`, `-vga`, `-audiodev`: most of what they name is not there, and says so.
extension OptionParser {
  mutating func display(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.list("Available display backend types:", ["none"], indent: "")
      return
    }
    var list = try KeyValueList(option, impliedKey: "type", bareKey: .isRefused)
    guard let type = list.take("type") else { throw OptionError(option, "Parameter 'type' is missing") }
    let refusal = OptionError(option, "Parameter 'type' does not accept value '\(type)'")
    // A window that a later option replaces is not missed.
    if ["gtk", "sdl", "curses", "egl-headless", "spice-app", "dbus", "cocoa"].contains(type) {
      unknownDisplay = refusal
      return
    }
    guard type == "none" else { throw refusal }
    unknownDisplay = nil
    if let value = list.take("gl"), value != "off" { throw OptionError("OpenGL is not supported by the display") }
    list.drop(["full-screen", "window-close", "show-cursor"])
    if let rest = list.pairs.first { throw OptionError(option, "Parameter '\(rest.key)' is unexpected") }
  }

  mutating func graphics(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = "none                 no graphic card\nstd                  standard VGA (default)\n"
      return
    }
    guard let graphics = MachineConfiguration.Graphics(rawValue: option.value) else {
      throw OptionError("unknown vga type: \(option.value)")
    }
    launch.machine.graphics = graphics
    graphicsGiven = true
  }

  mutating func audio(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.list("Available audio drivers:", ["none"], indent: "")
      return
    }
    var list = try KeyValueList(option, impliedKey: "driver", bareKey: .isRefused)
    guard let driver = list.take("driver") else { throw OptionError(option, "Parameter 'driver' is missing") }
    guard driver == "none" else {
      throw OptionError(option, "Parameter 'driver' does not accept value '\(driver)'")
    }
    guard try list.takeIdentifier() != nil else { throw OptionError(option, "Parameter 'id' is missing") }
  }
}
