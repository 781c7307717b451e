// SPDX-License-Identifier: Apache-2.0
import HostIO
import ScreenTool

/// Mistakes in what a run is to write that can be told before it has begun.
enum OutputCheck {
  private static let folders = ["save", "bundle"]
  private static let pictures = ["shot", "output"]

  static func check(_ name: String, _ path: BytePath) throws(ShotMistake) {
    if path == "-", !folders.contains(name) { return }
    let isFolder = isFolder(path)
    if isFolder == true, !folders.contains(name) { throw ShotMistake("\(name): '\(path)' is a folder") }
    if isFolder == false, folders.contains(name) {
      throw ShotMistake("\(name): '\(path)' is there already and is no folder")
    }
    let parent = path.directory
    switch Self.isFolder(parent) {
    case true: break
    case false: throw ShotMistake("\(name): '\(path)' cannot be written: '\(parent)' is no folder")
    default: throw ShotMistake("\(name): '\(path)' cannot be written: there is no folder '\(parent)'")
    }
    if pictures.contains(name), !PictureFile.canBeWritten(path) {
      throw ShotMistake("\(name): '\(path)' is no name for a PNG or PPM picture, which are all that can be written")
    }
  }

  /// nil: there is nothing.
  private static func isFolder(_ path: BytePath) -> Bool? {
    do throws(Errno) { return try path.status().kind == .directory } catch { return nil }
  }
}
