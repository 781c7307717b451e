// SPDX-License-Identifier: Apache-2.0
import MachineBench
import PC
import Platform
import Testing

/// Interrupt controllers as firmware on the whole board meets them.
@Suite struct MachineInterruptTests {
  /// Firmware with data segments of 4 GiB, an interrupt handler at vectors 40h and 41h that counts at 540h and 541h and
  /// ends the interrupt, and one for NMI that counts at 542h.
  private static func firmware(_ text: String) throws -> [UInt8] {
    try Assembler.firmware(
      """
      lgdt [cs:gdtr]
      mov eax, cr0
      or al, 1
      mov cr0, eax
      mov bx, 8
      mov ds, bx
      and al, 0xfe
      mov cr0, eax
      xor bx, bx
      mov ds, bx
      mov word [4 * 0x40], timer
      mov word [4 * 0x40 + 2], 0xf000
      mov word [4 * 0x41], input
      mov word [4 * 0x41 + 2], 0xf000
      mov word [4 * 2], nmi
      mov word [4 * 2 + 2], 0xf000
      mov dword [dword 0xfee000f0], 0x1ff
      mov al, 0xff  ; nothing from the 8259A
      out 0x21, al
      \(text)
      cli
      hlt
      timer: inc byte [0x540]
      mov dword [dword 0xfee000b0], 0
      iret
      input: inc byte [0x541]
      mov dword [dword 0xfee000b0], 0
      iret
      nmi: inc byte [0x542]
      iret
      gdt: dq 0, 0x00cf93000000ffff
      gdtr: dw 15
      dd 0xf0000 + gdt
      """)
  }

  /// Runs firmware until it halts for good; gives the bytes at 540h.
  private static func run(
    _ text: String, _ configure: (inout MachineConfiguration) -> Void = { _ in }
  ) throws -> [UInt8] {
    let bench = try MachineBench(firmware: try firmware(text), configure: configure)
    try bench.exercise(instructions: 3_000_000)
    return try #require(bench.machine.board).memory.read(0x540, count: 16)
  }

  @Test func `the local APIC's timer interrupts a halted processor`() throws {
    let found = try Self.run(
      """
      mov dword [dword 0xfee003e0], 0xb
      mov dword [dword 0xfee00320], 0x20040
      mov dword [dword 0xfee00380], 100000
      sti
      hlt
      hlt
      hlt
      """)
    #expect(Array(found.prefix(3)) == [3, 0, 0])
  }

  /// The event timer in its place drives the same input.
  @Test(arguments: [false, true]) func `interrupt 0 is input 2 of the I/O APIC`(isEventTimer: Bool) throws {
    let found = try Self.run(
      """
      mov dword [dword 0xfec00000], 0x14
      mov dword [dword 0xfec00010], 0x41
      \(isEventTimer ? """
      mov dword [dword 0xfed00100], 4
      mov dword [dword 0xfed00108], 1000
      mov dword [dword 0xfed00010], 3
      """ : "")
      sti
      hlt
      """)
    #expect(Array(found.prefix(3)) == [0, 1, 0])
  }

  @Test func `messages to itself are NMI and INIT`() throws {
    let found = try Self.run(
      """
      inc byte [0x543]
      cmp byte [0x543], 1
      jne .again
      mov dword [dword 0xfee00300], 0x4400
      mov dword [dword 0xfee00300], 0x4500
      jmp $
      .again:
      mov eax, [dword 0xfee00350]
      mov [0x544], eax
      """)
    #expect(Array(found.prefix(8)) == [0, 0, 1, 2, 0, 7, 0, 0])
  }

  @Test(arguments: [("qemu64", 0b01), ("max", 0b01), ("486", 0)])
  func `CPUID shows the APIC while it is on`(model: String, expected: UInt8) throws {
    let found = try Self.run(
      """
      mov eax, 1
      cpuid
      shr edx, 9
      and dl, 1
      mov [0x540], dl
      jz .none
      mov ecx, 0x1b
      rdmsr
      and ah, 0xf7
      wrmsr
      mov eax, 1
      cpuid
      shr edx, 9
      and dl, 1
      mov [0x541], dl
      .none:
      """
    ) { $0.processorModel = model }
    #expect(Array(found.prefix(2)) == [expected, 0])
  }

  @Test(arguments: [true, false]) func `the event timer can be left out`(isPresent: Bool) throws {
    let found = try Self.run(
      """
      mov eax, [dword 0xfed00004]
      mov [0x540], eax
      """
    ) { $0.hasEventTimer = isPresent }
    #expect(Array(found.prefix(4)) == (isPresent ? [0x80, 0x96, 0x98, 0x00] : [0xff, 0xff, 0xff, 0xff]))
  }

  @Test(arguments: [(false, 0), (true, 1)] as [(Bool, UInt8)])
  func `the monitor's NMI is LINT1's, which is masked after a reset`(isOpen: Bool, count: UInt8) throws {
    let bench = try MachineBench(
      firmware: try Self.firmware(isOpen ? "mov dword [dword 0xfee00360], 0x400\njmp $" : "jmp $"))
    let memory = try #require(bench.machine.board).memory
    try bench.exercise(instructions: 100_000)
    bench.machine.injectNMI()
    try bench.exercise(instructions: 100_000)
    #expect(memory.read(0x542, count: 1) == [count])
  }
}
