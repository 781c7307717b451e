// SPDX-License-Identifier: Apache-2.0
import Chipset

/// What devices on the board ask of the machine; filled in once both exist.
public final class BoardRequests {
  var reset: () -> Void = {}
  /// INIT for the processor.
  var initialize: () -> Void = {}
  /// The guest entered S5.
  var sleep: () -> Void = {}
  var exit: (Int32) -> Void = { _ in }
  /// The guest tells of its end.
  var panic: (PanicEvents) -> Void = { _ in }
  /// A disk's error stops the guest.
  var stopForError: () -> Void = {}
  var clockChanged: (Int64) -> Void = { _ in }
  /// Name and path of a device that is gone.
  var deviceDeleted: (String?, String) -> Void = { _, _ in }
  /// Name and path of the adapter.
  var receiveFilterChanged: (String?, String) -> Void = { _, _ in }
}
