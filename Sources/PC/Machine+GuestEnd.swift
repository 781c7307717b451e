// SPDX-License-Identifier: Apache-2.0
import Chipset
import X86

/// How a machine hears and tells that its guest's run ends by itself.
extension Machine {
  /// The guest has told that it panics, or that its crash kernel takes over.
  func guestTold(_ event: PanicEvents) {
    guard event == .panicked else {
      eventHandler?(.guestCrashLoaded)
      return
    }
    switch actions.panic {
    case .pause: eventHandler?(.guestPanicked(.pause))
    case .shutdown, .exitFailure: eventHandler?(.guestPanicked(.poweroff))
    case .none:
      eventHandler?(.guestPanicked(.run))
      return
    }
    request { self.pendingPanic = true }
  }

  /// Unless something could end it: an interrupt controller that makes an NMI or an INIT of an interrupt.
  func tellHang(_ reason: GuestHang.Reason, _ board: PC440FX) {
    guard !board.interrupts.canInterruptMasked else { return }
    eventHandler?(.guestHung(GuestHang(reason: reason, processor: ProcessorSnapshot(board.processor, board.memory))))
  }

  /// The processor has shut down, and its registers are what they were before.
  func tellTripleFault(_ board: PC440FX) {
    guard let fault = board.processor.takeTripleFault() else { return }
    var snapshot = ProcessorSnapshot(board.processor, board.memory)
    snapshot.cr2 = fault.cr2
    eventHandler?(.tripleFault(fault, snapshot))
  }
}
