// SPDX-License-Identifier: Apache-2.0
import Synchronization

public import HostIO

/// All character devices of a process, by label.
public final class ChardevTable: Sendable {
  public let loop: EventLoop
  public let host: ChardevHost
  private let list = Mutex<[Chardev]>([])
  private let gate = FrontEndGate()

  public init(loop: EventLoop, host: ChardevHost = ChardevHost()) { (self.loop, self.host) = (loop, host) }

  /// In the order of creation; the base of a multiplexed device comes right before it.
  public var all: [Chardev] { list.withLock { $0 } }

  public subscript(id: String) -> Chardev? { list.withLock { list in list.first { $0.id == id } } }

  /// Until `showMultiplexed`, front ends of multiplexed devices hear nothing: which of them has the focus is known only
  /// when the last one of the start is there.
  public func hideMultiplexed() { gate.close() }
  public func showMultiplexed() { gate.open() }

  /// Makes a device and keeps it. `.duplicate` when the label is taken.
  @discardableResult
  public func open(id: String, _ configuration: ChardevConfiguration) throws(ChardevError) -> Chardev {
    if self[id] != nil { throw .duplicate(id) }
    if configuration.isMultiplexed, self[id + "-base"] != nil { throw .duplicate(id + "-base") }
    if case .mux(let label) = configuration.kind {
      guard let base = self[label] else { throw .muxBaseNotFound(label) }
      let chardev = try Chardev.multiplexing(base, id: id, loop: loop, host: host, gate: gate)
      list.withLock { $0.append(chardev) }
      return chardev
    }
    let chardev = try Chardev.open(id: id, configuration: configuration, loop: loop, host: host, gate: gate)
    list.withLock { list in
      if let base = chardev.base { list.append(base) }
      list.append(chardev)
    }
    return chardev
  }

  /// Closes and forgets a device that no front end uses (`chardev-remove`).
  public func remove(id: String) throws(ChardevError) {
    guard let chardev = self[id] else { throw .notFound(id) }
    if chardev.isFrontEndOpen { throw .busy(id) }
    list.withLock { list in list.removeAll { $0 === chardev } }
    chardev.close()
  }

  /// Waits for what was written (at most `nanoseconds` in all), then closes everything. For the end of the process.
  public func closeAll(nanoseconds: UInt64 = 2_000_000_000) {
    let end = HostClock.monotonicNanoseconds &+ nanoseconds
    let devices = list.withLock { list in
      defer { list.removeAll() }
      return list
    }
    for device in devices {
      let now = HostClock.monotonicNanoseconds
      device.flush(nanoseconds: end > now ? end - now : 0)
    }
    for device in devices.reversed() { device.close() }
  }
}

/// Holds work back while it is closed and does it in order when it opens.
final class FrontEndGate: Sendable {
  private struct State {
    var isClosed = false
    var waiting: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())

  func close() { state.withLock { $0.isClosed = true } }

  func open() {
    let waiting = state.withLock { state in
      defer { state = State() }
      return state.waiting
    }
    for work in waiting { work() }
  }

  func pass(_ work: @escaping @Sendable () -> Void) {
    let passes = state.withLock { state in
      if state.isClosed { state.waiting.append(work) }
      return !state.isClosed
    }
    if passes { work() }
  }
}
