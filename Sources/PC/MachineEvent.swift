// SPDX-License-Identifier: Apache-2.0
public import Network
public import Platform
public import X86

/// What a machine tells whoever controls it. Delivered on the machine thread, in order.
public enum MachineEvent: Sendable, Equatable {
  case shutdown(ShutdownCause)
  case reset(ShutdownCause)
  case stopped
  case resumed
  /// The ACPI power button was pressed.
  case powerDown
  /// The guest set its clock: seconds from the `-rtc` base.
  case clockChanged(offset: Int64)
  /// The guest says that it panics.
  case guestPanicked(GuestPanicAction)
  /// The guest says that its crash kernel takes over.
  case guestCrashLoaded
  /// The processor shut down and is reset next; its registers before the first of the faults.
  case tripleFault(TripleFault, ProcessorSnapshot)
  /// The processor neither works nor waits for anything that can come.
  case guestHung(GuestHang)
  /// A device is gone that the user wanted out, or that the guest ejected.
  case deviceDeleted(name: String?, path: String)
  /// An adapter's guest changed what it receives; told once until somebody looks.
  case receiveFilterChanged(name: String?, path: String)
  /// Somebody has come to the other end of a `stream` back end; nil: has left it.
  case streamChanged(netdev: String, peer: StreamPeer?)
}
