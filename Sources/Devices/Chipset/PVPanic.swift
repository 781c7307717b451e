// SPDX-License-Identifier: Apache-2.0
import Platform

/// What a guest tells of its own end.
public struct PanicEvents: OptionSet, Sendable, Equatable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let panicked = PanicEvents(rawValue: 1 << 0)
  /// A crash kernel takes over.
  public static let crashLoaded = PanicEvents(rawValue: 1 << 1)
  public static let known: PanicEvents = [.panicked, .crashLoaded]
}

/// A port by which a guest's kernel says that it has panicked, usually 505h (`pvpanic`).
///
/// Reads tell which events the host takes; a write tells what happened. A write that tells both is a panic.
///
/// Reference: QEMU, docs/specs/pvpanic.
public final class PVPanic: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "pvpanic"
    public static let version = 1
    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {}
  }

  public var state = State()
  private let register: PanicRegister

  /// - Parameters:
  ///   - offered: what reads say.
  ///   - report: hears of one event a write.
  public init(offered: PanicEvents = .known, report: @escaping (PanicEvents) -> Void) {
    register = PanicRegister(offered: offered, report: report)
  }

  public func reset(_ kind: ResetKind) {}
  public func stateDidLoad() {}
  public func read(port offset: UInt16) -> UInt8 { register.offered.rawValue }
  public func write(port offset: UInt16, _ value: UInt8) { register.write(value) }
}

/// The same register behind base address 0 of a PCI function (`pvpanic-pci`, 1B36:0011).
///
/// The range has 2 bytes as on QEMU, though PCI has no memory smaller than 16; both are the register.
/// Reference: QEMU, docs/specs/pvpanic.
public final class PVPanicFunction: Device, PCIFunction, MMIODevice {
  public struct State: DeviceState {
    public static let name: StaticString = "pvpanic-pci"
    public static let version = 1
    var configuration: PCIConfiguration

    init(isMultifunction: Bool) {
      configuration = PCIConfiguration(
        PCIIdentity(
          vendor: 0x1b36, device: 0x0011, classCode: 0x088000, revision: 1, headerType: isMultifunction ? 0x80 : 0),
        baseAddresses: [0: PCIBaseAddress(.memory32(prefetchable: false), byteCount: PVPanicFunction.byteCount)])
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
    }
  }

  static let byteCount: UInt64 = 2

  public var state: State
  public let pciName = "pvpanic-pci"
  public let userID: String
  private let register: PanicRegister
  private lazy var region = PCIRegion(
    0, memory: memory, name: "pvpanic", byteCount: Self.byteCount, backing: .mmio(self, offset: 0))
  private let memory: MemoryMap

  /// Puts itself onto the bus.
  public init(
    bus: PCIBus, address: PCIAddress, userID: String = "", offered: PanicEvents = .known,
    isMultifunction: Bool = false, report: @escaping (PanicEvents) -> Void
  ) {
    (memory, self.userID) = (bus.memory, userID)
    state = State(isMultifunction: isMultifunction)
    register = PanicRegister(offered: offered, report: report)
    _ = region
    bus.add(self, at: address)
  }

  public var configuration: PCIConfiguration {
    get { state.configuration }
    set { state.configuration = newValue }
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) { region.update(state.configuration) }

  public func reset(_ kind: ResetKind) {
    state.configuration.reset()
    stateDidLoad()
  }

  public func stateDidLoad() { region.update(state.configuration) }

  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    // Each byte of an access is one of the register.
    UInt64(register.offered.rawValue) &* 0x0101_0101_0101_0101 & width.allOnes
  }

  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    for index in 0..<UInt64(width.byteCount) { register.write(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }
}

private struct PanicRegister {
  let offered: PanicEvents
  let report: (PanicEvents) -> Void

  func write(_ value: UInt8) {
    let events = PanicEvents(rawValue: value)
    if events.contains(.panicked) {
      report(.panicked)
    } else if events.contains(.crashLoaded) {
      report(.crashLoaded)
    }
  }
}
