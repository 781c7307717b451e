// SPDX-License-Identifier: Apache-2.0

/// What a floppy drive can be.
public enum FloppyDriveType: UInt8, Sendable, CaseIterable {
  /// 5.25 inch, 1.2 MB.
  case mb1_2 = 2
  /// 3.5 inch, 1.44 MB.
  case mb1_44 = 4
  /// 3.5 inch, 2.88 MB.
  case mb2_88 = 5

  /// The nibble for CMOS byte 10h (drive A in the high one); 0 there means no drive.
  public var cmosValue: UInt8 { rawValue }

  var isFiveInch: Bool { self == .mb1_2 }
}

/// How a medium is divided, and the data rate it was recorded with.
struct FloppyGeometry: Equatable {
  var sectorsPerTrack: UInt8
  /// Highest track that a seek reaches; one more than the medium has, as in QEMU.
  var trackLimit: UInt8
  var sides: UInt8
  /// The two bits of DSR and CCR that fit the medium.
  var rate: UInt8

  /// A position in the unit where there is no drive: no seek succeeds.
  static let noDrive = FloppyGeometry(sectorsPerTrack: 0, trackLimit: 0, sides: 1, rate: 0)
  /// A drive without a medium takes any seek; that there is no medium shows when data are wanted.
  static let noMedium = FloppyGeometry(sectorsPerTrack: 255, trackLimit: 255, sides: 2, rate: 0)

  private struct Format {
    let drive: FloppyDriveType
    let sectors: UInt8
    let tracks: UInt8
    let sides: UInt8
    let rate: UInt8

    init(_ drive: FloppyDriveType, _ sectors: UInt8, _ tracks: UInt8, _ sides: UInt8, _ rate: UInt8) {
      (self.drive, self.sectors, self.tracks, self.sides, self.rate) = (drive, sectors, tracks, sides, rate)
    }

    var sectorCount: Int64 { Int64(sectors) * Int64(tracks) * Int64(sides) }
    var geometry: FloppyGeometry {
      FloppyGeometry(sectorsPerTrack: sectors, trackLimit: tracks, sides: sides, rate: rate)
    }
  }

  /// Formats by drive; the first of each drive is what an image of no known size is taken for. Rates: 0 is 500 kbit/s,
  /// 1 is 300, 2 is 250, 3 is 1000 (82077AA data sheet, table 2-5).
  private static let formats: [Format] = [
    Format(.mb1_44, 18, 80, 2, 0), Format(.mb1_44, 20, 80, 2, 0), Format(.mb1_44, 21, 80, 2, 0),
    Format(.mb1_44, 21, 82, 2, 0), Format(.mb1_44, 21, 83, 2, 0), Format(.mb1_44, 22, 80, 2, 0),
    Format(.mb1_44, 23, 80, 2, 0), Format(.mb1_44, 24, 80, 2, 0),
    Format(.mb2_88, 36, 80, 2, 3), Format(.mb2_88, 39, 80, 2, 3), Format(.mb2_88, 40, 80, 2, 3),
    Format(.mb2_88, 44, 80, 2, 3), Format(.mb2_88, 48, 80, 2, 3),
    Format(.mb1_44, 9, 80, 2, 2), Format(.mb1_44, 10, 80, 2, 2), Format(.mb1_44, 10, 82, 2, 2),
    Format(.mb1_44, 10, 83, 2, 2), Format(.mb1_44, 13, 80, 2, 2), Format(.mb1_44, 14, 80, 2, 2),
    Format(.mb1_2, 15, 80, 2, 0), Format(.mb1_2, 18, 80, 2, 0), Format(.mb1_2, 18, 82, 2, 0),
    Format(.mb1_2, 18, 83, 2, 0), Format(.mb1_2, 20, 80, 2, 0),
    Format(.mb1_2, 9, 80, 2, 2), Format(.mb1_2, 11, 80, 2, 2),
    Format(.mb1_2, 9, 40, 2, 1), Format(.mb1_2, 9, 40, 1, 1), Format(.mb1_2, 10, 41, 2, 1),
    Format(.mb1_2, 10, 42, 2, 1), Format(.mb1_2, 8, 40, 2, 2), Format(.mb1_2, 8, 40, 1, 2),
    Format(.mb1_44, 9, 80, 1, 2),
  ]

  /// The drive that an image of this size asks for; the largest one where no format has this size.
  static func driveType(sectorCount: Int64) -> FloppyDriveType {
    formats.first { $0.sectorCount == sectorCount }?.drive ?? .mb2_88
  }

  /// How a drive of this type reads an image of this size: as a format of its own with that size, else as any format of
  /// its width with that size, else as its usual format.
  static func medium(sectorCount: Int64, in drive: FloppyDriveType) -> FloppyGeometry {
    let fitting = formats.filter { $0.sectorCount == sectorCount }
    let format =
      fitting.first { $0.drive == drive } ?? fitting.first { $0.drive.isFiveInch == drive.isFiveInch }
      ?? formats.first { $0.drive == drive }
    return format?.geometry ?? noMedium
  }
}
