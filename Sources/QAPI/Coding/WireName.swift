// SPDX-License-Identifier: Apache-2.0

/// The wire name of a Swift property: `cpuIndex` is `cpu-index`, `threadID` is `thread-id`.
/// Names with other spellings (`qdev_id`, `UUID`) are given by `CodingKeys` and pass unchanged.
func wireName(_ key: some CodingKey) -> String {
  let name = key.stringValue
  guard name.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else { return name }
  var result: [UInt8] = []
  var previousStartedWord = false
  for byte in name.utf8 {
    guard (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) else {
      result.append(byte)
      previousStartedWord = false
      continue
    }
    if result.isEmpty { return name }
    if !previousStartedWord { result.append(UInt8(ascii: "-")) }
    result.append(byte | 0x20)
    previousStartedWord = true
  }
  return String(decoding: result, as: UTF8.self)
}

/// A key for positions and for containers that are not typed.
struct PlainKey: CodingKey {
  let stringValue: String
  let intValue: Int?
  init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
  init(intValue: Int) { (stringValue, self.intValue) = (String(intValue), intValue) }
}
