// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// `-pidfile`: holds the process id, and a lock on it, while the process lives.
enum PIDFile {
  /// The file that is there now.
  private static let current = Mutex<BytePath?>(nil)

  /// Creates the file, or ends the process with QEMU's sentence.
  static func create(_ path: BytePath) {
    do throws(Errno) {
      let file = try lockedFile(path)
      try file.truncate(to: 0)
      try file.writeAll("\(HostProcess.processID)\n")
      // The file stays open: its lock tells another process that the number is in use.
      current.withLock { $0 = path }
    } catch {
      Runner.fail("cannot create PID file: Cannot write pid file: \(error)")
    }
  }

  private static func lockedFile(_ path: BytePath) throws(Errno) -> FileDescriptor {
    while true {
      let file: FileDescriptor
      do throws(Errno) { file = try FileDescriptor.open(path, .readWrite, .create, permissions: 0o600) } catch {
        Runner.fail("cannot create PID file: Could not create '\(path)': \(error)")
      }
      do throws(Errno) { try file.lock(.exclusive, at: 0, byteCount: 0) } catch {
        Runner.fail("cannot create PID file: Cannot lock pid file: \(error)")
      }
      // The last owner may have removed it between our open and our lock: then the lock is on a file without a name.
      let opened = try file.status()
      if let named = try? path.status(), (named.device, named.inode) == (opened.device, opened.inode) { return file }
      file.closeIgnoringErrors()
    }
  }

  static func removeCurrent() {
    let path = current.withLock { path in
      defer { path = nil }
      return path
    }
    try? path?.unlink()
  }
}
