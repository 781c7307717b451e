// SPDX-License-Identifier: Apache-2.0
import Automation
import Platform
import Screen
import Testing

struct WatcherTests {
  private let machine = FakeWatched()
  private let second = Nanoseconds.second

  /// How a wait ends that starts now.
  private final class Outcome { var result: WaitResult? }

  private func wait(_ conditions: WaitCondition..., timeout: Nanoseconds? = nil) -> Outcome {
    let outcome = Outcome()
    machine.watcher.begin(WaitRequest(conditions, timeout: timeout)) { result in
      #expect(outcome.result == nil, "a wait ends once")
      outcome.result = result
    }
    return outcome
  }

  @Test func `text is seen at the next multiple of ten milliseconds`() throws {
    machine.virtualTime = 3
    let outcome = wait(.screen(try TextPattern(regularExpression: #"user (\w+)$"#)))
    machine.run(to: second) { now in if now >= 25 * .millisecond { machine.rows = ["", "  user ann"] } }
    let result = try #require(outcome.result)
    #expect(result.end == .met(0))
    #expect(result.virtualTime == 30 * .millisecond)
    #expect(result.texts == ["user ann", "ann"])
    #expect(result.place == ScreenText.Cursor(row: 1, column: 2))
  }

  @Test func `a screen that does not change is read once`() throws {
    let outcome = wait(.screen(try TextPattern(text: "never")), timeout: second)
    machine.run(to: 2 * second)
    #expect(outcome.result?.end == .timedOut)
    #expect(outcome.result?.virtualTime == second)
    #expect(machine.reads == 1)
    #expect(machine.nextLook == nil, "nobody waits any more")
  }

  @Test func `a screen of which more can be read by now is read again`() throws {
    let outcome = wait(.screen(try TextPattern(text: "never")), timeout: second)
    machine.run(to: 2 * second) { now in if now == 30 * .millisecond { machine.rereadings += 1 } }
    #expect(outcome.result?.end == .timedOut && machine.reads == 2)
  }

  @Test func `the first of several conditions wins, the first in the list at one instant`() throws {
    let outcome = wait(
      .screen(try TextPattern(text: "b")), .instant(20 * .millisecond), .screen(try TextPattern(text: "a")))
    machine.run(to: second) { now in if now >= 15 * .millisecond { machine.rows = ["a b"] } }
    #expect(outcome.result?.end == .met(0))
    let second = wait(.screen(try TextPattern(text: "x")), .instant(machine.virtualTime + 123))
    machine.run(to: machine.virtualTime + .second)
    #expect(second.result?.end == .met(1))
    #expect(second.result?.virtualTime == 1_000_000_123, "an instant is met exactly")
  }

  @Test func `serial text is used up by the wait that found it`() throws {
    machine.send("boot\r\nlogin: ")
    let first = wait(.serial(port: 0, try TextPattern(text: "login:")))
    machine.run(to: second)
    #expect(first.result?.end == .met(0))
    let again = wait(.serial(port: 0, try TextPattern(text: "login:")), timeout: second)
    machine.run(to: 3 * second)
    #expect(again.result?.end == .timedOut)
    #expect(again.result?.lastSeen.first == #"serial port 0 ends with " ""#)
    machine.send("root\r\nlogin: ")
    let third = wait(.serial(port: 0, try TextPattern(text: "login:")))
    machine.run(to: 4 * second)
    #expect(third.result?.end == .met(0))
    let absent = wait(.serial(port: 3, try TextPattern(text: "x")), timeout: 0)
    machine.run(to: 5 * second)
    #expect(absent.result?.lastSeen == ["there is no serial port 3"])
  }

  @Test func `a picture is still when it stays the same, whatever is written`() {
    let outcome = wait(.still(100 * .millisecond))
    machine.run(to: second) { now in
      switch now {
      case 50 * .millisecond: machine.picture[1, 1] = 0xffffff
      case 100 * .millisecond: machine.picture[1, 1] = 0xffffff  // the same again
      default: break
      }
    }
    #expect(outcome.result?.end == .met(0))
    #expect(outcome.result?.virtualTime == 150 * .millisecond)
  }

  @Test func `several conditions about one screen or port are all tested`() throws {
    var other = Surface(width: 8, height: 8)
    other[0, 0] = 0xff
    var white = Surface(width: 8, height: 8, color: 0xffffff)
    white[0, 0] = 0xffffff
    let pictures = wait(
      .picture(ExpectedPicture(name: "a", picture: other)), .picture(ExpectedPicture(name: "b", picture: white)))
    let texts = wait(.serial(port: 0, try TextPattern(text: "x")), .serial(port: 0, try TextPattern(text: "y")))
    machine.run(to: second) { now in
      if now == 50 * .millisecond {
        machine.picture = white
        machine.send("y")
      }
    }
    #expect(pictures.result?.end == .met(1))
    #expect(texts.result?.end == .met(1))
  }

  @Test func `an expected picture is found, or its nearest miss told`() {
    var expected = Surface(width: 8, height: 8)
    expected[2, 2] = 0xff0000
    let found = wait(.picture(ExpectedPicture(name: "golden.png", picture: expected)))
    machine.run(to: second) { now in if now == 70 * .millisecond { machine.picture = expected } }
    #expect(found.result?.virtualTime == 70 * .millisecond)
    machine.picture[3, 3] = 0xff
    let missed = wait(.picture(ExpectedPicture(name: "golden.png", picture: expected)), timeout: 50 * .millisecond)
    machine.run(to: 2 * second) { _ in machine.picture[4, 4] = 0xff }
    #expect(missed.result?.end == .timedOut)
    #expect(
      missed.result?.lastSeen == ["nearest to 'golden.png' was the screen at 1.010 s: 2 of 64 pixels differ"])
  }

  @Test func `an event ends a wait at its own instant, also while the guest stands still`() {
    let outcome = wait(.event("RESET"))
    machine.virtualTime = 12_345
    machine.watcher.eventOccurred("STOP")
    #expect(machine.nextLook != 12_345)
    machine.watcher.eventOccurred("RESET")
    #expect(outcome.result == nil, "not in the middle of what the machine does")
    #expect(machine.nextLook == 12_345)
    machine.watcher.look()
    #expect(outcome.result?.end == .met(0))
    machine.isRunning = false
    let stopped = wait(.event("RESUME"))
    machine.watcher.eventOccurred("RESUME")
    #expect(machine.wantsLookSoon)
    machine.watcher.look()
    #expect(stopped.result?.end == .met(0))
  }

  @Test func `a guest that stands still is looked at at once`() throws {
    machine.isRunning = false
    machine.rows = ["ready"]
    let outcome = wait(.screen(try TextPattern(text: "ready")))
    #expect(outcome.result?.end == .met(0))
  }

  @Test func `a wait may begin in the end of another, at the same instant`() throws {
    machine.rows = ["one two"]
    var ends: [Nanoseconds] = []
    let two = try TextPattern(text: "two")
    machine.watcher.begin(WaitRequest([.screen(try TextPattern(text: "one"))], timeout: nil)) { result in
      ends.append(result.virtualTime)
      machine.watcher.begin(WaitRequest([.screen(two)], timeout: nil)) { ends.append($0.virtualTime) }
    }
    machine.run(to: second)
    #expect(ends == [10 * .millisecond, 10 * .millisecond])
  }

  @Test func `of a guest that hangs only what comes by itself is waited for`() throws {
    let text = wait(.screen(try TextPattern(text: "login")))
    let still = wait(.still(50 * .millisecond))
    machine.watcher.guestHung(because: "it hangs")
    #expect(text.result?.end == .hung("it hangs"))
    #expect(still.result == nil)
    machine.run(to: second)
    #expect(still.result?.end == .met(0))
  }

  @Test func `a wait can be ended from outside`() throws {
    let outcome = Outcome()
    let identity = machine.watcher.begin(WaitRequest([.screen(try TextPattern(text: "x"))], timeout: nil)) {
      outcome.result = $0
    }
    machine.watcher.end(identity, because: "nobody waits")
    machine.watcher.end(identity, because: "again")
    #expect(outcome.result?.end == .ended("nobody waits"))
  }

  @Test func `rules about idleness watch screen and ports`() throws {
    var ends: [(RunVerdict, String)] = []
    let rules = try StopRules(parsing: "idle=100ms")
    let watch = StopWatch(rules, machine.watcher, machine) { ends.append(($0, $1)) }
    machine.run(to: 500 * .millisecond) { now in
      if now == 80 * .millisecond { machine.send("x") }
      if now == 150 * .millisecond { machine.rows = ["new"] }
    }
    #expect(ends.first?.0 == .idle)
    #expect(ends.first?.1 == "neither the screen nor a serial port changed for 0.100 s")
    watch.eventOccurred("GUEST_PANICKED", resetByGuest: false)
    #expect(ends.last?.0 == .idle, "no rule about panics")
  }
}
