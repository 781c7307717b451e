// SPDX-License-Identifier: Apache-2.0
public import HostIO
public import Screen

/// Pictures and masks from files; `-` is standard input.
public enum PictureFile {
  /// Why one cannot be used: a sentence that names the file.
  public struct Failure: Error, CustomStringConvertible, Sendable {
    public let description: String
  }

  /// Files of more bytes are refused.
  private static let byteLimit = 1 << 30

  /// Names of other formats, which nobody would look for a PNG in.
  private static let otherFormats = [".gif", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".svg", ".pdf"]

  /// Whether a picture that is written as PNG or PPM may have such a name.
  public static func canBeWritten(_ path: BytePath) -> Bool {
    let name = path.description.lowercased()
    return !otherFormats.contains { name.hasSuffix($0) }
  }

  /// PPM for names that end so, PNG otherwise.
  public static func encoded(_ picture: Surface, for path: BytePath) throws(ImageError) -> [UInt8] {
    path.description.lowercased().hasSuffix(".ppm") ? picture.ppm() : try picture.png()
  }

  /// A PNG or binary PPM file.
  public static func picture(_ path: BytePath) throws(Failure) -> Surface {
    let bytes = try read(path)
    do throws(ImageError) { return try Surface(decoding: bytes) } catch {
      throw Failure(description: "cannot read '\(path)': \(error)")
    }
  }

  /// Masks for a picture, taken together; see `MaskFile` for what they may be.
  public static func mask(
    _ paths: [BytePath], of picture: Surface, called name: BytePath
  ) throws(Failure) -> ScreenMask {
    var mask = ScreenMask()
    for path in paths {
      let part: ScreenMask
      let bytes = try read(path)
      do throws(MaskFile.Failure) { part = try MaskFile(bytes).mask } catch {
        throw Failure(description: "the mask '\(path)' \(error.description)")
      }
      if let area = part.areaOutside(width: picture.width, height: picture.height) {
        throw Failure(description: "the mask '\(path)' has an area of \(area.text), which is not inside of '\(name)'")
      }
      mask.areas += part.areas
      mask.excluded += part.excluded
    }
    return mask
  }

  private static func read(_ path: BytePath) throws(Failure) -> [UInt8] {
    do throws(Errno) {
      if path == "-" { return try FileDescriptor.standardInput.readToEnd(limit: byteLimit) }
      let file = try FileDescriptor.open(path, .readOnly)
      defer { file.closeIgnoringErrors() }
      return try file.readToEnd(limit: byteLimit)
    } catch {
      throw Failure(description: "cannot read '\(path)': \(error)")
    }
  }
}

extension SurfaceComparison.Bounds {
  /// As X11 writes rectangles.
  var text: String { "\(width)x\(height)+\(x)+\(y)" }
}
