// SPDX-License-Identifier: Apache-2.0
import HostIO

/// What follows the header in an image's first cluster: extensions, and the backing file's name.
///
/// *Reference:* QEMU's docs/interop/qcow2, "Header extensions", "Feature name table", "Bitmaps extension".
public struct QCOW2Extensions: Sendable, Equatable {
  enum Kind {
    static let end: UInt32 = 0
    static let backingFormat: UInt32 = 0xe279_2aca
    static let featureNames: UInt32 = 0x6803_f857
    static let bitmaps: UInt32 = 0x2385_2875
    static let encryption: UInt32 = 0x0537_be77
    static let dataFile: UInt32 = 0x4441_5441
  }

  struct Unknown: Sendable, Equatable {
    var kind: UInt32
    var content: [UInt8]
  }

  struct Bitmaps: Sendable, Equatable {
    var count: UInt32
    var directoryByteCount: UInt64
    var directoryOffset: UInt64
  }

  struct FeatureName: Sendable, Equatable {
    var type: UInt8
    var bit: UInt8
    var name: String
  }

  public var backingFile: BytePath?
  public var backingFormat: String?
  public var dataFile: BytePath?
  var bitmaps: Bitmaps?
  var featureNames: [FeatureName] = []
  var unknown: [Unknown] = []

  init() {}

  /// `bytes`: the first cluster, or as much of it as the file has.
  public init(parsing bytes: [UInt8], after header: QCOW2Header) throws(BlockError) {
    let end = min(bytes.count, header.backingName.map { Int($0.offset) } ?? Int(header.clusterByteCount))
    var place = header.storedByteCount
    while place < end, end - place >= 8 {
      let kind = bytes.bigEndian32(at: place)
      let count = Int(bytes.bigEndian32(at: place + 4))
      place += 8
      if kind == Kind.end { break }
      guard count <= end - place else { throw .invalidImage("Header extension too large") }
      try add(kind, Array(bytes[place..<place + count]))
      place += (count + 7) & ~7
    }
    guard let name = header.backingName else { return }
    guard name.byteCount <= 1023, name.byteCount <= UInt64(header.clusterByteCount) - name.offset else {
      throw .invalidImage("Backing file name too long")
    }
    let start = Int(name.offset)
    guard start + Int(name.byteCount) <= bytes.count else {
      throw .invalidImage("Could not read backing file name")
    }
    backingFile = BytePath(bytes: bytes[start..<start + Int(name.byteCount)])
  }

  private mutating func add(_ kind: UInt32, _ content: [UInt8]) throws(BlockError) {
    switch kind {
    case Kind.backingFormat:
      guard content.count < 16 else {
        throw .invalidImage("ERROR: ext_backing_format: len=\(content.count) too large (>=16)")
      }
      backingFormat = String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
    case Kind.dataFile: dataFile = BytePath(bytes: content)
    case Kind.featureNames:
      for start in stride(from: 0, to: content.count - 47, by: 48) {
        featureNames.append(
          FeatureName(
            type: content[start], bit: content[start + 1],
            name: String(decoding: content[start + 2..<start + 48].prefix { $0 != 0 }, as: UTF8.self)))
      }
    case Kind.bitmaps:
      guard content.count == 24 else {
        throw .invalidImage("bitmaps_ext: Invalid extension length")
      }
      bitmaps = Bitmaps(
        count: content.bigEndian32(at: 0), directoryByteCount: content.bigEndian64(at: 8),
        directoryOffset: content.bigEndian64(at: 16))
    default: unknown.append(Unknown(kind: kind, content: content))
    }
  }

  /// The names of all features known here, as QEMU writes them down.
  private static let knownNames: [FeatureName] = [
    FeatureName(type: 0, bit: 0, name: "dirty bit"), FeatureName(type: 0, bit: 1, name: "corrupt bit"),
    FeatureName(type: 0, bit: 2, name: "external data file"), FeatureName(type: 0, bit: 3, name: "compression type"),
    FeatureName(type: 0, bit: 4, name: "extended L2 entries"), FeatureName(type: 1, bit: 0, name: "lazy refcounts"),
    FeatureName(type: 2, bit: 0, name: "bitmaps"), FeatureName(type: 2, bit: 1, name: "raw external data"),
  ]

  /// Header, extensions and backing name as the image starts; nil if they do not fit into the first cluster.
  func encoded(with header: QCOW2Header) -> [UInt8]? {
    var bytes = header.encoded()
    func add(_ kind: UInt32, _ content: [UInt8]) {
      bytes.appendBigEndian(kind)
      bytes.appendBigEndian(UInt32(content.count))
      bytes += content
      bytes.pad(to: 8)
    }
    if let backingFormat { add(Kind.backingFormat, Array(backingFormat.utf8)) }
    if let dataFile, header.isDataExternal { add(Kind.dataFile, dataFile.bytes) }
    if header.version >= 3 {
      add(
        Kind.featureNames,
        Self.knownNames.flatMap { feature in
          let name = Array(feature.name.utf8)
          return [feature.type, feature.bit] + name + [UInt8](repeating: 0, count: 46 - name.count)
        })
    }
    if let bitmaps, bitmaps.count > 0 {
      var content: [UInt8] = []
      content.appendBigEndian(bitmaps.count)
      content.appendBigEndian(UInt32(0))
      content.appendBigEndian(bitmaps.directoryByteCount)
      content.appendBigEndian(bitmaps.directoryOffset)
      add(Kind.bitmaps, content)
    }
    for extra in unknown { add(extra.kind, extra.content) }
    bytes.appendBigEndian(Kind.end)
    bytes.appendBigEndian(UInt32(0))
    if let backingFile, !backingFile.isEmpty {
      let place = bytes.count
      bytes += backingFile.bytes
      bytes.setBigEndian64(UInt64(place), at: 8)
      let length = UInt64(backingFile.bytes.count) << 32 | UInt64(header.clusterBits)
      bytes.setBigEndian64(length, at: 16)
    }
    guard bytes.count <= header.clusterByteCount else { return nil }
    return bytes
  }

  /// QEMU's sentence about features that are set and not known.
  func unsupportedFeatures(_ header: QCOW2Header) -> String? {
    var mask = header.incompatible.subtracting(.known).rawValue
    guard mask != 0 else { return nil }
    var names: [String] = []
    for feature in featureNames where feature.type == 0 && feature.bit < 64 {
      let bit = UInt64(1) << UInt64(feature.bit)
      guard mask & bit != 0, !feature.name.isEmpty else { continue }
      names.append(feature.name)
      mask &= ~bit
    }
    if mask != 0 { names.append("Unknown incompatible feature: " + String(mask, radix: 16)) }
    return "Unsupported qcow2 feature(s): " + names.joined(separator: ", ")
  }
}
