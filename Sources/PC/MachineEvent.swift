// SPDX-License-Identifier: Apache-2.0
import Platform

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
  /// An adapter's guest changed what it receives; told once until somebody looks.
  case receiveFilterChanged(name: String?, path: String)
}
