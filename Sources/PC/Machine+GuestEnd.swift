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

  /// Tells of a loop without end in which the processor is found.
  func tellEndlessLoop(_ board: PC440FX) {
    guard let loop = hangWatch.sliceEnded(board.processor), !board.canInterruptMasked, !board.awaitsDisk,
      !loop.readsMemory || !board.devicesMayWriteMemory
    else { return }
    hangWatch.loopWasTold()
    tell(GuestHang(reason: .spinning, processor: snapshot(board), instructionCount: loop.instructionCount))
  }

  /// Tells of a halt that no interrupt ends.
  func tellEndlessHalt(_ board: PC440FX) {
    guard hangWatch.halted(board.processor), !board.canInterruptMasked else { return }
    tell(GuestHang(reason: .halted, processor: snapshot(board)))
  }

  private func tell(_ hang: GuestHang) { eventHandler?(.guestHung(hang)) }

  private func snapshot(_ board: PC440FX) -> ProcessorSnapshot { ProcessorSnapshot(board.processor, board.memory) }

  /// The processor has shut down, and its registers are what they were before.
  func tellTripleFault(_ board: PC440FX) {
    guard let fault = board.processor.takeTripleFault() else { return }
    var snapshot = ProcessorSnapshot(board.processor, board.memory)
    snapshot.cr2 = fault.cr2
    eventHandler?(.tripleFault(fault, snapshot))
  }
}

/// What could end a hang, as far as it does not come from outside the machine.
extension PC440FX {
  /// Whether an interrupt may come in as NMI or INIT, which a processor that masks interrupts takes.
  var canInterruptMasked: Bool {
    interrupts.canInterruptMasked || pci.functions.values.contains { $0.canInterruptMasked }
  }

  /// Whether a drive has work, at whose end it writes memory.
  var awaitsDisk: Bool { blockGraph.backends.contains { $0.hasRequests } || floppy.isTransferring }

  /// Whether what comes from a network may be written to memory.
  var devicesMayWriteMemory: Bool { pci.functions.values.contains { $0.mayWriteMemory } }
}
