// SPDX-License-Identifier: Apache-2.0
import Monitor
import Platform
import QAPI
import Testing

/// Texts were recorded from QEMU 7.2.
struct HMPCommandTests {
  static func usage(_ sentence: String, _ command: String) -> String {
    "\(sentence)\r\nTry \"help \(command)\" for more information\r\n"
  }

  static let outputs: [(String, String)] = [
    ("stop 5", usage("stop|s: extraneous characters at the end of line", "stop")),
    ("c 1", usage("cont|c: extraneous characters at the end of line", "c")),
    ("info status extra", usage("status: extraneous characters at the end of line", "info status")),
    ("nmi 3", usage("nmi: extraneous characters at the end of line", "nmi")),
    ("info bogus", "unknown command: 'info bogus'\r\n"),
    (#"info  "status""#, "unknown command: 'info  \"status\"'\r\n"),
    ("# x", "unknown command: '#'\r\n"),
    ("stopx", "unknown command: 'stopx'\r\n"),
    ("  info   status  ", "VM status: running\r\n"),
    ("   ", ""),
    ("help bogus", "unknown command: 'bogus'\r\n"),
    ("help info nosuch", "unknown command: 'info nosuch'\r\n"),
    ("nmi", ""),
    ("info name", "fake\r\n"),
    ("info uuid", "12345678-1234-1234-1234-123456789abc\r\n"),
    ("info version", "7.2.0 (Apus 0.1.0)\r\n"),
    ("info kvm", "kvm support: not compiled\r\n"),
    ("info cpus", "* CPU #0: thread_id=100\r\n  CPU #1: thread_id=101\r\n"),
    ("info chardev", "serial0: filename=vc\r\ncompat_monitor0: filename=unix:/tmp/q,server=on\r\n"),
    ("cpu", usage("unexpected end of expression", "cpu")),
    ("cpu abc", usage("invalid char 'a' in expression", "cpu")),
    ("cpu -1", usage("'cpu' has failed: integer is for 32-bit values", "cpu")),
    ("cpu 5", "invalid CPU index\r\n"),
    ("cpu 1", ""),
    ("info registers 4", "CPU#4 not available\r\n"),
    ("info registers x", usage("invalid char 'x' in expression", "info registers")),
    ("sendkey", usage("sendkey: string expected", "sendkey")),
    ("sendkey nokey", "invalid parameter: nokey\r\n"),
    ("sendkey a-", "invalid parameter: \r\n"),
    ("sendkey -", "invalid parameter: \r\n"),
    ("sendkey a-bogus-b", "invalid parameter: bogus\r\n"),
    ("sendkey 0xzz", "invalid parameter: 0xzz\r\n"),
    ("sendkey A", "invalid parameter: A\r\n"),
    ("sendkey a b", usage("invalid char 'b' in expression", "sendkey")),
    ("sendkey a 5000 6", usage("sendkey: extraneous characters at the end of line", "sendkey")),
    ("sendkey ctrl-alt-delete", ""),
    ("sendkey 0x1e-a-<", ""),
    (#"sendkey "a""#, ""),
    ("info mice", "* Mouse #2: QEMU PS/2 Mouse\r\n"),
    ("mouse_set", usage("unexpected end of expression", "mouse_set")),
    ("mouse_set 1", "Input device 'QEMU PS/2 Keyboard' is not a mouse\r\n"),
    ("mouse_set 2", ""),
    ("mouse_set 3", "Mouse at index '3' not found\r\n"),
    ("mouse_set -1", usage("'mouse_set' has failed: integer is for 32-bit values", "mouse_set")),
    ("mouse_move 1", usage("mouse_move: string expected", "mouse_move")),
    ("mouse_move 1 2 3 4", usage("mouse_move: extraneous characters at the end of line", "mouse_move")),
    ("mouse_move 1 x", ""),
    ("mouse_button", usage("unexpected end of expression", "mouse_button")),
    ("mouse_button 1 2", usage("mouse_button: extraneous characters at the end of line", "mouse_button")),
    ("mouse_button 255", ""),
    ("screendump", usage("screendump: filename expected", "screendump")),
    (#"screendump "/tmp/a"#, usage("screendump: filename expected", "screendump")),
    ("screendump /tmp/x -f", usage("screendump: value expected for -f", "screendump")),
    ("screendump /tmp/x -z", usage("screendump: unsupported option -z", "screendump")),
    ("screendump /tmp/x -f gif", "Error: invalid parameter value: gif\r\n"),
    ("screendump /tmp/x nope", "Error: Device 'nope' not found\r\n"),
    ("screendump /tmp/x video0 5", "Error: Device video0 (head 5) is not bound to a QemuConsole\r\n"),
    ("screendump /nodir/x", "Error: failed to open file '/nodir/x': No such file or directory\r\n"),
    ("memsave 0", usage("unexpected end of expression", "memsave")),
    ("memsave 0 16", usage("memsave: string expected", "memsave")),
    ("memsave 0 16 /nodir/x", usage("invalid char 'n' in expression", "memsave")),
    (#"memsave 0 16 "/nodir/x""#, "Error: Could not open '/nodir/x': No such file or directory\r\n"),
    (#"memsave 0x1000000000000 16 "/tmp/x""#, "Error: Invalid addr 0x0001000000000000/size 16 specified\r\n"),
    (#"pmemsave 0 16 "/tmp/x"#, usage("pmemsave: string expected", "pmemsave")),
    ("info block nope", ""),
    ("info block -n nope", ""),
    ("eject", usage("eject: block device name expected", "eject")),
    ("eject nope", "Error: Device 'nope' not found\r\n"),
    ("eject zz", "Error: Device 'zz' is not removable\r\n"),
    ("change zz", usage("change: filename expected", "change")),
    ("block_resize zz", usage("invalid size", "block_resize")),
    ("block_set_io_throttle ide1-cd0 0 0 0 0 0 0", "Error: Device has no medium\r\n"),
    (
      "block_set_io_throttle zz 5 6 0 0 0 0",
      "Error: bps/iops/max total values and read/write values cannot be used at the same time\r\n"
    ),
    ("info block -z", usage("block: unsupported option -z", "info block")),
    ("quit now", usage("quit|q: extraneous characters at the end of line", "quit")),
  ]

  @Test(arguments: outputs)
  func `a line prints what it prints on QEMU`(line: String, output: String) throws {
    #expect(try Bench().human(line) == output)
  }

  @Test(arguments: [
    ("paused", "VM status: paused\r\n"), ("prelaunch", "VM status: paused (prelaunch)\r\n"),
    ("shutdown", "VM status: paused (shutdown)\r\n"),
  ])
  func `info status names the state`(state: String, output: String) throws {
    let state = try #require(RunState(rawValue: state))
    #expect(try Bench { $0.runState = state }.human("info status") == output)
  }

  @Test func `cont says why it cannot`() throws {
    let bench = try Bench { $0.runState = .shutdown }
    #expect(try bench.human("c") == "Error: Resetting the Virtual Machine is required\r\n")
  }

  @Test func `info block shows drives as QEMU does`() throws {
    let disk = """
      ide0-hd0 (#block111): d.img (raw)
          Attached to:      /machine/unattached/device[21]
          Cache mode:       writeback

      """
    let second = """
      zz (#block2): d2.img (raw, read-only)
          Attached to:      hd2
          Cache mode:       writeback

      """
    let empty = """
      ide1-cd0: [not inserted]
          Attached to:      /machine/unattached/device[22]
          Removable device: not locked, tray closed

      floppy0: [not inserted]
          Removable device: not locked, tray closed

      """
    let bench = try Bench()
    #expect(try bench.human("info block") == Self.crlf([disk, second, empty].joined(separator: "\n")))
    #expect(try bench.human("info block zz") == Self.crlf("\n" + second))
    #expect(
      try bench.human("info block -v zz")
        == Self.crlf(
          "\n" + second + """

            Images:
            image: d2.img
            file format: raw
            virtual size: 1 MiB (1048576 bytes)
            disk size: 1 MiB

            """))
  }

  static func crlf(_ text: String) -> String { String(text.flatMap { $0 == "\n" ? Array("\r\n") : [$0] }) }

  @Test func `info pci shows functions as QEMU does`() throws {
    #expect(
      try Bench().human("info pci")
        == Self.crlf(
          """
            Bus  0, device   0, function 0:
              Host bridge: PCI device 8086:1237
                PCI subsystem 1af4:1100
                id ""
            Bus  0, device   1, function 1:
              IDE controller: PCI device 8086:7010
                PCI subsystem 1af4:1100
                BAR4: I/O at 0xc000 [0xc00f].
                id ""
            Bus  0, device   1, function 3:
              Bridge: PCI device 8086:7113
                PCI subsystem 1af4:1100
                IRQ 9, pin A
                id ""
            Bus  0, device   2, function 0:
              VGA controller: PCI device 1234:1111
                PCI subsystem 1af4:1100
                BAR0: 32 bit prefetchable memory at 0xfd000000 [0xfdffffff].
                BAR6: 32 bit memory at 0xffffffffffffffff [0x0000fffe].
                id "v2"

          """))
  }

  @Test func `help lists every command and topic, and describes one`() throws {
    let bench = try Bench()
    let help = try bench.human("help")
    for name in [
      "help|? ", "info ", "x /fmt", "xp /fmt", "print|p /fmt", "screendump ", "sendkey ", "stop|s ", "quit|q ",
    ] {
      #expect(help.contains("\r\n\(name)") || help.hasPrefix(name))
    }
    let topics = try bench.human("info")
    #expect(try topics == bench.human("help info"))
    for name in ["registers", "status", "version", "pci", "cpus", "block", "chardev", "name", "uuid", "kvm"] {
      #expect(topics.contains("info \(name) "))
    }
    #expect(try bench.human("? c").hasPrefix("cont|c  -- "))
    #expect(try bench.human("help info status").hasPrefix("info status  -- "))
  }
}
