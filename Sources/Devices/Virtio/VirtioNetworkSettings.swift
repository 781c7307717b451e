// SPDX-License-Identifier: Apache-2.0

/// Properties of a virtio network adapter.
public struct VirtioNetworkSettings: Sendable, Equatable {
  /// Six bytes.
  public var address: [UInt8]
  /// Entries of the queues: powers of two from 256 to 1024.
  public var receiveQueueSize: UInt16 = 256
  public var transmitQueueSize: UInt16 = 256
  /// Feature bits that the user switched off (`csum=off`, `mrg_rxbuf=off` …).
  public var withheldFeatures: UInt64 = 0
  /// What the driver is advised of (`host_mtu=`); 0 for no advice.
  public var maximumTransmissionUnit: UInt16 = 0
  /// In megabits a second; nil for unknown.
  public var speed: UInt32?
  /// 0 half, 1 full; nil for unknown.
  public var duplex: UInt8?
  /// `mq=on`: the driver may ask for pairs of queues. There is one pair, as the back ends have one queue.
  public var offersQueuePairs = false
  /// `rss=on`: the driver may say how frames are spread over queues.
  public var offersSteering = false
  /// `hash=on`: nothing is offered, as with every back end without such headers, but the fields are there.
  public var hasHashFields = false
  /// `guest_rsc_ext=on`: the driver knows headers of joined segments, of which there are none.
  public var offersJoinedSegments = false

  public init(address: [UInt8]) { self.address = address }

  /// All that is offered.
  var features: UInt64 {
    typealias Feature = VirtioNetworkFeature
    var features = Feature.all & ~withheldFeatures
    if features & Feature.checksum == 0 { features &= ~Feature.segmentation }
    if features & Feature.guestChecksum == 0 { features &= ~Feature.guestTSO4 }
    if features & Feature.controlQueue == 0 { features &= ~Feature.needsControlQueue }
    if maximumTransmissionUnit != 0 { features |= Feature.transmissionUnit }
    if hasSpeed { features |= Feature.speedAndDuplex }
    if offersQueuePairs { features |= Feature.queuePairs }
    if offersSteering { features |= Feature.steering }
    if offersJoinedSegments { features |= Feature.joinedSegments }
    return features
  }

  private var hasSpeed: Bool { speed != nil || duplex != nil }
  var hasControlQueue: Bool { withheldFeatures & VirtioNetworkFeature.controlQueue == 0 }

  /// Length of the device's configuration: it ends with the last field that a feature needs.
  var configurationByteCount: Int {
    if offersSteering || hasHashFields { return 24 }
    if hasSpeed { return 17 }
    if maximumTransmissionUnit != 0 { return 12 }
    if offersQueuePairs { return 10 }
    return withheldFeatures & VirtioNetworkFeature.status == 0 ? 8 : 6
  }

  /// Receive, transmit and control queue.
  var queueSizes: [UInt16] { [receiveQueueSize, transmitQueueSize] + (hasControlQueue ? [64] : []) }
}

/// Feature bits of virtio network adapters. Virtio 1.2, 5.1.3.
public enum VirtioNetworkFeature {
  /// The device completes checksums.
  public static let checksum: UInt64 = 1 << 0
  /// The driver takes frames whose checksums it need not look at.
  public static let guestChecksum: UInt64 = 1 << 1
  public static let controlGuestOffloads: UInt64 = 1 << 2
  public static let transmissionUnit: UInt64 = 1 << 3
  static let address: UInt64 = 1 << 5
  /// The driver takes long TCP packets.
  public static let guestTSO4: UInt64 = 1 << 7
  /// Of drivers before virtio 1.0: the device cuts packets of every kind that it knows.
  public static let anySegmentation: UInt64 = 1 << 6
  /// The device cuts long TCP packets.
  public static let hostTSO4: UInt64 = 1 << 11
  public static let hostTSO6: UInt64 = 1 << 12
  public static let hostECN: UInt64 = 1 << 13
  public static let mergeableBuffers: UInt64 = 1 << 15
  public static let status: UInt64 = 1 << 16
  public static let controlQueue: UInt64 = 1 << 17
  public static let controlReceive: UInt64 = 1 << 18
  public static let controlVLAN: UInt64 = 1 << 19
  public static let controlReceiveExtra: UInt64 = 1 << 20
  public static let announcement: UInt64 = 1 << 21
  static let queuePairs: UInt64 = 1 << 22
  public static let controlAddress: UInt64 = 1 << 23
  static let steering: UInt64 = 1 << 60
  static let joinedSegments: UInt64 = 1 << 61
  static let speedAndDuplex: UInt64 = 1 << 63

  static let segmentation: UInt64 = anySegmentation | hostTSO4 | hostTSO6 | hostECN

  /// What was negotiated, in the bits of each kind.
  static func expanded(_ features: UInt64) -> UInt64 {
    features & anySegmentation != 0 ? features | segmentation : features
  }

  static let needsControlQueue: UInt64 =
    controlGuestOffloads | controlReceive | controlVLAN | controlReceiveExtra | announcement | controlAddress
  static let all: UInt64 =
    checksum | guestChecksum | guestTSO4 | address | segmentation | mergeableBuffers | status | controlQueue
    | needsControlQueue
  /// What the driver may switch while it runs.
  static let guestOffloads: UInt64 = guestChecksum | guestTSO4
}
