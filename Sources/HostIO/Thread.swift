// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// A running POSIX thread.
///
/// It starts with every asynchronous signal blocked, so signals reach only the main thread or a `SignalWatch`.
public final class Thread: @unchecked Sendable {
  // Safe: `handle` is written once in `init`; `joined` is atomic.
  private let handle: pthread_t
  private let joined = Atomic<Bool>(false)

  private final class Start {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) { (self.name, self.body) = (name, body) }
  }

  /// Starts `body` at once. `name` shows in debuggers and is cut after 15 bytes. `.wouldBlock` when the host has no threads left.
  public init(name: String, stackByteCount: Int? = nil, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    if let stackByteCount { pthread_attr_setstacksize(&attributes, max(stackByteCount, 65536)) }
    let previous = Signals.blockAsynchronous()
    defer { Signals.restore(previous) }
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        pthread_setname_np(pthread_self(), String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
        start.body()
        return nil
      }, start.toOpaque())
    if code != 0 {
      start.release()
      throw Errno(code)
    }
    handle = thread
  }

  deinit { if !joined.load(ordering: .acquiring) { pthread_detach(handle) } }

  /// Waits for the thread to return. Only the first call waits; a thread must not join itself.
  public func join() {
    if !joined.exchange(true, ordering: .acquiringAndReleasing) { pthread_join(handle, nil) }
  }

  public var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }

  /// A number that names the calling thread in the kernel, as `query-cpus` shows it.
  public static var currentID: Int { Int(linux_thread_id()) }
}
