// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Runs fuzz tests: rounds of seeded random input, short in an ordinary test run and as long as `make fuzz` says.
///
/// `APUS_FUZZ_SECONDS` is the time for each test; `APUS_FUZZ_SEED` repeats a run that failed. An ordinary run always uses
/// the same seeds.
public enum Fuzzing {
  private static let seconds = HostProcess.environment("APUS_FUZZ_SECONDS").flatMap { Double($0.description) }
  private static let givenSeed = HostProcess.environment("APUS_FUZZ_SEED").flatMap { UInt64($0.description) }

  /// Calls `round` with one generator after the other until the time is over, at least `minimum` times.
  ///
  /// - Parameters:
  ///   - name: what a long run prints with its seed, so that an end of the process can be repeated.
  ///   - seconds: time in an ordinary run.
  public static func run(
    _ name: String, seconds ordinary: Double = 1.5, atLeast minimum: Int = 20,
    _ round: (inout FuzzRandom) throws -> Void
  ) rethrows {
    let first = givenSeed ?? (seconds == nil ? 1 : HostClock.monotonicNanoseconds)
    if seconds != nil { HostProcess.printError("\(name): APUS_FUZZ_SEED=\(first)\n") }
    let limit = UInt64(max(0, min(seconds ?? ordinary, 1e6)) * 1e9)
    let start = HostClock.monotonicNanoseconds
    var count: UInt64 = 0
    while count < UInt64(minimum) || HostClock.monotonicNanoseconds &- start < limit {
      var random = FuzzRandom(seed: first &+ count)
      try round(&random)
      count += 1
    }
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014), equal on every host, with what fuzz tests ask of it.
public struct FuzzRandom: RandomNumberGenerator {
  public let seed: UInt64
  private var state: UInt64

  public init(seed: UInt64) { (self.seed, state) = (seed, seed &* 0xd134_2543_de82_ef95) }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }

  /// 0..<bound.
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
  public mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 32) }
  public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }
  /// True once in `count` times.
  public mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
  /// A word that is often special: few bits, all ones, a small number.
  public mutating func word() -> UInt64 {
    switch below(6) {
    case 0: UInt64(below(256))
    case 1: UInt64.max &<< UInt64(below(64))
    case 2: 1 &<< UInt64(below(64))
    case 3: UInt64(truncatingIfNeeded: -below(300))
    default: next()
    }
  }

  /// `bytes` with a few changes: bits flipped, bytes replaced, ranges cut, doubled or filled.
  public mutating func damaged(_ bytes: [UInt8], changes: Int = 4) -> [UInt8] {
    var result = bytes
    for _ in 0..<(1 + below(changes)) {
      guard !result.isEmpty else { return self.bytes(below(16)) }
      let place = below(result.count)
      let end = min(result.count, place + 1 + below(16))
      switch below(8) {
      case 0, 1: result[place] ^= 1 << UInt8(below(8))
      case 2, 3: result[place] = byte()
      case 4: result[place] = [0, 0x7f, 0x80, 0xff][below(4)]
      case 5: result.removeSubrange(place..<end)
      case 6: result.insert(contentsOf: result[place..<end], at: place)
      default: result.removeLast(result.count - place)
      }
    }
    return result
  }
}
