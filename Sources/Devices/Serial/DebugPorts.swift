// SPDX-License-Identifier: Apache-2.0
import Platform

/// A port that passes every written byte to a back end (`isa-debugcon`, `-debugcon`; Bochs' port E9h, SeaBIOS' 402h).
///
/// Reads give the read-back value (E9h by default), by which a guest finds the port.
public final class DebugConsole: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "isa-debugcon"
    public static let version = 1
    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {}
  }

  public var state = State()
  private let readback: UInt8
  private let transmit: (UInt8) -> Void

  public init(readback: UInt8 = 0xe9, transmit: @escaping (UInt8) -> Void) {
    self.readback = readback
    self.transmit = transmit
  }

  public func reset(_ kind: ResetKind) {}
  public func stateDidLoad() {}
  public func read(port offset: UInt16) -> UInt8 { readback }
  public func write(port offset: UInt16, _ value: UInt8) { transmit(value) }
}

/// A port whose write ends the process with status `(value << 1) | 1` (`isa-debug-exit`).
public final class DebugExit: Device, WidePortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "isa-debug-exit"
    public static let version = 1
    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {}
  }

  public var state = State()
  private let requestExit: (Int32) -> Void

  /// - Parameter requestExit: called with the exit status.
  public init(requestExit: @escaping (Int32) -> Void) { self.requestExit = requestExit }

  public func reset(_ kind: ResetKind) {}
  public func stateDidLoad() {}
  public func read(port offset: UInt16, width: AccessWidth) -> UInt32 { 0 }
  public func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    requestExit(Int32(truncatingIfNeeded: value &<< 1 | 1))
  }
}
