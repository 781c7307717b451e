// SPDX-License-Identifier: Apache-2.0
import Network
public import Platform

/// Intel 82540EM Gigabit Ethernet controller (8086:100E). QEMU's `e1000`.
///
/// 128 KiB of registers in memory (BAR 0), the same behind an address and a data port (BAR 1), an option ROM. Frames move
/// between rings of descriptors in guest memory and a port of the Network floor. A frame that cannot be received because
/// the ring is empty is refused, so that its sender waits; one that the peer refuses keeps the transmitter waiting at
/// its descriptor.
///
/// Transmission happens while the register that starts it is written, up to an amount of work after which it goes on a
/// little later, so that no ring a guest can build keeps the processor away for long.
///
/// Not emulated: wake-up and management frames, flash, pauses that a full receive buffer asks for, early
/// transmit.
/// Reference: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 317453, revision 4.0.
public final class E1000: Device, PCIFunction, MMIODevice, WidePortDevice {
  /// What a user chooses.
  public struct Settings: Sendable, Equatable {
    /// Six bytes.
    public var address: [UInt8]
    /// Contents of the option ROM; empty for none.
    public var rom: [UInt8] = []
    /// The user's `id=`, empty for none.
    public var userID = ""
    /// The link takes half a second to negotiate after a change.
    public var negotiates = true
    /// Interrupts wait as delay registers and throttle say.
    public var mitigates = true
    /// Registers that QEMU's first versions had not.
    public var hasExtraRegisters = true
    /// A reset sets VET to 8100h.
    public var resetsVLANType = true
    /// Its slot has further functions, as its header tells.
    public var isMultifunction = false

    public init(address: [UInt8]) { self.address = address }
  }

  static let registerByteCount: UInt64 = 0x20000
  static let portCount: UInt64 = 64

  public var state: State
  public let pciName = "e1000"
  public var userID: String { settings.userID }
  public let port: NetworkPort
  let settings: Settings
  let memory: GuestMemory
  let clock: VirtualClock
  let irq: IRQLine
  private var regions: [PCIRegion] = []
  /// In the middle of moving frames, so that what happens meanwhile does not start it again.
  var isTransmitting = false

  lazy var throttle = clock.timer { [unowned self] _ in updateInterrupt() }
  lazy var receiveDelay = clock.timer { [unowned self] _ in delayedReceiveInterrupt() }
  lazy var transmitDelay = clock.timer { [unowned self] _ in delayedTransmitInterrupt() }
  lazy var transmitResume = clock.timer { [unowned self] _ in transmitGoesOn() }
  lazy var negotiation = clock.timer { [unowned self] _ in negotiationEnds() }

  /// Connects itself to its port and puts itself onto the bus.
  public init(
    bus: PCIBus, address: PCIAddress, memory: GuestMemory, clock: VirtualClock, port: NetworkPort, rom: RAMBlock?,
    settings: Settings
  ) {
    (self.memory, self.clock, self.port, self.settings) = (memory, clock, port, settings)
    irq = bus.interruptLine(for: address)
    var registers = [
      0: PCIBaseAddress(.memory32(prefetchable: false), byteCount: Self.registerByteCount),
      1: PCIBaseAddress(.io, byteCount: Self.portCount),
    ]
    if let rom { registers[6] = PCIBaseAddress(.rom, byteCount: UInt64(rom.byteCount)) }
    state = State(
      configuration: PCIConfiguration(
        PCIIdentity(
          vendor: 0x8086, device: 0x100e, classCode: 0x020000, revision: 3,
          headerType: settings.isMultifunction ? 0x80 : 0, interruptPin: 1),
        baseAddresses: registers),
      address: settings.address)
    regions.append(
      PCIRegion(
        0, memory: bus.memory, name: "e1000.mmio", byteCount: Self.registerByteCount, backing: .mmio(self, offset: 0)))
    regions.append(PCIRegion(1, ports: bus.ports, device: self))
    if let rom {
      regions.append(
        PCIRegion(
          6, memory: bus.memory, name: "e1000.rom", byteCount: UInt64(rom.byteCount),
          backing: .ram(rom, offset: 0, isReadOnly: true)))
    }
    port.receive = { [unowned self] in receive($0) }
    port.peerHasRoom = { [unowned self] in transmit() }
    port.linkDidChange = { [unowned self] in linkDidChange() }
    _ = (throttle, receiveDelay, transmitDelay, transmitResume, negotiation)
    bus.add(self, at: address)
    reset(.power)
  }

