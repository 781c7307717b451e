// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Options
import PC
import Testing

struct CharacterDeviceTests {
  @Test(arguments: [
    Refused("-chardev nosuch,id=a", "OPT: 'nosuch' is not a valid char driver name"),
    Refused("-chardev null,,x,id=a", "OPT: 'null,x' is not a valid char driver name"),
    Refused("-chardev null", "OPT: chardev: no id specified"),
    Refused("-chardev ''", "-chardev : chardev: no id specified"),
    Refused("-chardev id=a", "OPT: chardev: \"a\" missing backend"),
    Refused("-chardev null,id=a -chardev null,id=a", "OPT: Duplicate ID 'a' for chardev"),
    Refused("-chardev null,id=a,bogus=1", "OPT: Invalid parameter 'bogus'"),
    Refused("-chardev null,id=a,mux=maybe", "OPT: Parameter 'mux' expects 'on' or 'off'"),
    Refused("-chardev file,id=a", "OPT: chardev: file: no filename given"),
    Refused("-chardev file,id=a,path=x,append=maybe", "OPT: Parameter 'append' expects 'on' or 'off'"),
    Refused("-chardev pipe,id=a", "OPT: chardev: pipe: no device path given"),
    Refused("-chardev mux,id=a", "OPT: chardev: mux: no chardev given"),
    Refused("-chardev stdio,id=a,signal=maybe", "OPT: Parameter 'signal' expects 'on' or 'off'"),
    Refused("-chardev udp,id=a,port=5,host=h", "OPT: 'udp' is not a valid char driver name"),
    Refused("-chardev socket,id=a", "OPT: Unable to parse FD number "),
    Refused("-chardev socket,id=a,port=5", "OPT: Unable to parse FD number "),
    Refused("-chardev socket,id=a,fd=abc", "OPT: Unable to parse FD number abc"),
    Refused("-chardev socket,id=a,fd=-1", "OPT: Unable to parse FD number -1"),
    Refused("-chardev socket,id=a,host=x", "OPT: chardev: socket: no port given"),
    Refused(
      "-chardev socket,id=a,path=x,host=h,port=1", "OPT: None or one of 'path', 'fd' or 'host' option required."),
    Refused("-chardev socket,id=a,path=x,server=maybe", "OPT: Parameter 'server' expects 'on' or 'off'"),
    Refused("-chardev socket,id=a,path=x,reconnect=abc", "OPT: Parameter 'reconnect' expects a number"),
    Refused(
      "-chardev socket,id=a,host=x,port=1,ipv4=off,ipv6=off", "OPT: Cannot disable IPv4 and IPv6 at same time"),
    Refused("-chardev socket,id=a,path=x,websocket=on", "OPT: chardev: socket: websocket=on is not supported"),
    Refused("-chardev socket,id=a,path=x,tls-creds=t", "OPT: chardev: socket: 'tls-creds' is not supported"),
    Refused(
      "-chardev ringbuf,id=a,size=abc",
      """
      OPT: Parameter 'size' expects a non-negative number below 2^64
      Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
      and exabytes, respectively.
      """),
    Refused(
      "-chardev null,id=1a",
      """
      OPT: Parameter 'id' expects an identifier
      Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.
      """),
  ])
  func `a character device that cannot be`(_ refused: Refused) { refused.check() }

  /// Arguments that no back end has, with what the sentence calls them; without one there is only the consequence.
  static let noBackend: [(String, String?)] = [
    ("nosuch", "nosuch"), ("nosuch:abc", "nosuch:abc"), ("''", ""), ("null:x", "null:x"),
    ("stdio,signal=off", "stdio,signal=off"),
    ("pty:x", "pty:x"), ("ringbuf", "ringbuf"), ("chardev", "chardev"), ("help", "help"), ("udp:h:1", "udp:h:1"),
    ("/dev/ttyS9", "/dev/ttyS9"), ("tcp:127.0.0.1", nil), ("tcp::", nil), ("tcp:[::1]", nil), ("unix", "unix"),
    ("file", "file"),
  ]

