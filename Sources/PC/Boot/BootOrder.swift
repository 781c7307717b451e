// SPDX-License-Identifier: Apache-2.0

/// What the firmware is to boot from, in order: the file `bootorder` of the firmware configuration device.
///
/// Each line is an Open Firmware path in the form that SeaBIOS compares with its devices.
struct BootOrder {
  private var entries: [(index: Int, path: String)] = []

  /// Adds a device with its `bootindex`, which no other one may have.
  mutating func add(_ path: String, index: Int) throws(MachineError) {
    guard !entries.contains(where: { $0.index == index }) else {
      throw MachineError("Two devices with same boot index \(index)")
    }
    let place = entries.firstIndex { $0.index > index } ?? entries.count
    entries.insert((index, path), at: place)
  }

  var indexes: [Int] { entries.map(\.index) }
  func contains(_ index: Int) -> Bool { entries.contains { $0.index == index } }
  mutating func remove(_ path: String) { entries.removeAll { $0.path == path } }

  /// - Parameter isStrict: HALT keeps SeaBIOS from going on to devices that are not named.
  /// - Returns: nil when nothing has a boot index.
  func file(isStrict: Bool) -> [UInt8]? {
    guard !entries.isEmpty else { return nil }
    let lines = entries.map(\.path) + (isStrict ? ["HALT"] : [])
    return Array(lines.joined(separator: "\n").utf8) + [0]
  }
}