  public var configuration: PCIConfiguration {
    get { state.configuration }
    set { state.configuration = newValue }
  }

  var isBusMaster: Bool { state.configuration.command & PCIConfiguration.Command.busMaster != 0 }

  /// Frames that come in, and descriptors of those that the peer or the wire's speed keeps from going out.
  public var mayWriteMemory: Bool {
    isBusMaster && (port.peer != nil && state.receiver.isEnabled || transmitResume.deadline != nil)
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) {
    for region in regions { region.update(state.configuration) }
    updateInterrupt()
    transmit()
    becomeReady()
  }

  public func wasUnplugged() {
    reset(.system)
    for timer in [throttle, receiveDelay, transmitDelay, transmitResume, negotiation] { timer.cancel() }
    for region in regions { region.remove() }
    regions = []
  }

  public func reset(_ kind: ResetKind) {
    var fresh = State(configuration: state.configuration, address: settings.address)
    fresh.configuration.reset()
    // What the guest has written into the EEPROM survives all but a new machine.
    fresh.eeprom.words = state.eeprom.words
    fresh.loadAddress()
    begin(with: fresh, isLinkUp: port.isLinkUp)
  }

  private func begin(with fresh: State, isLinkUp: Bool) {
    state = fresh
    if !settings.resetsVLANType { state.plain.write(E1000Register.vlanType, 0) }
    setLinkBits(isLinkUp)
    stateDidLoad()
  }

  /// CTRL.RST: the controller, but neither its PHY nor its configuration space.
  func softwareReset() {
    var fresh = State(configuration: state.configuration, address: settings.address)
    fresh.eeprom.words = state.eeprom.words
    fresh.phy = state.phy
    fresh.portAddress = state.portAddress
    fresh.loadAddress()
    begin(with: fresh, isLinkUp: port.isLinkUp && fresh.phy.negotiationDeadline == nil)
  }

  public func stateDidLoad() {
    for region in regions { region.update(state.configuration) }
    receiveDelay.arm(at: state.receiver.interruptDeadline)
    transmitDelay.arm(at: state.transmitter.interruptDeadline)
    transmitResume.arm(at: state.transmitter.resumeDeadline)
    negotiation.arm(at: state.phy.negotiationDeadline)
    updateInterrupt()
  }

  /// The ring may have room: whoever waits may send.
  func becomeReady() { if canReceive { port.becameReady() } }

  // MARK: Access

  /// Registers are 32 bits wide. Narrower reads see their part; narrower writes, which the manual forbids, do nothing.
  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    let offset = UInt32(truncatingIfNeeded: offset)
    if width == .qword {
      return UInt64(readRegister(offset & ~3)) | UInt64(readRegister((offset &+ 4) & ~3)) << 32
    }
    return UInt64(readRegister(offset & ~3) >> (8 * (offset & 3))) & width.allOnes
  }

  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    let offset = UInt32(truncatingIfNeeded: offset)
    guard offset & 3 == 0 else { return }
    switch width {
    case .dword: writeRegister(offset, UInt32(truncatingIfNeeded: value))
    case .qword:
      writeRegister(offset, UInt32(truncatingIfNeeded: value))
      writeRegister(offset &+ 4, UInt32(truncatingIfNeeded: value >> 32))
    case .byte, .word: break
    }
  }

  /// IOADDR and IODATA: the manual's section 13.4, "I/O-mapped access".
  public func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    switch offset & ~3 {
    case 0: state.portAddress >> UInt32(8 * (offset & 3))
    case 4:
      state.portAddress < UInt32(Self.registerByteCount)
        ? readRegister(state.portAddress & ~3) >> UInt32(8 * (offset & 3)) : 0
    default: 0
    }
  }

  public func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    guard width == .dword else { return }
    switch offset {
    case 0: state.portAddress = value
    case 4:
      if state.portAddress < UInt32(Self.registerByteCount), state.portAddress & 3 == 0 {
        writeRegister(state.portAddress, value)
      }
    default: break
    }
  }
}
