// SPDX-License-Identifier: Apache-2.0

/// Why a picture could not be read or written.
public enum ImageError: Error, Equatable, CustomStringConvertible {
  /// Neither PPM (P6) nor PNG.
  case unknownFormat
  /// The named part of the picture is not as its format demands.
  case malformed(String)
  /// The picture has no pixels or more than `Surface.maximumSide` in a row or column.
  case size(width: Int, height: Int)
  /// The PNG library refused, with its message.
  case library(String)

  public var description: String {
    switch self {
    case .unknownFormat: "The picture is neither a binary PPM nor a PNG"
    case .malformed(let part): "The picture is malformed: \(part)"
    case .size(let width, let height): "A picture of \(width)x\(height) pixels cannot be handled"
    case .library(let message): "The PNG library reports: \(message)"
    }
  }
}

/// File formats of a screenshot.
public enum ImageFormat: String, Sendable, CaseIterable {
  case ppm
  case png
}

extension Surface {
  /// The picture as the bytes of a file.
  public func encoded(as format: ImageFormat) throws(ImageError) -> [UInt8] {
    switch format {
    case .ppm: ppm()
    case .png: try png()
    }
  }

  /// Reads a PPM (P6) or PNG picture, told apart by its first bytes.
  public init(decoding bytes: [UInt8]) throws(ImageError) {
    if bytes.starts(with: [0x50, 0x36]) {
      try self.init(ppm: bytes)
    } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      try self.init(png: bytes)
    } else {
      throw .unknownFormat
    }
  }
}
