// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// What a user of a node does with it, and what it lets others do at the same time. The names are QEMU's (BlockPermission
/// of qapi/block-core.json).
public struct BlockPermissions: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// What is read must be what the guest wrote.
  public static let consistentRead = BlockPermissions(rawValue: 1 << 0)
  public static let write = BlockPermissions(rawValue: 1 << 1)
  /// Writes that change nothing that can be seen.
  public static let writeUnchanged = BlockPermissions(rawValue: 1 << 2)
  public static let resize = BlockPermissions(rawValue: 1 << 3)
  public static let all: BlockPermissions = [.consistentRead, .write, .writeUnchanged, .resize]

  static let names: [(permission: BlockPermissions, bit: Int64, name: String)] = [
    (.consistentRead, 0, "consistent read"), (.write, 1, "write"), (.writeUnchanged, 2, "write unchanged"),
    (.resize, 3, "resize"),
  ]

  /// `'write', 'resize'`-like list for error texts: QEMU joins the names with commas inside one pair of quotes.
  var text: String { Self.names.filter { contains($0.permission) }.map(\.name).joined(separator: ", ") }
}

/// What all users of a node do together, and what all of them let others do.
public struct BlockUse: Sendable, Hashable {
  public var needed: BlockPermissions
  public var shared: BlockPermissions
  public init(needed: BlockPermissions, shared: BlockPermissions) { (self.needed, self.shared) = (needed, shared) }

  /// Nobody uses the node.
  public static let none = BlockUse(needed: [], shared: .all)
  /// A drive that no device uses.
  public static let unattached = BlockUse(needed: .consistentRead, shared: .all)

  /// A device: a disk can follow a change of the medium's length, a drive with removable media cannot.
  public static func device(isReadOnly: Bool, isResizable: Bool, sharesWrites: Bool = false) -> BlockUse {
    var use = BlockUse(needed: .consistentRead, shared: [.consistentRead, .writeUnchanged])
    if !isReadOnly { use.needed.insert(.write) }
    if isResizable { use.shared.insert(.resize) }
    if sharesWrites { use.shared.insert(.write) }
    return use
  }

  /// What is left of it while another process has the image.
  var whileInactive: BlockUse { BlockUse(needed: needed.intersection(.consistentRead), shared: .all) }

  func joined(with other: BlockUse) -> BlockUse {
    BlockUse(needed: needed.union(other.needed), shared: shared.intersection(other.shared))
  }
}

extension GraphNode {
  /// A write of the last unit makes it whole, which takes the right to change the length.
  func checkAlignment(_ use: BlockUse) throws(BlockError) {
    guard let file = content as? FileNode, use.needed.contains(.write), !use.needed.contains(.resize),
      byteCount % Int64(file.requestAlignment) != 0
    else { return }
    throw .refused(
      "Cannot get 'write' permission without 'resize': Image size is not a multiple of request alignment")
  }
}

/// Rights to an image that processes agree upon through locks on single bytes of the file.
///
/// For permission `n`, a shared lock on byte 100 + n says "I use it" and one on byte 200 + n says "nobody else may". These
/// are QEMU's bytes, so the two programs respect each other's images. (Observed in /proc/locks with QEMU 7.2.)
///
/// The locks belong to the open file. `file` is a second descriptor of it, so they live as long as this object and the
/// node whose file it is.
final class ImageLocks: Sendable {
  private let file: FileDescriptor
  private let fileName: String
  private let held = Mutex(BlockUse.none)
  private static let usedBase: Int64 = 100
  private static let deniedBase: Int64 = 200

  /// Takes over `file`.
  init(_ file: FileDescriptor, fileName: String) { (self.file, self.fileName) = (file, fileName) }

  deinit { file.closeIgnoringErrors() }

  /// Takes the locks that `use` adds to those held, looks whether anybody's stand against them, and lets go of those that
  /// it no longer needs. File systems without locks are let pass. Nothing changes when it fails.
  func apply(_ use: BlockUse) throws(BlockError) {
    let old = held.withLock { $0 }
    if old == use { return }
    let denied = BlockPermissions.all.subtracting(use.shared)
    let oldDenied = BlockPermissions.all.subtracting(old.shared)
    do throws(Errno) {
      try lock(use.needed.subtracting(old.needed), Self.usedBase)
      try lock(denied.subtracting(oldDenied), Self.deniedBase)
    } catch {
      return
    }
    do throws(BlockError) {
      for entry in BlockPermissions.names {
        if use.needed.contains(entry.permission), !isFree(Self.deniedBase + entry.bit) {
          throw .locked(fileName, permission: entry.name, isShared: false)
        }
        if denied.contains(entry.permission), !isFree(Self.usedBase + entry.bit) {
          throw .locked(fileName, permission: entry.name, isShared: true)
        }
      }
    } catch {
      unlock(use.needed.subtracting(old.needed), Self.usedBase)
      unlock(denied.subtracting(oldDenied), Self.deniedBase)
      throw error
    }
    unlock(old.needed.subtracting(use.needed), Self.usedBase)
    unlock(oldDenied.subtracting(denied), Self.deniedBase)
    held.withLock { $0 = use }
  }

  var use: BlockUse { held.withLock { $0 } }

  /// Adds to what is held.
  func applyMore(_ use: BlockUse) throws(BlockError) { try apply(held.withLock { $0 }.joined(with: use)) }

  private func lock(_ permissions: BlockPermissions, _ base: Int64) throws(Errno) {
    for entry in BlockPermissions.names where permissions.contains(entry.permission) {
      try file.lock(.shared, at: base + entry.bit, byteCount: 1)
    }
  }

  private func unlock(_ permissions: BlockPermissions, _ base: Int64) {
    do throws(Errno) {
      for entry in BlockPermissions.names where permissions.contains(entry.permission) {
        try file.lock(.unlock, at: base + entry.bit, byteCount: 1)
      }
    } catch {}
  }

  private func isFree(_ byte: Int64) -> Bool {
    do throws(Errno) { return try file.canLock(.exclusive, at: byte, byteCount: 1) } catch { return true }
  }
}
