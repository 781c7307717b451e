// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import HostIO
import Monitor
import QAPI
import Testing

/// Random bytes and nearly right commands through QMP and HMP: every connection goes on, and answers what it is asked next.
@Suite(.serialized)
struct FuzzMonitorTests {
  /// Commands that write no files.
  private static let commands = [
    #"{"execute":"query-status"}"#, #"{"execute":"query-name","id":[1,{"a":null}]}"#, #"{"execute":"stop"}"#,
    #"{"execute":"cont"}"#, #"{"execute":"query-cpus-fast"}"#, #"{"execute":"query-block"}"#,
    #"{"execute":"query-pci"}"#, #"{"execute":"query-chardev"}"#, #"{"execute":"query-commands"}"#,
    #"{"execute":"query-version","arguments":{}}"#, #"{"execute":"system_reset"}"#, #"{"execute":"inject-nmi"}"#,
    #"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#, #"{"exec-oob":"query-name"}"#,
    #"{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"a"},{"type":"number","data":3}]}}"#,
    #"{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"b"}],"hold-time":5}}"#,
    #"{"execute":"input-send-event","arguments":{"events":[{"type":"rel","data":{"axis":"x","value":3}}]}}"#,
    #"{"execute":"input-send-event","arguments":{"events":[{"type":"btn","data":{"down":true,"button":"left"}}]}}"#,
    #"{"execute":"input-send-event","arguments":{"events":[{"type":"key","data":{"down":true,"#
      + #""key":{"type":"qcode","data":"a"}}}]}}"#,
    #"{"execute":"human-monitor-command","arguments":{"command-line":"info status","cpu-index":0}}"#,
    #"{"execute":"human-monitor-command","arguments":{"command-line":"x/4xw 0"}}"#,
  ]
  private static let humanLines = [
    "info status", "info cpus", "info registers", "info block -v", "info pci", "info chardev", "info history", "info",
    "x/4xb 0x10", "xp/2i 0x100", "x/3c 5", "p 1+2*(3-4)", "p/x $eip&0xff|~1", "print/c 'a'", "cpu 1", "help x",
    "sendkey ctrl-alt-delete 5", "mouse_move 1 2 3", "mouse_button 7", "mouse_set 2", "stop", "cont", "nmi",
    "system_reset", "system_powerdown", "info nonesuch",
    "p $cs.base", "? info",
  ]
  private static let editingKeys: [[UInt8]] = [
    [0x1b, 0x5b, 0x41], [0x1b, 0x5b, 0x44], [0x1b, 0x5b, 0x33, 0x7e], [0x1b, 0x4f, 0x48], [9], [1], [5], [0x17], [0x7f],
  ]
  private static let pieces = [
    "p ", "x/", "xp /", "info ", "$", "eax", "cs", ".base", "(", ")", "+", "-", "*", "/", "%", "&", "|", "^", "~", "0x",
    "0", "9", "99999999999999999999", "'", "'a'", "\"", "\\", " ", "\t", "i", "x", "d", "b", "w", "g", "-1", "sendkey ",
  ]

  /// Without the letter that `quit` begins with: a monitor that has quit answers nothing more.
  private func tame(_ bytes: [UInt8]) -> [UInt8] { bytes.filter { $0 != UInt8(ascii: "q") } }

  private func line(_ random: inout FuzzRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    if random.oneIn(2) {
      bytes = Array(Self.humanLines[random.below(Self.humanLines.count)].utf8)
    } else {
      for _ in 0..<random.below(14) { bytes += Array(Self.pieces[random.below(Self.pieces.count)].utf8) }
    }
    return tame(random.oneIn(3) ? random.damaged(bytes) : bytes)
  }

  @Test func `a QMP connection outlives any bytes`() throws {
    let bench = try Bench()
    try Fuzzing.run("QMP session", seconds: 2, atLeast: 50) { random in
      let client = try bench.negotiated(oob: random.oneIn(2))
      for _ in 0..<(1 + random.below(8)) {
        var bytes = Array(Self.commands[random.below(Self.commands.count)].utf8)
        if !random.oneIn(3) { bytes = random.damaged(bytes) }
        if random.oneIn(6) { bytes = random.bytes(random.below(60)) }
        client.send(bytes)
      }
      // Ends an open string, then everything else that is open.
      client.send("\n`\n`\n" + #"{"execute":"query-name","id":"end"}"#)
      var reply = try client.reply()
      while reply["id"] != "end" {
        #expect(reply["return"] != nil || reply["error"]?["desc"]?.string?.isEmpty == false, "seed \(random.seed)")
        reply = try client.reply()
      }
      #expect(reply["return"] == ["name": "fake"], "seed \(random.seed)")
    }
    #expect(bench.board.on { $0.holds } == 0)
  }

  @Test func `any HMP line is answered through QMP`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    try Fuzzing.run("HMP lines", seconds: 2, atLeast: 100) { random in
      let text = String(decoding: line(&random), as: UTF8.self)
      let command: JSON = ["execute": "human-monitor-command", "arguments": ["command-line": .string(text)]]
      client.send(command.text)
      let reply = try client.reply()
      #expect(reply["return"]?.string != nil || reply["error"] != nil, "seed \(random.seed): \(text)")
    }
    #expect(bench.board.on { $0.holds } == 0)
  }

  @Test func `an HMP connection outlives any keys`() throws {
    let bench = try Bench()
    try Fuzzing.run("HMP session", seconds: 2, atLeast: 30) { random in
      let client = bench.hmp()
      var keys: [UInt8] = []
      for _ in 0..<(1 + random.below(10)) {
        switch random.below(4) {
        case 0: keys += tame(random.bytes(random.below(12)))
        case 1: keys += Self.editingKeys[random.below(Self.editingKeys.count)]
        default: keys += line(&random) + (random.oneIn(3) ? [] : [10])
        }
      }
      client.send(keys)
      client.send("\n\ninfo name\n")
      var seen = ""
      while !seen.contains("fake\r\n") { seen += try client.output(endingWith: "(qemu) ") }
    }
    #expect(bench.board.on { $0.holds } == 0)
  }
}
