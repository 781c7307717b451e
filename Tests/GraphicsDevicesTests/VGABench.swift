// SPDX-License-Identifier: Apache-2.0
import GraphicsDevices
import Platform
import Screen

/// An adapter on a bus of its own, driven as a guest would, with the frame buffer at E0000000h.
final class VGABench {
  static let frameBuffer: UInt64 = 0xe000_0000
  static let registers: UInt64 = 0xf000_0000
  static let slot = PCIAddress(slot: 2)

  let memory = GuestMemory()
  let ports = PortSpace()
  let clock = VirtualClock()
  let bus: PCIBus
  let vga: StandardVGA

  init(rom: [UInt8] = [], videoMemoryByteCount: Int = 16 << 20) throws {
    bus = PCIBus(memory: memory.map, ports: ports)
    vga = try StandardVGA(
      bus: bus, address: Self.slot, clock: clock, rom: rom, videoMemoryByteCount: videoMemoryByteCount)
    vga.reset(.power)
    mapRegions()
  }

  func mapRegions() {
    bus.write(Self.slot, 0x10, .dword, UInt32(Self.frameBuffer))
    bus.write(Self.slot, 0x18, .dword, UInt32(Self.registers))
    bus.write(Self.slot, 0x04, .word, 3)
    memory.map.commit()
  }

  func out(_ port: UInt16, _ value: UInt32, _ width: AccessWidth = .byte) {
    ports.write(port, width, value)
    memory.map.commit()
  }

  func input(_ port: UInt16, _ width: AccessWidth = .byte) -> UInt32 { ports.read(port, width) }

  func write(_ address: UInt64, _ value: UInt64, _ width: AccessWidth = .byte) {
    memory.busWrite(address, width, value)
    memory.map.commit()
  }

  func read(_ address: UInt64, _ width: AccessWidth = .byte) -> UInt64 { memory.busRead(address, width) }

  /// Writes DISPI registers through the ports.
  func dispi(_ pairs: (UInt32, UInt32)...) {
    for (index, value) in pairs {
      out(0x1ce, index, .word)
      out(0x1cf, value, .word)
    }
  }

  func dispiValue(_ index: UInt32) -> UInt32 {
    out(0x1ce, index, .word)
    return input(0x1cf, .word)
  }

  /// Attribute controller register, through the flip-flop, with the picture let through afterwards.
  func attribute(_ index: UInt32, _ value: UInt32) {
    _ = input(0x3da)
    out(0x3c0, index)
    out(0x3c0, value)
    out(0x3c0, 0x20)
    _ = input(0x3da)
  }

  /// The registers of a BIOS mode and a palette of arbitrary colours.
  func mode(_ number: UInt64) {
    guard let tables = Reference.modes[number]?.map(bytes(hexadecimal:)), tables.count == 5 else { return }
    let color = tables[4][0] & 1 != 0
    let crtc: UInt16 = color ? 0x3d4 : 0x3b4
    out(0x3c2, UInt32(tables[4][0]))
    _ = input(crtc + 6)
    for (index, value) in tables[0].enumerated() { out(0x3c4, UInt32(index) | UInt32(value) << 8, .word) }
    for (index, value) in tables[1].enumerated() { out(0x3ce, UInt32(index) | UInt32(value) << 8, .word) }
    out(crtc, 0x0011, .word)
    for (index, value) in tables[2].enumerated() { out(crtc, UInt32(index) | UInt32(value) << 8, .word) }
    for (index, value) in tables[3].enumerated() {
      out(0x3c0, UInt32(index))
      out(0x3c0, UInt32(value))
    }
    out(0x3c0, 0x20)
    _ = input(crtc + 6)
    out(0x3c8, 0)
    for value in pattern(768, seed: 77) { out(0x3c9, UInt32(value & 0x3f)) }
  }

  /// Plays a transcript; the result is a sentence for each answer that was not the recorded one.
  func play(_ transcript: String) -> [String] {
    var failures: [String] = []
    for line in transcript.split(whereSeparator: { $0 == "\n" || $0 == ";" }) {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { UInt64($0, radix: 16) }
      guard let verb = words.first, numbers.count == words.count - 1 else {
        failures.append("not understood: \(line)")
        continue
      }
      let width = AccessWidth(rawValue: UInt8(String(verb.dropFirst())) ?? 1) ?? .byte
      var answer: UInt64?
      switch (verb.first, numbers.count) {
      case ("o", 2): out(UInt16(numbers[0]), UInt32(numbers[1]), width)
      case ("i", 2): answer = UInt64(input(UInt16(numbers[0]), width))
      case ("x", 1): _ = input(UInt16(numbers[0]))
      case ("w", 2): write(numbers[0], numbers[1], width)
      case ("r", 2): answer = read(numbers[0], width)
      case ("m", 1): mode(numbers[0])
      case ("f", 3): memory.write(numbers[0], pattern(Int(numbers[1]), seed: UInt32(numbers[2])))
      case ("s", 3):
        let picture = vga.capture(cursor: .shown)
        let found = [UInt64(picture.width), UInt64(picture.height), UInt64(picture.checksum)]
        if found != numbers { failures.append("\(line): drawn \(found.map { String($0, radix: 16) })") }
      default: failures.append("not understood: \(line)")
      }
      if let answer, answer != numbers[1] { failures.append("\(line): answered \(String(answer, radix: 16))") }
    }
    return failures
  }
}

/// The bytes that `fill` writes; Tests/Reference/record_vga.py has the same generator.
func pattern(_ count: Int, seed: UInt32) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(state >> 24)
  }
}

func bytes(hexadecimal text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
