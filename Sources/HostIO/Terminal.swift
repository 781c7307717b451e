// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// Terminal modes and pseudo-terminals.
public enum Terminal {
  private struct Saved {
    let descriptor: FileDescriptor
    let attributes: termios
    let flags: Int32
  }

  private static let saved = Mutex<[Saved]>([])

  public static func isTerminal(_ descriptor: FileDescriptor) -> Bool { isatty(descriptor.rawValue) == 1 }

  /// Puts a terminal in raw mode: no echo, no line editing, no translation of what is typed. Output post-processing stays on, so
  /// messages keep their line starts. With `signals` Ctrl-C and Ctrl-Z still act on the process. The mode before the first
  /// call is remembered and comes back with `restore`, `restoreAll` or `HostProcess.exit`. Not a terminal: nothing happens.
  public static func setRaw(_ descriptor: FileDescriptor, signals: Bool) throws(Errno) {
    guard isTerminal(descriptor) else { return }
    let current = try attributes(of: descriptor)
    let flags = try call { fcntl(descriptor.rawValue, F_GETFL) }
    saved.withLock { list in
      if !list.contains(where: { $0.descriptor == descriptor }) {
        list.append(Saved(descriptor: descriptor, attributes: current, flags: flags))
      }
    }
    var raw = current
    makeRaw(&raw)
    raw.c_oflag |= tcflag_t(OPOST)
    if signals { raw.c_lflag |= tcflag_t(ISIG) }
    _ = try call { tcsetattr(descriptor.rawValue, TCSANOW, &raw) }
  }

  public static func restore(_ descriptor: FileDescriptor) {
    let entry = saved.withLock { list -> Saved? in
      guard let place = list.firstIndex(where: { $0.descriptor == descriptor }) else { return nil }
      return list.remove(at: place)
    }
    if let entry { put(entry) }
  }

  /// Gives every terminal its first mode back. Called at exit.
  public static func restoreAll() {
    let entries = saved.withLock { list in
      defer { list.removeAll() }
      return list
    }
    for entry in entries { put(entry) }
  }

  private static func put(_ entry: Saved) {
    var attributes = entry.attributes
    _ = tcsetattr(entry.descriptor.rawValue, TCSANOW, &attributes)
    _ = fcntl(entry.descriptor.rawValue, F_SETFL, entry.flags)
  }

  private static func attributes(of descriptor: FileDescriptor) throws(Errno) -> termios {
    var attributes = termios()
    _ = try call { tcgetattr(descriptor.rawValue, &attributes) }
    return attributes
  }

  private static func makeRaw(_ attributes: inout termios) {
    cfmakeraw(&attributes)
    // cfmakeraw(3) sets VMIN 1 and VTIME 0 on Linux, 8 bits and no parity.
  }

  /// Columns and rows; nil when it is no terminal or does not know.
  public static func size(of descriptor: FileDescriptor) -> (columns: Int, rows: Int)? {
    var size = winsize()
    guard linux_window_size(descriptor.rawValue, &size) == 0, size.ws_col > 0 else { return nil }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Opens a pseudo-terminal in raw mode. `name` is what the other program opens (`/dev/pts/3`).
  /// The slave side is closed again, so the master hangs up until somebody opens `name`.
  public static func openPseudoTerminal() throws(Errno) -> (master: FileDescriptor, name: BytePath) {
    let master = FileDescriptor(rawValue: try call { posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) })
    do throws(Errno) {
      _ = try call { grantpt(master.rawValue) }
      _ = try call { unlockpt(master.rawValue) }
      var buffer = [CChar](repeating: 0, count: 128)
      let code = ptsname_r(master.rawValue, &buffer, buffer.count)
      if code != 0 { throw Errno(code) }
      let name = BytePath(bytes: buffer.map { UInt8(bitPattern: $0) })
      let slave = try FileDescriptor.open(name, .readWrite, .noControllingTerminal)
      defer { slave.closeIgnoringErrors() }
      var attributes = try attributes(of: slave)
      makeRaw(&attributes)
      _ = try call { tcsetattr(slave.rawValue, TCSAFLUSH, &attributes) }
      return (master, name)
    } catch {
      master.closeIgnoringErrors()
      throw error
    }
  }
}
