// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Rights to an image that processes agree upon through locks on single bytes of the file.
///
/// For right `n`, a shared lock on byte 100 + n says "I use it" and one on byte 200 + n says "nobody else may". These are
/// QEMU's bytes, so the two programs respect each other's images. (Observed in /proc/locks with QEMU 7.2.)
struct ImageRights: OptionSet {
  let rawValue: Int64
  static let consistentRead = ImageRights(rawValue: 1 << 0)
  static let write = ImageRights(rawValue: 1 << 1)

  private static let names: [(right: ImageRights, byte: Int64, name: String)] = [
    (.consistentRead, 0, "consistent read"), (.write, 1, "write"),
  ]
  private static let usedBase: Int64 = 100
  private static let deniedBase: Int64 = 200

  /// Takes the locks and then looks whether anybody's stand against them. File systems without locks are let pass.
  static func take(_ used: ImageRights, denied: ImageRights, on file: FileDescriptor, name: String) throws(BlockError) {
    do throws(Errno) {
      for entry in names where used.contains(entry.right) {
        try file.lock(.shared, at: usedBase + entry.byte, byteCount: 1)
      }
      for entry in names where denied.contains(entry.right) {
        try file.lock(.shared, at: deniedBase + entry.byte, byteCount: 1)
      }
    } catch {
      return
    }
    for entry in names {
      if used.contains(entry.right), !isFree(deniedBase + entry.byte, file) {
        throw .locked(name, permission: entry.name, isShared: false)
      }
      if denied.contains(entry.right), !isFree(usedBase + entry.byte, file) {
        throw .locked(name, permission: entry.name, isShared: true)
      }
    }
  }

  private static func isFree(_ byte: Int64, _ file: FileDescriptor) -> Bool {
    do throws(Errno) { return try file.canLock(.exclusive, at: byte, byteCount: 1) } catch { return true }
  }
}
