// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A signal that asks the process to end or change.
public enum HostSignal: Int32, Sendable, CaseIterable {
  case hangUp = 1
  case interrupt = 2
  case terminate = 15
  case user1 = 10
  case user2 = 12
  case windowChanged = 28
  case continued = 18
}

public enum Signals {
  /// Writing to a closed pipe or socket becomes `.brokenPipe` instead of death. Call once, first thing.
  public static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// Blocks all signals but those a fault in this very thread raises; returns the mask before.
  static func blockAsynchronous() -> sigset_t {
    var all = sigset_t()
    sigfillset(&all)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&all, fault) }
    var previous = sigset_t()
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    return previous
  }

  static func restore(_ mask: sigset_t) {
    var mask = mask
    pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  /// Sends a signal to the calling thread only, where it stays pending while blocked.
  package static func raise(_ signal: HostSignal) { pthread_kill(pthread_self(), signal.rawValue) }

  /// Sends a signal, as kill(2).
  public static func send(_ signal: HostSignal, to process: Int32) throws(Errno) {
    _ = try call { kill(process, signal.rawValue) }
  }
}

/// Delivers signals to a callback on the event loop, with who sent them.
///
/// Make it on the main thread before other threads exist (ours start with signals blocked, so order only matters for
/// threads of libraries): the signals become blocked here and are read from a signalfd(2).
public final class SignalWatch: Sendable {
  private let watch: EventLoop.Watch
  private let descriptor: FileDescriptor

  /// `handler` gets the signal and the sender's process id (0: the kernel, for example Ctrl-C on a terminal).
  public init(
    _ signals: [HostSignal], on loop: EventLoop, _ handler: @escaping @Sendable (HostSignal, Int32) -> Void
  ) throws(Errno) {
    var set = sigset_t()
    sigemptyset(&set)
    for item in signals {
      sigaddset(&set, item.rawValue)
      // nohup(1) leaves SIGHUP ignored, and an ignored signal never reaches a signalfd.
      if item == .hangUp || item == .interrupt || item == .terminate { _ = signal(item.rawValue, SIG_DFL) }
    }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let flags = O_CLOEXEC | O_NONBLOCK  // SFD_CLOEXEC and SFD_NONBLOCK have these values by definition.
    let descriptor = FileDescriptor(rawValue: try call { signalfd(-1, &set, flags) })
    self.descriptor = descriptor
    watch = try loop.watch(descriptor, .readable) { _ in
      var info = signalfd_siginfo()
      let size = MemoryLayout<signalfd_siginfo>.size
      while withUnsafeMutableBytes(of: &info, { Glibc.read(descriptor.rawValue, $0.baseAddress, size) }) == size {
        if let signal = HostSignal(rawValue: Int32(truncatingIfNeeded: info.ssi_signo)) {
          // SI_USER, SI_TKILL and SI_QUEUE are 0 or less; positive codes come from the kernel, whose pid field is void.
          handler(signal, info.ssi_code <= 0 ? Int32(truncatingIfNeeded: info.ssi_pid) : 0)
        }
      }
    }
  }

  public func cancel() {
    watch.cancel()
    descriptor.closeIgnoringErrors()
  }
}
