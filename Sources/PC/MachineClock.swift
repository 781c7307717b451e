// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Where a machine's virtual time comes from: the host's clock while the guest runs, or the count of its instructions.
///
/// See Docs/Determinism.md. Under instruction counting time is `count << shift` plus what idle warps have added; nothing
/// of the host enters it.
package final class MachineClock {
  private enum Source {
    /// Virtual minus host nanoseconds while running; the frozen virtual time while stopped.
    case host(offset: Int64, frozen: Int64?)
    case counted(shift: Int, warp: Int64)
  }

  private var source: Source
  /// This time for other threads.
  package let mirror = TimeMirror()
  /// The processor's exact instruction count.
  package var instructionCount: () -> UInt64 = { 0 }

  package init(counting: MachineConfiguration.InstructionCounting?) {
    source = counting.map { .counted(shift: $0.shift, warp: 0) } ?? .host(offset: 0, frozen: 0)
  }

  private var hostNow: Int64 { Int64(truncatingIfNeeded: HostClock.monotonicNanoseconds) }

  package var now: Nanoseconds {
    switch source {
    case .host(let offset, let frozen): frozen ?? hostNow &+ offset
    case .counted(let shift, let warp): Int64(truncatingIfNeeded: instructionCount() &<< UInt64(shift)) &+ warp
    }
  }

  package var isCounted: Bool {
    if case .counted = source { return true }
    return false
  }

  /// Stops time when the guest stops; counted time stands still by itself.
  package func setRunning(_ isRunning: Bool) {
    guard case .host(let offset, let frozen) = source else { return }
    if isRunning, let frozen {
      let offset = frozen &- hostNow
      source = .host(offset: offset, frozen: nil)
      mirror.follow(hostPlus: offset)
    } else if !isRunning, frozen == nil {
      let now = hostNow &+ offset
      source = .host(offset: offset, frozen: now)
      mirror.set(now)
    }
  }

  /// How many instructions may run before `deadline`: at least 1; nil without instruction counting.
  package func instructions(until deadline: Nanoseconds) -> Int64? {
    guard case .counted(let shift, _) = source else { return nil }
    let left = max(0, deadline &- now)
    return max(1, (left &+ (1 << Int64(shift)) &- 1) >> Int64(shift))
  }

  /// All vCPUs are idle: counted time jumps to the next deadline.
  package func warp(to deadline: Nanoseconds) {
    guard case .counted(let shift, let warp) = source else { return }
    let left = deadline &- now
    if left > 0 { source = .counted(shift: shift, warp: warp &+ left) }
  }

  /// Nanoseconds added by idle warps; part of a saved machine.
  package var warped: Int64 {
    get {
      if case .counted(_, let warp) = source { return warp }
      return 0
    }
    set {
      if case .counted(let shift, _) = source { source = .counted(shift: shift, warp: newValue) }
    }
  }

  /// Sets frozen host-driven time, as a load does.
  package func setStopped(at instant: Nanoseconds) {
    if case .host(let offset, _) = source { source = .host(offset: offset, frozen: instant) }
    mirror.set(instant)
  }
}
