// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI

extension QMPError {
  init(_ error: ScreenCaptureError) {
    switch error {
    case .noConsole: self = QMPError("There is no console to take a screendump from")
    case .deviceNotFound(let device): self = .deviceNotFound(device)
    case .notBound(let device, let head):
      self = QMPError("Device \(device) (head \(head)) is not bound to a QemuConsole")
    }
  }
}

/// Writes what a display shows at this instant to a file.
struct Screendump: MonitorTwoPhaseCommand {
  static let name = "screendump"
  enum Format: String, QMPEnum { case ppm, png }
  var filename: String
  var device: String?
  var head: Int64?
  var format: Format?
  var cursor: ScreenCursor?

  enum CodingKeys: String, CodingKey {
    case filename, device, head, format
    case cursor = "__org.apus_cursor"
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    if head != nil, device == nil { throw QMPError("'head' must be specified together with 'device'") }
    let picture: ScreenCapture
    do throws(ScreenCaptureError) {
      picture = try context.machine.captureScreen(device: device, head: head ?? 0, cursor: cursor)
    } catch {
      throw QMPError(error)
    }
    let encode = format == .png ? context.hub.encoders.png : context.hub.encoders.ppm
    let name = filename
    return .finishing { progress in
      HostFile.save(
        to: name, openingFailed: { QMPError("failed to open file '\(name)': \($0)") },
        writingFailed: { QMPError("Unable to write to file: \($0)") }
      ) { file throws(QMPError) in
        let bytes: [UInt8]
        do { bytes = try encode(picture) } catch { throw QMPError("Unable to encode the picture: \(error)") }
        progress()
        try file.append(bytes)
        progress()
      }
    }
  }
}
