// SPDX-License-Identifier: Apache-2.0
import Monitor
import QAPI
import Testing

/// What `input-send-event` and the mouse commands make of what a client says.
@Suite struct InputCommandTests {
  private static func key(_ name: String) throws -> KeyCode { try #require(KeyCode(rawValue: name)) }

  @Test func `all kinds of events arrive at once and in order`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let events = #"""
      [{"type":"key","data":{"down":true,"key":{"type":"qcode","data":"ctrl"}}},
       {"type":"key","data":{"down":false,"key":{"type":"number","data":30}}},
       {"type":"key","data":{"down":true,"key":{"type":"number","data":300000}}},
       {"type":"btn","data":{"down":true,"button":"wheel-up"}},
       {"type":"rel","data":{"axis":"y","value":-2000000000000}}]
      """#
    let line = #"{"execute":"input-send-event","arguments":{"device":"video0","head":0,"events":\#(events)}}"#
    #expect(try client.ask(line.replacing("\n", with: " ")) == ["return": [:]])
    #expect(
      bench.board.on { $0.handled } == [
        [
          .key(try Self.key("ctrl"), isDown: true), .key(try Self.key("a"), isDown: false),
          .key(try Self.key("unmapped"), isDown: true), .button(.wheelUp, isDown: true),
          .motion(.y, -2_000_000_000_000),
        ]
      ])
  }

  /// Measured on QEMU 7.2.
  @Test(arguments: [
    ("{}", "Parameter 'events' is missing"),
    (#"{"events":{}}"#, "Invalid parameter type for 'events', expected: array"),
    (#"{"events":[{"type":"key"}]}"#, "Parameter 'events[0].data' is missing"),
    (
      #"{"events":[{"type":"key","data":{"down":true,"key":{"type":"qcode","data":"bogus"}}}]}"#,
      "Parameter 'data' does not accept value 'bogus'"
    ),
    (
      #"{"events":[{"type":"btn","data":{"down":true,"button":"bogus"}}]}"#,
      "Parameter 'button' does not accept value 'bogus'"
    ),
    (
      #"{"events":[{"type":"btn","data":{"down":"yes","button":"left"}}]}"#,
      "Invalid parameter type for 'events[0].data.down', expected: boolean"
    ),
    (#"{"events":[{"type":"rel","data":{"axis":"z","value":20}}]}"#, "Parameter 'axis' does not accept value 'z'"),
    (#"{"events":[{"type":"zoom","data":{"axis":"x","value":2}}]}"#, "Parameter 'type' does not accept value 'zoom'"),
    (#"{"events":[{"type":"rel","data":{"axis":"x","value":2},"foo":1}]}"#, "Parameter 'events[0].foo' is unexpected"),
    (#"{"device":"nope","events":[]}"#, "Device 'nope' not found"),
    (#"{"device":"video0","head":3,"events":[]}"#, "Device video0 (head 3) is not bound to a QemuConsole"),
    (
      #"{"events":[{"type":"rel","data":{"axis":"x","value":2}},{"type":"abs","data":{"axis":"x","value":2}}]}"#,
      "Input handler not found for event type abs"
    ),
  ])
  func `what cannot be is refused as a whole`(_ arguments: String, _ sentence: String) throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    #expect(try client.error(#"{"execute":"input-send-event","arguments":\#(arguments)}"#) == sentence)
    #expect(bench.board.on { $0.handled } == [])
  }

  @Test func `a machine that stands still takes no events`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    bench.board.on { $0.stop() }
    #expect(try client.error(#"{"execute":"input-send-event","arguments":{"events":[]}}"#) == "VM not running")
  }

  @Test func `query-mice tells of each`() throws {
    let client = try Bench().negotiated()
    #expect(
      try client.ask(#"{"execute":"query-mice"}"#)["return"] == [
        ["name": "QEMU PS/2 Mouse", "index": 2, "current": true, "absolute": false]
      ])
  }

  @Test(
    arguments: [
      ("mouse_move 10 -3", [[.motion(.x, 10), .motion(.y, -3)]]),
      ("mouse_move 0x10 010", [[.motion(.x, 16), .motion(.y, 8)]]),
      ("mouse_move 5x 0xg", [[.motion(.x, 5), .motion(.y, 0)]]),
      (
        "mouse_move 1 2 30",
        [[.motion(.x, 1), .motion(.y, 2), .button(.wheelUp, isDown: true)], [.button(.wheelUp, isDown: false)]]
      ),
      (
        "mouse_move 0 0 -1",
        [[.motion(.x, 0), .motion(.y, 0), .button(.wheelDown, isDown: true)], [.button(.wheelDown, isDown: false)]]
      ),
      (
        "mouse_move 99999999999999999999 -99999999999999999999",
        [[.motion(.x, .max), .motion(.y, .min)]]
      ),
      ("mouse_button 5", [[.button(.left, isDown: true), .button(.middle, isDown: true)]]),
      ("mouse_button 0", []),
    ] as [(String, [[GuestInput]])])
  func `the human monitor moves the mouse`(_ line: String, _ expected: [[GuestInput]]) throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    #expect(
      try client.ask(#"{"execute":"human-monitor-command","arguments":{"command-line":"\#(line)"}}"#) == ["return": ""])
    #expect(bench.board.on { $0.handled } == expected)
  }

  @Test func `mouse_button tells what differs from the last time`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    for state in [1, 1, 3, 6, 0] {
      _ = try client.ask(#"{"execute":"human-monitor-command","arguments":{"command-line":"mouse_button \#(state)"}}"#)
    }
    #expect(
      bench.board.on { $0.handled } == [
        [.button(.left, isDown: true)], [.button(.right, isDown: true)],
        [.button(.left, isDown: false), .button(.middle, isDown: true)],
        [.button(.right, isDown: false), .button(.middle, isDown: false)],
      ])
  }
}
