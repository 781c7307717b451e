// SPDX-License-Identifier: Apache-2.0
import HostIO
import Monitor
import Platform
import QAPI
import Testing

struct EventTests {
  /// The names of events and `return` in the order they came.
  private func order(_ client: Client, _ count: Int) throws -> [String] {
    try client.lines(count).map { line in
      let value = try JSON(parsing: line.utf8)
      return value["event"]?.string ?? (value["return"] != nil ? "return" : "error")
    }
  }

  @Test func `events come before the reply of the command that caused them`() throws {
    let client = try Bench().negotiated()
    client.send(#"{"execute":"stop"}{"execute":"stop"}{"execute":"cont"}{"execute":"cont"}"#)
    #expect(try order(client, 6) == ["STOP", "return", "return", "RESUME", "return", "return"])
    client.send(#"{"execute":"system_reset"}{"execute":"system_powerdown"}{"execute":"quit"}"#)
    #expect(try order(client, 6) == ["RESET", "return", "POWERDOWN", "return", "SHUTDOWN", "return"])
  }

  @Test func `events carry a time stamp and their data`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let before = HostClock.realTime.seconds
    bench.board.on { machine in
      machine.hub?.emit(ShutdownEvent(.guestShutdown))
      machine.hub?.emit(ResetEvent(.hostQMPSystemReset))
      machine.hub?.emit(StopEvent())
      machine.hub?.emit(RTCChangeEvent(offset: 299, qomPath: "/machine/unattached/device[10]"))
    }
    let data: [JSON?] = [
      ["guest": true, "reason": "guest-shutdown"], ["guest": false, "reason": "host-qmp-system-reset"], nil,
      ["offset": 299, "qom-path": "/machine/unattached/device[10]"],
    ]
    for expected in data {
      let line = try client.line()
      #expect(line.hasPrefix(#"{"timestamp": {"seconds": "#))
      let event = try JSON(parsing: line.utf8)
      #expect(event["data"] == expected)
      let seconds = try #require(event["timestamp"]?["seconds"]?.int)
      #expect((before...before + 60).contains(seconds))
      #expect((0..<1_000_000).contains(try #require(event["timestamp"]?["microseconds"]?.int)))
    }
  }

  @Test func `every negotiated client gets every event and the others none`() throws {
    let bench = try Bench()
    let (first, second, silent) = (try bench.negotiated(), try bench.negotiated(), bench.qmp())
    _ = try silent.line()
    first.send(#"{"execute":"stop"}"#)
    #expect(try order(first, 2) == ["STOP", "return"])
    #expect(try order(second, 1) == ["STOP"])
    #expect(silent.text().isEmpty)
    #expect(second.text().isEmpty)
  }

  @Test func `of events that come too fast the first and the last are sent, a second apart`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let start = HostClock.monotonicNanoseconds
    bench.board.on { machine in
      for offset in 0..<100 as Range<Int64> { machine.hub?.emit(RTCChangeEvent(offset: offset, qomPath: "/rtc")) }
    }
    #expect(try JSON(parsing: client.line().utf8)["data"]?["offset"] == 0)
    #expect(try JSON(parsing: client.line().utf8)["data"]?["offset"] == 99)
    #expect(HostClock.monotonicNanoseconds - start >= 1_000_000_000)
    #expect(client.text().isEmpty)
  }
}
