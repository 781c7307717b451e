// SPDX-License-Identifier: Apache-2.0
import HostIO
import MachineBench
import PC
import Platform
import Testing

/// How machines start, stop and end, and what they say about it. The guests are ROMs of a few instructions.
struct MachineRunStateTests {
  static let spin = "again: jmp again"
  static let idle = "cli\n hlt\n jmp $"
  static let tripleFault = "lidt [cs:nothing]\n int3\n nothing: dw 0, 0, 0"
  /// Puts the power management registers at 600h, as a BIOS does, then sets SLP_EN with type 0.
  static let powerOff = """
    mov eax, 0x80000b40
    mov dx, 0xcf8
    out dx, eax
    mov eax, 0x601
    mov dx, 0xcfc
    out dx, eax
    mov eax, 0x80000b80
    mov dx, 0xcf8
    out dx, eax
    mov al, 1
    mov dx, 0xcfc
    out dx, al
    mov dx, 0x604
    mov ax, 0x2000
    out dx, ax
    jmp $
    """

  private func bench(
    _ program: String, _ configure: (inout MachineConfiguration) -> Void = { _ in }
  ) throws -> MachineBench {
    try MachineBench(firmware: try Assembler.firmware(program)) {
      $0.graphics = .none
      $0.memoryByteCount = 1 << 20
      configure(&$0)
    }
  }

  @Test func `a machine runs to exact counts`() throws {
    let bench = try bench(Self.spin)
    #expect(bench.machine.runState == .prelaunch && bench.instructionCount == 0)
    for count in [1, 2, 3, 1000, 1001, 123_457] as [UInt64] {
      #expect(try bench.run(to: count) == nil)
      #expect(bench.instructionCount == count && bench.machine.clock.now == Int64(count) << 6)
    }
    #expect(bench.machine.runState == .running)
    #expect(bench.news.isEmpty)
  }

  @Test func `stop and resume are events, once each`() throws {
    let bench = try bench(Self.spin)
    let machine = bench.machine
    try bench.run(to: 1000)
    machine.stop()
    machine.stop()
    #expect(machine.runState == .paused && bench.news == [.stopped])
    machine.stop(.ioError)
    #expect(machine.runState == .ioError && bench.news == [.stopped])
    machine.resume()
    machine.resume()
    #expect(machine.runState == .running && bench.news == [.stopped, .resumed])
    #expect(try bench.run(to: 2000) == nil)
  }

  @Test(arguments: [.host, .realTime, .virtual] as [MachineConfiguration.RealTimeClock.Source])
  func `the real-time clock goes on while the guest stands still unless it follows virtual time`(
    _ source: MachineConfiguration.RealTimeClock.Source
  ) throws {
    let bench = try bench(Self.idle) {
      $0.instructionCounting = nil
      $0.realTimeClock.source = source
    }
    let machine = bench.machine
    machine.resume()
    machine.stop()
    HostClock.sleep(nanoseconds: 1_100_000_000)
    machine.resume()
    machine.stop()
    let ports = try #require(machine.board?.ports)
    ports.write(0x70, .byte, 0)
    let seconds = Int64(ports.read(0x71, .byte))
    if source == .virtual {
      #expect(seconds == machine.clock.now / .second)
    } else {
      #expect(seconds > machine.clock.now / .second)
    }
  }

  @Test func `a machine that starts paused waits`() throws {
    let bench = try bench(Self.spin) { $0.startsPaused = true }
    let machine = MachineBound(bench.machine)
    let poster = try Thread(name: "poster") {
      Mailbox().wait(atMost: 20_000_000)
      machine.value.mailbox.post {
        #expect(machine.value.runState == .prelaunch && machine.value.processor?.instructionCount == 0)
        machine.value.resume()
      }
    }
    #expect(try bench.run(to: 5000) == nil)
    poster.join()
    #expect(bench.instructionCount == 5000 && bench.news == [.resumed])
  }

  @Test func `a paused machine stays in prelaunch until it first runs`() throws {
    let bench = try bench(Self.spin) { $0.startsPaused = true }
    bench.machine.stop()
    #expect(bench.machine.runState == .prelaunch && bench.news.isEmpty)
  }

  @Test func `a held guest stands still in the running state`() throws {
    let bench = try bench(Self.spin)
    try bench.run(to: 100)
    bench.machine.holdGuest()
    bench.machine.holdGuest()
    bench.machine.releaseGuest()
    let machine = MachineBound(bench.machine)
    let poster = try Thread(name: "poster") {
      Mailbox().wait(atMost: 20_000_000)
      machine.value.mailbox.post {
        #expect(machine.value.runState == .running && machine.value.processor?.instructionCount == 100)
        machine.value.releaseGuest()
      }
    }
    #expect(try bench.run(to: 200) == nil)
    poster.join()
    #expect(bench.news.isEmpty)
  }

