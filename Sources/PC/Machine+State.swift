// SPDX-License-Identifier: Apache-2.0
import Platform
import X86

/// What of a machine is neither in a device nor in memory: time, and where the processor is.
struct MachineCoreState: DeviceState {
  static let name: StaticString = "machine"
  static let version = 1
  /// Virtual time in nanoseconds.
  var now: Int64 = 0
  /// Nanoseconds added by idle warps under instruction counting.
  var warped: Int64 = 0
  var isCounted = false
  var shift: UInt8 = 0

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("clock", &now)
    try visitor.field("icount_warp", &warped)
    try visitor.field("icount", &isCounted)
    try visitor.field("icount_shift", &shift)
    guard now >= 0, now < 1 << 62, warped >= 0, warped < 1 << 62 else { throw .outOfRange("clock") }
  }
}

/// The state of everything but memory as named parts, and back. The machine stands still meanwhile.
extension Machine {
  /// Names of the parts in their order.
  public var stateNames: [String] {
    guard let board else { return [] }
    return ["machine", "cpu"] + board.devices.indices.map(board.stateName)
  }

  /// Every part in a fixed order: machine, processor, devices. First happens what is due.
  public func saveState() throws(MachineError) -> [(name: String, bytes: [UInt8])] {
    guard let board else { return [] }
    settle()
    var core = coreState
    var writer = StateWriter()
    var processorWriter = ProcessorVisitor(base: StateWriter())
    do throws(StateError) {
      var version = UInt32(truncatingIfNeeded: MachineCoreState.version)
      try writer.field(MachineCoreState.name, &version)
      try core.visit(&writer)
      version = UInt32(truncatingIfNeeded: Processor.stateVersion)
      try processorWriter.base.field("cpu", &version)
      try board.processor.visit(&processorWriter)
    } catch {
      throw MachineError("The processor cannot be saved: \(error)")
    }
    var parts: [(name: String, bytes: [UInt8])] = [("machine", writer.image), ("cpu", processorWriter.base.image)]
    for (index, device) in board.devices.enumerated() { parts.append((board.stateName(index), device.save())) }
    return parts
  }

  /// Loads the processor, which takes a state as soon as its last field is read. What comes after that is refused too, so
  /// the old state is put back then.
  private func loadProcessor(_ processor: Processor, _ bytes: [UInt8]) throws(MachineError) {
    do throws(StateError) {
      var old = ProcessorVisitor(base: StateWriter())
      try processor.visit(&old)
      var reader = ProcessorVisitor(base: StateReader(bytes))
      try reader.base.version("cpu", upTo: Processor.stateVersion)
      try processor.visit(&reader)
      do throws(StateError) {
        try reader.base.finish()
      } catch {
        var undo = ProcessorVisitor(base: StateReader(old.base.image))
        try processor.visit(&undo)
        throw error
      }
    } catch {
      throw MachineError("cpu: \(error)")
    }
  }

  private var coreState: MachineCoreState {
    var core = MachineCoreState()
    core.now = clock.now
    core.warped = time.warped
    core.isCounted = time.isCounted
    core.shift = UInt8(truncatingIfNeeded: configuration.instructionCounting?.shift ?? 0)
    return core
  }

  /// Parts that were added after machines had been saved without them. Where one is missing, its device stays as it is
  /// after power-up: no key waits, random numbers begin anew, drives may use their limits in full, no
  /// device has come or is to go, and PCI devices are in the order of the command line.
  public static let laterStateNames: Set<String> = ["keyqueue", "rng", "throttle", "acpi_pcihp", "pci_devices"]

