// SPDX-License-Identifier: Apache-2.0

/// The numbers and words of `migrate-set-parameters`, with QEMU 7.2's defaults (qapi/migration.json).
///
/// The names are the wire's, in Swift's case. Those of features that cannot be turned on are kept for whoever asks and mean nothing.
public struct MigrationParameters: Codable, Sendable, Equatable {
  public enum Compression: String, Codable, Sendable, CaseIterable { case none, zlib, zstd }

  /// Milliseconds.
  public var announceInitial: UInt64 = 50
  public var announceMax: UInt64 = 550
  public var announceRounds: UInt64 = 5
  public var announceStep: UInt64 = 100
  public var compressLevel: UInt8 = 1
  public var compressThreads: UInt8 = 8
  public var compressWaitThread = true
  public var decompressThreads: UInt8 = 2
  public var throttleTriggerThreshold: UInt8 = 50
  /// Percent.
  public var cpuThrottleInitial: UInt8 = 20
  public var cpuThrottleIncrement: UInt8 = 10
  public var cpuThrottleTailslow = false
  public var maxCpuThrottle: UInt8 = 99
  /// Names a TLS identity. There is no TLS: only the empty name is taken.
  public var tlsCreds = ""
  public var tlsHostname = ""
  public var tlsAuthz = ""
  /// Bytes per second; 0 is as fast as it goes.
  public var maxBandwidth: UInt64 = 128 << 20
  /// Milliseconds.
  public var downtimeLimit: UInt64 = 300
  public var xCheckpointDelay: UInt32 = 20000
  public var blockIncremental = false
  public var multifdChannels: UInt8 = 2
  public var multifdCompression = Compression.none
  public var multifdZlibLevel: UInt8 = 1
  public var multifdZstdLevel: UInt8 = 1
  /// Bytes.
  public var xbzrleCacheSize: UInt64 = 64 << 20
  public var maxPostcopyBandwidth: UInt64 = 0

  public init() {}

  /// The longest downtime goal there is, in milliseconds.
  public static let downtimeMaximum: UInt64 = 2_000_000

  /// Whether the values are in their ranges; the sentences are QEMU's, which name members with underscores.
  public func check() throws(MigrationError) {
    func expect(_ isGood: Bool, _ name: String, _ range: String) throws(MigrationError) {
      if !isGood { throw MigrationError("Parameter '\(name)' expects \(range)") }
    }
    try expect(compressLevel <= 9, "compress_level", "a value between 0 and 9")
    try expect(compressThreads >= 1, "compress_threads", "a value between 1 and 255")
    try expect(decompressThreads >= 1, "decompress_threads", "a value between 1 and 255")
    try expect(
      (1...100).contains(throttleTriggerThreshold), "throttle_trigger_threshold", "an integer in the range of 1 to 100")
    try expect((1...99).contains(cpuThrottleInitial), "cpu_throttle_initial", "an integer in the range of 1 to 99")
    try expect((1...99).contains(cpuThrottleIncrement), "cpu_throttle_increment", "an integer in the range of 1 to 99")
    try expect(
      maxCpuThrottle >= cpuThrottleInitial && maxCpuThrottle <= 99, "max_cpu_throttle",
      "an integer in the range of cpu_throttle_initial to 99")
    try expect(
      downtimeLimit <= Self.downtimeMaximum, "downtime_limit", "an integer in the range of 0 to (2000 * 1000) ms")
    try expect(multifdChannels >= 1, "multifd_channels", "a value between 1 and 255")
    try expect(multifdZlibLevel <= 9, "multifd_zlib_level", "a value between 0 and 9")
    try expect(multifdZstdLevel <= 20, "multifd_zstd_level", "a value between 0 and 20")
    try expect(
      xbzrleCacheSize >= 4096 && xbzrleCacheSize.nonzeroBitCount == 1, "xbzrle_cache_size",
      "a power of two no less than the target page size")
    try expect(announceInitial <= 100_000, "announce_initial", "a value between 0 and 100000")
    try expect(announceMax <= 100_000, "announce_max", "a value between 0 and 100000")
    try expect(announceRounds <= 1000, "announce_rounds", "a value between 0 and 1000")
    try expect((1...10_000).contains(announceStep), "announce_step", "a value between 0 and 10000")
    try expect(tlsCreds.isEmpty, "tls-creds", "an empty name: TLS is not supported")
  }
}
