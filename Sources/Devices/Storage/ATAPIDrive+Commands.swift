// SPDX-License-Identifier: Apache-2.0
import Block

extension ATAPIDrive {
  private struct Needs: OptionSet {
    let rawValue: UInt8
    /// Fails with "not ready" without a medium.
    static let medium = Needs(rawValue: 1)
    /// Is answered while a change of the medium waits to be told.
    static let noAttention = Needs(rawValue: 2)
  }

  private static func needs(_ code: UInt8) -> Needs? {
    switch code {
    case MMCCommand.requestSense, MMCCommand.inquiry, MMCCommand.getConfiguration, MMCCommand.getEventStatus:
      .noAttention
    case MMCCommand.testUnitReady, MMCCommand.readCapacity, MMCCommand.read10, MMCCommand.read12, MMCCommand.seek10,
      MMCCommand.readTOC, MMCCommand.readDiscInformation, MMCCommand.readDVDStructure, MMCCommand.readCD:
      .medium
    case MMCCommand.startStopUnit, MMCCommand.preventAllowRemoval, MMCCommand.modeSense10, MMCCommand.setSpeed,
      MMCCommand.mechanismStatus:
      []
    default: nil
    }
  }

  func executePacket(_ packet: CommandPacket) {
    guard let needs = Self.needs(packet[0]) else { return fail(.invalidCommand) }
    if !needs.contains(.noAttention), state.changeStage > 0, isMediumPresent {
      state.changeStage -= 1
      return fail(state.changeStage == 1 ? .noMedium : .mediumChanged)
    }
    if needs.contains(.medium), !isMediumPresent { return fail(.noMedium) }
    if packet[0] != MMCCommand.requestSense { (state.senseKey, state.additionalSense) = (0, 0) }
    switch packet[0] {
    case MMCCommand.testUnitReady, MMCCommand.setSpeed: succeed()
    case MMCCommand.requestSense: requestSense(limit: Int(packet[4]))
    case MMCCommand.inquiry: inquiry(packet)
    case MMCCommand.startStopUnit: startStopUnit(packet)
    case MMCCommand.preventAllowRemoval:
      state.isTrayLocked = packet[4] & 1 != 0
      succeed()
    case MMCCommand.readCapacity:
      var data = Answer()
      data.append32(blockCount == 0 ? 0 : blockCount - 1)
      data.append32(2048)
      answer(data.bytes, limit: 8)
    case MMCCommand.read10: read(packet.dword(2), count: UInt32(packet.word(7)))
    case MMCCommand.read12: read(packet.dword(2), count: packet.dword(6))
    case MMCCommand.readCD: readCD(packet)
    case MMCCommand.seek10: if packet.dword(2) < blockCount { succeed() } else { fail(.outOfRange) }
    case MMCCommand.readTOC: readTOC(packet)
    case MMCCommand.getConfiguration: getConfiguration(packet)
    case MMCCommand.getEventStatus: getEventStatus(packet)
    case MMCCommand.readDiscInformation: readDiscInformation(packet)
    case MMCCommand.modeSense10: modeSense(packet)
    case MMCCommand.mechanismStatus: answer([0, 0, 0, 0, 0, 1, 0, 0], limit: Int(packet.word(8)))
    case MMCCommand.readDVDStructure: readDVDStructure(packet)
    default: fail(.invalidCommand)
    }
  }

  /// SPC-2 7.20. What is reported is forgotten.
  private func requestSense(limit: Int) {
    var data = [UInt8](repeating: 0, count: 18)
    data[0] = 0xf0
    data[2] = state.senseKey
    data[7] = 10
    data[12] = state.additionalSense
    (state.senseKey, state.additionalSense) = (0, 0)
    answer(data, limit: limit)
  }

  /// SPC-2 7.3, and the vital product data pages 00h and 83h.
  private func inquiry(_ packet: CommandPacket) {
    let limit = Int(packet.word(3))
    guard packet[1] & 1 != 0 else {
      guard packet[2] == 0 else { return fail(.invalidField) }
      var data = Answer()
      data.append(0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0)  // removable CD-ROM, ATAPI
      data.append(text: "QEMU", byteCount: 8)
      data.append(text: identity.model, byteCount: 16)
      data.append(text: identity.firmware, byteCount: 4)
      return answer(data.bytes, limit: limit)
    }
    var data = Answer()
    data.append(0x05, packet[2])
    switch packet[2] {
    case 0x00: data.append(0, 2, 0x00, 0x83)
    case 0x83:
      data.append(0, 24, 0x02, 0x00, 0x00, 20)  // ASCII, vendor specific
      data.append(text: identity.serial, byteCount: 20)
    default: return fail(.invalidField)
    }
    answer(data.bytes, limit: limit)
  }

