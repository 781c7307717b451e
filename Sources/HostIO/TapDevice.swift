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

  /// Bytes of the header that stands before each frame (IFF_VNET_HDR), usually none. Throws for what is no interface's.
  public static func headerByteCount(of descriptor: FileDescriptor) throws(Errno) -> Int {
    Int(try call { linux_tap_header_size(descriptor.rawValue) })
  }

  /// Has a program make an interface and plug it into a bridge; it sends the descriptor through a socket that it inherits. Nil
  /// when it does not. One with blanks in its name is a line for the shell.
  public static func open(helper: String, bridge: String) -> FileDescriptor? {
    guard let (ours, theirs) = try? FileDescriptor.socketPair() else { return nil }
    defer { ours.closeIgnoringErrors() }
    var arguments = ["--use-vnet", "--fd=\(theirs.rawValue)", "--br=\(bridge)"]
    var program = helper
    if helper.contains(where: { $0 == " " || $0 == "\t" }) {
      if helper.contains("--br=") { arguments.removeLast() }
      if helper.contains("--fd=") { arguments.remove(at: 1) }
      (program, arguments) = ("/bin/sh", ["sh", "-c", ([helper] + arguments).joined(separator: " ")])
    } else {
      arguments.insert(helper, at: 0)
    }
    let child = try? ChildProcess(
      program: BytePath(program), arguments: arguments.map { BytePath($0) }, inherited: theirs)
    theirs.closeIgnoringErrors()
    guard let child else { return nil }
    var received: [FileDescriptor] = []
    if (try? ours.wait(for: .readable, milliseconds: patience))?.isEmpty == false {
      received = (try? Socket.receive(from: ours, upTo: 1))?.descriptors ?? []
    }
    let ending = child.wait(nanoseconds: UInt64(patience) * 1_000_000)
    if ending == nil { child.terminate() }
    for extra in received.dropFirst() { extra.closeIgnoringErrors() }
    guard ending?.isSuccess == true else {
      received.first?.closeIgnoringErrors()
      return nil
    }
    return received.first
  }

  /// Milliseconds that a helper has.
  private static let patience: Int32 = 30_000

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
