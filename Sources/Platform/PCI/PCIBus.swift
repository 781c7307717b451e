// SPDX-License-Identifier: Apache-2.0

/// A function on a PCI bus: answers configuration cycles and, when its base addresses or enables change, remaps itself.
public protocol PCIFunction: AnyObject {
  /// The configuration space, part of the device's saved state.
  var configuration: PCIConfiguration { get set }
  /// QEMU's name of the device type, for listings ("PIIX3", "VGA").
  var pciName: String { get }
  /// The `id=` that the user gave the device, empty for none.
  var userID: String { get }
  /// Called after a guest write (offset and width of it) and after a load or reset, with configuration space as it is now.
  func configurationDidChange(_ offset: UInt8, _ width: AccessWidth)
  /// It leaves the bus for good: nothing of it stays mapped, no line stays up, no timer armed, no request under way.
  func wasUnplugged()
  /// Reads a register that is not plain memory; the default returns what is stored.
  func readConfiguration(_ offset: UInt8, _ width: AccessWidth) -> UInt32
  /// Whether one of its messages would be an NMI, an INIT, or a plain write to memory.
  var canInterruptMasked: Bool { get }
  /// Whether it may write memory without having been asked by the processor since: what a network brings.
  var mayWriteMemory: Bool { get }
}

extension PCIFunction {
  public var userID: String { "" }
  public func wasUnplugged() {}
  public var canInterruptMasked: Bool { false }
  public var mayWriteMemory: Bool { false }
  public func readConfiguration(_ offset: UInt8, _ width: AccessWidth) -> UInt32 { configuration.read(offset, width) }
}

/// Bus, device and function number.
public struct PCIAddress: Hashable, Sendable, Comparable {
  public var slot: UInt8
  public var function: UInt8

  public init(slot: UInt8, function: UInt8 = 0) {
    self.slot = slot & 31
    self.function = function & 7
  }

  public var number: UInt8 { slot << 3 | function }
  public static func < (a: PCIAddress, b: PCIAddress) -> Bool { a.number < b.number }
}

/// PCI bus 0: finds functions for configuration cycles and routes INTx.
public final class PCIBus {
  public private(set) var functions: [PCIAddress: any PCIFunction] = [:]
  public let memory: MemoryMap
  public let ports: PortSpace
  /// Where message signalled interrupts go.
  public let messages = MessageSink()
  /// Levels of PIRQA...D change: (pin 0...3, level). Set by the interrupt router (PIIX3).
  public var routeInterrupt: ((Int, Bool) -> Void)?
  private var asserted = [Int](repeating: 0, count: 4)

  public init(memory: MemoryMap, ports: PortSpace) {
    self.memory = memory
    self.ports = ports
  }

  public func add(_ function: any PCIFunction, at address: PCIAddress) { functions[address] = function }

  /// Takes a function out.
  public func remove(at address: PCIAddress) { functions.removeValue(forKey: address)?.wasUnplugged() }

  /// Forgets every function, and with them who keeps whom alive.
  public func removeAll() {
    functions = [:]
    routeInterrupt = nil
    messages.connect { _, _ in }
  }

  /// The INTx line of a function. Slot and pin are swizzled onto PIRQA...D as the i440FX board wires them
  /// ((slot - 1 + pin) & 3); a function keeps its level in its own state and drives the line from it.
  public func interruptLine(for address: PCIAddress, pin: Int = 1) -> IRQLine {
    let pirq = (Int(address.slot) - 1 + pin - 1) & 3
    return IRQLine { [unowned self] level in
      let was = asserted[pirq] != 0
      asserted[pirq] += level ? 1 : -1
      let now = asserted[pirq] != 0
      if was != now { routeInterrupt?(pirq, now) }
    }
  }

  /// Level of PIRQA...D now.
  public func pirqLevel(_ pin: Int) -> Bool { asserted[pin & 3] != 0 }

  public func read(_ address: PCIAddress, _ offset: UInt8, _ width: AccessWidth) -> UInt32 {
    let value = functions[address]?.readConfiguration(offset, width) ?? .max
    return value & UInt32(truncatingIfNeeded: width.allOnes)
  }

  public func write(_ address: PCIAddress, _ offset: UInt8, _ width: AccessWidth, _ value: UInt32) {
    guard let function = functions[address] else { return }
    function.configuration.write(offset, width, value)
    function.configurationDidChange(offset, width)
  }
}

/// Keeps one I/O or memory region of a function mapped where its base address register says.
///
/// A device owns one per region and calls `update` from `configurationDidChange`.
public final class PCIRegion {
  private enum Target {
    case ports(PortSpace, any WidePortDevice, rank: Int)
    case memory(MemoryMap, MemoryMap.Region)
  }

  public let index: Int
  private let target: Target
  private var mappedPorts: (mapping: PortSpace.Mapping, start: UInt64)?

  /// An I/O region.
  public init(_ index: Int, ports: PortSpace, device: some WidePortDevice) {
    self.index = index
    target = .ports(ports, device, rank: ports.reserveRank())
  }

  /// A memory region of `byteCount` bytes, mapped over RAM with `priority`.
  public init(
    _ index: Int, memory: MemoryMap, name: String, byteCount: UInt64, backing: MemoryMap.Backing, priority: Int = 1
  ) {
    self.index = index
    let region = memory.add(name, at: 0, byteCount: byteCount, backing, priority: priority, isEnabled: false)
    target = .memory(memory, region)
  }

  /// Follows the configuration space: maps, moves or unmaps.
  public func update(_ configuration: PCIConfiguration) {
    let address = configuration.address(ofRegion: index)
    switch target {
    case .memory(let map, let region): map.update(region, start: address, isEnabled: address != nil)
    case .ports(let ports, let device, let rank):
      guard mappedPorts?.start != address else { return }
      if let mapped = mappedPorts { ports.unmap(mapped.mapping) }
      mappedPorts = nil
      guard let address else { return }
      let first = UInt16(truncatingIfNeeded: address)
      let last = UInt16(truncatingIfNeeded: address + configuration.byteCount(ofRegion: index) - 1)
      guard first <= last else { return }
      mappedPorts = (ports.map(first...last, to: device, rank: rank), address)
    }
  }

  /// Unmaps the region for good.
  public func remove() {
    switch target {
    case .memory(let map, let region): map.remove(region)
    case .ports(let ports, _, _): if let mapped = mappedPorts { ports.unmap(mapped.mapping) }
    }
    mappedPorts = nil
  }
}
