// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Migration
import Monitor
import QAPI
import Testing

struct MigrationCommandTests {
  /// All that this file is about.
  static let names: Set<String> = [
    "migrate", "migrate_cancel", "migrate-continue", "migrate-incoming", "query-migrate", "migrate-set-capabilities",
    "query-migrate-capabilities", "migrate-set-parameters", "query-migrate-parameters", "migrate_set_speed",
    "migrate_set_downtime", "migrate-set-cache-size", "query-migrate-cache-size", "migrate-start-postcopy",
    "migrate-pause", "migrate-recover", "x-colo-lost-heartbeat", "client_migrate_info", "xen-save-devices-state",
    "xen-load-devices-state", "getfd", "closefd",
  ]

  private func command(_ name: String, _ arguments: JSON = [:]) -> String {
    (["execute": .string(name), "arguments": arguments] as JSON).text
  }

  private func waitForEnd(_ client: Client) throws -> JSON {
    while true {
      let report = try client.ask(command("query-migrate"))
      let status = report["return"]?["status"]?.string ?? ""
      if !["setup", "active", "cancelling"].contains(status) { return report["return"] ?? report }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
  }

  @Test func `a file holds what the machine was and the guest stands still`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    #expect(try client.ask(command("migrate", ["uri": .string("file:" + folder.file("state"))])) == ["return": [:]])
    #expect(try waitForEnd(client)["status"] == "completed")
    #expect(bench.board.on { $0.runState } == .postMigrate)
    #expect(bench.board.on { $0.memoryHolds } == 0)
    #expect(folder.names == ["state"])

    let other = try Bench { machine in
      machine.runState = .incomingMigration
      machine.device = []
    }
    other.hub.migration.expectIncoming(startsGuest: true)
    let receiver = try other.negotiated()
    #expect(
      try receiver.ask(command("migrate-incoming", ["uri": .string("file:" + folder.file("state"))])) == ["return": [:]]
    )
    #expect(try receiver.ask(command("query-migrate")) == ["return": ["status": "completed"]])
    #expect(other.board.on { $0.runState } == .running)
    #expect(other.board.on { $0.device } == Array("fake device".utf8))
  }

  @Test func `disks that cannot be flushed fail the migration and leave no file`() throws {
    let bench = try Bench { $0.flushFailure = "Cannot flush drive 'x': No space left on device" }
    let client = try bench.negotiated()
    let folder = try Folder()
    #expect(try client.ask(command("migrate", ["uri": .string("file:" + folder.file("state"))])) == ["return": [:]])
    #expect(
      try waitForEnd(client) == ["status": "failed", "error-desc": "Cannot flush drive 'x': No space left on device"])
    #expect(bench.board.on { $0.runState } == .running)
    #expect(bench.board.on { $0.memoryHolds } == 0)
    #expect(folder.names == [])
  }

  @Test func `the disks' results are waited for`() throws {
    let bench = try Bench { $0.awaitsDisks = true }
    let client = try bench.negotiated()
    #expect(try client.ask(command("migrate", ["uri": "exec:cat > /dev/null"])) == ["return": [:]])
    HostClock.sleep(nanoseconds: 50_000_000)
    #expect(try client.ask(command("query-migrate"))["return"]?["status"] == "active")
    bench.board.on { $0.awaitsDisks = false }
    #expect(try waitForEnd(client)["status"] == "completed")
  }

  static let parameterErrors: [(String, JSON, String)] = [
    ("migrate-set-parameters", ["compress-level": 256], "Parameter 'compress-level' expects uint8_t"),
    ("migrate-set-parameters", ["compress-level": 10], "Parameter 'compress_level' expects a value between 0 and 9"),
    ("migrate-set-parameters", ["x-checkpoint-delay": -1], "Parameter 'x-checkpoint-delay' expects uint32_t"),
    (
      "migrate-set-parameters", ["downtime-limit": -1],
      "Parameter 'downtime_limit' expects an integer in the range of 0 to (2000 * 1000) ms"
    ),
    (
      "migrate-set-parameters", ["multifd-compression": "foo"],
      "Parameter 'multifd-compression' does not accept value 'foo'"
    ),
    ("migrate-set-parameters", ["foo": 1], "Parameter 'foo' is unexpected"),
    ("migrate-set-capabilities", [:], "Parameter 'capabilities' is missing"),
    (
      "migrate-set-capabilities", ["capabilities": [["capability": "foo", "state": false]]],
      "Parameter 'capability' does not accept value 'foo'"
    ),
    (
      "migrate-set-capabilities", ["capabilities": [["capability": "postcopy-ram", "state": true]]],
      "Migration capability 'postcopy-ram' is not supported"
    ),
    ("migrate", [:], "Parameter 'uri' is missing"),
    ("migrate", ["uri": "tcp:x"], "error parsing address 'x'"),
    (
      "migrate", ["uri": "exec:cat", "blk": true],
      "QEMU compiled without old-style (blk/-b, inc/-i) block migration"
    ),
    ("migrate", ["uri": "exec:cat", "resume": true], "Cannot resume if there is no paused migration"),
    ("migrate-continue", ["state": "pre-switchover"], "Migration not in expected state: none"),
    ("migrate-continue", ["state": "nope"], "Parameter 'state' does not accept value 'nope'"),
    ("migrate-incoming", ["uri": "tcp:0:0"], "'-incoming' was not specified on the command line"),
    ("migrate-start-postcopy", [:], "Enable postcopy with migrate_set_capability before the start of migration"),
    ("migrate-pause", [:], "migrate-pause is currently only supported during postcopy-active state"),
    ("migrate-recover", ["uri": "tcp:0:1"], "Migrate recover can only be run when postcopy is paused."),
    ("x-colo-lost-heartbeat", [:], "The feature 'colo' is not enabled"),
    ("client_migrate_info", ["protocol": "spice", "hostname": "h"], "SPICE is not in use"),
    ("client_migrate_info", ["protocol": "vnc", "hostname": "h"], "Parameter 'protocol' expects 'spice'"),
    ("getfd", ["fdname": "a"], "No file descriptor supplied via SCM_RIGHTS"),
    ("closefd", ["fdname": "a"], "File descriptor named 'a' not found"),
    ("xen-load-devices-state", ["filename": "x"], "Cannot update device state while vm is running"),
    (
      "xen-save-devices-state", ["filename": "/nonexistent/x"],
      "Unable to open /nonexistent/x: No such file or directory"
    ),
    (
      "migrate_set_downtime", ["value": 2001],
      "Parameter 'downtime_limit' expects an integer in the range of 0 to 2000 seconds"
    ),
  ]

  @Test(arguments: parameterErrors)
  func `a mistake is told in QEMU's words`(name: String, arguments: JSON, sentence: String) throws {
    #expect(try Bench().negotiated().error(command(name, arguments)) == sentence)
  }

  @Test func `parameters are those of QEMU and keep what is set`() throws {
    let client = try Bench().negotiated()
    client.send(command("query-migrate-parameters"))
    #expect(
      try client.line()
        == #"{"return": {"cpu-throttle-tailslow": false, "xbzrle-cache-size": 67108864, "cpu-throttle-initial": 20, "#
        + #""announce-max": 550, "decompress-threads": 2, "compress-threads": 8, "compress-level": 1, "#
        + #""multifd-channels": 2, "multifd-zstd-level": 1, "announce-initial": 50, "block-incremental": false, "#
        + #""compress-wait-thread": true, "downtime-limit": 300, "tls-authz": "", "multifd-compression": "none", "#
        + #""announce-rounds": 5, "announce-step": 100, "tls-creds": "", "multifd-zlib-level": 1, "#
        + #""max-cpu-throttle": 99, "max-postcopy-bandwidth": 0, "tls-hostname": "", "throttle-trigger-threshold": 50, "#
        + #""max-bandwidth": 134217728, "x-checkpoint-delay": 20000, "cpu-throttle-increment": 10}}"#)
    let changes: JSON = [
      "max-bandwidth": 5, "tls-creds": .null, "tls-hostname": "h", "multifd-compression": "zstd",
      "xbzrle-cache-size": 8192,
    ]
    #expect(try client.ask(command("migrate-set-parameters", changes)) == ["return": [:]])
    let now = try client.ask(command("query-migrate-parameters"))["return"]
    #expect(now?["max-bandwidth"] == 5 && now?["tls-creds"] == "" && now?["tls-hostname"] == "h")
    #expect(now?["multifd-compression"] == "zstd" && now?["xbzrle-cache-size"] == 8192)
  }

  @Test func `the older names set the same`() throws {
    let client = try Bench().negotiated()
    #expect(try client.ask(command("migrate_set_speed", ["value": 1024])) == ["return": [:]])
    #expect(try client.ask(command("migrate_set_downtime", ["value": 0.1])) == ["return": [:]])
    #expect(try client.ask(command("migrate-set-cache-size", ["value": 10000])) == ["return": [:]])
    #expect(try client.ask(command("query-migrate-cache-size")) == ["return": 8192])
    let now = try client.ask(command("query-migrate-parameters"))["return"]
    #expect(now?["max-bandwidth"] == 1024 && now?["downtime-limit"] == 100)
  }

  static let lines: [(String, String)] = [
    ("migrate_set_parameter foo 1", "Error: invalid parameter value: foo\r\n"),
    ("migrate_set_parameter max-bandwidth 1x", "Error: Invalid size 1x\r\n"),
    ("migrate_set_parameter max-bandwidth 9999999999999", "Error: Invalid size 9999999999999\r\n"),
    (
      "migrate_set_parameter compress-level 11", "Error: Parameter 'compress_level' expects a value between 0 and 9\r\n"
    ),
    ("migrate_set_parameter compress-level x", "Error: Parameter 'compress-level' expects uint64\r\n"),
    ("migrate_set_parameter block-incremental 1", "Error: Parameter 'block-incremental' expects 'on' or 'off'\r\n"),
    (
      "migrate_set_parameter block-bitmap-mapping 5",
      "Error: The block-bitmap-mapping parameter can only be set through QMP\r\n"
    ),
    ("migrate_set_parameter max-bandwidth 5k", ""),
    ("migrate_set_parameter tls-creds \"\"", ""),
    ("migrate_set_capability foo on", "Error: invalid parameter value: foo\r\n"),
    (
      "migrate_set_capability events yes",
      "Expected 'on' or 'off'\r\nTry \"help migrate_set_capability\" for more information\r\n"
    ),
    ("migrate_set_capability events on", ""),
    ("migrate foo", "Error: Parameter 'uri' expects a valid migration protocol\r\n"),
    ("migrate -d -b -i", "migrate: string expected\r\nTry \"help migrate\" for more information\r\n"),
    ("migrate -x foo", "migrate: unsupported option -x\r\nTry \"help migrate\" for more information\r\n"),
    ("migrate -r foo", "Error: Cannot resume if there is no paused migration\r\n"),
    ("migrate_cancel", ""),
    (
      "migrate_cancel x",
      "migrate_cancel: extraneous characters at the end of line\r\nTry \"help migrate_cancel\" for more information\r\n"
    ),
    ("getfd foo", "Error: No file descriptor supplied via SCM_RIGHTS\r\n"),
    ("closefd foo", "Error: File descriptor named 'foo' not found\r\n"),
    ("info migrate", "globals:\r\nstore-global-state: on\r\nonly-migratable: off\r\n"),
  ]

  @Test(arguments: lines)
  func `the human monitor answers as QEMU's does`(line: String, output: String) throws {
    #expect(try Bench().human(line) == output)
  }

  @Test func `the human monitor shows parameters in QEMU's order and units`() throws {
    let text = """
      announce-initial: 50 ms
      announce-max: 550 ms
      announce-rounds: 5
      announce-step: 100 ms
      compress-level: 1
      compress-threads: 8
      compress-wait-thread: on
      decompress-threads: 2
      throttle-trigger-threshold: 50
      cpu-throttle-initial: 20
      cpu-throttle-increment: 10
      cpu-throttle-tailslow: off
      max-cpu-throttle: 99
      tls-creds: ''
      tls-hostname: ''
      max-bandwidth: 134217728 bytes/second
      downtime-limit: 300 ms
      x-checkpoint-delay: 20000 ms
      block-incremental: off
      multifd-channels: 2
      multifd-compression: none
      xbzrle-cache-size: 67108864 bytes
      max-postcopy-bandwidth: 0
      tls-authz: ''

      """
    #expect(try Bench().human("info migrate_parameters") == text.split(separator: "\n").map { $0 + "\r\n" }.joined())
    let capabilities = try Bench().human("info migrate_capabilities")
    #expect(capabilities.hasPrefix("xbzrle: off\r\nrdma-pin-all: off\r\nauto-converge: off\r\n"))
    #expect(capabilities.hasSuffix("zero-copy-send: off\r\npostcopy-preempt: off\r\n"))
  }

  @Test func `the human monitor waits for the migration it began`() throws {
    let bench = try Bench()
    let terminal = bench.hmp()
    _ = try terminal.output(endingWith: "(qemu) ")
    terminal.send("migrate \"exec:sleep 0.2; cat > /dev/null\"\r")
    _ = try terminal.output(endingWith: "\r\n(qemu) ")
    #expect(bench.board.on { $0.runState } == .postMigrate)
    #expect(
      try bench.human("migrate \"exec:cat > /dev/null\"")
        == "Error: Can't migrate the vm that was paused due to previous migration\r\n")
  }

  @Test func `devices are saved and loaded without memory`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    client.send(command("xen-save-devices-state", ["filename": .string(folder.file("devices"))]))
    #expect(try client.lines(3).map { try JSON(parsing: $0.utf8)["event"]?.string } == ["STOP", "RESUME", nil])
    bench.board.on { $0.device = [] }
    _ = try client.ask(command("stop"))
    #expect(
      try client.ask(command("xen-load-devices-state", ["filename": .string(folder.file("devices"))])) == [
        "return": [:]
      ])
    #expect(bench.board.on { $0.device } == Array("fake device".utf8))
    #expect(
      try client.error(command("xen-load-devices-state", ["filename": "/etc/hostname"])).contains("state file"))
  }
}

