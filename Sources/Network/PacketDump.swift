// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Which frames a record has, as seen by the back end that it belongs to.
public enum DumpDirection: String, Sendable {
  case all
  case received = "rx"
  case sent = "tx"
}

/// `filter-dump`: writes the frames that pass a back end into a file that tcpdump and Wireshark read.
///
/// Frames carry virtual time. Writing happens on the machine thread, as a dump is a debugging aid: a full disk ends the
/// record, not the guest.
///
/// Reference: libpcap, pcap-savefile(5): version 2.4, link type 1 (Ethernet), native byte order, microseconds.
final class PacketDump {
  private let file: FileDescriptor
  private let clock: VirtualClock
  private let snapLength: Int
  /// Wall time at virtual time 0, in microseconds.
  private let start: Int64
  private var buffer: [UInt8] = []
  private var hasFailed = false
  var direction = DumpDirection.all
  /// Off: frames pass unrecorded.
  var isOn = true

  init(_ path: BytePath, maximumByteCount: Int, clock: VirtualClock, isCounted: Bool) throws(NetworkError) {
    do throws(Errno) {
      file = try FileDescriptor.open(path, .writeOnly, [.create, .truncate], permissions: 0o644)
    } catch {
      throw NetworkError("net dump: can't open \(path): \(error)")
    }
    self.clock = clock
    snapLength = maximumByteCount
    // Equal counted runs give equal files.
    start = isCounted ? 0 : HostClock.realTimeNanoseconds / 1000 &- clock.now / 1000
    append32(0xa1b2_c3d4)
    buffer += [2, 0, 4, 0]
    append32(0)
    append32(0)
    append32(UInt32(clamping: maximumByteCount))
    append32(1)
    flush()
    if hasFailed { throw NetworkError("net dump write error") }
  }

  deinit { file.closeIgnoringErrors() }

  private func append32(_ value: UInt32) {
    for index in 0..<4 { buffer.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * index))) }
  }

  func record(_ frame: [UInt8], _ way: DumpDirection) {
    guard !hasFailed, isOn, direction == .all || direction == way else { return }
    let now = start &+ clock.now / 1000
    append32(UInt32(truncatingIfNeeded: now / 1_000_000))
    append32(UInt32(truncatingIfNeeded: now % 1_000_000))
    let kept = min(frame.count, snapLength)
    append32(UInt32(clamping: kept))
    append32(UInt32(clamping: frame.count))
    buffer += frame.prefix(kept)
    flush()
  }

  private func flush() {
    do throws(Errno) { try file.writeAll(buffer) } catch {
      HostProcess.report("network dump write error - stopping dump")
      hasFailed = true
    }
    buffer.removeAll(keepingCapacity: true)
  }
}
