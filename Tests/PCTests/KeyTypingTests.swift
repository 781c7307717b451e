// SPDX-License-Identifier: Apache-2.0
import InputDevices
import PC
import Platform
import Synchronization
import Testing

/// Typed text with a guest that reads when the test says so.
struct KeyTypingTests {
  /// A keyboard with its controller, and memory with a BIOS data area.
  final class Guest {
    let clock = VirtualClock(), keyboard = PS2Keyboard()
    let memory = GuestMemory()
    let queue: KeyQueue
    let controller: KeyboardController
    let results = Results()

    init() throws {
      let ram = try RAMBlock(name: "ram", byteCount: 0x1000)
      memory.map.add("ram", at: 0, byteCount: 0x1000, .ram(ram, offset: 0, isReadOnly: false))
      memory.map.commit()
      controller = KeyboardController(
        keyboard: keyboard, mouse: PS2Mouse(), keyboardIRQ: IRQLine(), auxiliaryIRQ: IRQLine(), a20: IRQLine(),
        requestReset: {})
      queue = KeyQueue(
        clock: clock, keyboard: keyboard, memory: memory, isRead: { [unowned controller] in controller.keyboardIsRead })
      keyboard.reset(.power)
      controller.reset(.power)
      setWord(0x480, 0x1e)
      setWord(0x482, 0x3e)
    }

    func type(_ text: String, patience: UInt32 = 1000) throws {
      let results = results
      try queue.type(try KeySequence.parse(text, .packer), patience: patience) { end in
        results.all.withLock { $0.append(end) }
      }
    }

    /// Bytes that wait for the guest.
    var unread: Int { keyboard.unreadByteCount + Int(controller.commandPort.read(port: 0) & 1) }

    /// Reads what is there, and lets some time pass.
    func read(milliseconds: Int64 = 3) -> [UInt8] {
      var bytes: [UInt8] = []
      while controller.commandPort.read(port: 0) & 1 != 0 { bytes.append(controller.dataPort.read(port: 0)) }
      clock.advance(by: milliseconds * .millisecond)
      return bytes
    }

    func reset() {
      queue.reset(.system)
      keyboard.reset(.system)
      controller.reset(.system)
    }

    func setRing(head: UInt16, tail: UInt16) {
      setWord(0x41a, head)
      setWord(0x41c, tail)
    }

