// SPDX-License-Identifier: Apache-2.0
import Platform

/// A frame that asks a station to send nothing for a while. IEEE 802.3, annex 31B.
struct PauseFrame {
  /// For how long, in times of 512 bits; 0 ends a pause.
  let quanta: UInt16
  private static let operation: [UInt8] = [0, 1]
  private static let shortestByteCount = 60

  /// - Parameters:
  ///   - group: the address that all stations take such frames at.
  ///   - type: the EtherType of control frames.
  init?(_ frame: [UInt8], group: [UInt8], station: [UInt8], type: UInt16) {
    guard type != 0, frame.count >= 18, frame[0..<6].elementsEqual(group) || frame[0..<6].elementsEqual(station),
      UInt16(frame[12]) << 8 | UInt16(frame[13]) == type, frame[14..<16].elementsEqual(Self.operation)
    else { return nil }
    quanta = UInt16(frame[16]) << 8 | UInt16(frame[17])
  }

  static func bytes(to group: [UInt8], from station: [UInt8], type: UInt16, quanta: UInt16) -> [UInt8] {
    var frame = group + station
    for word in [type, 1, quanta] { frame += [UInt8(word >> 8), UInt8(word & 0xff)] }
    return frame + [UInt8](repeating: 0, count: shortestByteCount - frame.count)
  }
}

/// Flow control: the manual's section 8.5 and registers 13.4.1 (CTRL), 13.4.2 (STATUS), 13.4.8 to 13.4.11, 13.4.33 (TCTL).
///
/// None is sent because the receive buffer runs full: a frame for which there is no room waits at its sender.
extension E1000 {
  private enum FlowControl {
    static let addressLow: UInt32 = 0x0028
    static let addressHigh: UInt32 = 0x002c
    static let type: UInt32 = 0x0030
    static let timer: UInt32 = 0x0170
    /// CTRL: pauses that come are heeded.
    static let receives: UInt32 = 1 << 27
    /// RCTL: those to this very station are not given to software.
    static let discards: UInt32 = 1 << 22
    /// STATUS: a pause is heeded now.
    static let isPaused: UInt32 = 1 << 4
    /// TCTL: one is sent.
    static let sends: UInt32 = 1 << 22
    /// At 1 Gb/s.
    static let quantum: Nanoseconds = 512
  }

  private var pauseGroup: [UInt8] {
    let low = state.plain[FlowControl.addressLow] ?? 0, high = state.plain[FlowControl.addressHigh] ?? 0
    return [low, low >> 8, low >> 16, low >> 24, high, high >> 8].map { UInt8(truncatingIfNeeded: $0) }
  }

  private var pauseType: UInt16 { UInt16(truncatingIfNeeded: state.plain[FlowControl.type] ?? 0) }

  /// Heeds a frame that is a pause; true when software does not get it.
  func takePause(_ frame: [UInt8]) -> Bool {
    let station = state.filter.firstAddress
    guard let pause = PauseFrame(frame, group: pauseGroup, station: station, type: pauseType) else { return false }
    guard state.control & FlowControl.receives != 0 else {
      state.statistics.count(.unsupportedControl)
      return false
    }
    state.statistics.count(pause.quanta == 0 ? .pauseEndsReceived : .pausesReceived)
    if pause.quanta > 0 || state.status & FlowControl.isPaused != 0 {
      state.status |= FlowControl.isPaused
      let deadline = clock.now &+ Nanoseconds(pause.quanta) * FlowControl.quantum
      state.transmitter.resumeDeadline = deadline
      transmitResume.arm(at: deadline)
    }
    return state.receiver.mode & FlowControl.discards != 0 && frame[0..<6].elementsEqual(station)
  }

  func pauseEnded() { state.status &= ~FlowControl.isPaused }

  /// Sends a pause if what is written to TCTL asks for one; gives what the register then holds.
  func sendPause(_ mode: UInt32) -> UInt32 {
    guard mode & FlowControl.sends != 0 else { return mode }
    let quanta = UInt16(truncatingIfNeeded: state.plain[FlowControl.timer] ?? 0)
    let frame = PauseFrame.bytes(to: pauseGroup, from: state.filter.firstAddress, type: pauseType, quanta: quanta)
    if isLinkUp, port.send(frame) {
      state.statistics.count(quanta == 0 ? .pauseEndsTransmitted : .pausesTransmitted)
    }
    return mode & ~FlowControl.sends
  }
}
