// SPDX-License-Identifier: Apache-2.0
import Platform

/// How a PC's interrupts reach its processor: every ISA interrupt goes to the 8259A pair and to the I/O APIC, and both go
/// through the local APIC.
///
/// The I/O APIC's input is the interrupt's number, but for interrupt 0, which is input 2, where the pair has its cascade.
/// PCI interrupts come as ISA interrupts, by way of PIIX3's routers. A processor without a local APIC has INTR from the
/// 8259A pair.
/// Reference: Intel MultiProcessor Specification 1.4, 3.6.2.2, "Virtual Wire Mode"; QEMU's `pc` for the inputs.
public final class InterruptRouter {
  public let pics: PICPair
  public let ioAPIC: IOAPIC
  /// The first processor's.
  public let localAPIC: LocalAPIC?
  private let bus = LocalAPICBus()
  /// Sources that drive each input of the I/O APIC.
  private var asserted = [Int](repeating: 0, count: IOAPIC.inputCount)
  private let nmi: () -> Void

  /// - Parameters:
  ///   - output: INTR of the processor.
  ///   - nmi: an edge of the processor's NMI.
  ///   - initialize: INIT for the processor, to be carried out between two instructions.
  public init(
    hasLocalAPIC: Bool, hasX2APIC: Bool, clock: VirtualClock, map: MemoryMap, output: IRQLine,
    nmi: @escaping () -> Void, initialize: @escaping () -> Void
  ) {
    self.nmi = nmi
    let external = hasLocalAPIC ? IRQLine() : output
    let pics = PICPair(output: external)
    self.pics = pics
    ioAPIC = IOAPIC(bus: bus, map: map)
    if hasLocalAPIC {
      let localAPIC = LocalAPIC(
        id: 0, hasX2APIC: hasX2APIC, clock: clock, map: map, bus: bus, output: output,
        signals: .init(
          nmi: nmi, initialize: initialize, startUp: { _ in },  // the bootstrap processor never waits for one
          acknowledgeExternal: { [unowned pics] in pics.acknowledge() }))
      self.localAPIC = localAPIC
      external.connect { [unowned localAPIC] in localAPIC.setLocalInput(0, $0) }
    } else {
      localAPIC = nil
    }
    pics.inputDidChange = { [unowned self] number, level in drive(number == 0 ? 2 : number, level) }
  }

  /// A new source for ISA interrupt `number` (0...15).
  public func line(_ number: Int) -> IRQLine { pics.line(number) }

  /// A new source for an input of the I/O APIC that no ISA interrupt is.
  public func inputLine(_ number: Int) -> IRQLine {
    IRQLine { [unowned self] level in drive(number, level) }
  }

  private func drive(_ input: Int, _ level: Bool) {
    guard asserted.indices.contains(input) else { return }
    asserted[input] += level ? 1 : -1
    ioAPIC.setInput(input, asserted[input] != 0)
  }

  /// Takes a message signalled interrupt to the processors it names; false if the address is not one of theirs.
  public func deliver(messageTo address: PhysicalAddress, _ data: UInt32) -> Bool {
    guard InterruptMessage.isAddress(address) else { return false }
    if let message = InterruptMessage(address: address, data: data) { bus.deliver(message) }
    return true
  }

  /// INTA: the vector, nil when the request has gone.
  public func acknowledge() -> UInt8? {
    guard let localAPIC else { return pics.acknowledge() }
    return localAPIC.acknowledge()
  }

  /// Whether an interrupt may come in as NMI or INIT, which a processor that masks interrupts takes.
  public var canInterruptMasked: Bool { ioAPIC.canInterruptMasked || localAPIC?.canInterruptMasked ?? false }

  /// The board's NMI button: LINT1 of the local APIC.
  public func injectNMI() {
    guard let localAPIC else {
      nmi()
      return
    }
    localAPIC.setLocalInput(1, true)
    localAPIC.setLocalInput(1, false)
  }

  /// In reset and save order.
  public var devices: [any Device] {
    [pics.master, pics.slave, ioAPIC] + (localAPIC.map { [$0] } ?? [])
  }
}
