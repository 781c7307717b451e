// SPDX-License-Identifier: Apache-2.0
import Platform

/// The sixteen interrupt inputs of a PC: two 8259A, the second cascaded through input 2 of the first, and the two
/// edge/level control registers at 4D0h and 4D1h.
///
/// Several sources may share an input: the input is high while any of them is.
/// Reference: Intel 82371AB (PIIX4) data sheet, 4.1.3 and 4.2.5.
public final class PICPair {
  /// INTR of the processor.
  public let output: IRQLine
  public let master: PIC
  public let slave: PIC
  /// Hears the levels of the inputs, by number.
  public var inputDidChange: ((Int, Bool) -> Void)?
  private var asserted = [Int](repeating: 0, count: 16)

  public init(output: IRQLine) {
    self.output = output
    let cascade = IRQLine()
    let master = PIC(isMaster: true, levelCapable: 0xf8, output: output)
    slave = PIC(isMaster: false, levelCapable: 0xde, output: cascade)
    self.master = master
    cascade.connect { master.setInput(2, $0) }
  }

  /// A new source for input `number` (0...15).
  public func line(_ number: Int) -> IRQLine {
    IRQLine { [unowned self] level in drive(number, level) }
  }

  /// Adds or takes away one source of an input.
  public func drive(_ number: Int, _ level: Bool) {
    let index = number & 15
    let was = asserted[index] != 0
    asserted[index] += level ? 1 : -1
    let now = asserted[index] != 0
    guard was != now, index != 2 else { return }
    inputDidChange?(index, now)
    if index < 8 { master.setInput(UInt8(index), now) } else { slave.setInput(UInt8(index - 8), now) }
  }

  /// INTA: the vector of the most urgent request, or a spurious vector.
  public func acknowledge() -> UInt8 {
    guard let input = master.acknowledge() else { return master.vectorBase | 7 }
    guard input == 2 else { return master.vectorBase | input }
    return slave.vectorBase | (slave.acknowledge() ?? 7)
  }

  /// The edge/level control registers, as a port device for 4D0h...4D1h.
  public lazy var edgeLevelPorts = EdgeLevelPorts(self)

  public final class EdgeLevelPorts: PortDevice {
    private unowned let pair: PICPair
    init(_ pair: PICPair) { self.pair = pair }

    public func read(port offset: UInt16) -> UInt8 {
      offset == 0 ? pair.master.edgeLevelControl : pair.slave.edgeLevelControl
    }

    public func write(port offset: UInt16, _ value: UInt8) {
      if offset == 0 { pair.master.edgeLevelControl = value } else { pair.slave.edgeLevelControl = value }
    }
  }
}
