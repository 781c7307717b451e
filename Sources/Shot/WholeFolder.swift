// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A folder that appears under its name when all of it is there.
struct WholeFolder {
  private let target: BytePath
  /// Where its files are written.
  let place: BytePath

  /// - Parameter mark: a file that tells that a folder may be replaced: one like it was written before.
  init(_ target: BytePath, replacesThoseWith mark: BytePath) throws(ShotMistake) {
    // Without a slash at the end, which rename(2) would take for a folder that must be there.
    var bytes = target.bytes
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    self.target = BytePath(bytes: bytes)
    if self.target.exists, !self.target.appending(mark).exists, !Self.isEmptyFolder(self.target) {
      throw ShotMistake("'\(target)' is there already and is nothing that may be replaced")
    }
    do throws(Errno) { place = try (self.target + ".").makeUniqueDirectory() } catch {
      throw ShotMistake("cannot make a folder beside '\(target)': \(error)")
    }
  }

  private static func isEmptyFolder(_ path: BytePath) -> Bool {
    do throws(Errno) { return try path.directoryEntries().isEmpty } catch { return false }
  }

  /// Puts it in place; what was there before goes away.
  func commit() throws(ShotMistake) {
    do throws(Errno) {
      try place.setPermissions(0o777)
      guard target.exists else { return try place.rename(to: target) }
      let old = try (target + ".").makeUniqueDirectory()
      try target.rename(to: old)
      do throws(Errno) { try place.rename(to: target) } catch {
        try old.rename(to: target)
        throw error
      }
      Self.remove(old)
    } catch {
      Self.remove(place)
      throw ShotMistake("cannot put '\(target)' in its place: \(error)")
    }
  }

  func abandon() { Self.remove(place) }

  /// Removes a folder with what is in it; what cannot be removed stays.
  private static func remove(_ folder: BytePath) {
    do throws(Errno) {
      for name in try folder.directoryEntries() {
        let path = folder.appending(name)
        if (try? path.symbolicLinkTarget()) == nil, (try? path.status().kind) == .directory {
          remove(path)
        } else {
          try path.unlink()
        }
      }
      try folder.removeDirectory()
    } catch {}
  }
}
