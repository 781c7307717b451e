// SPDX-License-Identifier: Apache-2.0

/// Properties of a virtio disk.
public struct VirtioBlockSettings: Sendable, Equatable {
  /// What GET_ID answers, of which 20 bytes fit.
  public var serial = ""
  /// A power of two from 512 to 2 MiB.
  public var logicalBlockByteCount: UInt32 = 512
  /// At least a logical block.
  public var physicalBlockByteCount: UInt32 = 512
  /// Whole logical blocks; 0 for no advice.
  public var minimumIOByteCount: UInt32 = 0
  public var optimalIOByteCount: UInt32 = 0
  /// Whole logical blocks; nil for one.
  public var discardGranularity: UInt32?
  public var offersDiscard = true
  public var offersWriteZeroes = true
  public var maximumDiscardSectors: UInt32 = 0x3f_ffff
  public var maximumWriteZeroesSectors: UInt32 = 0x3f_ffff
  /// The driver may switch the write cache.
  public var offersCacheControl = true
  /// `write-cache=`: nil as the image was opened.
  public var isWriteback: Bool?
  public var queueCount: UInt16 = 1
  /// Entries of a queue, a power of two from 4 to 1024.
  public var queueSize: UInt16 = 256
  /// `seg-max-adjust=on`: the most buffers of a request follow from the queue's size.
  public var segmentsFollowQueueSize = true
  public var geometry = Geometry()

  public struct Geometry: Sendable, Equatable {
    public var cylinders: UInt16 = 0
    public var heads: UInt8 = 0
    public var sectors: UInt8 = 0

    public init(cylinders: UInt16 = 0, heads: UInt8 = 0, sectors: UInt8 = 0) {
      (self.cylinders, self.heads, self.sectors) = (cylinders, heads, sectors)
    }
  }

  public init() {}

  /// Length of the device's configuration: it ends with the last field that a feature needs.
  var configurationByteCount: Int { offersWriteZeroes ? 60 : offersDiscard ? 48 : 36 }
}

/// Feature bits of virtio disks. Virtio 1.2, 5.2.3.
enum VirtioBlockFeature {
  static let segmentMaximum: UInt64 = 1 << 2
  static let geometry: UInt64 = 1 << 4
  static let readOnly: UInt64 = 1 << 5
  static let blockSize: UInt64 = 1 << 6
  /// Legacy.
  static let scsi: UInt64 = 1 << 7
  static let flush: UInt64 = 1 << 9
  static let topology: UInt64 = 1 << 10
  static let cacheControl: UInt64 = 1 << 11
  static let queues: UInt64 = 1 << 12
  static let discard: UInt64 = 1 << 13
  static let writeZeroes: UInt64 = 1 << 14
}
