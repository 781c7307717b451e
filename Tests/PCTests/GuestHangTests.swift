// SPDX-License-Identifier: Apache-2.0
import Block
import MachineBench
import PC
import Platform
import Testing

/// Loops with interrupts masked: which of them are told to hang. The guests are ROMs, in real mode.
struct GuestHangTests {
  private func bench(
    _ program: String, disk: [UInt8]? = nil, _ configure: (inout MachineConfiguration) -> Void = { _ in }
  ) throws -> MachineBench {
    try MachineBench(disk: disk, firmware: try Assembler.firmware("cli\n" + program)) {
      $0.graphics = .none
      $0.memoryByteCount = 1 << 20
      configure(&$0)
    }
  }

  private func hangs(_ bench: MachineBench) -> [GuestHang] {
    bench.events.compactMap { if case .guestHung(let hang) = $0 { hang } else { nil } }
  }

  /// Instructions in which every loop of a few instructions is found, and then some.
  private static let enough: UInt64 = 2_000_000

  @Test(
    arguments: [
      ("again: jmp again", 1),
      ("again: pause\n jmp again", 2),
      ("again: nop\n inc ax\n dec ax\n nop\n jmp again", 5),
      ("again: times 6 nop\n jmp again", 7),
      ("again: times 62 nop\n jmp again", 63),
      // Memory that nobody changes.
      ("again: cmp word [0x500], 0\n je again", 2),
      // A lock that nobody holds but the one who waits.
      ("mov word [0x500], 1\n again: mov ax, 1\n lock xchg [0x500], ax\n pause\n test ax, ax\n jnz again", 5),
      // Stores that change nothing.
      ("again: call there\n jmp again\n there: ret", 3),
      // Masked again before an interrupt could come.
      ("again: sti\n cli\n jmp again", 3),
      // In a page and beyond it.
      ("jmp over\n align 4096\n there: jmp back\n over: nop\n again: jmp there\n times 5000 nop\n back: jmp again", 3),
      ("finit\n fldpi\n again: fld st0\n fstp st1\n jmp again", 3),
    ] as [(String, Int)])
  func `a loop that nothing ends is told once`(program: String, count: Int) throws {
    let bench = try bench("mov bx, 0x4321\n" + program)
    try bench.run(to: 10_000_000)
    #expect(hangs(bench).map(\.reason) == [.spinning] && hangs(bench).first?.instructionCount == count)
    #expect(hangs(bench).first?.processor.general[3] ?? 0 & 0xffff == 0x4321)
  }

  @Test(arguments: [
    // What the outside answers may be another thing next time.
    "mov dx, 0x3fd\n again: in al, dx\n test al, 1\n jz again",
    "again: out 0x80, al\n jmp again",
    "again: rdtsc\n xor ax, ax\n xor dx, dx\n jmp again",
    "mov ax, 0xc800\n mov ds, ax\n again: mov al, [0]\n jmp again",
    // Rounds that differ.
    "again: inc dword [0x500]\n jmp again",
    "again: inc eax\n jmp again",
    "again: xor byte [0x500], 1\n jmp again",
    "again: call there\n call there\n jmp again\n there: ret",
    "again: fld1\n jmp again",
    // There is an instruction at which an interrupt can come.
    "again: sti\n nop\n cli\n jmp again",
  ])
  func `a loop that something could end is not`(program: String) throws {
    let bench = try bench(program)
    try bench.run(to: Self.enough)
    #expect(hangs(bench).isEmpty)
  }

  @Test func `a loop that ends by itself is told when it has`() throws {
    let bench = try bench("mov ecx, 1000000\n again: pause\n dec ecx\n jnz again\n mov bx, 7\n end: nop\n jmp end")
    try bench.run(to: 6_000_000)
    #expect(hangs(bench).map { $0.processor.general[3] } == [7])
  }

  @Test func `a long loop takes longer`() throws {
    let bench = try bench("again: times 998 nop\n inc ax\n dec ax\n jmp again")
    try bench.run(to: 150_000_000)
    #expect(hangs(bench).map(\.instructionCount) == [1001])
  }

