// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Why an image cannot be used. The sentences are those QEMU's users and clients match on.
public enum BlockError: Error, Equatable, CustomStringConvertible {
  /// open(2) or a later call on the image failed.
  case cannotOpen(String, Errno)
  /// A directory, socket, FIFO or terminal stands where a file or block device belongs.
  case notAFile(String)
  /// The image starts as an image of a known format that this build cannot read.
  case unsupportedFormat(String, ImageFormat)
  /// `format=` names a format that the image does not have.
  case wrongFormat(ImageFormat)
  /// `format=` names nothing known.
  case unknownFormat(String)
  /// Another process uses the image in a way that excludes ours. The flag tells whether it is their use of the right, or
  /// our own, that is in the way.
  case locked(String, permission: String, isShared: Bool)
  /// The content of an image does not hold together, or asks for something that is not there. QEMU's sentence.
  case invalidImage(String)
  /// An image keeps its length. QEMU's sentence.
  case cannotResize(String)
  /// What was asked for cannot be. QEMU's sentence.
  case refused(String)
  /// A change of an image failed half-way: what was to be done, and the host's reason.
  case failed(String, Errno)

  public var description: String {
    switch self {
    case .cannotOpen(let name, let error): "Could not open '\(name)': \(error)"
    case .notAFile(let name): "'file' driver requires '\(name)' to be a regular file"
    case .unsupportedFormat(let name, let format):
      "Image '\(name)' is in \(format.rawValue) format, which is not supported yet"
    case .wrongFormat(let format): "Image is not in \(format.rawValue) format"
    case .unknownFormat(let name): "Unknown driver '\(name)'"
    case .locked(let name, let permission, let isShared):
      "Failed to get \(isShared ? "shared " : "")\"\(permission)\" lock\nIs another process using the image [\(name)]?"
    case .invalidImage(let sentence), .cannotResize(let sentence), .refused(let sentence): sentence
    case .failed(let what, let error): "\(what): \(error)"
    }
  }
}
