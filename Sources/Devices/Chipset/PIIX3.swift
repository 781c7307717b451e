// SPDX-License-Identifier: Apache-2.0
import Platform

/// PIIX3 PCI-to-ISA bridge (8086:7000) at 00:01.0: routes PIRQA...D to the interrupt controllers and owns the reset
/// control register at CF9h.
///
/// Not emulated: X-bus chip selects, SMI, USB (function 2), motherboard device DMA routing.
/// Reference: Intel 82371SB (PIIX3) data sheet, order number 290550, sections 2.2.7 and 2.5.
public final class PIIX3: Device, PCIFunction, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "PIIX3"
    public static let version = 1
    var configuration: PCIConfiguration
    /// Reset control register: bit 1, the type of reset; bit 2, which starts one, reads back as 0.
    var resetControl: UInt8 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
      try visitor.field("rcr", &resetControl)
      guard resetControl & ~2 == 0 else { throw .outOfRange("rcr") }
    }
  }

  static let routeControl = 0x60

  public var state: State
  public let pciName = "PIIX3"
  private let bus: PCIBus
  private let pics: PICPair
  private let requestReset: () -> Void
  /// Input that each PIRQ drives now, while it is high.
  private var driven = [Int?](repeating: nil, count: 4)

  /// - Parameter requestReset: CF9h asks for a reset of the whole system.
  public init(bus: PCIBus, pics: PICPair, requestReset: @escaping () -> Void) {
    self.bus = bus
    self.pics = pics
    self.requestReset = requestReset
    var configuration = PCIConfiguration(
      PCIIdentity(
        vendor: 0x8086, device: 0x7000, classCode: 0x060100, revision: 0, headerType: 0x80))
    configuration.store16(0x06, 0x0200)
    for (offset, value) in [
      (0x4c, 0x4d), (0x4e, 0x03), (0x60, 0x80), (0x61, 0x80), (0x62, 0x80), (0x63, 0x80), (0x69, 0x02), (0x70, 0x80),
      (0x76, 0x0c), (0x77, 0x0c), (0x78, 0x02), (0xa0, 0x08), (0xa8, 0x0f),
    ] {
      configuration.store8(offset, UInt8(value))
    }
    // Registers whose function is not emulated are storage.
    for offset in stride(from: 0x40, to: 0x100, by: 2) { configuration.allowWrites(offset, mask: 0xffff) }
    configuration.freezeResetValues()
    state = State(configuration: configuration)
    bus.routeInterrupt = { [unowned self] pirq, _ in route(pirq) }
  }

  public var configuration: PCIConfiguration {
    get { state.configuration }
    set { state.configuration = newValue }
  }

  public func reset(_ kind: ResetKind) {
    state.configuration.reset()
    state.resetControl = 0
    stateDidLoad()
  }

  public func stateDidLoad() { for pirq in 0..<4 { route(pirq) } }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) {
    let touched = Int(offset)..<Int(offset) + width.byteCount
    if touched.overlaps(Self.routeControl..<Self.routeControl + 4) { stateDidLoad() }
  }

  /// Brings the interrupt controllers' inputs in line with a PIRQ's level and routing.
  private func route(_ pirq: Int) {
    let control = state.configuration.load8(Self.routeControl + pirq)
    let wanted = bus.pirqLevel(pirq) && control & 0x80 == 0 ? Int(control & 15) : nil
    guard wanted != driven[pirq] else { return }
    if let old = driven[pirq] { pics.drive(old, false) }
    if let wanted { pics.drive(wanted, true) }
    driven[pirq] = wanted
  }

  public func read(port offset: UInt16) -> UInt8 { state.resetControl }

  public func write(port offset: UInt16, _ value: UInt8) {
    state.resetControl = value & 2
    if value & 4 != 0 { requestReset() }
  }
}
