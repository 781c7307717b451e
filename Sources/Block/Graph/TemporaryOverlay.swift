// SPDX-License-Identifier: Apache-2.0
import HostIO

/// The layer of `snapshot=on` and `-snapshot`: a qcow2 image in a file without a name, gone with the process.
///
/// What the guest writes goes there, and internal snapshots too. Nothing waits for stable storage, since nothing here is
/// meant to survive.
struct TemporaryOverlay {
  /// TMPDIR's folder, as QEMU reads it: `/tmp` may be small, so it counts as not given.
  private static var givenFolder: BytePath? {
    HostProcess.environment("TMPDIR").flatMap { $0.isEmpty || $0 == "/tmp" ? nil : $0 }
  }

  /// A name under which an empty file can be opened, once.
  private let name: BytePath
  /// Kept until the image is open.
  private let file: FileDescriptor
  private let hasName: Bool

  private init() throws(BlockError) {
    if let folder = Self.givenFolder {
      (name, file) = try Self.makeFile(in: folder)
      hasName = true
      return
    }
    // Where neither folder is there, as in a container with one program in it, memory has to do.
    for folder: BytePath in ["/var/tmp", "/tmp"] {
      guard let made = try? Self.makeFile(in: folder) else { continue }
      (name, file, hasName) = (made.0, made.1, true)
      return
    }
    do throws(Errno) { file = try FileDescriptor.memoryFile(named: "apus-overlay") } catch {
      throw .failed("Could not open temporary file in memory", error)
    }
    (name, hasName) = (BytePath("/proc/self/fd/\(file.rawValue)"), false)
  }

  private static func makeFile(in folder: BytePath) throws(BlockError) -> (BytePath, FileDescriptor) {
    let start = folder.appending("vl.")
    do throws(Errno) { return try start.makeUniqueFile() } catch {
      throw .failed("Could not open temporary file '\(start)XXXXXX'", error)
    }
  }

  /// Nobody else finds the file; who has it open keeps it.
  private func forgetName() {
    if hasName { do throws(Errno) { try name.unlink() } catch {} }
    file.closeIgnoringErrors()
  }

  /// Makes the image over an open tree and opens it.
  static func put(over tree: OpenedTree, _ opener: ImageOpener) throws(BlockError) -> OpenedTree {
    let overlay = try TemporaryOverlay()
    defer { overlay.forgetName() }
    var storage = NodeOptions(driver: .file)
    storage.fileName = overlay.name
    storage.ignoresFlushes = true
    storage.unmapsDiscards = true
    do throws(BlockError) {
      try QCOW2Creation(byteCount: tree.root.byteCount).create(in: try ImageOpener().open(storage).root)
    } catch {
      throw .refused("Could not create temporary overlay '\(overlay.name)': \(error)")
    }
    var options = NodeOptions(driver: .qcow2)
    options.ignoresFlushes = true
    options.isReadOnly = tree.root.options.isReadOnlyAbove
    options.unmapsDiscards = tree.root.options.unmapsDiscards
    options.file = .options(storage)
    options.backing = .named(tree.root.name)
    let opened = try opener.knowing(tree.nodes).open(options)
    return OpenedTree(root: opened.root, nodes: tree.nodes + opened.nodes)
  }
}

extension OpenedTree {
  /// The same with a temporary layer over it that takes what is written.
  public func withTemporaryOverlay(_ opener: ImageOpener) throws(BlockError) -> OpenedTree {
    try TemporaryOverlay.put(over: self, opener)
  }
}