  /// Puts this machine's PCI devices into the order of the saved one's, if they are at the same places.
  /// - Returns: slot and function of each; nil when the state does not say.
  private func arrange(_ board: PC440FX, _ parts: [(name: String, bytes: [UInt8])]) throws(MachineError) -> [UInt8]? {
    let name = "\(PluggedDeviceList.State.name)"
    guard let part = parts.first(where: { $0.name == name }) else { return nil }
    do throws(StateError) {
      var reader = StateReader(part.bytes)
      var list = PluggedDeviceList.State()
      try reader.version(PluggedDeviceList.State.name, upTo: PluggedDeviceList.State.version)
      try list.visit(&reader)
      board.arrange(asIn: list.numbers)
      return list.numbers
    } catch {
      throw MachineError("\(name): \(error)")
    }
  }

  /// `3.0, 4.1`
  private static func text(_ numbers: [UInt8]) -> String {
    numbers.isEmpty
      ? "no place" : numbers.sorted().map { String($0 >> 3, radix: 16) + ".\($0 & 7)" }.joined(separator: ", ")
  }

  /// Loads what `saveState` gave into a machine that has not run. All parts are decoded before anything changes.
  public func loadState(_ parts: [(name: String, bytes: [UInt8])]) throws(MachineError) {
    guard let board else {
      if parts.isEmpty { return }
      throw MachineError("This machine has no state to load")
    }
    let numbers = try arrange(board, parts)
    let found = Set(parts.map(\.name))
    let expected = stateNames.filter { found.contains($0) || !Self.laterStateNames.contains($0) }
    guard parts.map(\.name) == expected else {
      let missing = expected.first { !found.contains($0) }
      let extra = parts.map(\.name).first { !expected.contains($0) }
      throw MachineError(
        missing.map { "The state has no part '\($0)', which this machine has" }
          ?? extra.map { "The state has a part '\($0)', which this machine has not" }
          ?? "The parts of the state are not in this machine's order")
    }
    if let numbers, numbers != board.pluggedNumbers {
      throw MachineError(
        "pci_devices: the state's PCI devices are at \(Self.text(numbers)), this machine's at \(Self.text(board.pluggedNumbers))"
      )
    }
    var core = MachineCoreState()
    do throws(StateError) {
      var reader = StateReader(parts[0].bytes)
      try reader.version(MachineCoreState.name, upTo: MachineCoreState.version)
      try core.visit(&reader)
      try reader.finish()
    } catch {
      throw MachineError("machine: \(error)")
    }
    guard core.isCounted == time.isCounted,
      !core.isCounted || Int(core.shift) == configuration.instructionCounting?.shift
    else { throw MachineError("The state was saved under another -icount") }
    let saved = board.devices.indices.filter { found.contains(board.stateName($0)) }.map { board.devices[$0] }
    for (device, part) in zip(saved, parts.dropFirst(2)) {
      do throws(StateError) { try device.check(part.bytes) } catch { throw MachineError("\(part.name): \(error)") }
    }
    try loadProcessor(board.processor, parts[1].bytes)
    time.warped = core.warped
    time.setStopped(at: core.now)
    for (device, part) in zip(saved, parts.dropFirst(2)) {
      do throws(StateError) { try device.assign(part.bytes) } catch { throw MachineError("\(part.name): \(error)") }
    }
    for device in board.devices { device.stateDidLoad() }
    board.commitMap()
    board.processor.invalidateMap()
    // Memory may hold other code than before.
    board.processor.flushDecodedCode()
  }
}

extension Device {
  /// Decodes without changing anything.
  func check(_ image: [UInt8]) throws(StateError) { _ = try decode(image) }
  /// Takes a decoded state over without its side effects.
  func assign(_ image: [UInt8]) throws(StateError) { state = try decode(image) }
  var stateTypeName: String { "\(State.name)" }
}

extension PC440FX {
  /// Name of a device's part: its section name, numbered where several have it.
  func stateName(_ index: Int) -> String {
    let name = devices[index].stateTypeName
    let earlier = devices[..<index].count { $0.stateTypeName == name }
    return earlier == 0 ? name : "\(name)#\(earlier + 1)"
  }
}
