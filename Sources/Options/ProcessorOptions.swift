// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import X86

/// What `-accel`, `-enable-kvm` and `-machine accel=` ask for together.
struct AcceleratorRequests {
  /// `-accel`, in order; the first that works is taken.
  var given: [(option: GivenOption, name: String)] = []
  /// `-machine accel=`: names with colons between them.
  var machine: String?
  /// `-accel tcg,thread=multi`, which does not go with instruction counting.
  var multiThreaded: GivenOption?
}

/// `-cpu` and `-accel`.
extension OptionParser {
  mutating func accelerator(_ option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option, impliedKey: "accel")
    let name = list.take("accel")
    guard let name, name != "help", name != "?", !list.wantsHelp else {
      helpText = HelpText.list("Accelerators supported in QEMU binary:", ["tcg"], indent: "")
      return
    }
    guard ["tcg", "kvm"].contains(name) else { throw OptionError(option, "invalid accelerator \(name)") }
    accelerators.given.append((option, name))
    guard name == "tcg" else { return }
    if let thread = list.take("thread") {
      guard ["single", "multi"].contains(thread) else {
        throw OptionError(option, "Invalid 'thread' setting \(thread)")
      }
      accelerators.multiThreaded = thread == "multi" ? option : nil
    }
    if let size = list.take("tb-size"), KeyValueList.number(size) == nil {
      throw OptionError(option, "Parameter 'tb-size' expects uint64")
    }
    _ = try list.takeSwitch("split-wx")
    if let rest = list.pairs.first { throw OptionError(option, "Property 'tcg-accel.\(rest.key)' not found") }
  }

  /// Takes the first accelerator that there is; KVM is not, as on a host without it.
  mutating func chooseAccelerator() throws(OptionError) {
    if let machine = accelerators.machine {
      guard accelerators.given.isEmpty else {
        throw OptionError("The -accel and \"-machine accel=\" options are incompatible")
      }
      let names = machine.split(separator: ":").map(String.init)
      guard !names.isEmpty else { throw OptionError("no accelerator found") }
      var refusals: [String] = []
      for name in names.prefix(while: { $0 != "tcg" }) {
        refusals.append(name == "kvm" ? Self.noKVM : "invalid accelerator \(name)")
      }
      guard refusals.count < names.count else { throw OptionError(refusals) }
      fallBack(names.prefix(refusals.count), refusals)
    } else if let wanted = accelerators.given.firstIndex(where: { $0.name == "tcg" }) {
      fallBack(accelerators.given[..<wanted].map(\.name)[...], [])
    } else if let first = accelerators.given.first {
      throw OptionError(first.option, Self.noKVM)
    }
    if let option = accelerators.multiThreaded, launch.machine.instructionCounting != nil {
      throw OptionError(option, "No MTTCG when icount is enabled")
    }
  }

  private static let noKVM = "failed to initialize kvm: No such file or directory"

  /// Scripts ask for `kvm:tcg` as a matter of course, so that is one line; any other name is a mistake worth its own.
  private mutating func fallBack(_ names: ArraySlice<String>, _ refusals: [String]) {
    if names.isEmpty { return }
    if names.allSatisfy({ $0 == "kvm" }) {
      launch.warnings.append("warning: KVM is not available, falling back to tcg")
    } else {
      launch.warnings += refusals + ["falling back to tcg"]
    }
  }

  mutating func processor(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.processors
      return
    }
    guard !option.bytes.isEmpty else { throw OptionError("-cpu option cannot be empty") }
    let parts = option.bytes.bytes.splitAtSingleCommas().map { String(decoding: $0, as: UTF8.self) }
    let name = parts[0]
    if name == "host" { throw OptionError("CPU model 'host' requires KVM or HVF") }
    guard var model = CPUModel.named(name) else { throw OptionError("unable to find CPU model '\(name)'") }
    launch.machine.processorModel = name
    launch.machine.processorFeatures = []
    var missing: [String] = []
    var isEnforced = false
    for part in parts.dropFirst() where !part.isEmpty {
      let (feature, isOn, assignment) = try Self.feature(part, name)
      switch feature {
      case "check": break
      case "enforce": isEnforced = isOn
      default:
        switch model.setting(feature, isOn) {
        case .model(let changed):
          model = changed
          launch.machine.processorFeatures.append(.init(name: feature, isOn: isOn))
        case .notImplemented(let place):
          missing.append("TCG doesn't support requested feature: \(place)")
        case nil:
          let sentence = "Property '\(name)-x86_64-cpu.\(feature)' not found"
          throw OptionError(
            assignment.map { "can't apply global \(name)-x86_64-cpu.\(feature)=\($0): \(sentence)" } ?? sentence)
        }
      }
    }
    if isEnforced, !missing.isEmpty {
      throw OptionError(missing.map { "warning: \($0)" } + ["TCG doesn't support requested features"])
    }
    launch.warnings += missing.map { "warning: \($0)" }
  }

  /// `+NAME`, `-NAME`, `NAME=on`, `NAME`; the text of the assignment where it is one.
  private static func feature(
    _ text: String, _ model: String
  ) throws(OptionError) -> (name: String, isOn: Bool, assignment: String?) {
    if text.hasPrefix("+") || text.hasPrefix("-") { return (String(text.dropFirst()), text.hasPrefix("+"), nil) }
    guard let equals = text.firstIndex(of: "=") else { return (text, true, "on") }
    let name = String(text[..<equals])
    let value = String(text[text.index(after: equals)...])
    if let isOn = KeyValueList.isOn(value) { return (name, isOn, value) }
    let isFeature = CPUModel.standard.setting(name, false) != nil || ["check", "enforce"].contains(name)
    throw OptionError(
      "can't apply global \(model)-x86_64-cpu.\(name)=\(value): "
        + (isFeature
          ? "Parameter '\(name)' expects 'on' or 'off'" : "Property '\(model)-x86_64-cpu.\(name)' cannot be changed"))
  }
}
