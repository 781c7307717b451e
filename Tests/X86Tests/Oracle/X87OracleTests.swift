// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import X86

/// The x87 unit against the host's, bit by bit: `X87Oracle` says what is compared.
///
/// `APUS_ORACLE_CASES`, `APUS_ORACLE_SEED` and `APUS_ORACLE_REPLAY` as for the other instructions, with the modes
/// `x87long`, `x87flat` and `x87functions`.
extension OracleTests {
  @Test func `x87 instructions do what the host's processor does`() throws {
    let oracle = try #require(X87Oracle())
    func setting(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    if let replay = setting("APUS_ORACLE_REPLAY") {
      let parts = replay.split(separator: ":")
      guard let mode = parts.first.flatMap({ X87Oracle.Mode(rawValue: String($0)) }) else { return }
      let seed = try #require(parts.last.flatMap { UInt64($0) })
      let difference = oracle.run(mode, seed)
      #expect(difference == nil)
      return
    }
    let count = setting("APUS_ORACLE_CASES").flatMap { UInt64($0) } ?? 60_000
    let first = setting("APUS_ORACLE_SEED").flatMap { UInt64($0) } ?? 1
    var differences: [String] = []
    for mode in X87Oracle.Mode.allCases {
      for index in 0..<count {
        if let difference = oracle.run(mode, first &+ index &* 0x1_0000_0001) {
          differences.append(difference)
          if differences.count >= 20 { break }
        }
      }
    }
    for difference in differences { print(difference) }
    #expect(differences.isEmpty, "\(differences.first ?? "")")
    // Many operands of F2XM1 and FYL2XP1 have no defined result.
    #expect(UInt64(oracle.executed) * 10 >= UInt64(X87Oracle.Mode.allCases.count) * count * 7)
    // Some end with SIGFPE or are refused by both.
    #expect(oracle.faults > 0)
    print("x87 oracle: \(oracle.executed) executed, \(oracle.skipped) skipped, \(oracle.faults) faults")
  }
}