  /// START STOP UNIT, SBC-2 5.17: byte 4 bit 1 moves the tray, bit 0 says where to; power conditions are accepted.
  private func startStopUnit(_ packet: CommandPacket) {
    let movesTray = packet[4] & 2 != 0
    let starts = packet[4] & 1 != 0
    if packet[4] & 0xf0 == 0, movesTray {
      if !starts, state.isTrayLocked, !state.isTrayOpen { return fail(.removalPreventedByHost) }
      moveTray(open: !starts)
    }
    succeed()
  }

  /// READ CD: user data alone, or whole raw sectors.
  private func readCD(_ packet: CommandPacket) {
    let count = UInt32(packet[6]) << 16 | UInt32(packet.word(7))
    guard count > 0 else { return succeed() }
    switch packet[9] & 0xf8 {
    case 0x00: succeed()
    case 0x10: read(packet.dword(2), count: count)
    case 0xf8: read(packet.dword(2), count: count, raw: true)
    default: fail(.invalidField)
    }
  }

  private func modeSense(_ packet: CommandPacket) {
    switch packet[2] >> 6 {
    case 0: break
    case 3: return fail(.noSavedParameters)
    default: return fail(.invalidField)
    }
    var data = Answer()
    data.append(0, 0, 0x70, 0, 0, 0, 0, 0)  // header; medium type "door closed, data"
    switch packet[2] & 0x3f {
    case 0x01: data.append(0x01, 6, 0x00, 5, 0, 0, 0, 0)  // error recovery, 5 retries
    case 0x0e: data.append(0x0e, 14, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 2, 0)  // audio control
    case 0x2a:  // capabilities and mechanical status
      data.append(0x2a, 20, 0x3b, 0, 0x71, 0x60, 0x29 | (state.isTrayLocked ? 2 : 0), 0)
      data.append16(704)  // KB/s, fourfold speed
      data.append16(2)  // volume levels
      data.append16(512)  // KB of buffer
      data.append16(704)
      data.append(0, 0, 0, 0, 0, 0)
    default: return fail(.invalidField)
    }
    data.setLength()
    answer(data.bytes, limit: Int(packet.word(7)))
  }

  /// MMC-3 6.6: the profiles, which is all that boot loaders and kernels ask for.
  private func getConfiguration(_ packet: CommandPacket) {
    guard packet.word(2) == 0 else { return fail(.invalidField) }
    let isCD = isMediumPresent && !isDVD
    var data = Answer()
    data.append32(16)
    data.append16(0)
    data.append16(isDVD ? 0x10 : isCD ? 0x08 : 0)
    data.append(0, 0, 3, 8)  // feature 0, current and persistent, two profiles
    data.append(0x00, 0x10, isDVD ? 1 : 0, 0, 0x00, 0x08, isCD ? 1 : 0, 0)
    answer(data.bytes, limit: Int(packet.word(7)))
  }

  /// MMC-3 6.7, polled, media class only.
  private func getEventStatus(_ packet: CommandPacket) {
    guard packet[1] & 1 != 0 else { return fail(.invalidField) }
    var data = Answer()
    if packet[4] & 0x10 != 0 {
      data.append(0, 4, 4, 0x10, state.mediaEvent)
      data.append((state.isTrayOpen ? 1 : 0) | (backend.isInserted && !state.isTrayOpen ? 2 : 0), 0, 0)
      if packet.word(7) > 4 { state.mediaEvent = 0 }
    } else {
      data.append(0, 0, 0x80, 0x10)  // no event
    }
    answer(data.bytes, limit: Int(packet.word(7)))
  }

  /// MMC-3 6.18: a finished single-session disc.
  private func readDiscInformation(_ packet: CommandPacket) {
    guard packet[1] & 7 == 0 else { return fail(.invalidField) }
    var data = [UInt8](repeating: 0, count: 34)
    data[1] = 32
    data[2] = 0x0e
    data[3] = 1  // first track, sessions, first and last track of the last session
    data[4] = 1
    data[5] = 1
    data[6] = 1
    data[7] = 0x20  // unrestricted use
    answer(data, limit: Int(packet.word(7)))
  }
}
