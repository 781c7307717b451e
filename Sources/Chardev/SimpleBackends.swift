// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// `null` and, since there is no window to show it in, `vc`: everything written is gone.
final class NullBackend: CharacterBackend {
  let filename: String

  init(filename: String) { self.filename = filename }

  var isOpen: Bool { true }
  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int { 0 }
  func close() {}
}

/// `file`: output only.
final class FileBackend: CharacterBackend {
  private let output: OutputFile

  init(path: BytePath, append: Bool, sink: Sink, loop: EventLoop) throws(ChardevError) {
    do throws(Errno) {
      let file = try FileDescriptor.open(path, .writeOnly, [.create, append ? .append : .truncate])
      output = OutputFile(file, closing: true, loop: loop) { sink.outputDrained() }
    } catch {
      throw .openFile(path, error)
    }
  }

  var filename: String { "file" }
  var isOpen: Bool { true }
  var queuedByteCount: Int { output.queuedByteCount }
  var droppedByteCount: UInt64 { output.lostByteCount }
  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int { output.write(bytes) }
  func flush(nanoseconds: UInt64) -> Bool { output.flush(nanoseconds: nanoseconds) }
  func close() { output.close() }
}

/// `stdio`: the process's own standard streams; a terminal is put in raw mode until the process ends.
final class StdioBackend: CharacterBackend {
  private struct Input {
    var watch: EventLoop.Watch?
    var hasEnded = false
  }

  private static let isTaken = Atomic<Bool>(false)

  private let input: FileDescriptor
  private let output: OutputFile
  private let state = Mutex(Input())
  private let sink: Sink

  /// The descriptors are parameters for tests; the process has one pair.
  init(
    signals: Bool, sink: Sink, loop: EventLoop, input: FileDescriptor = .standardInput,
    output: FileDescriptor = .standardOutput
  ) throws(ChardevError) {
    if Self.isTaken.exchange(true, ordering: .acquiringAndReleasing) { throw .stdioInUse }
    self.input = input
    self.sink = sink
    self.output = OutputFile(output, closing: false, loop: loop) { sink.outputDrained() }
    try? Terminal.setRaw(input, signals: signals)
    // A process may be started without standard input; then there is nothing to read, and that is no error.
    let watch = try? loop.watch(input, []) { [weak self] _ in self?.read() }
    state.withLock {
      $0.watch = watch
      $0.hasEnded = watch == nil
    }
  }

  var filename: String { "stdio" }
  var isOpen: Bool { true }
  var queuedByteCount: Int { output.queuedByteCount }
  var droppedByteCount: UInt64 { output.lostByteCount }
  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int { output.write(bytes) }
  func flush(nanoseconds: UInt64) -> Bool { output.flush(nanoseconds: nanoseconds) }

  func inputWanted() {
    let wanted = sink.canReceive > 0
    state.withLock { if !$0.hasEnded { $0.watch?.setInterest(wanted ? .readable : []) } }
  }

  private func read() {
    let room = sink.canReceive
    if room == 0 { return inputWanted() }
    // The descriptor stays blocking, since its mode is shared with the shell's; it is read only when it is ready.
    do throws(Errno) {
      let bytes = try input.read(upTo: min(room, 16384))
      if bytes.isEmpty { return end() }
      sink.receive(bytes)
      inputWanted()
    } catch .wouldBlock {} catch { end() }
  }

  private func end() {
    let watch = state.withLock { state in
      state.hasEnded = true
      defer { state.watch = nil }
      return state.watch
    }
    watch?.cancel()
    if watch != nil { sink.event(.closed) }
  }

  func close() {
    let watch = state.withLock { state in
      state.hasEnded = true
      defer { state.watch = nil }
      return state.watch
    }
    watch?.cancel()
    Terminal.restore(input)
    output.close()
    Self.isTaken.store(false, ordering: .releasing)
  }
}

/// `ringbuf`: remembers the last bytes written, for `ringbuf-read`.
final class RingBackend: CharacterBackend {
  private struct Ring {
    var storage: [UInt8]
    var start = 0
    var count = 0
  }

  private let ring: Mutex<Ring>
  let filename: String

  init(byteCount: Int, name: String) throws(ChardevError) {
    // The upper bound keeps a typing error from taking the host's memory.
    guard byteCount > 0, byteCount & (byteCount - 1) == 0, byteCount <= 1 << 30 else { throw .ringBufferSize }
    ring = Mutex(Ring(storage: [UInt8](repeating: 0, count: byteCount)))
    filename = name
  }

  var isOpen: Bool { true }

  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int {
    ring.withLock { ring in
      let mask = ring.storage.count - 1
      for byte in bytes.suffix(ring.storage.count) {
        ring.storage[(ring.start + ring.count) & mask] = byte
        if ring.count <= mask { ring.count += 1 } else { ring.start = (ring.start + 1) & mask }
      }
    }
    return 0
  }

  /// Takes the oldest bytes, at most `byteCount`.
  func read(upTo byteCount: Int) -> [UInt8] {
    ring.withLock { ring in
      let mask = ring.storage.count - 1
      let taken = (0..<min(max(0, byteCount), ring.count)).map { ring.storage[(ring.start + $0) & mask] }
      ring.start = (ring.start + taken.count) & mask
      ring.count -= taken.count
      return taken
    }
  }

  func close() {}
}
