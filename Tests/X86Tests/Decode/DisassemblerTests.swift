// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

struct DisassemblerTests {
  /// What `x/i` of QEMU 7.2.22 printed for these bytes at these addresses.
  @Test(
    "monitor lines are those of the reference",
    arguments: [
      ("ea 5b e0 00 f0", CodeSize.bits16, 0xf_fff0, "0x000ffff0:  ea 5b e0 00 f0           ljmpw    $0xf000:$0xe05b\n"),
      ("2e 66 83 3e c8 61 00", .bits16, 0xf_e05b, "0x000fe05b:  2e 66 83 3e c8 61 00     cmpl     $0, %cs:0x61c8\n"),
      ("0f 85 36 f0", .bits16, 0xf_e062, "0x000fe062:  0f 85 36 f0              jne      0xd09c\n"),
      ("31 d2", .bits16, 0xf_e066, "0x000fe066:  31 d2                    xorw     %dx, %dx\n"),
      ("8e d2", .bits16, 0xf_e068, "0x000fe068:  8e d2                    movw     %dx, %ss\n"),
      ("66 bc 00 70 00 00", .bits16, 0xf_e06a, "0x000fe06a:  66 bc 00 70 00 00        movl     $0x7000, %esp\n"),
      ("66 ba bf fb 0e 00", .bits16, 0xf_e070, "0x000fe070:  66 ba bf fb 0e 00        movl     $0xefbbf, %edx\n"),
      ("e9 92 0b", .bits16, 0xf_e076, "0x000fe076:  e9 92 0b                 jmp      0xec0b\n"),
      ("66 55", .bits16, 0xf_e079, "0x000fe079:  66 55                    pushl    %ebp\n"),
      ("30 36 2f 32", .bits16, 0xf_fff5, "0x000ffff5:  30 36 2f 32              xorb     %dh, 0x322f\n"),
      ("33 2f", .bits16, 0xf_fff9, "0x000ffff9:  33 2f                    xorw     (%bx), %bp\n"),
      ("00 00", .bits16, 0, "0x00000000:  00 00                    addb     %al, (%bx, %si)\n"),
      ("c3", .bits16, 0x1000, "0x00001000:  c3                       retw     \n"),
      ("f4", .bits16, 0x1001, "0x00001001:  f4                       hlt      \n"),
      (
        "66 c7 84 00 00 01 00 00 ff", .bits16, 0x1002,
        "0x00001002:  66 c7 84 00 00 01 00 00  movl     $0xff000001, (%si)\n0x0000100a:  ff\n"
      ),
      ("0f 04", .bits16, 0x1001, "0x00001001:  0f                       .byte    0x0f\n"),
      ("a5", .bits16, 0x1019, "0x00001019:  a5                       movsw    (%si), %es:(%di)\n"),
      ("f0 ff 00", .bits16, 0x101a, "0x0000101a:  f0 ff 00                 lock incw (%bx, %si)\n"),
      ("7f 00", .bits16, 0x100b, "0x0000100b:  7f 00                    jg       0x100d\n"),
      ("cd 10", .bits16, 0x1013, "0x00001013:  cd 10                    int      $0x10\n"),
    ])
  func monitorLines(hex: String, size: CodeSize, address: UInt64, expected: String) {
    let lines = Disassembler.monitorLines(bytes(hex), address: address, size: size)
    #expect(lines?.text == expected)
    #expect(lines?.length == (expected.contains(".byte") ? 1 : bytes(hex).count))
  }

  @Test func `the monitor gets nothing for an instruction that runs past the memory`() {
    #expect(Disassembler.monitorLines(bytes("ea 5b e0"), address: 0, size: .bits16) == nil)
    #expect(Disassembler.monitorLines([], address: 0, size: .bits16) == nil)
  }

