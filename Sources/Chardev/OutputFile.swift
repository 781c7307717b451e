// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Output to a descriptor whose write(2) may stall: files, standard output, log files.
///
/// A worker thread writes, in order; it starts with the first byte, so a process may fork after opening. At most 1 MiB waits,
/// then writers are held back, except on the event loop, which must never stop. Nothing is dropped unless the write itself
/// fails (full disk, closed pipe); those bytes are counted.
final class OutputFile: Sendable {
  private struct State {
    var queue = ByteQueue()
    var isWriting = false
    var isClosing = false
    var hasThread = false
    var lost: UInt64 = 0
  }

  static let limit = 1 << 20

  private let descriptor: FileDescriptor
  private let closesDescriptor: Bool
  private let loop: EventLoop
  private let state = Guarded(State())
  /// Called on the loop when everything has been written.
  private let drained: @Sendable () -> Void

  init(_ descriptor: FileDescriptor, closing: Bool, loop: EventLoop, drained: @escaping @Sendable () -> Void = {}) {
    (self.descriptor, closesDescriptor, self.loop, self.drained) = (descriptor, closing, loop, drained)
  }

  var queuedByteCount: Int { state.withLock { $0.queue.count } }
  var lostByteCount: UInt64 { state.withLock { $0.lost } }

  /// Returns the bytes that wait.
  func write(_ bytes: [UInt8]) -> Int {
    if bytes.isEmpty { return queuedByteCount }
    if !loop.isCurrent {
      _ = state.wait { $0.isClosing || $0.queue.count < Self.limit ? true : nil }
    }
    let (count, needsThread) = state.update { state -> (Int, Bool) in
      if state.isClosing { return (0, false) }
      state.queue.append(bytes)
      defer { state.hasThread = true }
      return (state.queue.count, !state.hasThread)
    }
    if needsThread && !startWorker() {
      // No thread to be had: write here, as slow as it is.
      state.update { $0.hasThread = false }
      writeOnce()
    }
    return count
  }

  /// Waits until all is written; false when that takes longer than `nanoseconds`.
  func flush(nanoseconds: UInt64) -> Bool {
    state.wait(nanoseconds: nanoseconds) { $0.queue.isEmpty && !$0.isWriting ? true : nil } ?? false
  }

  /// The worker writes what waits, then closes the descriptor.
  func close() {
    let hasThread = state.update { state in
      defer { state.isClosing = true }
      return state.hasThread || state.isClosing
    }
    if !hasThread && closesDescriptor { descriptor.closeIgnoringErrors() }
  }

  private func startWorker() -> Bool {
    do throws(Errno) {
      // The thread keeps this object until `close()`.
      _ = try Thread(name: "chardev-out") { [self] in
        while state.wait(until: { !$0.queue.isEmpty ? true : $0.isClosing ? false : nil }) { writeOnce() }
        if closesDescriptor { descriptor.closeIgnoringErrors() }
      }
      return true
    } catch {
      return false
    }
  }

  private func writeOnce() {
    let bytes = state.update { state in
      state.isWriting = true
      return state.queue.take(state.queue.count)
    }
    var failed = false
    do throws(Errno) { try descriptor.writeAll(bytes) } catch { failed = true }
    let isEmpty = state.update { state in
      state.isWriting = false
      if failed { state.lost &+= UInt64(bytes.count) }
      return state.queue.isEmpty
    }
    if isEmpty { loop.post(drained) }
  }
}
