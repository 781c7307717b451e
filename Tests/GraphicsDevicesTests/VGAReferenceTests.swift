// SPDX-License-Identifier: Apache-2.0
import Testing

/// What QEMU's adapter answered and showed, replayed.
struct VGAReferenceTests {
  @Test(arguments: Reference.transcripts.indices)
  func `answers and pictures are the recorded ones`(_ index: Int) throws {
    let transcript = Reference.transcripts[index]
    let failures = try VGABench().play(transcript.lines)
    #expect(failures.isEmpty, "\(transcript.name): \(failures.prefix(5).joined(separator: "; "))")
  }

  @Test func `a wrong answer in a transcript is noticed`() throws {
    #expect(try VGABench().play("mode 3; i1 3cc 0").count == 1)
    #expect(try VGABench().play("mode 3; shot 2d0 190 0").count == 1)
    #expect(try VGABench().play("nonsense").count == 1)
  }
}
