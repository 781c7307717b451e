// SPDX-License-Identifier: Apache-2.0
import PC

/// Properties of `-device` that every device on PCI has.
extension DeviceRequest {
  /// `addr=SLOT[.FUNCTION]`, in hexadecimal.
  mutating func takePlace() throws(OptionError) -> MachineConfiguration.PCIPlace? {
    guard let text = list.take("addr") else { return nil }
    let refusal = OptionError(option, "Property '\(driver).addr' doesn't take value '\(text)'")
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    func number(_ part: Substring) -> UInt8? {
      let digits = part.hasPrefix("0x") || part.hasPrefix("0X") ? part.dropFirst(2) : part
      return digits.allSatisfy(\.isHexDigit) ? UInt8(digits, radix: 16) : nil
    }
    guard let slot = number(parts[0]), slot < 32 else { throw refusal }
    guard parts.count == 2 else { return .init(slot: slot) }
    guard let function = number(parts[1]), function < 8 else { throw refusal }
    return .init(slot: slot, function: function)
  }

  /// `bootindex=`; negative is none.
  mutating func takeBootIndex(_ taken: inout Set<Int>) throws(OptionError) -> Int? {
    guard let text = list.take("bootindex") else { return nil }
    let isNegative = text.hasPrefix("-")
    guard let magnitude = KeyValueList.number(isNegative ? String(text.dropFirst()) : text) else {
      throw OptionError(option, "Parameter 'bootindex' expects integer")
    }
    guard magnitude <= UInt64(Int32.max) else { throw OptionError(option, "Parameter 'bootindex' expects int32_t") }
    if isNegative { return nil }
    let index = Int(magnitude)
    guard taken.insert(index).inserted else {
      throw OptionError(option, "The bootindex \(index) has already been used")
    }
    return index
  }
}

extension DeviceRequest {
  /// `acpi-index=`
  mutating func takeIndex() throws(OptionError) -> UInt32 {
    UInt32(truncatingIfNeeded: try takeInteger("acpi-index") ?? 0)
  }
}

extension OptionParser {
  mutating func add(
    _ kind: MachineConfiguration.PCIDevice.Kind, _ device: DeviceRequest, place: MachineConfiguration.PCIPlace?,
    bootIndex: Int?, index: UInt32
  ) {
    var request = MachineConfiguration.PCIDevice(
      kind, userID: device.id, place: place, bootIndex: bootIndex, option: device.option.text)
    request.index = index
    if device.id == nil, !device.path.isEmpty { request.path = device.path }
    launch.machine.pciDevices.append(request)
  }
}
