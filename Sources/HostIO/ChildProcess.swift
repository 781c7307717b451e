// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A command that this process started and will collect, in a process group of its own.
///
/// It inherits nothing but its three streams and what it is given by number: every other descriptor of ours is close-on-exec.
public final class ChildProcess: Sendable {
  /// How a process ended.
  public enum Ending: Sendable, Hashable {
    case exited(status: Int32)
    case killed(signal: Int32)

    public var isSuccess: Bool { self == .exited(status: 0) }
  }

  public let processID: Int32
  private let ending = Guarded<Ending?>(nil)

  /// Runs `/bin/sh -c COMMAND`. A stream that is not given is `/dev/null`; standard error is ours.
  public convenience init(
    shellCommand command: BytePath, standardInput: FileDescriptor? = nil, standardOutput: FileDescriptor? = nil
  ) throws(Errno) {
    try self.init(
      program: "/bin/sh", arguments: ["sh", "-c", command], standardInput: standardInput,
      standardOutput: standardOutput)
  }

  /// Runs a program, whose name is the first argument. `inherited` keeps its number.
  public init(
    program: BytePath, arguments: [BytePath], standardInput: FileDescriptor? = nil,
    standardOutput: FileDescriptor? = nil, inherited: FileDescriptor? = nil
  ) throws(Errno) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, stream, mode) in [(Int32(0), standardInput, O_RDONLY), (1, standardOutput, O_WRONLY)] {
      if let stream {
        posix_spawn_file_actions_adddup2(&actions, stream.rawValue, number)
      } else {
        posix_spawn_file_actions_addopen(&actions, number, "/dev/null", mode, 0)
      }
    }
    // Onto itself: it stays open.
    if let inherited { posix_spawn_file_actions_adddup2(&actions, inherited.rawValue, inherited.rawValue) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Our threads block signals and this process ignores SIGPIPE; a shell command expects neither.
    var none = sigset_t()
    sigemptyset(&none)
    var ignored = sigset_t()
    sigemptyset(&ignored)
    sigaddset(&ignored, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &ignored)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP)
    posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))
    var process: pid_t = 0
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { argument in argument.withCString { strdup($0) } }
    defer { for word in words { free(word) } }
    words.append(nil)
    let code = program.withCString { posix_spawn(&process, $0, &actions, &attributes, &words, linux_environment()) }
    if code != 0 { throw Errno(code) }
    processID = process
  }

  /// How it ended, once it has; it is no zombie then. Nil while it runs.
  public func poll() -> Ending? {
    ending.withLock { ending in
      if ending != nil { return ending }
      var status: Int32 = 0
      let result = waitpid(processID, &status, WNOHANG)
      if result == 0 || (result < 0 && errno == EINTR) { return nil }
      // Somebody else has collected it: nothing is known, which is no success.
      let signal = status & 0x7f
      ending =
        result < 0 ? .exited(status: -1) : signal == 0 ? .exited(status: (status >> 8) & 0xff) : .killed(signal: signal)
      return ending
    }
  }

  /// Waits for its end, at most about `nanoseconds`.
  public func wait(nanoseconds: UInt64) -> Ending? {
    let start = HostClock.monotonicNanoseconds
    var pause: UInt64 = 100_000
    while true {
      if let ending = poll() { return ending }
      if HostClock.monotonicNanoseconds &- start >= nanoseconds { return nil }
      HostClock.sleep(nanoseconds: min(pause, nanoseconds))
      pause = min(pause * 2, 5_000_000)
    }
  }

  /// Ends the command and all it started, politely first, and collects it.
  public func terminate() {
    ending.withLock { ending in
      if ending != nil { return }
      // Safe from hitting a stranger: the id stays ours until the process has been collected.
      kill(-processID, SIGTERM)
      let start = HostClock.monotonicNanoseconds
      while !hasEnded, HostClock.monotonicNanoseconds &- start < 500_000_000 { HostClock.sleep(nanoseconds: 1_000_000) }
      // The shell may be gone and what it started not.
      kill(-processID, SIGKILL)
    }
    _ = wait(nanoseconds: 5_000_000_000)
  }

  /// Whether it waits to be collected.
  private var hasEnded: Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(processID), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == SIGCHLD
  }
}