  @Test func `time that follows the host stands still with the guest`() throws {
    let bench = try bench(Self.spin) { $0.instructionCounting = nil }
    try bench.run(to: 100_000)
    bench.machine.stop()
    let stopped = bench.machine.clock.now
    Mailbox().wait(atMost: 3_000_000)
    #expect(bench.machine.clock.now == stopped)
    bench.machine.resume()
    bench.machine.holdGuest()
    let held = bench.machine.clock.now
    Mailbox().wait(atMost: 3_000_000)
    #expect(bench.machine.clock.now == held)
    bench.machine.releaseGuest()
    Mailbox().wait(atMost: 3_000_000)
    #expect(bench.machine.clock.now > held)
  }

  @Test func `a reset starts the guest again and keeps the count`() throws {
    let bench = try bench("mov byte [0x500], 1\n inc dword [0x504]\n" + Self.spin)
    try bench.run(to: 1000)
    bench.machine.reset(.hostQMPSystemReset)
    #expect(bench.machine.processor?.instructionPointer == 0xfff0 && bench.instructionCount == 1000)
    try bench.run(to: 2000)
    #expect(bench.memory(0x504) == 2)
    #expect(bench.news == [.reset(.hostQMPSystemReset)] && bench.machine.runState == .running)
  }

  /// Ways of a guest to reset the machine.
  static let resets: [(name: String, program: String)] = [
    ("triple fault", tripleFault), ("keyboard controller", "mov al, 0xfe\n out 0x64, al\n jmp $"),
    ("port 92h", "mov al, 1\n out 0x92, al\n jmp $"),
    ("port CF9h", "mov dx, 0xcf9\n mov al, 2\n out dx, al\n mov al, 6\n out dx, al\n jmp $"),
  ]

  @Test(arguments: resets)
  func `a guest's reset is the next thing that happens`(name: String, program: String) throws {
    let bench = try bench("inc dword [0x504]\n cmp dword [0x504], 3\n jae done\n \(program)\n done: jmp $")
    #expect(try bench.run(to: 10_000) == nil)
    #expect(bench.memory(0x504) == 3, "\(name)")
    #expect(bench.news == [.reset(.guestReset), .reset(.guestReset)])
    #expect(bench.machine.runState == .running)
  }

  @Test(arguments: resets)
  func `with -no-reboot a guest's reset ends the machine`(name: String, program: String) throws {
    let bench = try bench(program) { $0.actions.reboot = .shutdown }
    #expect(try bench.run(to: 10_000) == 0, "\(name)")
    #expect(bench.news == [.shutdown(.guestReset)])
    #expect(bench.instructionCount < 100)
  }

  @Test func `with -no-reboot and -no-shutdown a guest's reset stops the machine for a look`() throws {
    let bench = try bench(Self.tripleFault) {
      $0.actions.reboot = .shutdown
      $0.actions.shutdown = .pause
    }
    try stopsForGood(bench, cause: .guestReset)
  }

  @Test func `S5 ends the machine`() throws {
    let bench = try bench(Self.powerOff)
    #expect(try bench.run(to: 10_000) == 0)
    #expect(bench.news == [.shutdown(.guestShutdown)])
  }

  @Test func `with -no-shutdown S5 stops the machine for a look`() throws {
    try stopsForGood(try bench(Self.powerOff) { $0.actions.shutdown = .pause }, cause: .guestShutdown)
  }

  /// The machine ends up in the state `shutdown`, from which a reset brings it back to life.
  private func stopsForGood(_ bench: MachineBench, cause: ShutdownCause) throws {
    let machine = MachineBound(bench.machine)
    let states = Guarded<[RunState]>([])
    let poster = try Thread(name: "poster") {
      for _ in 0..<1000 where states.withLock({ $0.isEmpty }) {
        Mailbox().wait(atMost: 5_000_000)
        machine.value.mailbox.post {
          guard machine.value.runState == .shutdown, states.withLock({ $0.isEmpty }) else { return }
          states.update { $0 = [machine.value.runState] }
          machine.value.quit(.hostQMPQuit)
        }
      }
    }
    #expect(try bench.run(to: 1_000_000) == 0)
    poster.join()
    #expect(states.withLock { $0 } == [.shutdown])
    #expect(bench.news == [.shutdown(cause), .stopped, .shutdown(.hostQMPQuit)])
    #expect(RunState.shutdown.needsReset)
  }

