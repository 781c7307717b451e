// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// Keeps the process alive when pages of a mapped file cannot be read any more: the file was shortened, or its disk failed.
///
/// The kernel answers an access to such a page with SIGBUS. Inside registered memory the handler puts a page of zeros in
/// place, and the access is repeated; what computes with those zeros must then be stopped by whoever waits for the loss.
/// A SIGBUS elsewhere goes to the handler that was there before, and ends the process where there was none.
public final class LostPages: Sendable {
  /// An eventfd: readable once a page was lost.
  private let notice: FileDescriptor
  private let slot: Int

  /// One registered range: first address, address after the last, descriptor of the notice. The range is empty in a free
  /// slot. The handler reads them at any time, so they are atomic and at a fixed place, made before the handler is.
  private struct Slot: ~Copyable {
    let start = Atomic<UInt>(0)
    let end = Atomic<UInt>(0)
    let notice = Atomic<Int32>(-1)
  }

  private typealias Handler =
    @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

  private static let slotCount = 64
  // Safe: allocated once, never freed, and only its atomics change.
  private nonisolated(unsafe) static let slots: UnsafeMutablePointer<Slot> = {
    let slots = UnsafeMutablePointer<Slot>.allocate(capacity: slotCount)
    for index in 0..<slotCount { (slots + index).initialize(to: Slot()) }
    return slots
  }()
  private static let used = Mutex(Set<Int>())
  // Safe: written once, before the handler exists, and only read by it.
  private nonisolated(unsafe) static let previous: UnsafeMutablePointer<sigaction> = {
    let previous = UnsafeMutablePointer<sigaction>.allocate(capacity: 1)
    previous.initialize(to: sigaction())
    return previous
  }()
  private static let isInstalled: Bool = {
    _ = slots
    return linux_catch_bus_errors(handler, previous) == 0
  }()

  /// Watches over `byteCount` bytes at `base`, which must stay mapped as long as this lives. `.busy` when too many are
  /// watched already.
  public init(_ base: UnsafeRawPointer, byteCount: Int) throws(Errno) {
    guard Self.isInstalled else { throw .notSupported }
    let free = Self.used.withLock { used -> Int? in
      guard let free = (0..<Self.slotCount).first(where: { !used.contains($0) }) else { return nil }
      used.insert(free)
      return free
    }
    guard let free else { throw .busy }
    do throws(Errno) {
      notice = FileDescriptor(rawValue: try call { eventfd(0, O_CLOEXEC | O_NONBLOCK) })
    } catch {
      _ = Self.used.withLock { $0.remove(free) }
      throw error
    }
    slot = free
    Self.slots[free].notice.store(notice.rawValue, ordering: .relaxed)
    Self.slots[free].start.store(UInt(bitPattern: base), ordering: .relaxed)
    Self.slots[free].end.store(UInt(bitPattern: base) + UInt(byteCount), ordering: .releasing)
  }

  deinit {
    Self.slots[slot].end.store(0, ordering: .releasing)
    Self.slots[slot].start.store(0, ordering: .releasing)
    _ = Self.used.withLock { $0.remove(slot) }
    notice.closeIgnoringErrors()
  }

  /// Whether a page was lost since this was made.
  public var hasLostPages: Bool { (try? notice.wait(for: .readable, milliseconds: 0))?.contains(.readable) ?? false }

  /// Waits until one of `guards` has lost a page, which is true, or until `end` becomes readable or is hung up.
  public static func waitForLoss(of guards: [LostPages], until end: FileDescriptor) -> Bool {
    var entries = (guards.map(\.notice) + [end]).map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    while poll(&entries, nfds_t(entries.count), -1) < 1 {}
    return entries.dropLast().contains { $0.revents != 0 }
  }

  /// Runs in a signal handler: only atomics and system calls here.
  private static let handler: Handler = { number, info, context in
    let saved = errno
    let address = linux_fault_address(info)
    if !LostPages.replace(UInt(bitPattern: address)) {
      // Not ours: the handler that was there before has its turn, and where there was none, the access is repeated without.
      let before = LostPages.previous.pointee
      if before.sa_flags & SA_SIGINFO != 0, let handler = before.__sigaction_handler.sa_sigaction {
        handler(number, info, context)
      } else {
        sigaction(SIGBUS, LostPages.previous, nil)
      }
    }
    errno = saved
  }

  private static func replace(_ address: UInt) -> Bool {
    for index in 0..<slotCount {
      let end = slots[index].end.load(ordering: .acquiring)
      guard address < end, address >= slots[index].start.load(ordering: .relaxed) else { continue }
      let byteCount = 4096
      let page = UnsafeMutableRawPointer(bitPattern: address & ~UInt(byteCount - 1))
      let flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE
      guard mmap(page, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED else { return false }
      var one: UInt64 = 1
      _ = write(slots[index].notice.load(ordering: .relaxed), &one, 8)
      return true
    }
    return false
  }
}
