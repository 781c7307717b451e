// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Screen
import ScreenTool

/// Writes what a run leaves behind, each file or folder whole or not at all. What goes wrong is a sentence.
struct ShotFiles {
  /// The emulator's options, for a saved machine.
  var options: [BytePath]

  func write(_ bytes: [UInt8], to path: BytePath) -> String? {
    do throws(Errno) {
      if path == "-" {
        try FileDescriptor.standardOutput.writeAll(bytes)
      } else {
        try AtomicFile.write(bytes, to: path)
      }
      return nil
    } catch {
      return "cannot write '\(path)': \(error)"
    }
  }

  func write(_ picture: Surface, to path: BytePath) -> String? {
    do throws(ImageError) { return write(try PictureFile.encoded(picture, for: path), to: path) } catch {
      return "cannot encode a picture for '\(path)': \(error)"
    }
  }

  func save(_ machine: Machine, to path: BytePath) -> String? {
    do throws(ShotMistake) {
      try SavedMachine.write(machine, options: options, to: path)
      return nil
    } catch {
      return error.description
    }
  }
}
