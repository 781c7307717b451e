// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// `pipe`: a pair of FIFOs, or one.
final class PipeBackend: CharacterBackend {
  private let link: StreamLink
  private let sink: Sink

  init(path: BytePath, sink: Sink, loop: EventLoop) throws(ChardevError) {
    // Opened for both directions, so that opening does not wait for a peer and a leaving peer is not the end of the file.
    let (input, output): (FileDescriptor, FileDescriptor?)
    if let reader = try? FileDescriptor.open(path + ".in", .readWrite),
      let writer = try? FileDescriptor.open(path + ".out", .readWrite)
    {
      (input, output) = (reader, writer)
    } else {
      do throws(Errno) { input = try FileDescriptor.open(path, .readWrite) } catch { throw .openFile(path, error) }
      output = nil
    }
    self.sink = sink
    do throws(Errno) {
      link = try StreamLink(
        input, output: output, isSocket: false, loop: loop, drained: { sink.outputDrained() },
        ready: { link, _ in Self.read(link, sink) })
    } catch {
      input.closeIgnoringErrors()
      output?.closeIgnoringErrors()
      throw .watch(error)
    }
  }

  var filename: String { "pipe" }
  var isOpen: Bool { true }
  var queuedByteCount: Int { link.queuedByteCount }
  var droppedByteCount: UInt64 { link.droppedByteCount }
  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int { link.write(bytes, delivery) }
  func flush(nanoseconds: UInt64) -> Bool { link.flush(nanoseconds: nanoseconds) }
  func inputWanted() { link.setInput(sink.canReceive > 0, hangUp: false) }
  func close() { link.close() }

  private static func read(_ link: StreamLink, _ sink: Sink) {
    let room = sink.canReceive
    if room > 0, let got = try? link.read(upTo: min(room, 16384)) { sink.receive(got.bytes) }
    link.setInput(sink.canReceive > 0, hangUp: false)
  }
}

/// `pty`: a pseudo-terminal. Somebody is there while the slave side is open; the kernel does not announce that it was opened, so the
/// master is asked a few times a second. Output without a reader is dropped.
final class PTYBackend: CharacterBackend {
  private struct State {
    var isConnected = false
    var isClosed = false
    var timer: EventLoop.Timer?
  }

  private static let pollInterval: UInt64 = 100_000_000

  let name: BytePath
  private let master: FileDescriptor
  private let link: StreamLink
  private let sink: Sink
  private let loop: EventLoop
  private let state = Mutex(State())
  private let box: Box

  /// The link's callback needs the back end, which needs the link.
  private final class Box: Sendable {
    let backend = Mutex<Weak>(Weak())
    struct Weak: Sendable { weak var value: PTYBackend? }
  }

  init(sink: Sink, loop: EventLoop) throws(ChardevError) {
    let box = Box()
    do throws(Errno) {
      let (master, name) = try Terminal.openPseudoTerminal()
      (self.master, self.name) = (master, name)
      do throws(Errno) {
        link = try StreamLink(
          master, isSocket: false, loop: loop, drained: { sink.outputDrained() },
          ready: { _, readiness in box.backend.withLock { $0.value }?.ready(readiness) })
      } catch {
        master.closeIgnoringErrors()
        throw error
      }
    } catch {
      throw .pty(error)
    }
    (self.sink, self.loop, self.box) = (sink, loop, box)
    box.backend.withLock { $0.value = self }
    loop.post { [self] in poll() }
  }

  var filename: String { "pty:\(name)" }
  var isOpen: Bool { state.withLock { $0.isConnected } }
  var queuedByteCount: Int { link.queuedByteCount }
  var droppedByteCount: UInt64 { link.droppedByteCount }
  func flush(nanoseconds: UInt64) -> Bool { link.flush(nanoseconds: nanoseconds) }

  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int {
    if !isOpen {
      if !slaveIsOpen { return 0 }
      // Opened since the last look; the loop sends the event.
      loop.post { [self] in poll() }
    }
    return link.write(bytes, delivery)
  }

  private var slaveIsOpen: Bool { (try? master.wait(for: [], milliseconds: 0))?.contains(.hungUp) == false }

  /// Looks whether the slave side is open, and again later while it is not.
  private func poll() {
    let isThere = slaveIsOpen
    let isNew = state.withLock { state -> Bool? in
      if state.isClosed { return nil }
      state.timer?.cancel()
      state.timer = isThere ? nil : loop.after(nanoseconds: Self.pollInterval) { [weak self] in self?.poll() }
      defer { state.isConnected = isThere }
      return isThere && !state.isConnected
    }
    if isNew == true { sink.event(.opened) }
    if isNew != nil && isThere { inputWanted() }
  }

  func inputWanted() {
    if isOpen { link.setInput(sink.canReceive > 0, hangUp: true) }
  }

  private func ready(_ readiness: FileDescriptor.Readiness) {
    let room = sink.canReceive
    if room > 0, readiness.contains(.readable), let got = try? link.read(upTo: min(room, 16384)), !got.bytes.isEmpty {
      sink.receive(got.bytes)
      return inputWanted()
    }
    if readiness.contains(.hungUp) && !(readiness.contains(.readable) && room == 0) {
      let wasConnected = state.withLock { state in
        defer { state.isConnected = false }
        return state.isConnected
      }
      link.setInput(false, hangUp: false)
      if wasConnected { sink.event(.closed) }
      poll()
    } else {
      inputWanted()
    }
  }

  func close() {
    state.withLock { state in
      state.isClosed = true
      state.timer?.cancel()
      state.timer = nil
    }
    link.close()
  }
}
