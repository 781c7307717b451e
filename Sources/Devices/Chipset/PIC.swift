// SPDX-License-Identifier: Apache-2.0
import Platform

/// One Intel 8259A programmable interrupt controller at two ports.
///
/// Inputs and the INT output are lines; `PICPair` wires two of them as a PC does. Requests are latched on the rising edge
/// and stay latched until acknowledged, or follow the level where ELCR says so.
///
/// Not emulated: 8080/8085 (MCS-80) vectors, buffered mode.
/// Reference: Intel 8259A data sheet, order number 231468-003.
public final class PIC: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "i8259"
    public static let version = 1
    /// Requests latched or, in level mode, present.
    var requests: UInt8 = 0
    /// Input levels last seen.
    var levels: UInt8 = 0
    var mask: UInt8 = 0
    var inService: UInt8 = 0
    /// Input with the highest priority.
    var highestPriority: UInt8 = 0
    var vectorBase: UInt8 = 0
    /// ELCR: inputs that are level-triggered.
    var levelTriggered: UInt8 = 0
    /// Next initialization command word expected: 0 none, 2, 3, 4.
    var initializationStep: UInt8 = 0
    var expectsICW4 = false
    var isSingle = false
    var autoEOI = false
    var rotateOnAutoEOI = false
    var specialFullyNested = false
    var specialMask = false
    var readsInService = false
    var pollRequested = false

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("irr", &requests)
      try visitor.field("last_irr", &levels)
      try visitor.field("imr", &mask)
      try visitor.field("isr", &inService)
      try visitor.field("priority_add", &highestPriority)
      try visitor.field("irq_base", &vectorBase)
      try visitor.field("elcr", &levelTriggered)
      try visitor.field("init_state", &initializationStep)
      try visitor.field("init4", &expectsICW4)
      try visitor.field("single_mode", &isSingle)
      try visitor.field("auto_eoi", &autoEOI)
      try visitor.field("rotate_on_auto_eoi", &rotateOnAutoEOI)
      try visitor.field("special_fully_nested_mode", &specialFullyNested)
      try visitor.field("special_mask", &specialMask)
      try visitor.field("read_reg_select", &readsInService)
      try visitor.field("poll", &pollRequested)
      guard highestPriority < 8 else { throw .outOfRange("priority_add") }
      guard [0, 2, 3, 4].contains(initializationStep) else { throw .outOfRange("init_state") }
    }

    /// Rank 0...7 of the most urgent set bit, 8 if there is none.
    func rank(of bits: UInt8) -> UInt8 {
      for rank in UInt8(0)..<8 where bits >> ((rank &+ highestPriority) & 7) & 1 != 0 { return rank }
      return 8
    }

    /// The input to be served next, if any is more urgent than what is in service.
    func pendingInput(isMaster: Bool) -> UInt8? {
      let requested = rank(of: requests & ~mask)
      guard requested < 8 else { return nil }
      var serving = inService
      if specialMask { serving &= ~mask }
      // A master in special fully nested mode lets its slave interrupt itself.
      if specialFullyNested && isMaster { serving &= ~(1 << 2) }
      return requested < rank(of: serving) ? (requested &+ highestPriority) & 7 : nil
    }

    mutating func acknowledge(_ input: UInt8) {
      let bit: UInt8 = 1 << input
      if autoEOI {
        if rotateOnAutoEOI { highestPriority = (input &+ 1) & 7 }
      } else {
        inService |= bit
      }
      if levelTriggered & bit == 0 { requests &= ~bit }
    }
  }

  public var state = State()
  /// The INT pin.
  public let output: IRQLine
  private let isMaster: Bool
  private let levelCapable: UInt8

  /// - Parameter levelCapable: inputs whose ELCR bit can be set.
  public init(isMaster: Bool, levelCapable: UInt8, output: IRQLine) {
    self.isMaster = isMaster
    self.levelCapable = levelCapable
    self.output = output
  }

  public func reset(_ kind: ResetKind) {
    let levels = state.levels
    state = State()
    state.levels = levels
    stateDidLoad()
  }

  public func stateDidLoad() { updateOutput() }

  private func updateOutput() { output.set(state.pendingInput(isMaster: isMaster) != nil) }

  /// Drives input IR`input`.
  public func setInput(_ input: UInt8, _ level: Bool) {
    let bit: UInt8 = 1 << (input & 7)
    if state.levelTriggered & bit != 0 {
      if level { state.requests |= bit } else { state.requests &= ~bit }
    } else if level, state.levels & bit == 0 {
      state.requests |= bit
    }
    if level { state.levels |= bit } else { state.levels &= ~bit }
    updateOutput()
  }

  /// The input that INTA selects, or nil: the spurious input 7.
  package func acknowledge() -> UInt8? {
    guard let input = state.pendingInput(isMaster: isMaster) else { return nil }
    state.acknowledge(input)
    updateOutput()
    return input
  }

  package var vectorBase: UInt8 { state.vectorBase }

  /// Edge/level control register of these eight inputs.
  public var edgeLevelControl: UInt8 {
    get { state.levelTriggered }
    set {
      let level = newValue & levelCapable
      // An input that becomes level-triggered requests while it is high, and only then.
      let changed = level & ~state.levelTriggered
      state.requests = state.requests & ~changed | state.levels & changed
      state.levelTriggered = level
      updateOutput()
    }
  }

  public func read(port offset: UInt16) -> UInt8 {
    if state.pollRequested {
      state.pollRequested = false
      guard let input = acknowledge() else { return 0 }
      return 0x80 | input
    }
    if offset & 1 != 0 { return state.mask }
    return state.readsInService ? state.inService : state.requests
  }

  public func write(port offset: UInt16, _ value: UInt8) {
    if offset & 1 == 0 { writeCommand(value) } else { writeData(value) }
    updateOutput()
  }

  private func writeCommand(_ value: UInt8) {
    if value & 0x10 != 0 {
      initialize(value)
    } else if value & 0x08 != 0 {
      if value & 0x04 != 0 { state.pollRequested = true }
      if value & 0x02 != 0 { state.readsInService = value & 1 != 0 }
      if value & 0x40 != 0 { state.specialMask = value & 0x20 != 0 }
    } else {
      endOfInterrupt(value)
    }
  }

  /// ICW1: resets all but the edge/level register and the levels of the inputs.
  private func initialize(_ value: UInt8) {
    let (levels, levelTriggered) = (state.levels, state.levelTriggered)
    state = State()
    state.levels = levels
    state.levelTriggered = levelTriggered
    state.requests = levels & levelTriggered
    state.initializationStep = 2
    state.expectsICW4 = value & 1 != 0
    state.isSingle = value & 2 != 0
  }

  /// OCW2, figure 8 of the data sheet.
  private func endOfInterrupt(_ value: UInt8) {
    let level = value & 7
    switch value >> 5 {
    case 0, 4: state.rotateOnAutoEOI = value >> 5 == 4
    case 1, 5:
      let rank = state.rank(of: state.inService)
      guard rank < 8 else { return }
      let input = (rank &+ state.highestPriority) & 7
      state.inService &= ~(1 << input)
      if value >> 5 == 5 { state.highestPriority = (input &+ 1) & 7 }
    case 3: state.inService &= ~(1 << level)
    case 6: state.highestPriority = (level &+ 1) & 7
    case 7:
      state.inService &= ~(1 << level)
      state.highestPriority = (level &+ 1) & 7
    default: break
    }
  }

  private func writeData(_ value: UInt8) {
    switch state.initializationStep {
    case 2:
      state.vectorBase = value & 0xf8
      state.initializationStep = state.isSingle ? (state.expectsICW4 ? 4 : 0) : 3
    case 3: state.initializationStep = state.expectsICW4 ? 4 : 0
    case 4:
      state.specialFullyNested = value & 0x10 != 0
      state.autoEOI = value & 0x02 != 0
      state.initializationStep = 0
    default: state.mask = value
    }
  }
}
