// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import Testing

/// Interface 4, block request and completion: submitted and delivered on the machine thread, done by a worker between.
struct BlockExample {
  @Test func `under instruction counting a completion comes at its virtual deadline, not before`() throws {
    let clock = VirtualClock()
    let queue = BlockQueue(clock: clock, mailbox: Mailbox(), timing: .atDeadline)
    let medium = BlockMedium(node: MemoryNode(Array("sector 0".utf8)), fileName: "memory")
    let backend = BlockBackend(name: "disk", queue: queue, medium: medium)
    var result: BlockResult?
    let ticket = backend.submit(.read(offset: 0, byteCount: 512)) { result = $0 }
    #expect(result == nil && ticket.deadline > 0)
    clock.advance(by: ticket.deadline - 1)
    #expect(result == nil)
    clock.advance(by: 1)
    let bytes = try #require(try result?.get())
    #expect(bytes.count == 512 && bytes.starts(with: "sector 0".utf8))
  }
}
