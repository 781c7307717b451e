// SPDX-License-Identifier: Apache-2.0
import HostIO
import Monitor
import QAPI
import Testing

struct QMPSessionTests {
  static let greeting =
    #"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": "Apus 0.1.0"}, "#
    + #""capabilities": ["oob"]}}"#

  @Test func `a connection begins with the greeting`() throws {
    #expect(try Bench().qmp().line() == Self.greeting)
  }

  @Test func `pretty output has CRLF at the end of every line`() throws {
    let client = try Bench().qmp(isPretty: true)
    #expect(
      try client.lines(15).joined(separator: "\n") == """
        {
            "QMP": {
                "version": {
                    "qemu": {
                        "micro": 0,
                        "minor": 2,
                        "major": 7
                    },
                    "package": "Apus 0.1.0"
                },
                "capabilities": [
                    "oob"
                ]
            }
        }
        """)
    client.send(#"{"execute":"qmp_capabilities"}"#)
    #expect(try client.lines(4) == ["{", #"    "return": {"#, "    }", "}"])
  }

  @Test func `nothing but the negotiation comes first`() throws {
    let client = try Bench().qmp()
    _ = try client.line()
    #expect(
      try client.ask(#"{"execute":"query-status","id":1}"#) == [
        "id": 1,
        "error": [
          "class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'",
        ],
      ])
    #expect(
      try client.error(#"{"execute":"qmp_capabilities","arguments":{"enable":["nope"]}}"#)
        == "Parameter 'null' does not accept value 'nope'")
    #expect(
      try client.error(#"{"exec-oob":"qmp_capabilities"}"#) == "QMP input member 'exec-oob' is unexpected")
    #expect(try client.ask(#"{"execute":"qmp_capabilities"}"#) == ["return": [:]])
    #expect(
      try client.ask(#"{"execute":"qmp_capabilities"}"#) == [
        "error": [
          "class": "CommandNotFound", "desc": "Capabilities negotiation is already complete, command ignored",
        ]
      ])
  }

  @Test func `a client may negotiate before it reads the greeting`() throws {
    let bench = try Bench()
    let client = bench.qmp()
    client.send(#"{"execute":"qmp_capabilities"}{"execute":"query-name"}"#)
    #expect(try client.lines(3) == [Self.greeting, #"{"return": {}}"#, #"{"return": {"name": "fake"}}"#])
  }

  static let malformed: [(String, String)] = [
    ("[1,2]", "QMP input must be a JSON object"),
    (#""abc""#, "QMP input must be a JSON object"),
    ("5 ", "QMP input must be a JSON object"),
    ("{}", "QMP input lacks member 'execute'"),
    (#"{"foo":1}"#, "QMP input member 'foo' is unexpected"),
    (#"{"execute":"stop","bogus":1}"#, "QMP input member 'bogus' is unexpected"),
    (#"{"execute":5}"#, "QMP input member 'execute' must be a string"),
    (#"{"execute":"stop","arguments":5}"#, "QMP input member 'arguments' must be an object"),
    (#"{"execute":"stop","arguments":null}"#, "QMP input member 'arguments' must be an object"),
    (#"{"execute":"stop","arguments":{"x":1}}"#, "Parameter 'x' is unexpected"),
    (#"{"execute":"nosuch"}"#, "The command nosuch has not been found"),
    (#"{"exec-oob":"stop"}"#, "QMP input member 'exec-oob' is unexpected"),
    ("{,}", "JSON parse error, expecting value"),
  ]

  @Test(arguments: malformed)
  func `a message that is no command gets the sentence QEMU gives it`(text: String, sentence: String) throws {
    let client = try Bench().negotiated()
    #expect(try client.error(text) == sentence)
    // The connection goes on.
    #expect(try client.ask(#"{"execute":"query-name"}"#) == ["return": ["name": "fake"]])
  }

  static let oob: [(String, String)] = [
    (#"{"exec-oob":"query-status"}"#, "The command query-status does not support OOB"),
    (#"{"exec-oob":"nosuch"}"#, "The command nosuch has not been found"),
    (#"{"execute":"stop","exec-oob":"x"}"#, "QMP input member 'execute' clashes with 'exec-oob'"),
    (#"{"exec-oob":5}"#, "QMP input member 'exec-oob' must be a string"),
  ]

  @Test(arguments: oob)
  func `out-of-band execution is refused as on QEMU`(text: String, sentence: String) throws {
    #expect(try Bench().negotiated(oob: true).error(text) == sentence)
  }

  @Test(arguments: [
    "1", "-5", "2.5", "null", "true", #""x""#, "[1, [2]]", "{}", #"{"a": [], "b": {}}"#, "18446744073709551615",
    #""\u00E9\uD83D\uDE00\u0000""#,
  ])
  func `an id of any type comes back in reply and error`(id: String) throws {
    let client = try Bench().negotiated()
    client.send(#"{"execute":"query-name","id":\#(id)}{"id":\#(id),"execute":"nosuch"}{"id":\#(id)}"#)
    #expect(
      try client.lines(3) == [
        #"{"return": {"name": "fake"}, "id": \#(id)}"#,
        #"{"id": \#(id), "error": {"class": "CommandNotFound", "desc": "The command nosuch has not been found"}}"#,
        #"{"id": \#(id), "error": {"class": "GenericError", "desc": "QMP input lacks member 'execute'"}}"#,
      ])
  }

  @Test func `commands need no line end, follow each other without a gap and may be single quoted`() throws {
    let client = try Bench().negotiated()
    client.send(#"{'execute':'query-name','id':'a'}{"execute":"query-name","id":2}"# + "\r\n\n" + #"{"execute":"qu"#)
    #expect(try client.lines(2).count == 2)
    #expect(client.text().isEmpty)
    client.send(#"ery-name"}"#)
    #expect(try client.line() == #"{"return": {"name": "fake"}}"#)
  }

  @Test func `a byte FF brings the parser back`() throws {
    let client = try Bench().negotiated()
    client.send(Array(#"{"execute":"query-na"#.utf8) + [0xFF] + Array(#"{"execute":"query-name"}"#.utf8))
    #expect(
      try client.line()
        == #"{"error": {"class": "GenericError", "desc": "JSON parse error, stray '\"query-na\uFFFD'"}}"#)
    #expect(try client.line() == #"{"return": {"name": "fake"}}"#)
  }

  @Test func `replies keep the order of the commands, errors among them`() throws {
    let client = try Bench().negotiated()
    var text = ""
    for number in 0..<100 {
      text += number % 3 == 0 ? "]" : #"{"execute":"\#(number % 3 == 1 ? "query-name" : "nosuch")","id":\#(number)}"#
    }
    client.send(text)
    for number in 0..<100 {
      let reply = try client.reply()
      if number % 3 == 0 { #expect(reply["id"] == Optional.none) } else { #expect(reply["id"] == JSON(number)) }
    }
  }

  @Test func `a new connection negotiates anew`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    client.send("{\"half\":")
    client.waitUntilTaken()
    bench.loop.sync { client.session.closed() }
    bench.loop.sync { client.session.opened() }
    #expect(try client.line() == Self.greeting)
    #expect(
      try client.error(#"{"execute":"query-name"}"#)
        == "Expecting capabilities negotiation with 'qmp_capabilities'")
  }

  @Test func `what a client that left has asked for is not answered to the next`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let gate = Guarded(false)
    bench.board.post { _ in _ = gate.wait { $0 ? true : nil } }
    client.send(#"{"execute":"query-name","id":"old"}{"execute":"stop","id":"older"}"#)
    client.waitUntilTaken()
    bench.loop.sync { client.session.closed() }
    bench.loop.sync { client.session.opened() }
    gate.update { $0 = true }
    #expect(bench.board.on { $0.runState } == .running)
    #expect(try client.line() == Self.greeting)
    #expect(try client.ask(#"{"execute":"qmp_capabilities","id":"new"}"#)["id"] == "new")
  }

  @Test func `a client that never reads is no longer read from and its replies stay few`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    client.pipe.state.update { $0.isReading = false }
    client.send(String(repeating: #"{"execute":"query-block"}"#, count: 5000))
    client.send([UInt8](repeating: UInt8(ascii: "]"), count: 1 << 20))
    HostClock.sleep(nanoseconds: 300_000_000)
    let waiting = client.pipe.state.withLock { $0.output.count }
    #expect(waiting > 65536)
    #expect(waiting < 65536 + 16384)
    #expect(client.session.receivableByteCount == 0)
    // Another client is served meanwhile.
    #expect(try bench.negotiated().ask(#"{"execute":"query-name"}"#) == ["return": ["name": "fake"]])
    // Events stop too, once a megabyte waits.
    bench.board.on { machine in for _ in 0..<30000 { machine.hub?.emit(StopEvent()) } }
    #expect(client.pipe.state.withLock { $0.output.count } < (1 << 20) + 16384)
    // Reading again, it gets what it asked for.
    client.pipe.state.update { state in
      state.isReading = true
      state.output = []
    }
    bench.loop.sync { client.session.outputDrained() }
    _ = try client.lines(2000)
  }

  @Test func `ten megabytes of brackets are answered with errors and leave a working connection`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    client.send([UInt8](repeating: UInt8(ascii: "["), count: 10 << 20))
    client.send([0xFF] + Array(#"{"execute":"query-name","id":"end"}"#.utf8))
    let expected = JSON.string("JSON nesting depth limit exceeded")
    for _ in 0..<(10 << 20) / 1025 { #expect(try client.reply()["error"]?["desc"] == expected) }
    var last = try client.reply()
    while last["id"] == nil { last = try client.reply() }
    #expect(last == ["return": ["name": "fake"], "id": "end"])
  }
}
