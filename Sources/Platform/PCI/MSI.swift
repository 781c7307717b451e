// SPDX-License-Identifier: Apache-2.0

/// The MSI capability of a function: up to 32 vectors, of which software allows a power of two. All of its registers
/// are in configuration space, and saved with it.
///
/// The owner calls `deliverPending` from `configurationDidChange`, because unmasking sends what waits.
/// Reference: PCI Local Bus Specification 3.0, 6.8.1.
public struct MSI {
  public let offset: Int
  public let is64Bit: Bool
  public let hasMasks: Bool
  private let sink: MessageSink

  private enum Control {
    static let enable: UInt16 = 1 << 0
    static let is64Bit: UInt16 = 1 << 7
    static let hasMasks: UInt16 = 1 << 8
  }

  /// Adds the capability to a configuration space under construction.
  ///
  /// - Parameters:
  ///   - vectorCount: a power of two up to 32.
  ///   - hasMasks: vectors can be masked one by one.
  public init(
    _ configuration: inout PCIConfiguration, at offset: Int, vectorCount: Int = 1, is64Bit: Bool = true,
    hasMasks: Bool = false, sink: MessageSink
  ) {
    (self.offset, self.is64Bit, self.hasMasks, self.sink) = (offset, is64Bit, hasMasks, sink)
    let exponent = UInt16(truncatingIfNeeded: min(5, max(1, vectorCount).trailingZeroBitCount))
    let control = exponent << 1 | (is64Bit ? Control.is64Bit : 0) | (hasMasks ? Control.hasMasks : 0)
    configuration.addCapability(
      PCICapability.messageInterrupts, at: offset,
      [UInt8(truncatingIfNeeded: control), UInt8(truncatingIfNeeded: control >> 8)])
    configuration.allowWrites(offset + 2, mask: Control.enable | 0x70)
    configuration.allowWrites(offset + 4, mask: 0xfffc)
    configuration.allowWrites(offset + 6, mask: 0xffff)
    if is64Bit {
      configuration.allowWrites(offset + 8, mask: 0xffff)
      configuration.allowWrites(offset + 10, mask: 0xffff)
    }
    configuration.allowWrites(dataOffset, mask: 0xffff)
    guard hasMasks else { return }
    let mask = UInt32(truncatingIfNeeded: (UInt64(1) << (UInt64(1) << UInt64(exponent))) - 1)
    configuration.allowWrites(maskOffset, mask: UInt16(truncatingIfNeeded: mask))
    configuration.allowWrites(maskOffset + 2, mask: UInt16(truncatingIfNeeded: mask >> 16))
  }

  private var dataOffset: Int { offset + (is64Bit ? 12 : 8) }
  private var maskOffset: Int { dataOffset + 4 }
  private var pendingOffset: Int { dataOffset + 8 }

  public func isEnabled(_ configuration: PCIConfiguration) -> Bool {
    configuration.load16(offset + 2) & Control.enable != 0
  }

  /// Vectors that software allows.
  public func enabledVectorCount(_ configuration: PCIConfiguration) -> Int {
    let control = configuration.load16(offset + 2)
    return 1 << Int(min(control >> 4 & 7, control >> 1 & 7))
  }

  /// Sends a vector's message, or notes it as pending while it is masked. Vectors beyond those allowed are folded onto
  /// them; nothing happens while MSI is off.
  public func notify(_ vector: Int, _ configuration: inout PCIConfiguration) {
    guard isEnabled(configuration) else { return }
    let number = vector & (enabledVectorCount(configuration) - 1)
    let bit = UInt32(1) << UInt32(number)
    if hasMasks, configuration.load32(maskOffset) & bit != 0 {
      configuration.store32(pendingOffset, configuration.load32(pendingOffset) | bit)
    } else {
      send(number, configuration)
    }
  }

  /// Sends what was pending and is no longer masked.
  public func deliverPending(_ configuration: inout PCIConfiguration) {
    guard hasMasks, isEnabled(configuration) else { return }
    let pending = configuration.load32(pendingOffset)
    let due = pending & ~configuration.load32(maskOffset)
    guard due != 0 else { return }
    configuration.store32(pendingOffset, pending & ~due)
    for number in 0..<enabledVectorCount(configuration) where due >> UInt32(number) & 1 != 0 {
      send(number, configuration)
    }
  }

  private func send(_ number: Int, _ configuration: PCIConfiguration) {
    guard configuration.command & PCIConfiguration.Command.busMaster != 0 else { return }
    var address = UInt64(configuration.load32(offset + 4))
    if is64Bit { address |= UInt64(configuration.load32(offset + 8)) << 32 }
    let lowBits = UInt16(truncatingIfNeeded: enabledVectorCount(configuration) - 1)
    let data = configuration.load16(dataOffset) & ~lowBits | UInt16(truncatingIfNeeded: number)
    sink.send(to: address, UInt32(data))
  }
}
