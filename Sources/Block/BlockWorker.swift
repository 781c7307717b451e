// SPDX-License-Identifier: Apache-2.0
import HostIO

/// What a job touches, which decides what it may run beside.
enum BlockJobScope: Sendable, Equatable {
  /// Reads these bytes.
  case reads(Range<Int64>)
  /// Changes these bytes.
  case changes(Range<Int64>)
  /// Waits for all jobs before it; those after it need not wait for it.
  case flush
  /// Waits for all jobs before it, and those after it wait for it.
  case exclusive

  init(_ operation: BlockOperation) {
    func range(_ offset: Int64, _ count: Int) -> Range<Int64> {
      let end = offset.addingReportingOverflow(Int64(max(0, count)))
      return offset..<(end.overflow ? .max : end.partialValue)
    }
    switch operation {
    case .read(let offset, let count): self = .reads(range(offset, count))
    case .write(let offset, let bytes): self = .changes(range(offset, bytes.count))
    case .writeZeroes(let range): self = .changes(range)
    case .discard(let ranges):
      let start = ranges.map(\.lowerBound).min() ?? 0
      self = .changes(start..<max(start, ranges.map(\.upperBound).max() ?? 0))
    case .flush: self = .flush
    }
  }

  /// Whether a job of this scope must wait for an earlier one.
  func mustFollow(_ earlier: BlockJobScope) -> Bool {
    switch (earlier, self) {
    case (.exclusive, _), (_, .exclusive), (_, .flush): true
    case (.flush, _), (.reads, .reads): false
    case (.reads(let a), .changes(let b)), (.changes(let a), .reads(let b)), (.changes(let a), .changes(let b)):
      a.overlaps(b)
    }
  }
}

/// Threads that perform the operations of one drive. Those that touch the same bytes are done in the order of their
/// submission, and a flush follows everything before it, so equal submissions have equal effects on what the medium holds;
/// others are done side by side.
///
/// Threads are made when there is work for them and end with the worker.
final class BlockWorker: Sendable {
  private struct Job {
    let identity: UInt64
    let scope: BlockJobScope
    let body: @Sendable () -> Void
    var isRunning = false
  }

  private struct Jobs {
    /// In the order of submission; a job leaves when it is done.
    var all: [Job] = []
    var nextIdentity: UInt64 = 0
    var threadCount = 0
    var idleCount = 0
    var isClosing = false

    /// The first job that nothing before it stands against.
    var next: Int? {
      for index in all.indices where !all[index].isRunning {
        if !all[..<index].contains(where: { all[index].scope.mustFollow($0.scope) }) { return index }
      }
      return nil
    }
  }

  static let threadLimit = 4
  private let jobs = Guarded(Jobs())
  private let name: String

  init(name: String) { self.name = name }

  deinit { jobs.update { $0.isClosing = true } }

  /// Runs `body` on a thread, or here and now on a host that has no threads at all.
  func submit(_ scope: BlockJobScope, _ body: @escaping @Sendable () -> Void) {
    let (mustStart, isAlone) = jobs.update { state -> (Bool, Bool) in
      state.all.append(Job(identity: state.nextIdentity, scope: scope, body: body))
      state.nextIdentity &+= 1
      let waitingCount = state.all.count { !$0.isRunning }
      guard state.idleCount < waitingCount, state.threadCount < Self.threadLimit else { return (false, false) }
      state.threadCount += 1
      return (true, state.threadCount == 1)
    }
    guard mustStart else { return }
    do throws(Errno) {
      let jobs = jobs
      _ = try Thread(name: name) { Self.run(jobs) }
    } catch {
      jobs.update { $0.threadCount -= 1 }
      if isAlone { while Self.runOne(jobs) {} }
    }
  }

  private static func run(_ jobs: Guarded<Jobs>) {
    while true {
      jobs.withLock { $0.idleCount += 1 }
      let isClosing = jobs.wait { state -> Bool? in
        if state.next != nil { return false }
        return state.isClosing && state.all.isEmpty ? true : nil
      }
      jobs.withLock { $0.idleCount -= 1 }
      if isClosing { return }
      while runOne(jobs) {}
    }
  }

  /// False when there is nothing that can be done now.
  private static func runOne(_ jobs: Guarded<Jobs>) -> Bool {
    let job = jobs.withLock { state -> Job? in
      guard let index = state.next else { return nil }
      state.all[index].isRunning = true
      return state.all[index]
    }
    guard let job else { return false }
    job.body()
    jobs.update { state in state.all.removeAll { $0.identity == job.identity } }
    return true
  }

  /// Whether nothing that was submitted is left to do.
  var isIdle: Bool { jobs.withLock { $0.all.isEmpty } }

  /// Waits until everything that was submitted is done.
  func waitUntilIdle() {
    jobs.wait { $0.all.isEmpty ? () : nil }
  }
}
