// SPDX-License-Identifier: Apache-2.0
import Monitor
import Platform
import QAPI
import Testing

struct QMPCommandTests {
  static let replies: [(String, String)] = [
    (
      #"{"execute":"query-version"}"#,
      #"{"return": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": "Apus 0.1.0"}}"#
    ),
    (#"{"execute":"query-status"}"#, #"{"return": {"status": "running", "singlestep": false, "running": true}}"#),
    (#"{"execute":"query-name"}"#, #"{"return": {"name": "fake"}}"#),
    (#"{"execute":"query-uuid"}"#, #"{"return": {"UUID": "12345678-1234-1234-1234-123456789abc"}}"#),
    (#"{"execute":"query-kvm"}"#, #"{"return": {"enabled": false, "present": false}}"#),
    (#"{"execute":"query-target"}"#, #"{"return": {"arch": "x86_64"}}"#),
    (#"{"execute":"cpu","arguments":{"index":0}}"#, #"{"return": {}}"#),
    (#"{"execute":"inject-nmi"}"#, #"{"return": {}}"#),
    (
      #"{"execute":"query-cpus-fast"}"#,
      #"{"return": [{"thread-id": 100, "props": {"core-id": 0, "thread-id": 0, "socket-id": 0}, "#
        + #""qom-path": "/machine/unattached/device[0]", "cpu-index": 0, "target": "x86_64"}, "#
        + #"{"thread-id": 101, "props": {"core-id": 1, "thread-id": 0, "socket-id": 0}, "#
        + #""qom-path": "/machine/unattached/device[1]", "cpu-index": 1, "target": "x86_64"}]}"#
    ),
    (
      #"{"execute":"query-chardev"}"#,
      #"{"return": [{"frontend-open": true, "filename": "vc", "label": "serial0"}, "#
        + #"{"frontend-open": true, "filename": "unix:/tmp/q,server=on", "label": "compat_monitor0"}]}"#
    ),
    (
      #"{"execute":"query-machines"}"#,
      #"{"return": [{"hotpluggable-cpus": false, "name": "pc-i440fx-7.2", "numa-mem-supported": false, "#
        + #""default-cpu-type": "qemu64-x86_64-cpu", "is-default": true, "cpu-max": 1, "deprecated": false, "#
        + #""default-ram-id": "pc.ram", "alias": "pc"}]}"#
    ),
  ]

  @Test(arguments: replies)
  func `a query answers with QEMU's members in QEMU's order`(command: String, reply: String) throws {
    let client = try Bench().negotiated()
    client.send(command)
    #expect(try client.line() == reply)
  }

  @Test func `query-pci answers as QEMU does`() throws {
    let client = try Bench().negotiated()
    client.send(#"{"execute":"query-pci"}"#)
    #expect(
      try client.line()
        == #"{"return": [{"bus": 0, "devices": [{"irq_pin": 0, "bus": 0, "qdev_id": "", "slot": 0, "class_info": "#
        + #"{"class": 1536, "desc": "Host bridge"}, "id": {"device": 4663, "subsystem-vendor": 6900, "vendor": 32902, "#
        + #""subsystem": 4352}, "function": 0, "regions": []}, {"irq_pin": 0, "bus": 0, "qdev_id": "", "slot": 1, "#
        + #""class_info": {"class": 257, "desc": "IDE controller"}, "id": {"device": 28688, "subsystem-vendor": 6900, "#
        + #""vendor": 32902, "subsystem": 4352}, "function": 1, "regions": [{"bar": 4, "size": 16, "address": 49152, "#
        + #""type": "io"}]}, {"irq_pin": 1, "bus": 0, "qdev_id": "", "irq": 9, "slot": 1, "class_info": {"class": 1664, "#
        + #""desc": "Bridge"}, "id": {"device": 28947, "subsystem-vendor": 6900, "vendor": 32902, "subsystem": 4352}, "#
        + #""function": 3, "regions": []}, {"irq_pin": 0, "bus": 0, "qdev_id": "v2", "slot": 2, "class_info": "#
        + #"{"class": 768, "desc": "VGA controller"}, "id": {"device": 4369, "subsystem-vendor": 6900, "vendor": 4660, "#
        + #""subsystem": 4352}, "function": 0, "regions": [{"prefetch": true, "mem_type_64": false, "bar": 0, "#
        + #""size": 16777216, "address": 4244635648, "type": "memory"}, {"prefetch": false, "mem_type_64": false, "#
        + #""bar": 6, "size": 65536, "address": -1, "type": "memory"}]}]}]}"#)
  }

  @Test func `query-block answers as QEMU does`() throws {
    let client = try Bench().negotiated()
    client.send(##"{"execute":"query-block"}"##)
    let limits = (##""iops_rd": 0, "detect_zeroes": "off", "##, ##""iops_wr": 0, "##)
    #expect(
      try client.line()
        == ##"{"return": [{"io-status": "ok", "device": "ide0-hd0", "locked": false, "removable": false, "inserted": {"##
        + limits.0 + ##""image": {"virtual-size": 1048576, "filename": "d.img", "format": "raw", "##
        + ##""actual-size": 1048576, "dirty-flag": false}, "## + limits.1
        + ##""ro": false, "node-name": "#block111", "backing_file_depth": 0, "##
        + ##""drv": "raw", "iops": 0, "bps_wr": 0, "write_threshold": 0, "encrypted": false, "bps": 0, "bps_rd": 0, "##
        + ##""cache": {"no-flush": false, "direct": false, "writeback": true}, "file": "d.img"}, "##
        + ##""qdev": "/machine/unattached/device[21]", "type": "unknown"}, "##
        + ##"{"io-status": "ok", "device": "zz", "locked": false, "removable": false, "inserted": {"## + limits.0
        + ##""image": {"virtual-size": 1048576, "filename": "d2.img", "format": "raw", "actual-size": 1048576, "##
        + ##""dirty-flag": false}, "## + limits.1
        + ##""ro": true, "node-name": "#block2", "backing_file_depth": 0, "drv": "raw", "iops": 0, "bps_wr": 0, "##
        + ##""write_threshold": 0, "encrypted": false, "bps": 0, "bps_rd": 0, "##
        + ##""cache": {"no-flush": false, "direct": false, "writeback": true}, "file": "d2.img"}, "qdev": "hd2", "##
        + ##""type": "unknown"}, {"io-status": "ok", "device": "ide1-cd0", "locked": false, "removable": true, "##
        + ##""qdev": "/machine/unattached/device[22]", "tray_open": false, "type": "unknown"}, "##
        + ##"{"device": "floppy0", "locked": false, "removable": true, "type": "unknown"}]}"##)
  }

  @Test func `query-cpus answers as its documents say`() throws {
    let reply = try Bench().negotiated().ask(#"{"execute":"query-cpus"}"#)
    #expect(
      reply["return"] == [
        [
          "CPU": 0, "current": true, "halted": false, "qom_path": "/machine/unattached/device[0]", "thread_id": 100,
          "arch": "x86", "pc": 0xFFFF_FFF0,
        ],
        [
          "CPU": 1, "current": false, "halted": true, "qom_path": "/machine/unattached/device[1]", "thread_id": 101,
          "arch": "x86", "pc": 0xFFFF_FFF0,
        ],
      ])
  }

  @Test func `a machine without a name has none`() throws {
    let client = try Bench { $0.name = nil }.negotiated()
    #expect(try client.ask(#"{"execute":"query-name"}"#) == ["return": [:]])
  }

  @Test func `query-commands and query-events list what there is`() throws {
    let client = try Bench().negotiated()
    let commands = try client.ask(#"{"execute":"query-commands"}"#)["return"]?.array?.compactMap { $0["name"]?.string }
    #expect(
      try Set(#require(commands))
        == Set([
          "qmp_capabilities", "query-version", "query-commands", "query-events", "query-qmp-schema", "query-status",
          "stop",
          "cont", "system_reset", "system_powerdown", "quit", "inject-nmi", "query-name", "query-uuid", "query-kvm",
          "query-target", "query-machines", "query-cpus", "query-cpus-fast", "cpu", "memsave", "pmemsave", "screendump",
          "send-key", "input-send-event", "query-mice", "query-pci", "query-block", "query-chardev",
          "human-monitor-command", "query-named-block-nodes",
          "query-blockstats", "blockdev-add", "blockdev-del", "x-blockdev-del", "blockdev-open-tray",
          "blockdev-close-tray", "blockdev-remove-medium", "x-blockdev-remove-medium", "blockdev-insert-medium",
          "x-blockdev-insert-medium", "blockdev-change-medium", "eject", "change", "block_resize",
          "block_set_io_throttle", "block-set-write-threshold", "block-dirty-bitmap-add", "block-dirty-bitmap-remove",
          "block-dirty-bitmap-clear", "block-dirty-bitmap-enable", "block-dirty-bitmap-disable",
          "block-dirty-bitmap-merge", "x-debug-block-dirty-bitmap-sha256", "blockdev-snapshot-sync",
          "blockdev-snapshot", "blockdev-snapshot-internal-sync",
          "blockdev-snapshot-delete-internal-sync", "change-backing-file", "transaction",
          "device_add", "device_del", "announce-self", "netdev_add", "netdev_del", "set_link", "query-rx-filter",
          "__org.apus_query-hostfwd",
          "__org.apus_screen-text", "__org.apus_screen-hash", "__org.apus_wait", "__org.apus_type", "set-action",
          "snapshot-save", "snapshot-load", "snapshot-delete", "query-jobs", "job-dismiss", "job-cancel", "job-pause",
          "job-resume", "job-complete", "job-finalize",
        ]).union(MigrationCommandTests.names))
    let events = try client.ask(#"{"execute":"query-events"}"#)["return"]?.array?.compactMap { $0["name"]?.string }
    #expect(
      try Set(#require(events)) == [
        "SHUTDOWN", "POWERDOWN", "RESET", "STOP", "RESUME", "RTC_CHANGE", "MIGRATION", "MIGRATION_PASS",
        "DEVICE_TRAY_MOVED", "BLOCK_IO_ERROR", "BLOCK_WRITE_THRESHOLD",
        "JOB_STATUS_CHANGE", "NIC_RX_FILTER_CHANGED", "NETDEV_STREAM_CONNECTED", "NETDEV_STREAM_DISCONNECTED",
        "DEVICE_DELETED", "GUEST_PANICKED", "GUEST_CRASHLOADED",
        "__org.apus_TRIPLE_FAULT", "__org.apus_GUEST_HUNG",
      ])
  }

  @Test(arguments: RunState.allCases)
  func `query-status tells every state and cont refuses those that need a reset`(state: RunState) throws {
    let client = try Bench { $0.runState = state }.negotiated()
    let status = try client.ask(#"{"execute":"query-status"}"#)
    #expect(status["return"]?["status"] == .string(state.rawValue))
    #expect(status["return"]?["running"] == .bool(state == .running))
    let reply = try client.ask(#"{"execute":"cont"}"#)
    if [.shutdown, .internalError].contains(state) {
      #expect(reply["error"]?["desc"] == "Resetting the Virtual Machine is required")
    } else if state == .finishMigrate {
      #expect(reply["error"]?["desc"] == "Migration is not finalized yet")
    } else {
      #expect(reply == ["return": [:]])
    }
  }

  // MARK: Keys

  static let keyErrors: [(String, String)] = [
    (#"[{"type":"qcode","data":"nokey"}]"#, "Parameter 'data' does not accept value 'nokey'"),
    (#"[{"type":"bogus","data":"a"}]"#, "Parameter 'type' does not accept value 'bogus'"),
    (#"[{"type":"qcode"}]"#, "Parameter 'keys[0].data' is missing"),
    (#"[{"data":"a"}]"#, "Parameter 'keys[0].type' is missing"),
    (#"[{"type":"qcode","data":"a","x":1}]"#, "Parameter 'keys[0].x' is unexpected"),
    (#"[{"type":"number","data":"a"}]"#, "Invalid parameter type for 'keys[0].data', expected: integer"),
    (#"[{"type":"qcode","data":5}]"#, "Invalid parameter type for 'keys[0].data', expected: string"),
    ("5", "Invalid parameter type for 'keys', expected: array"),
    ("[5]", "Invalid parameter type for 'keys[0]', expected: object"),
    (#"[],"hold-time":"x""#, "Invalid parameter type for 'hold-time', expected: integer"),
    (#"[],"b":1"#, "Parameter 'b' is unexpected"),
  ]

  @Test(arguments: keyErrors)
  func `send-key refuses what QEMU refuses`(keys: String, sentence: String) throws {
    let client = try Bench().negotiated()
    #expect(try client.error(#"{"execute":"send-key","arguments":{"keys":\#(keys)}}"#) == sentence)
  }

  @Test func `send-key presses in order and releases in reverse`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let keys = #"[{"type":"qcode","data":"ctrl"},{"type":"number","data":30},{"type":"number","data":300}]"#
    #expect(try client.ask(#"{"execute":"send-key","arguments":{"keys":\#(keys),"hold-time":70}}"#) == ["return": [:]])
    let (ctrl, a) = (try #require(KeyCode(rawValue: "ctrl")), try #require(KeyCode(rawValue: "a")))
    let step = InputEvent.delay(milliseconds: 70)
    #expect(
      bench.board.on { $0.inputs } == [
        .key(ctrl, isDown: true), step, .key(a, isDown: true), step, .key(a, isDown: false), step,
        .key(ctrl, isDown: false), step,
      ])
  }

  @Test func `every key has a name, and those with a number are found by it`() {
    #expect(KeyCode.allCases.count == 150)
    for key in KeyCode.allCases where key.number != 0 {
      #expect(KeyCode(number: Int64(key.number))?.number == key.number)
    }
    #expect(KeyCode(rawValue: "ret")?.number == 0x1C)
    #expect(KeyCode(rawValue: "up")?.number == 0xC8)
    #expect(KeyCode(rawValue: "nokey") == nil)
    #expect(KeyCode(number: -1) == nil)
  }

  // MARK: human-monitor-command

  static let human: [(String, JSON)] = [
    (#"{"command-line":"bogus"}"#, ["return": "unknown command: 'bogus'\r\n"]),
    (#"{"command-line":"infé"}"#, ["return": "unknown command: 'infé'\r\n"]),
    (#"{"command-line":""}"#, ["return": ""]),
    (#"{"command-line":"info status","cpu-index":1}"#, ["return": "VM status: running\r\n"]),
    (
      #"{"command-line":"info status","cpu-index":7}"#,
      ["error": ["class": "GenericError", "desc": "Parameter 'cpu-index' expects a CPU number"]]
    ),
    (#"{"command-line":"p $ebx","cpu-index":1}"#, ["return": "0x1\r\n"]),
    (#"{"command-line":"p $ebx"}"#, ["return": "0\r\n"]),
    (
      #"{}"#, ["error": ["class": "GenericError", "desc": "Parameter 'command-line' is missing"]]
    ),
  ]

  @Test(arguments: human)
  func `a human command returns its output, errors included`(arguments: String, reply: JSON) throws {
    let client = try Bench().negotiated()
    #expect(try client.ask(#"{"execute":"human-monitor-command","arguments":\#(arguments)}"#) == reply)
  }

  @Test func `the schema describes every command with the types it uses`() throws {
    let reply = try Bench().negotiated().ask(#"{"execute":"query-qmp-schema"}"#)
    let entities = try #require(reply["return"]?.array)
    var named: [String: JSON] = [:]
    for entity in entities { named[try #require(entity["name"]?.string)] = entity }
    let save = try #require(named["pmemsave"])
    #expect(save["meta-type"] == "command")
    let arguments = try #require(named[save["arg-type"]?.string ?? ""])
    #expect(
      arguments["members"] == [
        ["name": "val", "type": "int"], ["name": "size", "type": "int"], ["name": "filename", "type": "str"],
      ])
    let dump = try #require(named[named["screendump"]?["arg-type"]?.string ?? ""])
    #expect(
      dump["members"]?.array?.compactMap { $0["name"]?.string }
        == ["filename", "device", "head", "format", "__org.apus_cursor"])
    #expect(dump["members"]?[1] == ["name": "device", "type": "str", "default": nil])
    let format = try #require(named[dump["members"]?[3]?["type"]?.string ?? ""])
    #expect(format["values"] == ["ppm", "png"])
    #expect(named["RTC_CHANGE"]?["meta-type"] == "event")
    for command in StandardCommands.table.entries { #expect(named[command.name]?["meta-type"] == "command") }
  }
}