  @Test(arguments: noBackend)
  func `a short form that names no back end`(argument: String, named: String?) {
    let shown = argument == "''" ? "" : argument
    let first = named.map { ["'\($0)' is not a valid char driver"] } ?? []
    for (option, consequence) in [
      ("serial", "could not connect serial device to character backend '\(shown)'"),
      ("monitor", "parse error: \(shown)"),
      ("qmp", "parse error: \(shown)"), ("qmp-pretty", "parse error: \(shown)"),
      ("parallel", "could not connect parallel device to character backend '\(shown)'"),
      ("debugcon", "invalid character backend '\(shown)'"),
    ] {
      #expect(Line.refusal("-\(option) \(argument)") == (first + [consequence]).map { "-\(option) \(shown): \($0)" })
    }
  }

  @Test(arguments: [
    Refused(
      "-serial mon:nosuch", "OPT: 'nosuch' is not a valid char driver",
      "OPT: could not connect serial device to character backend 'mon:nosuch'"),
    Refused(
      "-serial mon:none", "OPT: 'none' is not a valid char driver",
      "OPT: could not connect serial device to character backend 'mon:none'"),
    Refused(
      "-serial mon:chardev:a -chardev null,id=a", "-serial mon:chardev:a: 'chardev:a' is not a valid char driver",
      "-serial mon:chardev:a: could not connect serial device to character backend 'mon:chardev:a'"),
    Refused(
      "-serial unix:", "OPT: Unable to parse FD number ",
      "OPT: could not connect serial device to character backend 'unix:'"),
    Refused(
      "-serial unix:/s,server,nowait,bogus=1", "OPT: Invalid parameter 'bogus'",
      "OPT: could not connect serial device to character backend 'unix:/s,server,nowait,bogus=1'"),
    Refused("-serial chardev:nosuch", "OPT: could not connect serial device to character backend 'chardev:nosuch'"),
    Refused("-serial chardev:", "OPT: could not connect serial device to character backend 'chardev:'"),
    Refused(
      "-chardev null,id=serial0 -serial null", "OPT: Duplicate ID 'serial0' for chardev",
      "OPT: could not connect serial device to character backend 'null'"),
    Refused(
      "-nographic -chardev null,id=serial0", "Duplicate ID 'serial0' for chardev",
      "could not connect serial device to character backend 'mon:stdio'"),
    Refused(
      "-chardev null,id=a -serial chardev:a -serial chardev:a", "OPT: Device 'a' is in use",
      "OPT: could not connect serial device to character backend 'chardev:a'"),
    Refused(
      "-serial null -serial null -serial null -serial null -serial null",
      "OPT: too many serial ports: this machine has 4"),
    Refused("-monitor chardev:nosuch", "OPT: chardev \"nosuch\" not found"),
    Refused("-qmp chardev:nosuch", "OPT: chardev \"nosuch\" not found"),
    Refused("-qmp none", "OPT: 'none' is not a valid char driver", "OPT: parse error: none"),
    Refused("-qmp mon:null", "OPT: 'mon:null' is not a valid char driver", "OPT: parse error: mon:null"),
    Refused(
      "-chardev null,id=compat_monitor0 -monitor null", "OPT: Duplicate ID 'compat_monitor0' for chardev",
      "OPT: parse error: null"),
    Refused("-monitor null -chardev null,id=compat_monitor0", "OPT: Duplicate ID 'compat_monitor0' for chardev"),
    Refused("-mon chardev=nosuch", "OPT: chardev \"nosuch\" not found"),
    Refused("-mon ''", "-mon : Parameter 'chardev' is missing"),
    Refused("-mon mode=control", "OPT: Parameter 'chardev' is missing"),
    Refused("-mon chardev=a,mode=bogus", "OPT: Parameter 'mode' does not accept value 'bogus'"),
    Refused("-mon chardev=a,pretty=maybe", "OPT: Parameter 'pretty' expects 'on' or 'off'"),
    Refused("-mon chardev=a,bogus=1", "OPT: Invalid parameter 'bogus'"),
    Refused("-mon chardev=a,pretty=on", "OPT: 'pretty' is not compatible with HMP monitors"),
    Refused("-mon chardev=a,id=x -mon chardev=b,id=x", "OPT: Duplicate ID 'x' for mon"),
    Refused("-chardev null,id=a -mon a -mon chardev=a", "OPT: Device 'a' is in use"),
    Refused(
      "-chardev null,id=a,mux=on -mon a -mon a -mon a -mon a -mon chardev=a", "OPT: Device 'a' is in use"),
    Refused("-parallel null", "OPT: this machine has no parallel port: only 'none' is supported"),
    Refused("-debugcon none", "OPT: 'none' is not a valid char driver", "OPT: invalid character backend 'none'"),
    Refused("-debugcon chardev:a", "OPT: invalid character backend 'chardev:a'"),
    Refused(
      "-debugcon null -debugcon null", "OPT: Duplicate ID 'debugcon' for chardev",
      "OPT: invalid character backend 'null'"),
  ])
  func `a port or monitor that cannot be connected`(_ refused: Refused) { refused.check() }

