// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// MONITOR and MWAIT: who may execute them, with what, and that without monitoring MWAIT does not wait.
  static let monitoring: [Program] = [
    Program(
      "MONITOR and MWAIT are undefined above level 0, and refuse extensions that do not exist", .protected,
      """
      main:
        mov eax, 1
        cpuid
        and ecx, 8
        PUT8 ecx
        PUTC ' '
        xor ecx, ecx
        xor edx, edx
        mov eax, mark
        TRY monitor
        mov ecx, 1
        TRY monitor
        mov ecx, 2
        TRY mwait
        xor ecx, ecx
        USER watch
        USER sleep
        jmp finish32
      watch: monitor
        int 0x30
      sleep: mwait
        int 0x30

      """, expect: "08 - 0d(0000)+00 0d(0000)+00 06(0000)+00 06(0000)+00 ", model: "max"),
    Program("a feature can be added by name", .protected, presence, expect: "08 - ", model: "qemu64,+monitor"),
    Program(
      "without the feature MONITOR and MWAIT are undefined", .protected, presence, expect: "00 06(0000)+00 ",
      model: "max,-monitor"),
    Program(
      "the standard model does not have MONITOR and MWAIT", .protected, presence, expect: "00 06(0000)+00 "),
    Program(
      "MONITOR makes the checks of a byte's load; MWAIT without monitoring goes on", .protected,
      """
      main:
        mov ax, SMALL
        mov fs, ax
        xor ecx, ecx
        mov eax, 0xfff
        TRY fs monitor
        mov eax, 0x1000
        TRY fs monitor
        mov ax, DOWN
        mov fs, ax
        mov eax, 0xfff
        TRY fs monitor
        TRY mwait                       ; the exceptions have ended what was monitored
        mov ecx, 1
        TRY mwait
        xor ecx, ecx
        mov eax, 0xfed00000             ; nobody says when a device's register changes
        TRY monitor
        TRY mwait
        jmp finish32

      """, expect: "- 0d(0000)+00 0d(0000)+00 - - - - ",
      quirk: "QEMU checks no address, waits whether or not something is monitored, and has no extension of MWAIT",
      model: "max"),
    Program(
      "MONITOR faults on an absent page, and sets the accessed bit but not the dirty bit", .paging,
      """
      main:
        call pagingon
        xor ecx, ecx
        mov eax, 0x50123
        TRY monitor
        mov eax, PTE(0x50000)
        and eax, 0x60
        PUT8 eax
        PUTC ' '
        SETPAGE 0x50000, 6
        mov eax, 0x50123
        TRY monitor
        mov eax, cr2
        PUT32 eax
        jmp finish32

      """, expect: "- 20 0e(0000)+00 00050123", quirk: "QEMU checks no address", model: "max"),
    Program(
      "bit 18 of IA32_MISC_ENABLE takes MONITOR away and brings it back", .protected,
      """
      main:
        mov ecx, 0x1a0
        rdmsr
        PUT32 eax
        PUTC ' '
        and eax, ~(1 << 18)
        wrmsr
        call try
        mov ecx, 0x1a0
        rdmsr
        PUT32 eax
        PUTC ' '
        or eax, 1 << 18
        wrmsr
        call try
        jmp finish32
      try:
        mov eax, 1
        cpuid
        and ecx, 8
        PUT8 ecx
        PUTC ' '
        xor ecx, ecx
        mov eax, mark
        TRY monitor
        ret

      """, expect: "00040001 00 06(0000)+00 00000001 08 - ",
      quirk: "QEMU keeps the bit, but nothing comes of it", model: "max"),
    Program(
      "the largest model says that it has none of AMD's errata, such as 400, for which systems leave MWAIT alone",
      .protected,
      """
      main:
        mov eax, 0x80000001
        cpuid
        shr ecx, 9
        and ecx, 1
        PUT8 ecx
        PUTC ' '
        mov ecx, 0xc0010140
        rdmsr
        PUT32 eax
        PUTC ' '
        mov ecx, 0xc0010141
        xor eax, eax
        not eax
        TRY wrmsr                       ; what the processor is cannot be changed
        rdmsr
        PUT32 eax
        jmp finish32

      """, expect: "01 00000004 - 00000000", quirk: "QEMU has no OSVW", model: "max"),
  ]

  /// Says whether CPUID knows MONITOR, and executes it.
  private static let presence = """
    main:
      mov eax, 1
      cpuid
      and ecx, 8
      PUT8 ecx
      PUTC ' '
      xor ecx, ecx
      mov eax, mark
      TRY monitor
      jmp finish32

    """
}
