// SPDX-License-Identifier: Apache-2.0
import PC
import VirtioDevices

/// Network adapters on virtio.
extension OptionParser {
  /// Models that are virtio network adapters, aliases among them.
  static let virtioAdapters = [
    "virtio-net-pci", "virtio-net", "virtio-net-pci-transitional", "virtio-net-pci-non-transitional",
  ]

  mutating func addVirtioAdapter(_ device: inout DeviceRequest) throws(OptionError) {
    if device.driver == "virtio-net" { device.driver = "virtio-net-pci" }
    let adapter = try takeAdapter(&device, part: "virtio-net-device")
    let function = try device.takeFunction(&bootIndexes)
    let transport = try device.takeVirtioTransport()
    let settings = try device.takeVirtioNetworkSettings()
    try device.finish()
    launch.warnings += device.warnings
    add(.virtioNetwork(.init(adapter, settings: settings, transport: transport)), device, function)
  }
}

extension DeviceRequest {
  /// Switches of features, all of them on by default.
  private static let features: [(key: String, feature: UInt64)] = [
    ("csum", VirtioNetworkFeature.checksum), ("guest_csum", VirtioNetworkFeature.guestChecksum),
    ("guest_tso4", VirtioNetworkFeature.guestTSO4),
    ("gso", VirtioNetworkFeature.anySegmentation), ("host_tso4", VirtioNetworkFeature.hostTSO4),
    ("host_tso6", VirtioNetworkFeature.hostTSO6),
    ("host_ecn", VirtioNetworkFeature.hostECN), ("mrg_rxbuf", VirtioNetworkFeature.mergeableBuffers),
    ("status", VirtioNetworkFeature.status), ("ctrl_vq", VirtioNetworkFeature.controlQueue),
    ("ctrl_rx", VirtioNetworkFeature.controlReceive), ("ctrl_vlan", VirtioNetworkFeature.controlVLAN),
    ("ctrl_rx_extra", VirtioNetworkFeature.controlReceiveExtra),
    ("ctrl_mac_addr", VirtioNetworkFeature.controlAddress),
    ("ctrl_guest_offloads", VirtioNetworkFeature.controlGuestOffloads),
    ("guest_announce", VirtioNetworkFeature.announcement),
  ]

  fileprivate mutating func takeVirtioNetworkSettings() throws(OptionError) -> VirtioNetworkSettings {
    var settings = VirtioNetworkSettings(address: [])
    for (key, feature) in Self.features where try takeSwitch(key) == false { settings.withheldFeatures |= feature }
    // No back end carries what these offer, as with QEMU's user networking.
    for key in ["guest_tso6", "guest_ecn", "guest_ufo", "host_ufo", "x-mtu-bypass-backend"] {
      _ = try takeSwitch(key)
    }
    settings.offersQueuePairs = try takeSwitch("mq") ?? false
    settings.offersSteering = try takeSwitch("rss") ?? false
    settings.hasHashFields = try takeSwitch("hash") ?? false
    settings.offersJoinedSegments = try takeSwitch("guest_rsc_ext") ?? false
    if try takeSwitch("failover") == true {
      throw OptionError(option, "failover=on is not supported: there is no PCIExpress bus for a primary device")
    }
    for key in ["rsc_interval", "x-txtimer"] { _ = try takeInteger(key) }
    if let text = list.take("x-txburst") { _ = try signedInteger(text, of: "x-txburst") }
    if let tx = list.take("tx"), !["timer", "bh"].contains(tx) {
      warnings.append(
        option.prefixing(
          "warning: virtio-net: Unknown option tx=\(tx), valid options: \"timer\" \"bh\"\nDefaulting to \"bh\""))
    }
    settings.receiveQueueSize = try takeQueueSize("rx_queue_size", end: ".") ?? 256
    // Only back ends in other processes have longer ones in QEMU, so that a longer one is cut.
    _ = try takeQueueSize("tx_queue_size", end: "")
    settings.maximumTransmissionUnit = try takeWord("host_mtu") ?? 0
    try takeSpeed(&settings)
    return settings
  }

  private mutating func takeQueueSize(_ key: String, end: String) throws(OptionError) -> UInt16? {
    guard let size = try takeWord(key) else { return nil }
    guard (256...1024).contains(size), size & (size - 1) == 0 else {
      throw OptionError(option, "Invalid \(key) (= \(size)), must be a power of 2 between 256 and 1024\(end)")
    }
    return size
  }

  /// A property of 16 bits without sign.
  private mutating func takeWord(_ key: String) throws(OptionError) -> UInt16? {
    guard let text = list.take(key) else { return nil }
    let isNegative = text.hasPrefix("-")
    guard let magnitude = KeyValueList.number(isNegative ? String(text.dropFirst()) : text) else {
      throw OptionError(option, "Parameter '\(key)' expects integer")
    }
    guard !isNegative, let value = UInt16(exactly: magnitude) else {
      throw OptionError(option, "Parameter '\(key)' expects uint16_t")
    }
    return value
  }

  /// A property of 32 bits with sign.
  private func signedInteger(_ text: String, of key: String) throws(OptionError) -> Int32 {
    let isNegative = text.hasPrefix("-")
    guard let magnitude = KeyValueList.number(isNegative ? String(text.dropFirst()) : text) else {
      throw OptionError(option, "Parameter '\(key)' expects integer")
    }
    guard let value = Int64(exactly: magnitude).flatMap({ Int32(exactly: isNegative ? -$0 : $0) }) else {
      throw OptionError(option, "Parameter '\(key)' expects int32_t")
    }
    return value
  }

  private mutating func takeSpeed(_ settings: inout VirtioNetworkSettings) throws(OptionError) {
    switch list.take("duplex") {
    case nil: break
    case "half": settings.duplex = 0
    case "full": settings.duplex = 1
    default: throw OptionError(option, "'duplex' must be 'half' or 'full'")
    }
    guard let text = list.take("speed") else { return }
    let speed = try signedInteger(text, of: "speed")
    guard speed >= -1 else { throw OptionError(option, "'speed' must be between 0 and INT_MAX") }
    settings.speed = UInt32(exactly: speed)
  }
}
