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

/// What every function on PCI is told.
struct PCIFunctionOptions {
  var place: MachineConfiguration.PCIPlace?
  var bootIndex: Int?
  var index: UInt32
  var isMultifunction: Bool
  var rom: MachineConfiguration.OptionROM
}

extension DeviceRequest {
  /// Takes what every function on PCI has.
  ///
  /// - Parameter hasBootIndex: it is something that can be booted from.
  mutating func takeFunction(
    _ bootIndexes: inout Set<Int>, hasBootIndex: Bool = true
  ) throws(OptionError) -> PCIFunctionOptions {
    let place = try takePlace()
    let bootIndex = hasBootIndex ? try takeBootIndex(&bootIndexes) : nil
    let index = UInt32(truncatingIfNeeded: try takeInteger("acpi-index") ?? 0)
    let isMultifunction = try list.takeSwitch("multifunction") ?? false
    let rom = try takeROM()
    // Versions of QEMU before this one had other registers on PCI Express, which is not there.
    for key in ["x-pcie-extcap-init", "x-pcie-lnksta-dllla"] { _ = try list.takeSwitch(key) }
    if list.take("failover_pair_id") != nil {
      throw OptionError(option, "failover primary device must be on PCIExpress bus")
    }
    return PCIFunctionOptions(
      place: place, bootIndex: bootIndex, index: index, isMultifunction: isMultifunction, rom: rom)
  }

  private mutating func takeROM() throws(OptionError) -> MachineConfiguration.OptionROM {
    var rom = MachineConfiguration.OptionROM()
    rom.file = list.takePath("romfile")
    rom.hasBaseAddress = try takeInteger("rombar") ?? 1 != 0
    guard let size = try takeInteger("romsize"), size != UInt64(UInt32.max) else { return rom }
    guard size != 0, size & (size - 1) == 0 else {
      throw OptionError(option, "ROM size \(size) is not a power of two")
    }
    rom.byteCount = UInt32(size)
    return rom
  }

  /// Refuses a ROM for a function that has no place for one.
  func refuseROM(_ function: PCIFunctionOptions) throws(OptionError) {
    guard let file = function.rom.file, !file.isEmpty else { return }
    throw OptionError(option, "romfile is not supported for \(driver)")
  }
}

extension OptionParser {
  mutating func add(
    _ kind: MachineConfiguration.PCIDevice.Kind, _ device: DeviceRequest, _ function: PCIFunctionOptions
  ) {
    var request = MachineConfiguration.PCIDevice(
      kind, userID: device.id, place: function.place, bootIndex: function.bootIndex, option: device.option.text)
    request.index = function.index
    request.isMultifunction = function.isMultifunction
    request.rom = function.rom
    if device.id == nil, !device.path.isEmpty { request.path = device.path }
    launch.machine.pciDevices.append(request)
  }
}
