// SPDX-License-Identifier: Apache-2.0
import Platform

/// System control port B at 61h: speaker gate and data, refresh and counter 2 status.
///
/// Not emulated: parity and channel check (their status bits read 0), sound.
/// Reference: IBM PC AT Technical Reference (1985), "System Board I/O"; PIIX4 data sheet 4.2.6.1.
public final class SystemControlPortB: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "pcspk"
    public static let version = 1
    /// Bits 0...3 as last written.
    var control: UInt8 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("control", &control)
      guard control < 16 else { throw .outOfRange("control") }
    }
  }

  public var state = State()
  private let pit: PIT

  public init(pit: PIT) { self.pit = pit }

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  public func stateDidLoad() {}

  public func read(port offset: UInt16) -> UInt8 {
    state.control & 0xe | (pit.speakerGate ? 1 : 0) | (pit.refreshToggle ? 0x10 : 0) | (pit.speakerOutput ? 0x20 : 0)
  }

  public func write(port offset: UInt16, _ value: UInt8) {
    state.control = value & 0xf
    pit.speakerGate = value & 1 != 0
  }
}

/// System control port A at 92h: fast A20 and fast reset.
///
/// Reference: PIIX4 data sheet 4.2.6.3.
public final class SystemControlPortA: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "port92"
    public static let version = 1
    /// Bit 1 enables A20.
    var control: UInt8 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("outport", &control)
    }
  }

  public var state = State()
  private let a20: IRQLine
  private let requestReset: () -> Void

  /// - Parameters:
  ///   - a20: driven high while bit 1 is set; the board combines it with the keyboard controller's.
  ///   - requestReset: bit 0 went from 0 to 1.
  public init(a20: IRQLine, requestReset: @escaping () -> Void) {
    self.a20 = a20
    self.requestReset = requestReset
  }

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  public func stateDidLoad() { a20.set(state.control & 2 != 0) }

  public func read(port offset: UInt16) -> UInt8 { state.control }

  public func write(port offset: UInt16, _ value: UInt8) {
    let resets = value & 1 != 0 && state.control & 1 == 0
    state.control = value
    a20.set(value & 2 != 0)
    if resets { requestReset() }
  }
}