  /// The second request waits for a second of virtual time, some 15 million instructions.
  @Test func `a disk may end what waits for its data`() throws {
    var disk = [UInt8](repeating: 0, count: 1 << 20)
    disk[512] = 0x55
    let bench = try bench(
      """
      mov dx, 0xcf8
      mov eax, 0x80000920
      out dx, eax
      mov dx, 0xcfc
      mov eax, 0xc001
      out dx, eax
      mov dx, 0xcf8
      mov eax, 0x80000904
      out dx, eax
      mov dx, 0xcfc
      mov ax, 5
      out dx, ax
      mov dword [0x1000], 0x2000
      mov dword [0x1004], 0x80000200
      mov bl, 0
      call load
      mov bl, 1
      call load
      again: cmp byte [0x2000], 0x55
      jne again
      mov bx, 0x1234
      end: cmp byte [0x2000], 0x55
      je end
      hlt

      load: mov dx, 0xc004
      mov eax, 0x1000
      out dx, eax
      mov dx, 0xc000
      mov al, 8
      out dx, al
      mov dx, 0x1f2
      mov al, 1
      out dx, al
      inc dx
      mov al, bl
      out dx, al
      mov al, 0
      inc dx
      out dx, al
      inc dx
      out dx, al
      inc dx
      mov al, 0xe0
      out dx, al
      inc dx
      mov al, 0xc8
      out dx, al
      mov dx, 0xc000
      mov al, 9
      out dx, al
      cmp bl, 1
      je done
      mov dx, 0xc002
      ready: in al, dx
      test al, 4
      jz ready
      mov al, 6
      out dx, al
      mov dx, 0xc000
      mov al, 0
      out dx, al
      mov dx, 0x1f7
      in al, dx
      done: ret
      """, disk: disk
    ) {
      var limits = ThrottleLimits()
      limits.operations = .init(average: 1)
      $0.drives[0].throttle = .init(group: "slow", limits: limits)
    }
    try bench.run(to: 40_000_000)
    #expect(hangs(bench).map { $0.processor.general[3] & 0xffff } == [0x1234])
  }

  /// The timer's interrupt comes as NMI, by way of the I/O APIC, and ends the loop.
  private static let timerIsNMI = """
    lgdt [cs:pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 8
    mov fs, bx
    and al, 0xfe
    mov cr0, eax
    mov word [8], handler
    mov word [10], 0xf000
    mov dword [fs:dword 0xfec00000], 0x15
    mov dword [fs:dword 0xfec00010], 0
    mov dword [fs:dword 0xfec00000], 0x14
    mov dword [fs:dword 0xfec00010], 0x400
    mov al, 0x34
    out 0x43, al
    mov al, 0
    out 0x40, al
    out 0x40, al
    mov si, 0
    again: cmp si, 40
    jne again
    mov dword [fs:dword 0xfec00010], 0x10400
    end: cmp si, 40
    je end
    handler: inc si
    iret
    align 8
    table: dq 0, 0x008f92000000ffff
    pointer: dw 15
    dd 0xf0000 + table
    """

  @Test func `a timer may end a loop by NMI`() throws {
    let bench = try bench(Self.timerIsNMI)
    // Forty periods of 65,536 ticks are some 34 million instructions.
    try bench.run(to: 50_000_000)
    #expect(hangs(bench).map { $0.processor.general[6] & 0xffff } == [40])
  }

  @Test func `stops and looks on the way do not move the instant`() throws {
    let program = "mov ecx, 123457\n again: loop again, ecx\n end: times 4 nop\n jmp end"
    let quiet = try bench(program)
    var counts: [UInt64] = []
    let handler = quiet.machine.eventHandler
    quiet.machine.eventHandler = { [unowned quiet] in
      handler?($0)
      counts.append(quiet.instructionCount)
    }
    try quiet.run(to: Self.enough)
    let busy = try bench(program)
    let machine = busy.machine
    machine.eventHandler = { [unowned busy] _ in counts.append(busy.instructionCount) }
    machine.observer = { [unowned machine] in machine.look(at: machine.clock.now &+ 77_777) }
    machine.look(at: 0)
    for count in stride(from: UInt64(1), to: Self.enough, by: 33_333) { try busy.run(to: count) }
    try #require(counts.count == 2)
    #expect(counts[0] == counts[1] && counts[0] % 65536 == 0)
  }

  @Test func `another life, another hang`() throws {
    let bench = try bench("again: nop\n jmp again")
    try bench.run(to: Self.enough)
    bench.machine.reset(.hostQMPSystemReset)
    try bench.run(to: 2 * Self.enough)
    #expect(hangs(bench).count == 2)
  }
}
