// SPDX-License-Identifier: Apache-2.0
import PC
import Testing

/// What the command line says about guests that end their run, and how they can tell.
struct ActionOptionTests {
  @Test(
    arguments: [
      ("-action reboot=shutdown", .shutdown, .poweroff, .shutdown, .reset),
      ("-action shutdown=pause,panic=exit-failure", .reset, .pause, .exitFailure, .reset),
      ("-no-shutdown -action panic=none", .reset, .pause, .none, .reset),
      ("-no-reboot -action reboot=reset,watchdog=inject-nmi", .reset, .poweroff, .shutdown, .injectNMI),
      ("-watchdog-action pause -action ''", .reset, .poweroff, .shutdown, .pause),
    ]
      as [(
        String, GuestActions.Reboot, GuestActions.Shutdown, GuestActions.Panic, GuestActions.Watchdog
      )])
  func `actions add up`(
    line: String, reboot: GuestActions.Reboot, shutdown: GuestActions.Shutdown, panic: GuestActions.Panic,
    watchdog: GuestActions.Watchdog
  ) throws {
    var wanted = GuestActions()
    (wanted.reboot, wanted.shutdown, wanted.panic, wanted.watchdog) = (reboot, shutdown, panic, watchdog)
    #expect(try Line.machine(line).actions == wanted)
  }

  @Test func `help lists what there is`() throws {
    #expect(
      try Line.help("-action help")
        == "action options:\n  panic=<str>\n  reboot=<str>\n  shutdown=<str>\n  watchdog=<str>\n")
    #expect(try Line.help("-device pvpanic,help").contains("ioport=<uint16>        -  (default: 1285)\n"))
    #expect(try Line.help("-device pvpanic-pci,help").contains("events=<uint8>         -  (default: 3)\n"))
    #expect(try Line.help("-device help").contains("name \"pvpanic\", bus ISA\nname \"pvpanic-pci\", bus PCI\n"))
  }

  @Test(arguments: [
    Refused("-action foo=1", "-action foo=1: Invalid parameter 'foo'"),
    Refused("-action panic=bogus", "-action panic=bogus: Parameter 'panic' does not accept value 'bogus'"),
    Refused("-action panic=run", "-action panic=run: Parameter 'panic' does not accept value 'run'"),
    Refused("-action shutdown=reset", "-action shutdown=reset: Parameter 'shutdown' does not accept value 'reset'"),
    Refused("-watchdog-action foo", "-watchdog-action foo: Parameter 'watchdog' does not accept value 'foo'"),
    Refused("-device pvpanic,ioport=x", "-device pvpanic,ioport=x: Parameter 'ioport' expects integer"),
    Refused("-device pvpanic,ioport=-1", "-device pvpanic,ioport=-1: Parameter 'ioport' expects uint16_t"),
    Refused("-device pvpanic,events=256", "-device pvpanic,events=256: Parameter 'events' expects uint8_t"),
    Refused("-device pvpanic,foo=1", "-device pvpanic,foo=1: Property 'pvpanic.foo' not found"),
    Refused("-M none -device pvpanic", "-device pvpanic: No 'ISA' bus found for device 'pvpanic'"),
    Refused("-device pvpanic -device pvpanic", "-device pvpanic: duplicate fw_cfg file name: etc/pvpanic-port"),
  ])
  func `mistakes are told as QEMU tells them`(_ refused: Refused) { refused.check() }

  @Test func `the panic devices are where they are asked for`() throws {
    let machine = try Line.machine("-device pvpanic,ioport=0x600,events=1 -device pvpanic-pci,id=p,addr=7 -vga none")
    guard case .panic(let port, let offered)? = machine.isaDevices.first else { return #expect(Bool(false)) }
    #expect((port, offered) == (0x600, 1))
    let function = try #require(machine.pciDevices.first { $0.userID == "p" })
    #expect(function.place == .init(slot: 7))
    guard case .panic(offered: 3) = function.kind else { return #expect(Bool(false)) }
  }

  @Test func `a graphics adapter keeps its name`() throws {
    #expect(try Line.machine("-device VGA,id=video0").graphicsID == "video0")
    #expect(try Line.machine("").graphicsID == nil)
  }
}