  @Test func `a reset takes a shut down machine back to prelaunch`() throws {
    let bench = try bench(Self.spin) { $0.actions.shutdown = .pause }
    try bench.run(to: 100)
    bench.machine.shutDown(.guestShutdown)
    #expect(bench.machine.runState == .shutdown)
    bench.machine.reset(.hostQMPSystemReset)
    #expect(bench.machine.runState == .prelaunch)
    #expect(
      bench.news == [.shutdown(.guestShutdown), .stopped, .reset(.hostQMPSystemReset)])
  }

  @Test func `a host's shutdown ends the machine even with -no-shutdown`() throws {
    let bench = try bench(Self.spin) { $0.actions.shutdown = .pause }
    try bench.run(to: 100)
    bench.machine.shutDown(.hostUI)
    #expect(try bench.run(to: 200) == 0 && bench.instructionCount == 100)
  }

  @Test func `quit ends the machine at once`() throws {
    let bench = try bench(Self.idle)
    let machine = MachineBound(bench.machine)
    let poster = try Thread(name: "poster") {
      Mailbox().wait(atMost: 10_000_000)
      machine.value.mailbox.post { machine.value.quit(.hostSignal) }
    }
    #expect(try bench.run(to: .max) == 0)
    poster.join()
    #expect(bench.news == [.shutdown(.hostSignal)])
  }

  @Test func `the power button sets its status bit`() throws {
    let poll = "mov dx, 0x600\n poll: in ax, dx\n mov [0x500], ax\n jmp poll"
    let mapped = Self.powerOff.replacing("mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\njmp $", with: poll)
    let bench = try bench(mapped)
    try bench.run(to: 1000)
    #expect(bench.memory(0x500) & 0x100 == 0)
    bench.machine.powerDown()
    #expect(bench.news == [.powerDown])
    try bench.run(to: 2000)
    #expect(bench.memory(0x500) & 0x100 == 0x100)
    #expect(bench.machine.runState == .running)
  }

  @Test(arguments: [0, 1, 0x31, 0xff])
  func `isa-debug-exit ends the machine with an odd status`(value: Int) throws {
    let bench = try bench("mov dx, 0xf4\n mov al, \(value)\n out dx, al\n jmp $") {
      $0.isaDevices = [.debugExit(port: 0xf4, portCount: 4)]
    }
    #expect(try bench.run(to: 10_000) == Int32(value << 1 | 1))
  }

  @Test func `an idle machine jumps to its deadlines`() throws {
    // Ticks of the PIT's default, 18.2 a second, wake it; each wakes it for a few instructions.
    let program = """
      mov word [0x20], tick
      mov word [0x22], 0xf000
      mov al, 0x11
      out 0x20, al
      mov al, 8
      out 0x21, al
      mov al, 4
      out 0x21, al
      mov al, 1
      out 0x21, al
      mov al, 0xfe
      out 0x21, al
      mov al, 0x34
      out 0x43, al
      mov al, 0
      out 0x40, al
      out 0x40, al
      sti
      idle: hlt
      jmp idle
      tick: inc dword [0x500]
      mov al, 0x20
      out 0x20, al
      iret
      """
    let bench = try bench(program)
    let end = bench.end(at: 10 * .second)
    #expect(try bench.run(to: .max) == 0)
    #expect(end.deadline == nil)
    #expect((181...183).contains(bench.memory(0x500)))
    #expect(bench.instructionCount < 2000 && bench.machine.clock.now >= 10 * .second)
  }

  @Test func `typed keys reach the guest, and those that wait survive a reset`() throws {
    let bench = try bench(Self.spin)
    try bench.run(to: 100)
    try bench.machine.type([.key(.q, isDown: true), .delay(milliseconds: 1), .key(.q, isDown: false)])
    let early = bench.machine.board?.keyboard.unreadByteCount
    bench.machine.reset(.hostQMPSystemReset)
    try bench.run(to: 100_000)
    #expect(early != nil && bench.machine.board?.keyboard.unreadByteCount != 0)
  }

  @Test func `a board without a processor waits for its end`() throws {
    let bench = try MachineBench { $0.board = .none }
    #expect(bench.machine.board == nil && bench.machine.processor == nil)
    #expect(try bench.machine.saveState().isEmpty)
    try bench.machine.loadState([])
    #expect(throws: MachineError.self) { try bench.machine.loadState([("cpu", [])]) }
    bench.machine.mailbox.post { [machine = MachineBound(bench.machine)] in machine.value.quit(.hostQMPQuit) }
    #expect(try bench.run(to: 100) == 0)
  }
}

extension MachineBench {
  /// Events but for what is told of guests that are lost, as these are (`GuestEndTests`).
  fileprivate var news: [MachineEvent] {
    events.filter { event in
      switch event {
      case .tripleFault, .guestHung: false
      default: true
      }
    }
  }
}
