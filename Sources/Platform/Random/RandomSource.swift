// SPDX-License-Identifier: Apache-2.0

/// Where everything random that the guest gets comes from: RDRAND, entropy devices.
///
/// With a seed the numbers follow from it alone, and how far the sequence has come is saved with the machine; without one
/// they are the host's. A reset does not turn the sequence back.
/// Reference: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (xoshiro256**), 2021.
public final class RandomSource: Device {
  public struct State: DeviceState {
    public static let name: StaticString = "rng"
    public static let version = 1
    /// Never all zero.
    var words: [UInt64]

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.array("state", &words)
      guard words.contains(where: { $0 != 0 }) else { throw .outOfRange("state") }
    }

    init(seed: UInt64) {
      // SplitMix64, as the authors advise: any seed gives a good state.
      var sum = seed
      words = (0..<4).map { _ in
        sum &+= 0x9e37_79b9_7f4a_7c15
        var value = sum
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
      }
    }

    mutating func next() -> UInt64 {
      func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
      let result = rotated(words[1] &* 5, 7) &* 9
      let shifted = words[1] << 17
      words[2] ^= words[0]
      words[3] ^= words[1]
      words[1] ^= words[2]
      words[0] ^= words[3]
      words[2] ^= shifted
      words[3] = rotated(words[3], 45)
      return result
    }
  }

  public var state: State
  private let isSeeded: Bool

  /// - Parameter seed: nil for the host's random numbers.
  public init(seed: UInt64?) {
    state = State(seed: seed ?? 0)
    isSeeded = seed != nil
  }

  public func reset(_ kind: ResetKind) {}
  public func stateDidLoad() {}

  public func next() -> UInt64 {
    guard isSeeded else {
      var host = SystemRandomNumberGenerator()
      return host.next()
    }
    return state.next()
  }

  /// Bytes of as many numbers as needed, lowest first.
  public func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 7)
    while bytes.count < count {
      let number = next()
      for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }
    return Array(bytes.prefix(count))
  }
}
