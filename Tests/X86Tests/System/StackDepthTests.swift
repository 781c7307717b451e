// SPDX-License-Identifier: Apache-2.0

import Testing
import X86

/// Handlers go on by jumping to the next one. One that calls it instead would use up the host's stack in a long chain;
/// these chains are long enough to crash then.
struct StackDepthTests {
  @Test(arguments: [
    "pushfd\n popfd", "lar eax, bx", "lsl eax, bx", "verr bx", "verw bx", "sldt ax", "str ax", "smsw ax",
    "sgdt [0x500]", "lgdt [gdtr]", "lidt [idtr]", "mov si, LDTSEL\n lldt si", "sldt [0x500]", "arpl di, si",
    "mov eax, cr0",
    "mov cr3, esi", "mov eax, dr7", "mov dr0, edi", "invlpg [0]", "wbinvd", "clts", "cpuid\n mov ecx, 2", "rdtsc",
    "in al, 0x80", "in eax, dx", "out 0x80, al", "out dx, ax", "cli", "cli\n sti", "movsb", "movsd", "stosw", "lodsd",
    "cmpsb", "scasd", "insb", "outsd", "daa", "das", "aaa", "aas", "aam", "aad", "wait", "fninit", "into", "int 0x21",
    "bound edi, [0x508]", "mov ds, bx", "mov fs, bx", "push fs\n pop fs", "lfs eax, [0x510]", "call KCODE:distant",
    "push cs\n call distant", "jmp KCODE:$ + 7", "pushfd\n push cs\n call handled", "mov eax, cr0\n lmsw ax",
    "mov ax, ss\n mov ss, ax", "enter 0, 0\n leave", "pushad\n popad", "xadd eax, ebx", "cmpxchg [0x600], eax",
    "cmp eax, ebx\n setc al", "test al, al\n jz $ + 2", "cmp eax, 5\n ja $ + 2", "call nearby", "shl edx, cl",
    "movzx eax, bx", "movzx eax, word [0x500]", "mov [0x600], ax", "mov al, [0x600]", "lea eax, [ebx + 4]",
  ])
  func `a long chain uses no stack`(_ body: String) throws {
    let program = Program(
      "chain " + body, .protected,
      """
      nearby: ret
      distant: retf
      handled: iretd
      main:
        SETGATE 0x21, KCODE, handled, 0x8e
        mov word [0x514], KDATA
        mov dword [0x508], 0
        mov dword [0x50c], 0x7fffffff
        mov ebp, 30000
        cld
      again:
        mov edx, 0x80
        mov ebx, KDATA
        mov edi, 0x3000
        mov esi, 0
      \(body)
        dec dword [counter]
        jnz again
        jmp finish32
      counter: dd 30000

      """, expect: "")
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    _ = bench.run(limit: 4_000_000)
    #expect(bench.exitCode == 0)
  }
}