  /// The library behind `x/i` printed these.
  @Test(
    "the monitor's dialect carries widths",
    arguments: [
      ("c3", "retw", "retl", "retq"), ("50", "pushw %ax", "pushl %eax", "pushq %rax"),
      ("6a ff", "pushw $-1", "pushl $-1", "pushq $-1"), ("9c", "pushfw", "pushfl", "pushfq"),
      ("83 c0 ff", "addw $-1, %ax", "addl $-1, %eax", "addl $-1, %eax"),
      ("83 e0 f8", "andw $0xfff8, %ax", "andl $0xfffffff8, %eax", "andl $0xfffffff8, %eax"),
      ("b0 ff", "movb $0xff, %al", "movb $0xff, %al", "movb $0xff, %al"),
      ("0f b6 c0", "movzbw %al, %ax", "movzbl %al, %eax", "movzbl %al, %eax"),
      ("f3 a5", "rep movsw (%si), %es:(%di)", "rep movsl (%esi), %es:(%edi)", "rep movsl (%rsi), (%rdi)"),
      ("6f", "outsw (%si), %dx", "outsl (%esi), %dx", "outsl (%rsi), %dx"),
      ("e4 10", "inb $0x10, %al", "inb $0x10, %al", "inb $0x10, %al"),
      ("ef", "outw %ax, %dx", "outl %eax, %dx", "outl %eax, %dx"), ("cf", "iretw", "iretl", "iretl"),
      ("d1 e0", "shlw $1, %ax", "shll $1, %eax", "shll $1, %eax"),
      ("0f 01 10", "lgdtw (%bx, %si)", "lgdtl (%eax)", "lgdtq (%rax)"),
      ("0f 22 c0", "movl %eax, %cr0", "movl %eax, %cr0", "movq %rax, %cr0"),
      ("8c 18", "movw %ds, (%bx, %si)", "movw %ds, (%eax)", "movw %ds, (%rax)"),
      ("8e d8", "movw %ax, %ds", "movl %eax, %ds", "movl %eax, %ds"),
      ("df 28", "fildll (%bx, %si)", "fildll (%eax)", "fildll (%rax)"),
      ("d8 c1", "fadd %st(1)", "fadd %st(1)", "fadd %st(1)"),
      ("f0 0f b1 00", "lock cmpxchgw %ax, (%bx, %si)", "lock cmpxchgl %eax, (%eax)", "lock cmpxchgl %eax, (%rax)"),
      ("64 8b 00", "movw %fs:(%bx, %si), %ax", "movl %fs:(%eax), %eax", "movl %fs:(%rax), %eax"),
      ("91", "xchgw %cx, %ax", "xchgl %ecx, %eax", "xchgl %ecx, %eax"),
      ("0f b2 08", "lssw (%bx, %si), %cx", "lssl (%eax), %ecx", "lssl (%rax), %ecx"),
      ("ff 28", "ljmpw *(%bx, %si)", "ljmpl *(%eax)", "ljmpl *(%rax)"),
      ("e3 02", "jcxz 0x1004", "jecxz 0x1004", "jrcxz 0x1004"), ("90", "nop", "nop", "nop"),
      ("0f 1f 00", "nopw (%bx, %si)", "nopl (%eax)", "nopl (%rax)"), ("99", "cltd", "cltd", "cltd"),
      ("0f ba e0 03", "btw $3, %ax", "btl $3, %eax", "btl $3, %eax"), ("d7", "xlatb", "xlatb", "xlatb"),
      ("8b 45 f8", "movw -8(%di), %ax", "movl -8(%ebp), %eax", "movl -8(%rbp), %eax"),
      ("c8 10 00 01", "enter $0x10, $1", "enter $0x10, $1", "enter $0x10, $1"),
    ])
  func monitorDialect(hex: String, in16: String, in32: String, in64: String) {
    for (size, expected) in [(CodeSize.bits16, in16), (.bits32, in32), (.bits64, in64)] {
      #expect(Disassembler.monitor(decode(hex, size).instruction, address: 0x1000) == expected)
    }
  }

  @Test(
    "Intel and AT&T syntax",
    arguments: [
      (
        "8b 84 8d 10 00 00 00", CodeSize.bits32, "mov    eax,DWORD PTR [ebp+ecx*4+0x10]",
        "mov    0x10(%ebp,%ecx,4),%eax"
      ),
      ("c6 45 fb 07", .bits32, "mov    BYTE PTR [ebp-0x5],0x7", "movb   $0x7,-0x5(%ebp)"),
      (
        "48 8b 05 10 00 00 00", .bits64, "mov    rax,QWORD PTR [rip+0x10]        # 0x1017",
        "mov    0x10(%rip),%rax        # 0x1017"
      ),
      ("ea 5b e0 00 f0", .bits16, "jmp    0xf000:0xe05b", "ljmp   $0xf000,$0xe05b"),
      ("f0 0f c1 03", .bits32, "lock xadd DWORD PTR [ebx],eax", "lock xadd %eax,(%ebx)"),
      ("d9 c1", .bits32, "fld    st(1)", "fld    %st(1)"), ("dc e1", .bits32, "fsubr  st(1),st", "fsub   %st,%st(1)"),
      ("66 0f 6e c0", .bits32, "movd   xmm0,eax", "movd   %eax,%xmm0"),
      ("f3 a4", .bits32, "rep movs BYTE PTR es:[edi],BYTE PTR ds:[esi]", "rep movsb %ds:(%esi),%es:(%edi)"),
      ("74 fe", .bits32, "je     0x1000", "je     0x1000"),
      ("ff 12", .bits32, "call   DWORD PTR [edx]", "call   *(%edx)"),
    ])
  func syntax(hex: String, size: CodeSize, intel: String, att: String) {
    let instruction = decode(hex, size).instruction
    #expect(Disassembler.intel(instruction, address: 0x1000) == intel)
    #expect(Disassembler.att(instruction, address: 0x1000) == att)
  }

  @Test func `any instruction has text in every dialect`() {
    var sequence = Sequence64(state: 2)
    var buffer = [UInt8](repeating: 0, count: 15)
    for round in 0..<30_000 {
      for place in buffer.indices { buffer[place] = sequence.byte() }
      var instruction = Instruction()
      let size = CodeSize(rawValue: UInt8(round % 3))!
      let result = buffer.withUnsafeBufferPointer {
        Decoder.decode($0.baseAddress!, available: $0.count, size: size, into: &instruction)
      }
      guard result == .ok else { continue }
      let address = sequence.next()
      #expect(!Disassembler.intel(instruction, address: address).isEmpty)
      #expect(!Disassembler.att(instruction, address: address).isEmpty)
      #expect(!Disassembler.monitor(instruction, address: address).isEmpty)
    }
  }
}