    private func setWord(_ address: PhysicalAddress, _ value: UInt16) {
      memory.write(address, [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)])
    }
  }

  final class Results: Sendable {
    let all = Mutex<[TypingResult]>([])
    var ends: [TypingResult.End] { all.withLock { $0.map(\.end) } }
  }

  private let guest: Guest
  init() throws { guest = try Guest() }

  @Test func `the next key comes when the last one has been read`() throws {
    try guest.type("qB")
    #expect(guest.unread == 1)
    guest.clock.advance(by: 900 * .millisecond)
    #expect(guest.unread == 1)
    #expect(guest.read() == [0x15])
    #expect(guest.read(milliseconds: 900) == [0xf0, 0x15])
    #expect(guest.read() == [0x12])
    #expect(guest.read() == [0x32])
    #expect(guest.read() == [0xf0, 0x32])
    #expect(guest.results.ends == [])
    #expect(guest.read() == [0xf0, 0x12])
    #expect(guest.results.ends == [.done])
    #expect(guest.results.all.withLock { $0.map(\.taken) + $0.map(\.total) } == [2, 2])
    #expect(guest.clock.nextDeadline == nil)
  }

  @Test func `what is not read is given up, and keys that are down are released`() throws {
    try guest.type("a<leftShiftOn>b<leftShiftOff>c", patience: 50)
    for _ in 0..<3 { _ = guest.read() }
    #expect(guest.unread == 1)
    guest.clock.advance(by: 60 * .millisecond)
    #expect(guest.results.all.withLock { $0.map(\.end) } == [.notRead(milliseconds: 50)])
    #expect(guest.results.all.withLock { $0.map(\.taken) } == [2])
    #expect(guest.read(milliseconds: 0) == [0x32, 0xf0, 0x32, 0xf0, 0x12])
    #expect(guest.clock.nextDeadline == nil)
  }

  @Test func `a key in the BIOS's ring is waited for`() throws {
    guest.setRing(head: 0x3c, tail: 0x3c)
    try guest.type("ab", patience: 5000)
    _ = guest.read(milliseconds: 0)
    guest.setRing(head: 0x3c, tail: 0x1e)  // the handler has put a key in before the end
    guest.clock.advance(by: 100 * .millisecond)
    #expect(guest.unread == 0)
    guest.setRing(head: 0x1e, tail: 0x1e)
    guest.clock.advance(by: 2 * .millisecond)
    #expect(guest.unread == 2)
  }

  @Test func `a key that no program takes is given up`() throws {
    guest.setRing(head: 0x1e, tail: 0x1e)
    try guest.type("ab", patience: 50)
    _ = guest.read(milliseconds: 0)
    guest.setRing(head: 0x1e, tail: 0x20)
    guest.clock.advance(by: 70 * .millisecond)
    #expect(guest.results.ends == [.notTaken(milliseconds: 50)])
  }

  @Test func `memory that is no ring is not waited for`() throws {
    guest.setRing(head: 0x1e, tail: 0x20)
    try guest.type("a")
    for _ in 0..<3 { _ = guest.read() }
    #expect(guest.results.ends == [.done])
  }

  @Test func `texts are typed one after another, waits included`() throws {
    try guest.type("a<wait>")
    try guest.type("b")
    for _ in 0..<3 { _ = guest.read() }
    #expect(guest.results.ends == [])
    guest.clock.advance(by: .second)
    #expect(guest.results.ends == [.done])
    #expect(guest.read() == [0x32])
    #expect(guest.read() == [0xf0, 0x32])
    #expect(guest.results.ends == [.done, .done])
  }

  @Test func `a reset ends what is in the middle`() throws {
    try guest.type("ab")
    _ = guest.read()
    guest.reset()
    #expect(guest.results.ends == [.reset])
    guest.clock.advance(by: .second)
    #expect(guest.unread == 0)
  }

  @Test func `the key that resets the guest was typed`() throws {
    try guest.type("<ctrl-alt-del>")
    for _ in 0..<3 { _ = guest.read() }
    guest.reset()
    #expect(guest.results.all.withLock { $0.map(\.taken) } == [1])
    #expect(guest.results.ends == [.done])
    guest.clock.advance(by: .second)
    #expect(guest.unread == 0)
  }

  @Test func `a wait survives a reset`() throws {
    try guest.type("a<wait>b")
    for _ in 0..<2 { _ = guest.read() }
    guest.reset()
    guest.clock.advance(by: .second)
    #expect(guest.read(milliseconds: 0) == [0x32])
  }

  @Test func `a switched-off keyboard is waited for`() throws {
    guest.controller.dataPort.write(port: 0, 0xf5)
    _ = guest.read(milliseconds: 0)
    try guest.type("a", patience: 100)
    guest.clock.advance(by: 50 * .millisecond)
    #expect(guest.unread == 0)
    guest.controller.dataPort.write(port: 0, 0xf4)
    guest.clock.advance(by: 2 * .millisecond)
    #expect(guest.read(milliseconds: 0) == [0xfa, 0x1c])
  }

  @Test func `a queue that was saved in a text goes on elsewhere`() throws {
    try guest.type("ab", patience: 70)
    _ = guest.read(milliseconds: 1)
    let other = try Guest()
    other.clock.advance(by: guest.clock.now)
    try other.queue.load(guest.queue.save())
    try other.keyboard.load(guest.keyboard.save())
    try other.controller.load(guest.controller.save())
    #expect(other.queue.save() == guest.queue.save())
    for guest in [guest, other] {
      var bytes: [UInt8] = []
      for _ in 0..<4 { bytes += guest.read() }
      #expect(bytes == [0xf0, 0x1c, 0x32, 0xf0, 0x32])
      #expect(guest.clock.nextDeadline == nil)
    }
    #expect(guest.results.ends == [.done])
    #expect(other.results.ends == [])
  }

  @Test func `a load ends who waits`() throws {
    let state = guest.queue.save()
    try guest.type("ab")
    try guest.queue.load(state)
    #expect(guest.results.ends == [.replaced])
  }

  @Test func `a full queue refuses a text as a whole`() throws {
    #expect(throws: KeyQueueFull.self) { try guest.type(String(repeating: "a", count: 30_000)) }
    #expect(guest.unread == 0)
    #expect(throws: KeyQueueFull.self) {
      try guest.queue.append(Array(repeating: .delay(milliseconds: 1), count: 65537))
    }
  }

  @Test func `so many texts wait and no more`() throws {
    for _ in 0..<64 { try guest.type("<wait>") }
    #expect(throws: KeyQueueFull.self) { try guest.type("a") }
    guest.clock.advance(by: 64 * .second)
    #expect(guest.results.ends == Array(repeating: .done, count: 64))
  }

  @Test func `keys without a text wait for room`() throws {
    try guest.queue.append((0..<20).map { .key(.q, isDown: $0 % 2 == 0) })
    // Of which one is in the controller; the next key has two bytes.
    #expect(guest.unread == 16)
    var bytes: [UInt8] = []
    for _ in 0..<4 { bytes += guest.read(milliseconds: 10) }
    #expect(bytes.count == 30)
    #expect(guest.unread == 0)
    #expect(guest.clock.nextDeadline == nil)
  }
}
