// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// One poll(2) over descriptors that another library names and owns. What is waited for is told anew each time.
public struct PollSet {
  /// What a descriptor is waited for, or is ready for.
  public struct Events: OptionSet, Sendable {
    public let rawValue: Int16
    public init(rawValue: Int16) { self.rawValue = rawValue }
    public static let readable = Events(rawValue: 1)
    public static let urgent = Events(rawValue: 2)
    public static let writable = Events(rawValue: 4)
    public static let failed = Events(rawValue: 8)
    public static let hungUp = Events(rawValue: 16)
    public static let invalid = Events(rawValue: 32)
  }

  private var entries: [pollfd] = []

  public init() {}

  public mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Descriptors that were added.
  public var count: Int { entries.count }

  /// Adds a descriptor; gives its index.
  public mutating func add(_ descriptor: FileDescriptor, _ events: Events) -> Int {
    entries.append(pollfd(fd: descriptor.rawValue, events: events.rawValue, revents: 0))
    return entries.count - 1
  }

  /// Waits until a descriptor is ready, a signal comes or the time has passed (-1: no limit). False when poll(2) failed.
  public mutating func wait(milliseconds: Int32) -> Bool {
    poll(&entries, nfds_t(entries.count), milliseconds) >= 0 || errno == EINTR
  }

  /// What the descriptor at an index was ready for at the last wait; nothing for an index that is not there.
  public func events(at index: Int) -> Events {
    entries.indices.contains(index) ? Events(rawValue: entries[index].revents) : []
  }
}

/// Wakes a thread that waits in poll(2).
public final class Waker: Sendable {
  /// Readable after `wake`, until `drain`.
  public let descriptor: FileDescriptor

  public init() throws(Errno) {
    descriptor = FileDescriptor(rawValue: try call { eventfd(0, O_CLOEXEC | O_NONBLOCK) })
  }

  deinit { descriptor.closeIgnoringErrors() }

  public func wake() { _ = eventfd_write(descriptor.rawValue, 1) }

  public func drain() {
    var count: eventfd_t = 0
    _ = eventfd_read(descriptor.rawValue, &count)
  }
}
