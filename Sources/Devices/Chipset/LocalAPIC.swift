// SPDX-License-Identifier: Apache-2.0
import Platform

/// A processor's local APIC: registers in the page at FEE00000h (or where IA32_APIC_BASE puts them), or as MSRs
/// 800h...83Fh in x2APIC mode.
///
/// It stands between the interrupt controllers and the processor: the 8259A's INTR comes in at LINT0, NMI at LINT1, and
/// `output` is the processor's INTR pin. While the APIC is off (IA32_APIC_BASE bit 11) LINT0 and LINT1 are that
/// processor's INTR and NMI. After a reset LINT0 passes the 8259A's interrupts on, as QEMU has it for the first processor;
/// the manual leaves that to firmware.
///
/// Not emulated: focus processor checking, delivery status (delivery is instant), TSC-deadline mode, EOI-broadcast
/// suppression, thermal and performance-counter interrupts (their LVT entries are storage).
/// Reference: Intel SDM volume 3, chapter 10.
public final class LocalAPIC: Device, MMIODevice {
  /// What the APIC makes its processor do besides INTR. SMI is absent: there is no system management mode.
  public struct Signals {
    public var nmi: () -> Void
    /// INIT: asked for now, carried out between two instructions.
    public var initialize: () -> Void
    /// SIPI: start at page `vector`; only while the processor waits for it.
    public var startUp: (UInt8) -> Void
    /// INTA cycle on the 8259A: the vector.
    public var acknowledgeExternal: () -> UInt8

    public init(
      nmi: @escaping () -> Void, initialize: @escaping () -> Void, startUp: @escaping (UInt8) -> Void,
      acknowledgeExternal: @escaping () -> UInt8
    ) {
      (self.nmi, self.initialize, self.startUp) = (nmi, initialize, startUp)
      self.acknowledgeExternal = acknowledgeExternal
    }
  }

  let processorHasX2APIC: Bool
  public var state: State
  let clock: VirtualClock
  unowned let bus: LocalAPICBus
  let signals: Signals
  let initialID: UInt8
  private let output: IRQLine
  private unowned let map: MemoryMap
  private let page: MemoryMap.Region
  lazy var timer = clock.timer { [unowned self] _ in timerDidExpire() }

  /// - Parameters:
  ///   - id: the initial APIC ID; 0 is the bootstrap processor's.
  ///   - hasX2APIC: the processor shows x2APIC in CPUID.
  ///   - output: INTR of the processor.
  public init(
    id: UInt8, hasX2APIC: Bool, clock: VirtualClock, map: MemoryMap, bus: LocalAPICBus, output: IRQLine,
    signals: Signals
  ) {
    initialID = id
    processorHasX2APIC = hasX2APIC
    self.clock = clock
    self.bus = bus
    self.output = output
    self.map = map
    self.signals = signals
    state = State(id: id)
    page = map.add("apic", at: LocalAPICRegister.defaultBase, byteCount: 0x1000, .none, priority: 8)
    map.update(page, backing: .mmio(self, offset: 0))
    bus.attach(self)
    _ = timer
  }

  public func reset(_ kind: ResetKind) {
    let inputs = state.inputs
    state = State(id: initialID)
    state.inputs = inputs
    stateDidLoad()
  }

  /// INIT of this processor: all but IA32_APIC_BASE and the ID as after a reset.
  func initializeRegisters() {
    let (base, id, inputs) = (state.base, state.id, state.inputs)
    state = State(id: initialID)
    (state.base, state.id, state.inputs) = (base, id, inputs)
    state.waitsForStartUp = !state.isBootstrap
    stateDidLoad()
  }

  public func stateDidLoad() {
    placePage()
    timer.cancel()
    armTimer()
    updateOutput()
  }

  private func placePage() {
    let start = state.base & LocalAPICRegister.baseMask
    map.update(page, start: start, isEnabled: state.isEnabled && !state.isX2APIC)
  }

  // MARK: To the processor

  /// INTR, from all that is pending; call after every change.
  func updateOutput() { output.set(state.pendingVector != nil || state.hasExternalRequest) }

  /// INTA: the vector of the most urgent request, else the 8259A's; nil when there is none.
  public func acknowledge() -> UInt8? {
    defer { updateOutput() }
    if let vector = state.pendingVector {
      state.requests.clear(vector)
      state.inService.set(vector)
      updateTimer()  // its next expiry is news again
      return vector
    }
    guard state.hasExternalRequest else { return nil }
    state.externalRequested = false
    return signals.acknowledgeExternal()
  }

  /// CR8: the upper half of the task priority.
  public var taskPriorityClass: UInt8 {
    get { state.taskPriority >> 4 }
    set {
      state.taskPriority = newValue << 4
      updateOutput()
    }
  }

