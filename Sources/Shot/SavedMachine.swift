// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Migration
import Options
import PC
import QAPI

/// A machine in a folder, from which others start: its state, what was written to its disks, and the options it was started
/// with.
///
///     machine      a state file
///     NAME.qcow2   what was written to the drive of that name, over its image
///     saved.json   options, and the images as they were
struct SavedMachine {
  static let stateName: BytePath = "machine"
  static let aboutName: BytePath = "saved.json"
  /// No such file is larger.
  private static let aboutLimit = 1 << 20

  struct Disk {
    var drive: String
    var file: BytePath
    /// The image below, its format, length and last change.
    var image: BytePath
    var format: String
    var byteCount: Int64
    var modified: Int64
  }

  var folder: BytePath
  var options: [BytePath]
  var disks: [Disk]

  private init(folder: BytePath, options: [BytePath], disks: [Disk]) {
    (self.folder, self.options, self.disks) = (folder, options, disks)
  }

  // MARK: Writing

  /// Saves a machine that stands between two instructions.
  static func write(_ machine: Machine, options: [BytePath], to target: BytePath) throws(ShotMistake) {
    let folder = try WholeFolder(target, replacesThoseWith: aboutName)
    do throws(ShotMistake) {
      var disks: [Disk] = []
      for drive in machine.configuration.drives where drive.isSnapshot {
        guard let disk = try write(drive, of: machine, into: folder.place) else { continue }
        disks.append(disk)
      }
      let saved = SavedMachine(folder: folder.place, options: options, disks: disks)
      do throws(MigrationError) {
        let captured = try CapturedMachine(machine, after: machine.runState)
        let file = try open(folder.place.appending(stateName))
        defer { file.closeIgnoringErrors() }
        try captured.write(to: file)
      } catch {
        throw ShotMistake("cannot save the machine to '\(target)': \(error)")
      }
      let text = JSON.object(saved.json).utf8(isPretty: true, keepsOrder: true) + [UInt8(ascii: "\n")]
      do throws(Errno) { try AtomicFile.write(text, to: folder.place.appending(aboutName)) } catch {
        throw ShotMistake("cannot save the machine to '\(target)': \(error)")
      }
      try folder.commit()
    } catch {
      folder.abandon()
      throw error
    }
  }

  private static func open(_ path: BytePath) throws(MigrationError) -> FileDescriptor {
    do throws(Errno) { return try FileDescriptor.open(path, .readWrite, .exclusiveCreate, permissions: 0o666) } catch {
      throw MigrationError("cannot create '\(path)': \(error)")
    }
  }

  /// What was written to a drive with a temporary layer; nil for a drive without a medium.
  private static func write(
    _ drive: MachineConfiguration.Drive, of machine: Machine, into folder: BytePath
  ) throws(ShotMistake) -> Disk? {
    guard let top = machine.blockGraph.backend(named: drive.id)?.medium?.root, let below = top.backingNode else {
      return nil
    }
    // A machine that began from a saved one has a layer of that one too.
    let isSavedLayer =
      below.fileName.hasSuffix(fileSuffix) && BytePath(below.fileName).directory.appending(aboutName).exists
    guard let image = isSavedLayer ? below.backingNode : below else { return nil }
    let layers = isSavedLayer ? [top, below] : [top]
    let file = BytePath(drive.id + fileSuffix)
    let path: BytePath
    let status: FileStatus
    do throws(Errno) {
      path = try BytePath(image.fileName).resolved()
      status = try path.status()
    } catch {
      throw ShotMistake("cannot save the disk '\(drive.id)': \(image.fileName): \(error)")
    }
    do throws(BlockError) {
      try LayerCopy.write(layers, to: folder.appending(file), backing: path, format: image.driver)
    } catch {
      throw ShotMistake("cannot save the disk '\(drive.id)': \(error)")
    }
    return Disk(
      drive: drive.id, file: file, image: path, format: image.driver, byteCount: status.byteCount,
      modified: status.modified)
  }

  private static let fileSuffix = ".qcow2"

  private var json: JSONObject {
    var object = JSONObject()
    object["version"] = .int(1)
    object["options"] = .array(options.map { .string($0.description) })
    object["disks"] = .array(
      disks.map { disk in
        [
          "drive": .string(disk.drive), "file": .string(disk.file.description),
          "image": .string(disk.image.description), "format": .string(disk.format),
          "bytes": .int(disk.byteCount), "modified": .int(disk.modified),
        ]
      })
    return object
  }

  // MARK: Starting from it

  /// Reads what a folder says of itself, and checks that the images are as they were.
  init(at folder: BytePath) throws(ShotMistake) {
    self.folder = folder
    func wrong(_ why: String) -> ShotMistake { ShotMistake("'\(folder)' is no saved machine: \(why)") }
    let document: JSON
    let bytes: [UInt8]
    do throws(Errno) { bytes = try folder.appending(Self.aboutName).contents(limit: Self.aboutLimit) } catch {
      throw wrong("\(Self.aboutName): \(error)")
    }
    do throws(JSONError) { document = try JSON(parsing: bytes) } catch { throw wrong("\(Self.aboutName): \(error)") }
    guard document["version"]?.int == 1, let options = document["options"]?.array, let disks = document["disks"]?.array
    else { throw wrong("\(Self.aboutName) is of another version") }
    self.options = options.compactMap { $0.string.map { BytePath($0) } }
    self.disks = []
    for entry in disks {
      guard let drive = entry["drive"]?.string, let file = entry["file"]?.string, let image = entry["image"]?.string,
        let format = entry["format"]?.string, let byteCount = entry["bytes"]?.int,
        let modified = entry["modified"]?.int
      else { throw wrong("\(Self.aboutName) lacks something") }
      let disk = Disk(
        drive: drive, file: BytePath(file).lastComponent, image: BytePath(image), format: format,
        byteCount: byteCount, modified: modified)
      let status = try? disk.image.status()
      guard let status, status.byteCount == byteCount, status.modified == modified else {
        throw ShotMistake("the image '\(disk.image)' is not what it was when '\(folder)' was saved")
      }
      self.disks.append(disk)
    }
  }

  /// The options it was started with, if none of them could harm whoever starts from it.
  func trustedOptions() throws(ShotMistake) -> [BytePath] {
    if let objection = TrustedOptions.objection(to: options) {
      throw ShotMistake("'\(folder)' was saved with '\(objection)': give the emulator's options by hand")
    }
    return options
  }

  /// Makes a launch go on from here: its drives with what was written to them, its state from the file.
  func apply(to launch: inout Launch) throws(ShotMistake) {
    for disk in disks {
      guard let index = launch.machine.drives.firstIndex(where: { $0.id == disk.drive }) else {
        throw ShotMistake("'\(folder)' has a drive '\(disk.drive)', which the options do not make")
      }
      var place = NodeOptions(driver: .file)
      place.fileName = folder.appending(disk.file)
      place.isReadOnly = true
      var options = NodeOptions(driver: .qcow2)
      options.file = .options(place)
      options.isReadOnly = true
      launch.machine.drives[index].image = .open(options)
      launch.machine.drives[index].isSnapshot = true
    }
    launch.incoming = BytePath("file:") + folder.appending(Self.stateName).description
    launch.machine.waitsForIncoming = true
  }
}
