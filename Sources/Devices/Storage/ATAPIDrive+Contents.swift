// SPDX-License-Identifier: Apache-2.0

/// What a disc tells about its tracks and layers.
extension ATAPIDrive {
  /// READ TOC/PMA/ATIP, MMC-3 6.26: one data track from sector 0 to the end.
  func readTOC(_ packet: CommandPacket) {
    let usesTime = packet[1] & 2 != 0
    let track = packet[6]
    // Older commands have the format in the last byte.
    let format = packet[2] & 0xf != 0 ? packet[2] & 0xf : packet[9] >> 6
    var data = Answer()
    switch format {
    case 0:
      guard track <= 1 || track == 0xaa else { return fail(.invalidField) }
      data.append(0, 0, 1, 1)
      if track <= 1 { append(to: &data, track: 1, 0, usesTime) }
      append(to: &data, track: 0xaa, blockCount, usesTime)
    case 1:
      data.append(0, 0, 1, 1)
      append(to: &data, track: 1, 0, usesTime)
    case 2:
      data.append(0, 0, 1, 1)
      for point: UInt8 in [0xa0, 0xa1, 0xa2, 1] {
        data.append(1, 0x14, 0, point, 0, 0, 0)
        switch point {
        case 0xa0, 0xa1: data.append(0, 1, 0, 0)  // number of the first, of the last track
        default: appendAddress(to: &data, point == 0xa2 ? blockCount : 0, usesTime)
        }
      }
    default: return fail(.invalidField)
    }
    data.setLength()
    answer(data.bytes, limit: Int(packet.word(7)))
  }

  private func append(to data: inout Answer, track: UInt8, _ sector: UInt32, _ usesTime: Bool) {
    data.append(0, track == 0xaa ? 0x16 : 0x14, track, 0)
    appendAddress(to: &data, sector, usesTime)
  }

  private func appendAddress(to data: inout Answer, _ sector: UInt32, _ usesTime: Bool) {
    guard usesTime else { return data.append32(sector) }
    let time = DiscTime(sector: sector)
    data.append(0, time.minute, time.second, time.frame)
  }

  /// READ DVD STRUCTURE, MMC-3 6.22: physical, copyright and manufacturing information.
  func readDVDStructure(_ packet: CommandPacket) {
    guard packet[1] & 0xf == 0 else { return fail(.invalidField) }
    guard isDVD else { return fail(.incompatibleFormat) }
    var data = Answer(count: 4)
    switch packet[7] {
    case 0x00:
      guard packet[6] == 0 else { return fail(.invalidField) }
      let last = 0x3_0000 &+ blockCount &- 1
      data.append(0x01, 0x0f, 0x01, 0x00)  // DVD-ROM version 1, 120 mm, one layer
      data.append32(0x3_0000)  // where the data area begins
      data.append32(last)
      data.append32(last)
      data.bytes += [UInt8](repeating: 0, count: 2048 + 4 - data.bytes.count)
    case 0x01: data.append(0, 0, 0, 0)  // not protected
    case 0x04: data.bytes += [UInt8](repeating: 0, count: 2048)
    case 0xff:
      data.append(0x00, 0x40)
      data.append16(2048 + 4)
      data.append(0x01, 0x40)
      data.append16(4 + 4)
      data.append(0x04, 0x40)
      data.append16(2048 + 4)
    default: return fail(.invalidField)
    }
    data.setLength()
    answer(data.bytes, limit: Int(packet.word(8)))
  }
}
