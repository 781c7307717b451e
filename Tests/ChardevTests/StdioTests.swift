// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Testing

/// The streams are the process's own, so these run one after the other.
@Suite(.serialized) struct StdioTests {
  @Test func `standard streams have one user`() throws {
    let running = try RunningLoop()
    let configuration = ChardevConfiguration(.stdio(signals: true))
    let first = try Chardev.open(id: "a", configuration: configuration, loop: running.loop)
    #expect(first.filename == "stdio")
    let error = #expect(throws: ChardevError.stdioInUse) {
      try Chardev.open(id: "b", configuration: configuration, loop: running.loop)
    }
    #expect(error?.description == "cannot use stdio by multiple character devices")
    first.close()
    let again = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    again.close()
  }
}