  // MARK: Local interrupts

  /// LINT0 and LINT1, SDM vol. 3, 10.5.1.
  public func setLocalInput(_ number: Int, _ level: Bool) {
    let bit: UInt8 = number == 0 ? 1 : 2
    guard (state.inputs & bit != 0) != level else { return }
    state.inputs ^= bit
    if level {
      if state.isEnabled {
        takeLocalInput(number == 0 ? .lint0 : .lint1)
      } else if number == 1 {
        signals.nmi()
      }
    }
    updateOutput()
  }

  /// Whether an interrupt at LINT0 becomes an NMI or an INIT.
  var canInterruptMasked: Bool {
    let value = state.localVectors[LocalAPICRegister.LocalVector.lint0.rawValue]
    guard state.isEnabled, value & LocalAPICRegister.masked == 0 else { return false }
    let mode = InterruptDeliveryMode(rawValue: UInt8(truncatingIfNeeded: value >> 8) & 7)
    return mode == .nmi || mode == .initialize
  }

  /// A rising edge of LINT0 or LINT1. External interrupts are not latched: `State.hasExternalRequest` looks at the level.
  private func takeLocalInput(_ entry: LocalAPICRegister.LocalVector) {
    let value = state.localVectors[entry.rawValue]
    guard value & LocalAPICRegister.masked == 0 else { return }
    switch InterruptDeliveryMode(rawValue: UInt8(truncatingIfNeeded: value >> 8) & 7) {
    case .fixed: takeFixedInput(entry)
    case .nmi: signals.nmi()
    case .initialize: signals.initialize()
    default: break
    }
  }

  /// An entry of LINT0 was written: a level that it now lets through requests.
  func localInputWasConfigured() {
    let value = state.localVectors[LocalAPICRegister.LocalVector.lint0.rawValue]
    let closed = LocalAPICRegister.masked | LocalAPICRegister.remoteRequest | 0x700
    if state.inputs & 1 != 0, state.isEnabled, value & closed == 0, value & LocalAPICRegister.levelTriggered != 0 {
      takeFixedInput(.lint0)
    }
  }

  private func takeFixedInput(_ entry: LocalAPICRegister.LocalVector) {
    let value = state.localVectors[entry.rawValue]
    // LINT1 is edge-triggered whatever its entry says.
    let isLevel = entry == .lint0 && value & LocalAPICRegister.levelTriggered != 0
    if isLevel { state.localVectors[entry.rawValue] |= LocalAPICRegister.remoteRequest }
    request(UInt8(truncatingIfNeeded: value), isLevelTriggered: isLevel)
  }

  /// A level-triggered LINT0 whose interrupt has ended requests again while it is high.
  private func localInputDidEnd(_ vector: UInt8) {
    let value = state.localVectors[LocalAPICRegister.LocalVector.lint0.rawValue]
    guard value & LocalAPICRegister.remoteRequest != 0, UInt8(truncatingIfNeeded: value) == vector else { return }
    state.localVectors[LocalAPICRegister.LocalVector.lint0.rawValue] = value & ~LocalAPICRegister.remoteRequest
    localInputWasConfigured()
  }

  // MARK: Requests

  /// Accepts a fixed interrupt.
  func request(_ vector: UInt8, isLevelTriggered: Bool) {
    guard vector >= 16 else {
      note(.receivedIllegalVector)
      return
    }
    state.requests.set(vector)
    if isLevelTriggered { state.levelTriggered.set(vector) } else { state.levelTriggered.clear(vector) }
    updateOutput()
  }

  /// An error, reported through the LVT's error entry. SDM vol. 3, 10.5.3.
  func note(_ error: LocalAPICRegister.Errors) {
    state.pendingErrors |= error.rawValue
    let entry = state.localVectors[LocalAPICRegister.LocalVector.error.rawValue]
    let vector = UInt8(truncatingIfNeeded: entry)
    guard entry & LocalAPICRegister.masked == 0 else { return }
    // An entry with an illegal vector is an error of its own, which must not report itself.
    guard vector >= 16 else {
      state.pendingErrors |= LocalAPICRegister.Errors.receivedIllegalVector.rawValue
      return
    }
    state.requests.set(vector)
    state.levelTriggered.clear(vector)
    updateOutput()
  }

  /// EOI: the most urgent interrupt in service has ended.
  func endInterrupt() {
    guard let vector = state.inService.highest else { return }
    state.inService.clear(vector)
    if state.levelTriggered.contains(vector) {
      localInputDidEnd(vector)
      bus.interruptDidEnd(vector)
    }
    updateOutput()
  }
}
