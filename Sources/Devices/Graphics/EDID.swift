// SPDX-License-Identifier: Apache-2.0

/// The monitor's description that BIOS and drivers read to choose a mode: a base block and a CTA extension.
///
/// The same monitor as QEMU's default one, 1280x800 preferred, so that guests choose the same modes.
/// Reference: VESA E-EDID Standard, release A, revision 2, section 3; CTA-861-F, section 7.5.
enum EDID {
  static let bytes: [UInt8] = checked(base) + checked(extensionBlock)

  private static let base: [[UInt8]] = [
    [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
    // Manufacturer "RHT", product 1234h, no serial number, week 42 of 2014, EDID 1.4.
    [0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0, 42, 24, 1, 4],
    // DisplayPort with 8 bits per component, 32 x 20 cm, gamma 2.2, sRGB with the first timing preferred.
    [0xa5, 32, 20, 120, 0x06],
    // Chromaticity of the primaries and of white.
    [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54],
    // Established timings: 640x480, 800x600 and 1024x768 at 60 Hz.
    [0x21, 0x08, 0x00],
    // Standard timings as width / 8 - 31, aspect ratio and rate: 2048x1152, 1920x1080, 1920x1200, 1600x1200, 1680x1050,
    // 1440x900, 1280x1024, 1280x960, all at 60 Hz.
    [0xe1, 0xc0, 0xd1, 0xc0, 0xd1, 0x00, 0xa9, 0x40, 0xb3, 0x00, 0x95, 0x00, 0x81, 0x80, 0x81, 0x40],
    // Detailed timing of 1280x800 at 75 Hz: pixel clock in units of 10 kHz, then low and high parts of widths and porches.
    [0xea, 0x29, 0x00, 0xc0, 0x51, 0x20, 0x1c, 0x30, 0x40, 0x26, 0x44, 0x40, 0x45, 0xcb, 0x10, 0x00, 0x00, 0x18],
    // Descriptors: established timings III, range limits (50...125 Hz, 30...160 kHz), name.
    [0, 0, 0, 0xf7, 0, 10, 0x00, 0x40, 0x82, 0x00, 0x28, 0x20, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 0xff, 0x01, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20],
    [0, 0, 0, 0xfc, 0] + Array("QEMU Monitor\n".utf8),
    // One extension follows.
    [1],
  ]

  private static let extensionBlock: [[UInt8]] = [
    // CTA extension 3 whose detailed timings start at byte 11; a video data block of six modes.
    [0x02, 0x03, 11, 0x00, 0x46, 125, 101, 96, 89, 31, 97],
    unused, unused, unused, unused, unused, unused,
    [UInt8](repeating: 0, count: 127 - 11 - 6 * 18),
  ]

  /// A descriptor that says nothing.
  private static let unused: [UInt8] = [0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

  /// A block with the byte that makes its sum 0.
  private static func checked(_ parts: [[UInt8]]) -> [UInt8] {
    let block = Array(parts.joined())
    return block + [0 &- block.reduce(0, &+)]
  }
}
