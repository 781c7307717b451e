// SPDX-License-Identifier: Apache-2.0

/// Interprocessor interrupts: the interrupt command register, and what arrives. SDM vol. 3, 10.6.
extension LocalAPIC {
  /// Carries out the command with the destination of an xAPIC.
  func send(shortDestination: UInt8) {
    let isLogical = state.command & UInt64(LocalAPICRegister.logical) != 0
    send(
      destination: shortDestination == 0xff && !isLogical ? InterruptMessage.everybody : UInt32(shortDestination))
  }

  func send(destination: UInt32) {
    let command = UInt32(truncatingIfNeeded: state.command)
    let vector = UInt8(truncatingIfNeeded: command)
    guard let mode = InterruptDeliveryMode(rawValue: UInt8(truncatingIfNeeded: command >> 8) & 7), mode != .external
    else { return }
    // INIT level de-assert only set arbitration IDs, on processors that had them.
    if mode == .initialize,
      command & (LocalAPICRegister.asserted | LocalAPICRegister.levelTriggered)
        == LocalAPICRegister.levelTriggered
    {
      return
    }
    let shorthand = command >> 18 & 3
    if mode == .fixed || mode == .lowestPriority {
      guard vector >= 16 else {
        note(.sentIllegalVector)
        return
      }
    } else if shorthand == 1 || shorthand == 2 {
      return  // a processor sends itself nothing but fixed interrupts: table 10-3
    }
    // Interprocessor interrupts are edges whatever the trigger mode says.
    var message = InterruptMessage(
      vector: vector, mode: mode, isLogical: command & LocalAPICRegister.logical != 0, destination: destination,
      isLevelTriggered: false)
    guard shorthand != 0 else {
      bus.deliver(message)
      return
    }
    guard shorthand != 1 else {
      request(ipi: vector)
      return
    }
    message.isLogical = false
    message.destination = InterruptMessage.everybody
    bus.deliver(message, excluding: shorthand == 3 ? self : nil)
  }

  /// An interrupt to itself.
  func request(ipi vector: UInt8) {
    guard vector >= 16 else {
      note(.sentIllegalVector)
      return
    }
    if state.isSoftwareEnabled { request(vector, isLevelTriggered: false) }
  }

  /// Takes a message of which this APIC is a destination. One that software has disabled takes no vectors.
  func receive(_ message: InterruptMessage) {
    switch message.mode {
    case .fixed, .lowestPriority:
      if state.isSoftwareEnabled { request(message.vector, isLevelTriggered: message.isLevelTriggered) }
    case .smi: break
    case .nmi: signals.nmi()
    case .initialize:
      initializeRegisters()
      signals.initialize()
    case .startUp:
      guard state.waitsForStartUp else { return }
      state.waitsForStartUp = false
      signals.startUp(message.vector)
    case .external:
      guard state.isSoftwareEnabled else { return }
      state.externalRequested = true
      updateOutput()
    }
  }
}
