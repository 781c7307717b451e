// SPDX-License-Identifier: Apache-2.0
import Platform

/// An I/O APIC at FEC00000h: 24 interrupt inputs, each with an entry that says which message it becomes.
///
/// Version 20h as QEMU's: it has an EOI register beside the end-of-interrupt messages of the local APICs. An input that
/// is masked loses edges; a level-triggered one waits with its remote IRR bit until its interrupt has ended.
///
/// Not emulated: input polarity (a line is asserted or not, as on QEMU's board), the APIC bus and its arbitration,
/// delivery status (delivery is instant).
/// Reference: Intel 82093AA data sheet, order number 290566-001; the EOI register: ICH9 data sheet, 13.5.5.
public final class IOAPIC: Device, MMIODevice {
  public static let base: PhysicalAddress = 0xfec0_0000
  public static let inputCount = 24

  /// Redirection table entry. Data sheet, 3.2.4.
  enum Entry {
    static let logical: UInt64 = 1 << 11
    static let remoteRequest: UInt64 = 1 << 14
    static let levelTriggered: UInt64 = 1 << 15
    static let masked: UInt64 = 1 << 16
    /// Vector, delivery and destination mode, polarity, trigger mode, mask, destination.
    static let writable: UInt64 = 0xff00_0000_0001_afff
  }

  public struct State: DeviceState {
    public static let name: StaticString = "ioapic"
    public static let version = 1
    /// Bits 24...27 of the ID register.
    var id: UInt8 = 0
    /// Index of the register in the window.
    var selected: UInt8 = 0
    var entries = [UInt64](repeating: Entry.masked, count: IOAPIC.inputCount)
    /// Input levels last seen.
    var levels: UInt32 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("id", &id)
      try visitor.field("ioregsel", &selected)
      try visitor.array("ioredtbl", &entries)
      try visitor.field("levels", &levels)
      guard id < 16 else { throw .outOfRange("id") }
      guard entries.allSatisfy({ $0 & ~(Entry.writable | Entry.remoteRequest) == 0 }) else {
        throw .outOfRange("ioredtbl")
      }
      let inputs: UInt32 = 1 << UInt32(IOAPIC.inputCount) - 1
      guard levels & ~inputs == 0 else { throw .outOfRange("levels") }
    }
  }

  public var state = State()
  private unowned let bus: LocalAPICBus

  public init(bus: LocalAPICBus, map: MemoryMap) {
    self.bus = bus
    map.add("ioapic", at: Self.base, byteCount: 0x1000, .mmio(self, offset: 0), priority: 8)
    bus.whenInterruptEnds { [unowned self] in interruptDidEnd($0) }
  }

  public func reset(_ kind: ResetKind) {
    let levels = state.levels
    state = State()
    state.levels = levels
    stateDidLoad()
  }

  /// Nothing: what was to be sent has been sent, and the local APICs' own state says so.
  public func stateDidLoad() {}

  // MARK: Interrupts

  /// Drives an input.
  public func setInput(_ number: Int, _ level: Bool) {
    guard (0..<Self.inputCount).contains(number) else { return }
    let bit: UInt32 = 1 << UInt32(number)
    guard (state.levels & bit != 0) != level else { return }
    state.levels ^= bit
    guard level else { return }
    if state.entries[number] & Entry.levelTriggered != 0 { sendLevel(number) } else { send(number) }
  }

  /// Sends what a level-triggered input asks for, unless its last interrupt is still on its way or in service.
  private func sendLevel(_ number: Int) {
    let entry = state.entries[number]
    guard state.levels >> UInt32(number) & 1 != 0, entry & Entry.levelTriggered != 0,
      entry & (Entry.remoteRequest | Entry.masked) == 0
    else { return }
    send(number)
  }

  private func send(_ number: Int) {
    let entry = state.entries[number]
    guard entry & Entry.masked == 0,
      let mode = InterruptDeliveryMode(rawValue: UInt8(truncatingIfNeeded: entry >> 8) & 7), mode != .startUp
    else { return }
    // Only interrupts with a vector have an end.
    let isLevel = entry & Entry.levelTriggered != 0 && (mode == .fixed || mode == .lowestPriority)
    if isLevel { state.entries[number] |= Entry.remoteRequest }
    bus.deliver(
      InterruptMessage(
        vector: UInt8(truncatingIfNeeded: entry), mode: mode, isLogical: entry & Entry.logical != 0,
        shortDestination: UInt8(truncatingIfNeeded: entry >> 56), isLevelTriggered: isLevel))
  }

  /// EOI of a vector: inputs with it may send again.
  private func interruptDidEnd(_ vector: UInt8) {
    for number in 0..<Self.inputCount {
      let entry = state.entries[number]
      guard UInt8(truncatingIfNeeded: entry) == vector, entry & Entry.remoteRequest != 0 else { continue }
      state.entries[number] = entry & ~Entry.remoteRequest
      sendLevel(number)
    }
  }

  /// Whether an input that is not masked makes an NMI or an INIT.
  var canInterruptMasked: Bool {
    state.entries.contains { entry in
      guard entry & Entry.masked == 0 else { return false }
      let mode = InterruptDeliveryMode(rawValue: UInt8(truncatingIfNeeded: entry >> 8) & 7)
      return mode == .nmi || mode == .initialize
    }
  }

  // MARK: Registers

  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    switch offset {
    case 0x00: UInt64(state.selected)
    case 0x10 where width.byteCount >= 4: UInt64(selectedRegister)
    default: 0
    }
  }

  private var selectedRegister: UInt32 {
    switch state.selected {
    case 0x00, 0x02: return UInt32(state.id) << 24
    case 0x01: return UInt32(Self.inputCount - 1) << 16 | 0x20
    case 0x10...0x3f:
      let entry = state.entries[Int(state.selected - 0x10) / 2]
      return UInt32(truncatingIfNeeded: state.selected & 1 == 0 ? entry : entry >> 32)
    default: return 0
    }
  }

  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    switch offset {
    case 0x00: state.selected = UInt8(truncatingIfNeeded: value)
    case 0x10 where width.byteCount >= 4: setSelectedRegister(UInt32(truncatingIfNeeded: value))
    case 0x40: interruptDidEnd(UInt8(truncatingIfNeeded: value))
    default: break
    }
  }

  private func setSelectedRegister(_ value: UInt32) {
    switch state.selected {
    case 0x00: state.id = UInt8(truncatingIfNeeded: value >> 24) & 15
    case 0x10...0x3f:
      let number = Int(state.selected - 0x10) / 2
      let old = state.entries[number]
      let isLow = state.selected & 1 == 0
      let new = isLow ? old & ~0xffff_ffff | UInt64(value) : old & 0xffff_ffff | UInt64(value) << 32
      // An input that becomes edge-triggered has no interrupt to wait for; Linux ends interrupts this way.
      let kept = new & Entry.levelTriggered != 0 ? old & Entry.remoteRequest : 0
      state.entries[number] = new & Entry.writable | kept
      sendLevel(number)
    default: break
    }
  }
}
