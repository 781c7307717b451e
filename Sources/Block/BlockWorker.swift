// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A thread that performs the operations of one drive in the order of their submission, so that a flush follows the writes
/// before it and equal submissions have equal effects on the medium.
///
/// The thread is made at the first operation and ends with the worker.
final class BlockWorker: Sendable {
  private struct Jobs {
    var waiting: [@Sendable () -> Void] = []
    var isBusy = false
    var isStarted = false
    var isClosing = false
  }

  private let jobs = Guarded(Jobs())
  private let name: String

  init(name: String) { self.name = name }

  deinit { jobs.update { $0.isClosing = true } }

  /// Runs `job` on the thread, or here and now on a host that has no threads left.
  func submit(_ job: @escaping @Sendable () -> Void) {
    let mustStart = jobs.withLock { state in
      defer { state.isStarted = true }
      return !state.isStarted
    }
    if mustStart {
      let jobs = jobs
      do throws(Errno) {
        _ = try Thread(name: name) { Self.run(jobs) }
      } catch {
        jobs.withLock { $0.isStarted = false }
        job()
        return
      }
    }
    jobs.update { $0.waiting.append(job) }
  }

  private static func run(_ jobs: Guarded<Jobs>) {
    while true {
      let batch: [@Sendable () -> Void] = jobs.wait { state in
        if state.waiting.isEmpty { return state.isClosing ? [] : nil }
        defer { state.waiting = [] }
        state.isBusy = true
        return state.waiting
      }
      if batch.isEmpty { return }
      for job in batch { job() }
      jobs.update { $0.isBusy = false }
    }
  }

  /// Waits until everything that was submitted is done.
  func waitUntilIdle() {
    jobs.wait { $0.waiting.isEmpty && !$0.isBusy ? () : nil }
  }
}
