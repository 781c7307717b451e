// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI

/// How the commands that leave a file on the host write it: completely before the reply, or not at all.
struct HostFile {
  /// Captures up to this size are copied at once; larger ones hold the guest and are read piece by piece.
  static let copiedAtOnce = 4 << 20
  static let chunk = 1 << 20

  private let file: AtomicFile
  private let writingFailed: (Errno) -> QMPError

  func append(_ bytes: [UInt8]) throws(QMPError) {
    do throws(Errno) { try file.write(bytes) } catch { throw writingFailed(error) }
  }

  /// Opens `name`, lets `fill` write to it and puts it in place. On a worker: a FIFO may wait for its reader here.
  static func save(
    to name: String, openingFailed: (Errno) -> QMPError, writingFailed: @escaping (Errno) -> QMPError,
    _ fill: (HostFile) throws(QMPError) -> Void
  ) -> Result<Empty, QMPError> {
    do throws(QMPError) {
      let output: HostFile
      do throws(Errno) {
        output = HostFile(file: try AtomicFile(BytePath(name)), writingFailed: writingFailed)
      } catch {
        throw openingFailed(error)
      }
      defer { output.file.abandon() }
      try fill(output)
      do throws(Errno) { try output.file.commit() } catch { throw writingFailed(error) }
      return .success(Empty())
    } catch {
      return .failure(error)
    }
  }
}
