// SPDX-License-Identifier: Apache-2.0
import MachineBench
import PC
import Platform
import Testing
import X86

/// How a machine tells that its guest is lost. The guests are ROMs of a few instructions, in real mode.
struct GuestEndTests {
  private func bench(
    _ program: String, _ configure: (inout MachineConfiguration) -> Void = { _ in }
  ) throws -> MachineBench {
    try MachineBench(firmware: try Assembler.firmware(program)) {
      $0.graphics = .none
      $0.memoryByteCount = 1 << 20
      configure(&$0)
    }
  }

  private static func panic(_ value: UInt8) -> String {
    "mov dx, 0x505\n mov al, \(value)\n out dx, al\n sti\n again: jmp again"
  }

  private func panicking(_ value: UInt8, _ action: GuestActions.Panic) throws -> MachineBench {
    try bench(Self.panic(value)) {
      $0.isaDevices = [.panic(port: 0x505, offered: 3)]
      $0.actions.panic = action
    }
  }

  @Test(arguments: [(.shutdown, 0), (.exitFailure, 1)] as [(GuestActions.Panic, Int32)])
  func `a panic ends the machine before the next instruction`(action: GuestActions.Panic, status: Int32) throws {
    let bench = try panicking(1, action)
    #expect(try bench.run(to: 100_000) == status)
    #expect(bench.events == [.guestPanicked(.poweroff), .shutdown(.guestPanic)])
    #expect(bench.instructionCount < 20)
  }

  @Test func `a panic that is only told changes nothing`() throws {
    let bench = try panicking(3, .none)
    #expect(try bench.run(to: 100_000) == nil)
    #expect(bench.events == [.guestPanicked(.run)])
  }

  @Test func `a crash kernel goes on`() throws {
    let bench = try panicking(2, .shutdown)
    #expect(try bench.run(to: 100_000) == nil)
    #expect(bench.events == [.guestCrashLoaded])
  }

  @Test func `other bits mean nothing`() throws {
    let bench = try panicking(0xfc, .shutdown)
    #expect(try bench.run(to: 100_000) == nil)
    #expect(bench.events.isEmpty)
  }

  @Test func `a triple fault is told with what led to it`() throws {
    let bench = try bench(
      "mov ax, 0x1234\n mov sp, 0x5678\n lidt [cs:nothing]\n int3\n jmp $\n nothing: dw 0, 0, 0")
    try bench.run(to: 100)
    guard case .tripleFault(let fault, let processor) = bench.events.first else {
      Issue.record("it was not told: \(bench.events)")
      return
    }
    #expect(fault.events.map(\.vector) == [13, 8] && fault.events.first?.errorCode == 3 * 8 + 2)
    #expect(processor.general[0] & 0xffff == 0x1234 && processor.general[4] & 0xffff == 0x5678)
    #expect(processor.code.count == 16 && processor.code.starts(with: [0xcc, 0xeb, 0xfe]))
    #expect(bench.events.dropFirst().first == .reset(.guestReset))
  }

  @Test(
    arguments: [
      ("cli\n hlt\n jmp $", .halted), ("cli\n jmp $", .spinning), ("cli\n again: db 0xe9, 0xfd, 0xff", .spinning),
    ] as [(String, GuestHang.Reason)])
  func `a guest that nothing can wake is told once`(program: String, reason: GuestHang.Reason) throws {
    let bench = try bench("mov bx, 0x4321\n" + program)
    let end = bench.end(at: 50 * .millisecond)
    #expect(try bench.run(to: .max) == 0)
    #expect(end.deadline == nil)
    let hangs = bench.events.compactMap { if case .guestHung(let hang) = $0 { hang } else { nil } }
    #expect(hangs.map(\.reason) == [reason])
    #expect(hangs.allSatisfy { $0.processor.general[3] & 0xffff == 0x4321 })
  }

  @Test(arguments: ["sti\n jmp $", "cli\n again: inc eax\n jmp again", "sti\n again: hlt\n jmp again"])
  func `a guest that can be interrupted, or works, is not`(program: String) throws {
    let bench = try bench(program)
    let end = bench.end(at: 50 * .millisecond)
    #expect(try bench.run(to: .max) == 0)
    #expect(end.deadline == nil)
    #expect(!bench.events.contains { if case .guestHung = $0 { true } else { false } })
  }
}
