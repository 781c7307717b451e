// SPDX-License-Identifier: Apache-2.0

/// What a reset does and does not reach.
public enum ResetKind: Sendable {
  /// Power-up: every register takes its power-on value.
  case power
  /// RESET# while powered (port CF9h, keyboard controller, triple fault, `system_reset`): registers reset, battery-backed
  /// and host-facing things (RTC time, media, connections) survive.
  case system
}

/// A chip: plain saved state, and the class around it that does the side effects.
///
/// Methods on `State` never call out; the device does (lines, timers, memory). Loading decodes a fresh `State`, validates
/// it, assigns it and then calls `stateDidLoad`, on which reset ends too.
public protocol Device: AnyObject {
  associatedtype State: DeviceState
  /// Everything the guest can observe.
  var state: State { get set }
  /// Brings the registers to their reset values and recomputes what is derived from them.
  func reset(_ kind: ResetKind)
  /// Recomputes everything derived from `state`: line levels, armed timers, mappings.
  func stateDidLoad()
}

extension Device {
  /// The state as self-describing bytes, section name and version first.
  public func save() -> [UInt8] {
    var writer = StateWriter()
    var version = UInt32(truncatingIfNeeded: State.version)
    var copy = state
    do throws(StateError) {
      try writer.field(State.name, &version)
      try copy.visit(&writer)
    } catch {
      preconditionFailure("\(State.name) cannot be saved: \(error)")  // a buffer over its own limit: a device bug
    }
    return writer.image
  }

  /// Decodes a state of this or an older version into a value without touching the device.
  public func decode(_ image: [UInt8]) throws(StateError) -> State {
    var reader = StateReader(image)
    try reader.version(State.name, upTo: State.version)
    var fresh = state
    try fresh.visit(&reader)
    try reader.finish()
    return fresh
  }

  /// Loads a saved state; a refused image changes nothing.
  public func load(_ image: [UInt8]) throws(StateError) {
    state = try decode(image)
    stateDidLoad()
  }
}
