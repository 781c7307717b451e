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
    ("host_tso4", VirtioNetworkFeature.hostTSO4), ("host_tso6", VirtioNetworkFeature.hostTSO6),
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
    for key in ["gso", "guest_tso4", "guest_tso6", "guest_ecn", "guest_ufo", "host_ufo", "x-mtu-bypass-backend"] {
      _ = try takeSwitch(key)
    }
    // A back end with one queue: QEMU does not offer more either.
    _ = try takeSwitch("mq")
    for key in ["rss", "hash", "guest_rsc_ext", "failover"] where try takeSwitch(key) == true {
      throw OptionError(option, "\(key)=on is not supported")
    }
    if let id = list.take("failover_pair_id"), !id.isEmpty {
      throw OptionError(option, "failover_pair_id is not supported")
    }
    for key in ["rsc_interval", "x-txtimer", "x-txburst"] { _ = try takeInteger(key) }
    if let tx = list.take("tx"), !["timer", "bh"].contains(tx) {
      warnings.append(
        option.prefixing(
          "warning: virtio-net: Unknown option tx=\(tx), valid options: \"timer\" \"bh\"\nDefaulting to \"bh\""))
    }
    settings.receiveQueueSize = try takeQueueSize("rx_queue_size", end: ".") ?? 256
    // Only back ends in other processes have longer ones in QEMU, so that a longer one is cut.
    _ = try takeQueueSize("tx_queue_size", end: "")
    settings.maximumTransmissionUnit = UInt16(try takeInteger("host_mtu", limit: 0xffff) ?? 0)
    try takeSpeed(&settings)
    return settings
  }

  private mutating func takeQueueSize(_ key: String, end: String) throws(OptionError) -> UInt16? {
    guard let size = try takeInteger(key, limit: 0xffff) else { return nil }
    guard (256...1024).contains(size), size & (size - 1) == 0 else {
      throw OptionError(option, "Invalid \(key) (= \(size)), must be a power of 2 between 256 and 1024\(end)")
    }
    return UInt16(size)
  }

  private mutating func takeSpeed(_ settings: inout VirtioNetworkSettings) throws(OptionError) {
    switch list.take("duplex") {
    case nil: break
    case "half": settings.duplex = 0
    case "full": settings.duplex = 1
    default: throw OptionError(option, "'duplex' must be 'half' or 'full'")
    }
    guard let text = list.take("speed"), text != "-1" else { return }
    guard let speed = KeyValueList.number(text), speed <= UInt64(Int32.max) else {
      throw OptionError(option, "'speed' must be between 0 and INT_MAX")
    }
    settings.speed = UInt32(speed)
  }
}
