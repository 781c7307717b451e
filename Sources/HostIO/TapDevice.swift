// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Linux TAP interfaces and the programs that set them up.
public enum TapDevice {
  /// Opens or makes an interface; without a name the kernel picks one. Gives the descriptor, non-blocking, and the name.
  public static func open(_ name: String?) throws(Errno) -> (FileDescriptor, String) {
    let descriptor = try FileDescriptor.open("/dev/net/tun", .readWrite, .nonBlocking)
    var buffer = [CChar](repeating: 0, count: 16)
    for (index, byte) in (name ?? "tap%d").utf8.prefix(15).enumerated() { buffer[index] = CChar(bitPattern: byte) }
    do throws(Errno) { _ = try call { linux_make_tap(descriptor.rawValue, &buffer) } } catch {
      descriptor.closeIgnoringErrors()
      throw error
    }
    return (descriptor, String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// Whether a descriptor belongs to an interface: throws if not.
  public static func check(_ descriptor: FileDescriptor) throws(Errno) {
    _ = try call { linux_check_tap(descriptor.rawValue) }
  }

  /// Runs `script INTERFACE` and waits for it; gives its exit status, nil when it could not be started.
  public static func run(_ script: BytePath, _ interface: String) -> Int32? {
    var child = pid_t()
    guard let program = strdup(script.description), let argument = strdup(interface) else { return nil }
    defer {
      free(program)
      free(argument)
    }
    var arguments = [program, argument, nil]
    guard posix_spawn(&child, program, nil, nil, &arguments, linux_environment()) == 0 else { return nil }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { if errno != EINTR { return nil } }
    return status & 0x7f == 0 ? status >> 8 & 0xff : nil
  }
}