  @Test(
    arguments: [
      ("null,id=a", ChardevConfiguration(.null)),
      ("backend=null,id=a,path=x", ChardevConfiguration(.null)),
      ("vc,id=a,width=80,cols=80", ChardevConfiguration(.console)),
      ("null,id=a,mux=on", ChardevConfiguration(.null, isMultiplexed: true)),
      ("null,id=a,mux", ChardevConfiguration(.null, isMultiplexed: true)),
      ("null,id=a,nomux", ChardevConfiguration(.null)),
      ("null,id=a,logfile=l,,1,logappend=on", ChardevConfiguration(.null, logFile: "l,1", logAppends: true)),
      ("stdio,id=a", ChardevConfiguration(.stdio(signals: true))),
      ("stdio,mux=on,id=a,signal=off", ChardevConfiguration(.stdio(signals: false), isMultiplexed: true)),
      ("pty,id=a", ChardevConfiguration(.pty)),
      ("file,id=a,path=/proc/self/fd/2", ChardevConfiguration(.file(path: "/proc/self/fd/2", append: false))),
      ("file,id=a,path=x,append=on", ChardevConfiguration(.file(path: "x", append: true))),
      ("pipe,id=a,path=x", ChardevConfiguration(.pipe(path: "x"))),
      ("ringbuf,id=a", ChardevConfiguration(.ringBuffer(byteCount: 65536, name: "ringbuf"))),
      ("ringbuf,id=a,size=0", ChardevConfiguration(.ringBuffer(byteCount: 65536, name: "ringbuf"))),
      ("ringbuf,id=a,size=1K", ChardevConfiguration(.ringBuffer(byteCount: 1024, name: "ringbuf"))),
      ("memory,id=a,size=16M", ChardevConfiguration(.ringBuffer(byteCount: 16 << 20, name: "memory"))),
      ("mux,id=a,chardev=b", ChardevConfiguration(.mux(base: "b"))),
      ("socket,id=a,path=/s", ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"))))),
      (
        "socket,id=a,path=/s,server=on,wait=off",
        ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"), isServer: true, waits: false)))
      ),
      (
        "socket,id=a,server,nowait,host=127.0.0.1,port=1,delay=on,telnet=on",
        ChardevConfiguration(
          .socket(
            SocketConfiguration(
              .tcp(host: "127.0.0.1", port: "1"), isServer: true, waits: false, noDelay: false, isTelnet: true)))
      ),
      (
        "socket,id=a,host=h,port=http,ipv4,reconnect=3,nodelay",
        ChardevConfiguration(
          .socket(SocketConfiguration(.tcp(host: "h", port: "http", family: .ipv4), reconnectSeconds: 3)))
      ),
      (
        "socket,id=a,host=h,port=1,ipv4=off",
        ChardevConfiguration(.socket(SocketConfiguration(.tcp(host: "h", port: "1", family: .ipv6))))
      ),
      (
        "socket,id=a,fd=7", ChardevConfiguration(.socket(SocketConfiguration(.descriptor(FileDescriptor(rawValue: 7)))))
      ),
    ] as [(String, ChardevConfiguration)])
  func `-chardev describes a back end`(argument: String, configuration: ChardevConfiguration) throws {
    let request = try #require(try Line.launch("-nodefaults -chardev \(argument)").chardevs.first)
    #expect(request.id == "a" && request.configuration == configuration && request.option == "-chardev \(argument)")
  }

  @Test(
    arguments: [
      ("null", ChardevConfiguration(.null)),
      ("vc", ChardevConfiguration(.console)),
      ("vc:80Cx24C", ChardevConfiguration(.console)),
      ("stdio", ChardevConfiguration(.stdio(signals: true))),
      ("pty", ChardevConfiguration(.pty)),
      ("file:/a,b", ChardevConfiguration(.file(path: "/a,b", append: false))),
      ("file:", ChardevConfiguration(.file(path: "", append: false))),
      ("pipe:/a", ChardevConfiguration(.pipe(path: "/a"))),
      ("unix:/s", ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"))))),
      ("unix:/s:1,,2", ChardevConfiguration(.socket(SocketConfiguration(.unix("/s:1,2"))))),
      ("unix:path=/s", ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"))))),
      (
        "unix:/s,server,nowait",
        ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"), isServer: true, waits: false)))
      ),
      (
        "unix:/s,server,wait",
        ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"), isServer: true, waits: true)))
      ),
      (
        "unix:/s,server=on,wait=off,logfile=l",
        ChardevConfiguration(.socket(SocketConfiguration(.unix("/s"), isServer: true, waits: false)), logFile: "l")
      ),
      (
        "tcp:localhost:4444,server,nowait",
        ChardevConfiguration(
          .socket(SocketConfiguration(.tcp(host: "localhost", port: "4444"), isServer: true, waits: false)))
      ),
      (
        "tcp:127.0.0.1:1,nodelay=on",
        ChardevConfiguration(.socket(SocketConfiguration(.tcp(host: "127.0.0.1", port: "1"))))
      ),
      ("tcp::1,nodelay", ChardevConfiguration(.socket(SocketConfiguration(.tcp(host: "", port: "1"))))),
      ("tcp:[::1]:1", ChardevConfiguration(.socket(SocketConfiguration(.tcp(host: "::1", port: "1"))))),
      (
        "telnet:h:1,server,nowait",
        ChardevConfiguration(
          .socket(SocketConfiguration(.tcp(host: "h", port: "1"), isServer: true, waits: false, isTelnet: true)))
      ),
    ] as [(String, ChardevConfiguration)])
  func `the short form describes the same back end everywhere`(
    argument: String, configuration: ChardevConfiguration
  ) throws {
    for (option, id) in [
      ("serial", "serial0"), ("monitor", "compat_monitor0"), ("qmp", "compat_monitor0"), ("debugcon", "debugcon"),
    ] {
      let launch = try Line.launch("-nodefaults -\(option) \(argument)")
      #expect(launch.chardevs.count == 1)
      let request = try #require(launch.chardevs.first)
      #expect(request.id == id && request.configuration == configuration && request.option == "-\(option) \(argument)")
    }
  }

  /// A command line; its character devices in the order in which they are opened; its monitors: `+` for QMP; its ports.
  @Test(
    arguments: [
      ("", ["serial0"], [], ["serial0@3f8"]),
      ("-nodefaults", [], [], []),
      ("-M none", [], [], []),
      ("-serial none", [], [], []),
      ("-nographic", ["serial0"], ["serial0"], ["serial0@3f8"]),
      ("-nographic -nodefaults", [], [], []),
      ("-nographic -M none", ["compat_monitor0"], ["compat_monitor0"], []),
      ("-nographic -serial null", ["compat_monitor0", "serial0"], ["compat_monitor0"], ["serial0@3f8"]),
      ("-nographic -serial none", ["compat_monitor0"], ["compat_monitor0"], []),
      ("-nographic -monitor none", ["serial0"], [], ["serial0@3f8"]),
      ("-nographic -monitor null", ["compat_monitor0", "serial0"], ["compat_monitor0"], ["serial0@3f8"]),
      ("-nographic -qmp null", ["compat_monitor0", "serial0"], ["compat_monitor0+"], ["serial0@3f8"]),
      ("-nographic -chardev null,id=a -mon a", ["a", "serial0"], ["a"], ["serial0@3f8"]),
      (
        "-nographic -serial mon:stdio", ["compat_monitor0", "serial0"], ["compat_monitor0", "serial0"], ["serial0@3f8"]
      ),
      ("-serial mon:stdio", ["serial0"], ["serial0"], ["serial0@3f8"]),
      (
        "-serial mon:stdio -monitor null", ["compat_monitor0", "serial0"], ["compat_monitor0", "serial0"],
        ["serial0@3f8"]
      ),
      ("-serial null -serial none -serial null", ["serial0", "serial2"], [], ["serial0@3f8", "serial2@3e8"]),
      ("-nodefaults -serial null", ["serial0"], [], ["serial0@3f8"]),
      (
        "-serial null -monitor null -chardev null,id=x -qmp null -serial null",
        ["compat_monitor0", "x", "compat_monitor1", "serial0", "serial1"], ["compat_monitor0", "compat_monitor1+"],
        ["serial0@3f8", "serial1@2f8"]
      ),
      ("-debugcon null -qmp null -nodefaults", ["compat_monitor0", "debugcon"], ["compat_monitor0+"], []),
      ("-mon c,mode=control -serial chardev:a -chardev null,id=a -chardev null,id=c", ["a", "c"], ["c+"], ["a@3f8"]),
      ("-qmp chardev:a -chardev null,id=a -serial none", ["a"], ["a+"], []),
      ("-chardev stdio,id=s,mux=on -serial chardev:s -mon s", ["s"], ["s"], ["s@3f8"]),
      ("-device isa-serial,chardev=a -chardev null,id=a", ["a"], [], ["a@3f8"]),
      (
        "-nographic -device isa-serial,chardev=a -chardev null,id=a", ["a", "compat_monitor0"], ["compat_monitor0"],
        ["a@3f8"]
      ),
      (
        "-serial null -device isa-serial,chardev=a -chardev null,id=a", ["a", "serial0"], [], ["serial0@3f8", "a@2f8"]
      ),
      ("-device isa-serial,index=3", [], [], ["@2e8"]),
      ("-device isa-serial,iobase=0x220,irq=7,chardev=a -chardev null,id=a", ["a"], [], ["a@220"]),
    ] as [(String, [String], [String], [String])])
  func `labels, order and routes are QEMU's`(
    line: String, chardevs: [String], monitors: [String], ports: [String]
  ) throws {
    let launch = try Line.launch(line)
    #expect(launch.chardevs.map(\.id) == chardevs)
    #expect(launch.monitors.map { $0.chardev + ($0.isControl ? "+" : "") } == monitors)
    #expect(launch.machine.serialPorts.map { ($0.chardev ?? "") + "@" + String($0.port, radix: 16) } == ports)
  }

  @Test func `the shared terminal passes Ctrl-C on and a terminal of its own does not`() throws {
    let shared = ChardevConfiguration(.stdio(signals: false), isMultiplexed: true)
    #expect(try Line.launch("-nographic").chardevs.first?.configuration == shared)
    #expect(try Line.launch("-serial mon:stdio").chardevs.first?.configuration == shared)
    #expect(try Line.launch("-debugcon mon:stdio -nodefaults").chardevs.first?.configuration == shared)
    let own = ChardevConfiguration(.stdio(signals: true))
    #expect(try Line.launch("-nographic -monitor none").chardevs.first?.configuration == own)
    #expect(try Line.launch("-nographic -serial none").chardevs.first?.configuration == own)
  }

  @Test func `a pretty monitor is pretty`() throws {
    #expect(try Line.launch("-qmp-pretty null").monitors.map(\.isPretty) == [true])
    #expect(try Line.launch("-qmp null").monitors.map(\.isPretty) == [false])
    #expect(try Line.launch("-chardev null,id=a -mon a,mode=control,pretty=on").monitors.map(\.isPretty) == [true])
  }

  @Test func `a back end that cannot be opened is told with what fails by it`() throws {
    let serial = try #require(try Line.launch("-serial stdio").chardevs.first)
    #expect(
      serial.messages(for: .stdioInUse) == [
        "-serial stdio: cannot use stdio by multiple character devices",
        "-serial stdio: could not connect serial device to character backend 'stdio'",
      ])
    let monitor = try #require(try Line.launch("-qmp stdio").chardevs.first)
    #expect(monitor.messages(for: .stdioInUse) == ["-qmp stdio: cannot use stdio by multiple character devices"])
    let byDefault = try #require(try Line.launch("-nographic").chardevs.first)
    #expect(
      byDefault.messages(for: .stdioInUse) == [
        "cannot use stdio by multiple character devices",
        "could not connect serial device to character backend 'mon:stdio'",
      ])
  }

  @Test func `debug consoles are devices on their character devices`() throws {
    let line =
      "-nodefaults -debugcon chardev:b -device isa-debugcon,iobase=0x402,readback=0,chardev=a -chardev null,id=a -chardev null,id=b"
    let consoles = try Line.machine(line).isaDevices.map { device in
      if case .debugConsole(let chardev, let port, let readback) = device {
        "\(chardev) \(port) \(readback)"
      } else {
        ""
      }
    }
    #expect(consoles == ["a 1026 0", "b 233 233"])
  }
}
