// SPDX-License-Identifier: Apache-2.0
import HostIO
import Migration
import Testing

struct MigrationAddressTests {
  static let good: [(String, MigrationAddress)] = [
    ("file:/tmp/a,b", .file("/tmp/a,b")),
    ("exec:cat > x", .command("cat > x")),
    ("exec:", .command("")),
    ("fd:name", .descriptor("name")),
    ("fd:12", .descriptor("12")),
    ("unix:/tmp/x:y", .unix("/tmp/x:y")),
    ("tcp:host:444", .tcp(host: "host", port: "444", family: .any, lastPort: nil)),
    ("tcp::444", .tcp(host: "", port: "444", family: .any, lastPort: nil)),
    ("tcp:[::1]:444", .tcp(host: "::1", port: "444", family: .ipv6, lastPort: nil)),
    ("tcp:h:1,ipv4", .tcp(host: "h", port: "1", family: .ipv4, lastPort: nil)),
    ("tcp:h:1,ipv4=off", .tcp(host: "h", port: "1", family: .ipv6, lastPort: nil)),
    ("tcp:h:1,ipv6=on,to=9", .tcp(host: "h", port: "1", family: .ipv6, lastPort: 9)),
  ]

  @Test(arguments: good)
  func `an address is what its protocol says`(text: String, address: MigrationAddress) throws {
    #expect(try MigrationAddress.parse(BytePath(text)) == address)
  }

  @Test(arguments: ["", "foo", "foo:bar", "defer", "FILE:x", ":x", "rdma:h:1", "vsock:1:2"])
  func `another protocol is none`(text: String) throws {
    #expect(try MigrationAddress.parse(BytePath(text)) == nil)
  }

  static let bad: [(String, String)] = [
    ("tcp:", "error parsing address ''"),
    ("tcp:host", "error parsing address 'host'"),
    ("tcp:host:", "error parsing address 'host:'"),
    ("tcp:::1:444", "error parsing address '::1:444'"),
    ("tcp:[::1", "error parsing address '[::1'"),
    ("tcp:[::1]444", "error parsing address '[::1]444'"),
    ("tcp:h:1,nope", "error parsing address 'h:1,nope'"),
    ("tcp:h:1,to=x", "error parsing to= argument"),
    ("tcp:h:1,ipv4=x", "error parsing 'ipv4' flag 'x'"),
    ("tcp:h:1,ipv4=off,ipv6=off", "Cannot disable IPv4 and IPv6 at same time"),
    ("unix:", "invalid Unix socket address"),
    ("file:", "The file's name is missing"),
  ]

  @Test(arguments: bad)
  func `what is wrong with an address is said`(text: String, sentence: String) {
    #expect(throws: MigrationError(sentence)) { try MigrationAddress.parse(BytePath(text)) }
  }
}

struct MigrationSettingsTests {
  static let wrong: [(@Sendable (inout MigrationParameters) -> Void, String)] = [
    ({ $0.compressLevel = 10 }, "Parameter 'compress_level' expects a value between 0 and 9"),
    ({ $0.compressThreads = 0 }, "Parameter 'compress_threads' expects a value between 1 and 255"),
    ({ $0.decompressThreads = 0 }, "Parameter 'decompress_threads' expects a value between 1 and 255"),
    (
      { $0.throttleTriggerThreshold = 101 },
      "Parameter 'throttle_trigger_threshold' expects an integer in the range of 1 to 100"
    ),
    ({ $0.cpuThrottleInitial = 0 }, "Parameter 'cpu_throttle_initial' expects an integer in the range of 1 to 99"),
    (
      { $0.cpuThrottleIncrement = 100 }, "Parameter 'cpu_throttle_increment' expects an integer in the range of 1 to 99"
    ),
    (
      { $0.maxCpuThrottle = 19 },
      "Parameter 'max_cpu_throttle' expects an integer in the range of cpu_throttle_initial to 99"
    ),
    (
      { $0.downtimeLimit = 2_000_001 },
      "Parameter 'downtime_limit' expects an integer in the range of 0 to (2000 * 1000) ms"
    ),
    ({ $0.multifdChannels = 0 }, "Parameter 'multifd_channels' expects a value between 1 and 255"),
    ({ $0.multifdZlibLevel = 10 }, "Parameter 'multifd_zlib_level' expects a value between 0 and 9"),
    ({ $0.multifdZstdLevel = 21 }, "Parameter 'multifd_zstd_level' expects a value between 0 and 20"),
    (
      { $0.xbzrleCacheSize = 5000 },
      "Parameter 'xbzrle_cache_size' expects a power of two no less than the target page size"
    ),
    (
      { $0.xbzrleCacheSize = 2048 },
      "Parameter 'xbzrle_cache_size' expects a power of two no less than the target page size"
    ),
    ({ $0.announceInitial = 100_001 }, "Parameter 'announce_initial' expects a value between 0 and 100000"),
    ({ $0.announceMax = 100_001 }, "Parameter 'announce_max' expects a value between 0 and 100000"),
    ({ $0.announceRounds = 1001 }, "Parameter 'announce_rounds' expects a value between 0 and 1000"),
    ({ $0.announceStep = 0 }, "Parameter 'announce_step' expects a value between 0 and 10000"),
    ({ $0.tlsCreds = "tls0" }, "Parameter 'tls-creds' expects an empty name: TLS is not supported"),
  ]

  @Test(arguments: wrong.indices)
  func `a parameter out of its range is refused and nothing changes`(index: Int) throws {
    let migration = Migration { _ in }
    let (change, sentence) = Self.wrong[index]
    #expect(throws: MigrationError(sentence)) { try migration.setParameters(limitingBandwidth: false, change) }
    #expect(migration.parameters == MigrationParameters())
  }

  @Test func `capabilities are set together or not at all`() throws {
    let migration = Migration { _ in }
    try migration.setCapabilities([(.events, true), (.autoConverge, true), (.postcopyRAM, false)])
    #expect(migration.capabilities == [.events, .autoConverge])
    for capability in MigrationCapability.allCases where !capability.isSupported {
      #expect(throws: MigrationError("Migration capability '\(capability.rawValue)' is not supported")) {
        try migration.setCapabilities([(.xbzrle, true), (capability, true)])
      }
    }
    #expect(migration.capabilities == [.events, .autoConverge])
    try migration.setCapabilities([(.events, false)])
    #expect(migration.capabilities == [.autoConverge])
  }
}
