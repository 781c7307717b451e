// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// This process: its arguments, streams, environment and end.
public enum HostProcess {
  /// The command line as bytes, program name first.
  public static var arguments: [BytePath] {
    let count = Int(CommandLine.argc)
    return (0..<count).compactMap { CommandLine.unsafeArgv[$0].map { BytePath(cString: $0) } }
  }

  public static var processID: Int32 { getpid() }

  /// An environment variable's value; nil when unset.
  public static func environment(_ name: String) -> BytePath? {
    getenv(name).map { BytePath(cString: $0) }
  }

  /// The running executable's file.
  public static func executablePath() throws(Errno) -> BytePath {
    let link: BytePath = "/proc/self/exe"
    return try link.symbolicLinkTarget()
  }

  /// The short name of a process, as ps(1) shows it; nil when it is gone.
  public static func name(ofProcess id: Int32) -> String? {
    guard let bytes = try? BytePath("/proc/\(id)/comm").contents(limit: 4096) else { return nil }
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// The command line of a process with NULs as separators, which is how QEMU names a killer; nil when it is gone.
  public static func commandName(ofProcess id: Int32) -> String? {
    guard let bytes = try? BytePath("/proc/\(id)/cmdline").contents(limit: 1 << 20), !bytes.isEmpty else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Memory this process holds in RAM now, in bytes (VmRSS).
  public static var residentByteCount: Int { statm(field: 1) }

  private static func statm(field: Int) -> Int {
    guard let bytes = try? BytePath("/proc/self/statm").contents(limit: 4096) else { return 0 }
    let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    return words.count > field ? (Int(words[field]) ?? 0) * MappedMemory.pageByteCount : 0
  }

  /// Processors this process may use.
  public static var processorCount: Int { max(1, Int(linux_processor_count())) }

  /// Physical memory of the host, in bytes.
  public static var hostMemoryByteCount: Int { Int(sysconf(Int32(_SC_PHYS_PAGES))) &* MappedMemory.pageByteCount }

  /// Opens `/dev/null` in place of a standard stream the process was started without, so that no file opened later gets
  /// its number. Call first thing.
  public static func openMissingStreams() {
    while let file = try? FileDescriptor.open("/dev/null", .readWrite) {
      if file.rawValue > 2 { return file.closeIgnoringErrors() }
    }
  }

  /// Writes `apus: MESSAGE` and a newline to standard error, in one piece.
  public static func report(_ message: String) { printError("apus: \(message)\n") }

  /// Writes text to standard error as it is. A closed stream is ignored: there is nobody left to tell.
  public static func printError(_ text: String) { try? FileDescriptor.standardError.writeAll(text) }

  /// Writes text to standard output as it is.
  public static func printOutput(_ text: String) throws(Errno) { try FileDescriptor.standardOutput.writeAll(text) }

  /// Ends the process, restoring the terminal. Buffers of C streams are flushed.
  public static func exit(_ code: Int32) -> Never {
    Terminal.restoreAll()
    Glibc.exit(code)
  }

  /// Ends the process in this instant: no exit handlers, but the terminal is restored.
  public static func exitImmediately(_ code: Int32) -> Never {
    Terminal.restoreAll()
    _exit(code)
  }

  /// getcwd(3).
  public static func currentDirectory() throws(Errno) -> BytePath {
    guard let name = getcwd(nil, 0) else { throw .last }
    defer { free(name) }
    return BytePath(cString: name)
  }

  /// fork(2), for `-daemonize`: legal only before any thread exists. 0 in the child, else the child's id.
  public static func fork() throws(Errno) -> Int32 { try call { linux_fork() } }

  /// setsid(2).
  public static func startSession() throws(Errno) { _ = try call { setsid() } }

  /// chdir(2).
  public static func changeDirectory(to path: BytePath) throws(Errno) {
    _ = try path.withCString { (name) throws(Errno) in try call { chdir(name) } }
  }
}