/// Descriptors that come over a monitor's socket.
struct DescriptorTests {
  /// A QMP monitor on a socket pair's end.
  private final class Connection {
    let bench: Bench
    let chardev: Chardev
    let socket: FileDescriptor

    init() throws {
      bench = try Bench()
      let (ours, theirs) = try FileDescriptor.socketPair()
      socket = ours
      chardev = try Chardev.open(
        id: "m", configuration: .init(.socket(SocketConfiguration(.descriptor(theirs)))), loop: bench.loop)
      try bench.hub.attachQMP(to: chardev)
      _ = try line()
      #expect(try ask(#"{"execute":"qmp_capabilities"}"#) == ["return": [:]])
    }

    deinit {
      chardev.close()
      socket.closeIgnoringErrors()
    }

    func line() throws -> JSON {
      var bytes: [UInt8] = []
      while bytes.last != 10 {
        guard try socket.wait(for: .readable, milliseconds: 10_000) != [] else {
          throw TimedOut(got: String(decoding: bytes, as: UTF8.self))
        }
        bytes += try socket.read(upTo: 1)
      }
      return try JSON(parsing: bytes)
    }

    /// The next answer, whatever happens meanwhile.
    func report() throws -> JSON {
      _ = try Socket.send(Array(#"{"execute":"query-migrate"}"#.utf8), to: socket)
      while true {
        let line = try line()
        if let report = line["return"] { return report }
      }
    }

    func status() throws -> JSON { ["status": try report()["status"] ?? .null] }

    func ask(_ text: String, _ descriptors: [FileDescriptor] = []) throws -> JSON {
      #expect(try Socket.send(Array(text.utf8), descriptors: descriptors, to: socket) == text.utf8.count)
      return try line()
    }
  }

  private static let none: JSON = [
    "error": ["class": "GenericError", "desc": "No file descriptor supplied via SCM_RIGHTS"]
  ]

  @Test func `a descriptor belongs to the command it came with or the next that asks`() throws {
    let connection = try Connection()
    let (reader, writer) = try FileDescriptor.pipe()
    #expect(try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"a"}}"#) == Self.none)
    #expect(try connection.ask(#"{"execute":"query-name"}"#, [writer]) == ["return": ["name": "fake"]])
    #expect(try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"a"}}"#) == ["return": [:]])
    #expect(try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"b"}}"#) == Self.none)
    writer.closeIgnoringErrors()
    // It is the writer, and the last one: a migration through it can be read here.
    #expect(try connection.ask(#"{"execute":"migrate","arguments":{"uri":"fd:a"}}"#) == ["return": [:]])
    let bytes = try reader.readToEnd()
    #expect(bytes.starts(with: "APUS-VM\n".utf8))
    reader.closeIgnoringErrors()
  }

  @Test func `each of several commands sent at once gets its own`() throws {
    let connection = try Connection()
    let pipes = try (0..<4).map { _ in try FileDescriptor.pipe() }
    for (number, pipe) in pipes.enumerated() {
      _ = try Socket.send(
        Array(#"{"execute":"getfd","arguments":{"fdname":"p\#(number)"}}"#.utf8), descriptors: [pipe.writer],
        to: connection.socket)
      pipe.writer.closeIgnoringErrors()
    }
    for _ in pipes { #expect(try connection.line() == ["return": [:]]) }
    for (number, pipe) in pipes.enumerated() {
      #expect(try connection.ask(#"{"execute":"closefd","arguments":{"fdname":"p\#(number)"}}"#) == ["return": [:]])
      #expect(try pipe.reader.wait(for: .readable, milliseconds: 5000) == .hungUp)
      for later in pipes[(number + 1)...] { #expect(try later.reader.wait(for: .readable, milliseconds: 0) == []) }
      pipe.reader.closeIgnoringErrors()
    }
  }

  @Test func `descriptors nobody asks for are closed`() throws {
    let connection = try Connection()
    let (reader, writer) = try FileDescriptor.pipe()
    for _ in 0..<200 {
      let copies = try (0..<16).map { _ in try writer.duplicate() }
      #expect(try connection.ask(#"{"execute":"query-name"}"#, copies) == ["return": ["name": "fake"]])
      for copy in copies { copy.closeIgnoringErrors() }
    }
    // Only the last message's are kept, until another one takes their place.
    let (_, other) = try FileDescriptor.pipe()
    #expect(try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"9x"}}"#, [other])["error"] != nil)
    writer.closeIgnoringErrors()
    #expect(try reader.wait(for: .readable, milliseconds: 5000) == .hungUp)
    reader.closeIgnoringErrors()
  }

  @Test func `a peer that leaves without reading fails the migration`() throws {
    let connection = try Connection()
    let (ours, theirs) = try FileDescriptor.socketPair()
    #expect(try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"a"}}"#, [theirs]) == ["return": [:]])
    theirs.closeIgnoringErrors()
    #expect(try connection.ask(#"{"execute":"migrate","arguments":{"uri":"fd:a"}}"#) == ["return": [:]])
    #expect(try ours.wait(for: .readable, milliseconds: 5000) == .readable)
    HostClock.sleep(nanoseconds: 20_000_000)
    #expect(try connection.status() == ["status": "active"])
    ours.closeIgnoringErrors()
    while try connection.status()["status"] == "active" {}
    let report = try connection.report()
    #expect(report["status"] == "failed")
    #expect(report["error-desc"]?.string?.hasPrefix("Unable to write to socket: ") == true)
  }

  @Test func `names have an end`() throws {
    let connection = try Connection()
    let file = try FileDescriptor.memoryFile(named: "named")
    for number in 0..<256 {
      #expect(
        try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"n\#(number)"}}"#, [file]) == ["return": [:]])
    }
    #expect(
      try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"more"}}"#, [file])["error"]?["desc"]
        == "There are 256 file descriptors already")
    #expect(try connection.ask(#"{"execute":"getfd","arguments":{"fdname":"n0"}}"#, [file]) == ["return": [:]])
    try file.close()
  }
}
