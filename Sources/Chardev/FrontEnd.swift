// SPDX-License-Identifier: Apache-2.0
import Synchronization

public import HostIO

/// The device's or monitor's side of a character device: what it is told, always on the event loop's thread.
public struct FrontEnd: Sendable {
  /// How output is treated that the other side does not take.
  public enum Delivery: Sendable {
    /// A UART: at most 1 MiB waits. A writer off the loop is held while the reader makes progress; a reader that has
    /// stopped loses what follows, counted in `Chardev.droppedByteCount`. Files and standard output never lose anything.
    case bounded
    /// A monitor: nothing is lost, and the monitor itself stops talking when `write` reports too much waiting.
    case complete
  }

  public var delivery: Delivery
  /// How many bytes it takes now. When the answer was less than offered, call `ChardevPort.acceptInput()` once there is room.
  public var canReceive: @Sendable () -> Int
  /// At most as many bytes as `canReceive` said.
  public var receive: @Sendable ([UInt8]) -> Void
  public var event: @Sendable (ChardevEvent) -> Void
  /// Descriptors that came over a unix socket, before the bytes they came with; the front end closes them.
  /// Without it they are closed on arrival.
  public var receiveDescriptors: (@Sendable ([FileDescriptor]) -> Void)?
  /// All output that was waiting has been taken.
  public var outputDrained: (@Sendable () -> Void)?

  public init(
    delivery: Delivery = .bounded, canReceive: @escaping @Sendable () -> Int,
    receive: @escaping @Sendable ([UInt8]) -> Void,
    event: @escaping @Sendable (ChardevEvent) -> Void = { _ in },
    receiveDescriptors: (@Sendable ([FileDescriptor]) -> Void)? = nil, outputDrained: (@Sendable () -> Void)? = nil
  ) {
    (self.delivery, self.canReceive, self.receive, self.event) = (delivery, canReceive, receive, event)
    (self.receiveDescriptors, self.outputDrained) = (receiveDescriptors, outputDrained)
  }
}

public enum ChardevEvent: Sendable, Hashable {
  /// The other side is there; also sent on attaching to a device that is already open.
  case opened
  /// The other side has gone.
  case closed
  /// A serial break: telnet's BREAK, or Ctrl-A b on a multiplexed device.
  case serialBreak
  /// A multiplexed device now shows this front end.
  case muxIn
  /// A multiplexed device shows another one; a monitor holds its output until `muxIn`.
  case muxOut
}

/// Where a back end finds its front end: at most one, replaceable at any time.
final class Sink: Sendable {
  private struct Slot {
    var frontEnd: FrontEnd?
    /// Attaching and connecting may meet; the front end hears `opened` and `closed` in turns all the same.
    var heardOpened = false
  }

  private let slot = Mutex(Slot())

  var frontEnd: FrontEnd? { slot.withLock { $0.frontEnd } }
  var isAttached: Bool { slot.withLock { $0.frontEnd != nil } }

  /// False when another front end is there.
  func attach(_ frontEnd: FrontEnd) -> Bool {
    slot.withLock { slot in
      if slot.frontEnd != nil { return false }
      slot = Slot(frontEnd: frontEnd)
      return true
    }
  }

  func detach() { slot.withLock { $0 = Slot() } }

  var canReceive: Int { max(0, frontEnd?.canReceive() ?? 0) }
  func receive(_ bytes: [UInt8]) { if !bytes.isEmpty { frontEnd?.receive(bytes) } }
  func outputDrained() { frontEnd?.outputDrained?() }

  func event(_ event: ChardevEvent) {
    let frontEnd = slot.withLock { slot -> FrontEnd? in
      if event == .opened || event == .closed {
        if slot.heardOpened == (event == .opened) { return nil }
        slot.heardOpened = event == .opened
      }
      return slot.frontEnd
    }
    frontEnd?.event(event)
  }

  func receive(_ descriptors: [FileDescriptor]) {
    if descriptors.isEmpty { return }
    if let take = frontEnd?.receiveDescriptors { return take(descriptors) }
    for descriptor in descriptors { descriptor.closeIgnoringErrors() }
  }
}

/// One kind of host side. `write`, `queuedByteCount`, `filename`, `isOpen` and `flush` may be called from any thread, the rest
/// on the event loop's.
protocol CharacterBackend: AnyObject, Sendable {
  /// As `query-chardev` reports it.
  var filename: String { get }
  /// Whether a front end that attaches now finds somebody there.
  var isOpen: Bool { get }
  /// Returns the bytes that wait for the other side to take them.
  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int
  var queuedByteCount: Int { get }
  /// Bytes lost because nobody read them.
  var droppedByteCount: UInt64 { get }
  /// The front end may take input again, or has just come or gone.
  func inputWanted()
  /// Waits until everything written has left, at most `nanoseconds`; whether it did.
  func flush(nanoseconds: UInt64) -> Bool
  func close()
}

extension CharacterBackend {
  var queuedByteCount: Int { 0 }
  var droppedByteCount: UInt64 { 0 }
  func inputWanted() {}
  func flush(nanoseconds: UInt64) -> Bool { true }
}
