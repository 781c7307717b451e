// SPDX-License-Identifier: Apache-2.0

/// Colours of a picture as `0x00RRGGBB`.
struct Palette {
  /// What attribute values 0...15 show, through the attribute controller and the DAC.
  let sixteen: [UInt32]
  /// What bytes show, through the DAC alone.
  let all: [UInt32]

  init(_ state: StandardVGA.State) {
    let usesEightBits = state.dispi.isEnabled && state.dispi.hasEightBitDAC
    let entries = (0..<256).map { Self.color(state, $0 & Int(state.pixelMask), eightBits: usesEightBits) }
    let control = state.attribute[Attribute.modeControl]
    let select = state.attribute[Attribute.colorSelect]
    sixteen = (0..<16).map { (index: Int) -> UInt32 in
      let value = state.attribute[index]
      let entry =
        control & Attribute.paletteSelect != 0
        ? (select & 0x0f) << 4 | value & 0x0f
        : (select & 0x0c) << 4 | value & 0x3f
      return Self.color(state, Int(entry & state.pixelMask), eightBits: false)
    }
    all = entries
  }

  private static func color(_ state: StandardVGA.State, _ entry: Int, eightBits: Bool) -> UInt32 {
    var color: UInt32 = 0
    for component in 0..<3 {
      let value = state.palette[3 * entry + component]
      color = color << 8 | UInt32(eightBits ? value : widened(value))
    }
    return color
  }

  /// Six bits to eight as QEMU does it, whose pictures ours must equal: the lowest bit fills the two new ones.
  private static func widened(_ value: UInt8) -> UInt8 {
    let six = value & 0x3f
    return six << 2 | (six & 1) << 1 | six & 1
  }
}
