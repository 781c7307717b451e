// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// Virtual time for threads other than the machine's: back ends that age connections and leases.
///
/// While virtual time follows the host's clock this is exact. Under instruction counting it is the time of the machine
/// thread's last look.
public final class TimeMirror: Sendable {
  private enum Source {
    case fixed(Nanoseconds)
    /// Virtual minus host nanoseconds.
    case host(offset: Nanoseconds)
  }

  private let source = Mutex(Source.fixed(0))

  public init() {}

  public var now: Nanoseconds {
    source.withLock { source in
      switch source {
      case .fixed(let instant): instant
      case .host(let offset): Nanoseconds(truncatingIfNeeded: HostClock.monotonicNanoseconds) &+ offset
      }
    }
  }

  /// Time stands still at an instant, or has been seen there.
  public func set(_ instant: Nanoseconds) { source.withLock { $0 = .fixed(instant) } }

  /// Time is the host's monotonic clock plus an offset.
  public func follow(hostPlus offset: Nanoseconds) { source.withLock { $0 = .host(offset: offset) } }
}
