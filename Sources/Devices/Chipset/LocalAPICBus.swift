// SPDX-License-Identifier: Apache-2.0

/// What connects the local APICs of all processors with each other and with the I/O APICs.
///
/// A message arrives before `deliver` returns; which processors take it follows from the APICs' registers alone.
/// Reference: Intel SDM volume 3, sections 10.6.2 and 10.8.5.
public final class LocalAPICBus {
  /// In the order of the processors.
  public private(set) var apics: [LocalAPIC] = []
  /// Hear the vector of each level-triggered interrupt that a processor has finished.
  private var endListeners: [(UInt8) -> Void] = []

  public init() {}

  func attach(_ apic: LocalAPIC) { apics.append(apic) }

  /// Adds an I/O APIC.
  func whenInterruptEnds(_ listener: @escaping (UInt8) -> Void) { endListeners.append(listener) }

  func interruptDidEnd(_ vector: UInt8) {
    for listener in endListeners { listener(vector) }
  }

  /// Brings a message to the APICs that it names, without `excluded` among them.
  public func deliver(_ message: InterruptMessage, excluding excluded: LocalAPIC? = nil) {
    let targets = apics.filter { $0 !== excluded && $0.isDestination(of: message) }
    if message.mode == .lowestPriority {
      // Of those that accept interrupts the one with the lowest priority; of several the first.
      let candidates = targets.filter { $0.state.isSoftwareEnabled }
      candidates.min { $0.state.processorPriority < $1.state.processorPriority }?.receive(message)
    } else {
      for apic in targets { apic.receive(message) }
    }
  }
}
