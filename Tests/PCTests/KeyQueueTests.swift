// SPDX-License-Identifier: Apache-2.0
import InputDevices
import PC
import Platform
import Testing

struct KeyQueueTests {
  private let clock = VirtualClock(), keyboard = PS2Keyboard(), queue: KeyQueue

  init() {
    queue = KeyQueue(clock: clock, keyboard: keyboard)
    keyboard.reset(.power)
  }

  @Test func `keys without waits are sent at once`() throws {
    try queue.append([.key(.q, isDown: true), .key(.q, isDown: false)])
    #expect(keyboard.unreadByteCount == 3)
    #expect(clock.nextDeadline == nil)
  }

  @Test func `what follows a wait comes when the wait is over`() throws {
    try queue.append([
      .key(.q, isDown: true), .delay(milliseconds: 100), .key(.q, isDown: false), .delay(milliseconds: 50),
      .key(.tab, isDown: true),
    ])
    #expect(keyboard.unreadByteCount == 1)
    clock.advance(by: 100 * .millisecond - 1)
    #expect(keyboard.unreadByteCount == 1)
    clock.advance(by: 1)
    #expect(keyboard.unreadByteCount == 3)
    clock.advance(by: 50 * .millisecond)
    #expect(keyboard.unreadByteCount == 4)
    #expect(clock.nextDeadline == nil)
  }

  @Test func `keys appended during a wait queue up behind it`() throws {
    try queue.append([.key(.q, isDown: true), .delay(milliseconds: 10)])
    try queue.append([.key(.tab, isDown: true), .delay(milliseconds: 10)])
    try queue.append([.key(.esc, isDown: true)])
    #expect(keyboard.unreadByteCount == 1)
    clock.advance(by: 10 * .millisecond)
    #expect(keyboard.unreadByteCount == 2)
    clock.advance(by: 10 * .millisecond)
    #expect(keyboard.unreadByteCount == 3)
  }

  @Test func `a cleared queue sends nothing and takes new keys`() throws {
    try queue.append([.delay(milliseconds: 10), .key(.q, isDown: true)])
    queue.clear()
    #expect(clock.nextDeadline == nil)
    clock.advance(by: .second)
    #expect(keyboard.unreadByteCount == 0)
    try queue.append([.key(.q, isDown: true)])
    #expect(keyboard.unreadByteCount == 1)
  }

  @Test func `a queue that was saved goes on elsewhere`() throws {
    try queue.append([
      .key(.shift, isDown: true), .delay(milliseconds: 30), .key(.bracketLeft, isDown: true), .delay(milliseconds: 5),
      .key(.q, isDown: false),
    ])
    clock.advance(by: 10 * .millisecond)
    let otherClock = VirtualClock(), otherKeyboard = PS2Keyboard()
    otherKeyboard.reset(.power)
    let other = KeyQueue(clock: otherClock, keyboard: otherKeyboard)
    otherClock.advance(by: 10 * .millisecond)
    try other.load(queue.save())
    #expect(other.save() == queue.save())
    for (clock, keyboard) in [(clock, keyboard), (otherClock, otherKeyboard)] {
      let before = keyboard.unreadByteCount
      clock.advance(by: 20 * .millisecond - 1)
      #expect(keyboard.unreadByteCount == before)
      clock.advance(by: 1)
      #expect(keyboard.unreadByteCount == before + 1)
      clock.advance(by: 5 * .millisecond)
      #expect(keyboard.unreadByteCount == before + 3)
      #expect(clock.nextDeadline == nil)
    }
  }

  @Test func `a reset of the machine does not stop who types`() throws {
    try queue.append([.delay(milliseconds: 10), .key(.q, isDown: true)])
    queue.reset(.system)
    clock.advance(by: 10 * .millisecond)
    #expect(keyboard.unreadByteCount == 1)
  }

  @Test(arguments: ["+nokey", "12x", "-", "+q 99999999999"])
  func `damaged events are refused`(text: String) {
    var writer = StateWriter()
    var version: UInt32 = 1
    var bytes = Array(text.utf8)
    var deadline: Int64? = 5
    #expect(throws: StateError.outOfRange("events")) {
      try writer.field("keyqueue", &version)
      try writer.buffer("events", &bytes, limit: 100)
      try writer.field("deadline", optional: &deadline)
      try queue.load(writer.image)
    }
    #expect(clock.nextDeadline == nil)
  }

  @Test func `the longest wait does not overflow`() throws {
    clock.advance(by: .second)
    try queue.append([.delay(milliseconds: .max), .key(.q, isDown: true)])
    #expect(clock.nextDeadline == .second + Int64(UInt32.max) * .millisecond)
  }
}
