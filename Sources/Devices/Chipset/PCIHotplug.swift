// SPDX-License-Identifier: Apache-2.0
import Platform

/// The ports at AE00h...AE17h through which ACPI's interpreter in the guest hears of PCI devices that came or are to go,
/// and ejects them. Part of QEMU's PIIX4 power management; no silicon has them.
///
/// A bit a slot, of the bus that is selected; bus 0 is the only one with slots. What came or is to go also sets bit 1 of
/// the general purpose events, so that `\_GPE._E01` looks here. The board knows the slots: ejecting, what cannot be
/// ejected, and the numbers of devices are asked of it.
///
/// Reference: QEMU, docs/specs/acpi_pci_hotplug; QEMU 7.2 for what that leaves open (other widths, resets).
public final class PCIHotplug: Device, WidePortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "acpi_pcihp"
    public static let version = 1
    /// Slots whose device came and was not yet told.
    var arrived: UInt32 = 0
    /// Slots whose device the user wants to take out.
    var leaving: UInt32 = 0
    /// Slots that can be emptied and filled, as they were at the last reset.
    var removable: UInt32 = .max
    /// 256 for whatever is no bus.
    var busSelect: UInt32 = 0
    /// Number of the device that was asked for last, until it is read.
    var index: UInt32 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("up", &arrived)
      try visitor.field("down", &leaving)
      try visitor.field("hotplug_enable", &removable)
      try visitor.field("hotplug_select", &busSelect)
      try visitor.field("acpi_index", &index)
      guard busSelect <= PCIHotplug.busCount else { throw .outOfRange("hotplug_select") }
    }
  }

  /// What the chip asks of the board. Slots are 0...31.
  public struct Slots {
    /// Takes out whatever is in a slot.
    public var eject: (UInt8) -> Void
    /// A bit for every slot that is empty or whose devices can be taken out.
    public var removable: () -> UInt32
    /// `acpi-index=` of the device in a slot; 0 for none.
    public var index: (UInt8) -> UInt32

    public init(
      eject: @escaping (UInt8) -> Void, removable: @escaping () -> UInt32, index: @escaping (UInt8) -> UInt32
    ) {
      (self.eject, self.removable, self.index) = (eject, removable, index)
    }
  }

  public static let firstPort: UInt16 = 0xae00
  public static let portCount: UInt16 = 0x18
  /// Bit of the general purpose events.
  public static let event = 1
  /// Larger numbers select nothing, and then everything reads as zero.
  static let busCount: UInt32 = 256

  private enum Register {
    static let arrived: UInt16 = 0x00, leaving: UInt16 = 0x04, eject: UInt16 = 0x08
    static let removable: UInt16 = 0x0c, busSelect: UInt16 = 0x10, index: UInt16 = 0x14
  }

  public var state = State()
  /// To be set before the first reset.
  public var slots = Slots(eject: { _ in }, removable: { .max }, index: { _ in 0 })
  private let raiseEvent: () -> Void

  /// - Parameter raiseEvent: sets the bit of the general purpose events.
  public init(raiseEvent: @escaping () -> Void) { self.raiseEvent = raiseEvent }

  /// What waits is not forgotten: QEMU keeps it. The board has ejected before what was to go.
  public func reset(_ kind: ResetKind) {
    if kind == .power { state = State() }
    state.removable = slots.removable()
    stateDidLoad()
  }

  public func stateDidLoad() {}

  // MARK: The board's side

  /// A device came into a slot.
  public func deviceArrived(_ slot: UInt8) {
    state.arrived |= 1 << UInt32(slot & 31)
    raiseEvent()
  }

  /// The user wants the devices of a slot out.
  public func requestEjection(_ slot: UInt8) {
    state.leaving |= 1 << UInt32(slot & 31)
    raiseEvent()
  }

  /// Ejects what is to go without the guest's consent, the lowest slot first: a reset is under way.
  public func ejectWhatLeaves() {
    while state.leaving != 0 { eject(state.leaving) }
  }

  /// Ejects the lowest slot named.
  private func eject(_ slots: UInt32) {
    guard slots != 0 else { return }
    let slot = slots.trailingZeroBitCount
    state.leaving &= ~(1 << UInt32(slot))
    state.arrived &= ~(1 << UInt32(slot))
    self.slots.eject(UInt8(slot))
  }

  // MARK: Ports

  /// Registers are read and written as a whole; anything else reads as zero and does nothing.
  private func isRegister(_ offset: UInt16, _ width: AccessWidth) -> Bool { width == .dword && offset & 3 == 0 }

  public func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    guard isRegister(offset, width), state.busSelect < Self.busCount else { return 0 }
    let hasSlots = state.busSelect == 0
    switch offset {
    case Register.arrived where hasSlots:
      defer { state.arrived = 0 }
      return state.arrived
    case Register.leaving where hasSlots: return state.leaving
    case Register.removable: return hasSlots ? state.removable : .max
    case Register.busSelect: return state.busSelect
    case Register.index:
      defer { state.index = 0 }
      return state.index
    default: return 0
    }
  }

  public func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    guard isRegister(offset, width) else { return }
    switch offset {
    case Register.eject where state.busSelect == 0: eject(value)
    case Register.busSelect: state.busSelect = min(value, Self.busCount)
    case Register.index where state.busSelect == 0:
      state.index = value == 0 ? 0 : slots.index(UInt8(value.trailingZeroBitCount))
    default: break
    }
  }
}
