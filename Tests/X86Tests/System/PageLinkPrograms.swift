// SPDX-License-Identifier: Apache-2.0

/// Branches from page to page while translations change: what a core keeps about where they lead must follow.
extension Program {
  /// Three pages of code: `call` into the page after, and two that a translation can put there; the same with an
  /// instruction that ends in the page after.
  private static let pages = """
    %macro MAP 3              ; address, page, attribute bits
      mov PTE(%1), (%2) | %3
    %endmacro
    %macro GO 1
      call %1
      out 0xe9, al
    %endmacro
    %macro RELOAD 0
      mov eax, cr3
      mov cr3, eax
    %endmacro
    pages:
      mov dword [0x30000], 0x000ffbe8   ; call to the next page
      mov dword [0x30004], 0xc300
      mov dword [0x31000], 0xc331b0     ; mov al, '1'; ret
      mov dword [0x32000], 0xc332b0     ; mov al, '2'; ret
      mov dword [0x35000], 0x000ffae9   ; jmp to the last byte of this page
      mov dword [0x35004], 0
      mov byte [0x35fff], 0xb0          ; mov al, the first byte of the next page
      mov dword [0x33000], 0xc333       ; '3'; ret
      mov dword [0x34000], 0xc334       ; '4'; ret
      ret

    """

  static let pageLinks: [Program] = [
    Program(
      "calls into the next page follow its translation, at every address of the caller", .paging,
      pages + """
        main:
          call pagingon
          call pages
          mov ebp, 3
          MAP 0x50000, 0x30000, 7
          MAP 0x51000, 0x32000, 7
          mov dword [PD + 64], PT | 7     ; 64 MiB further the same pages again
        .both:
          GO 0x30000
          GO 0x50000
          GO 0x4030000
          dec ebp
          jnz .both
          PUTC ' '
          MAP 0x31000, 0x32000, 7
          invlpg [0x31000]
          GO 0x30000
          GO 0x30000
          MAP 0x31000, 0x31000, 7
          RELOAD
          GO 0x30000
          GO 0x30000
          GO 0x4030000
          PUTC ' '
          MAP 0x36000, 0x33000, 7
          RELOAD
          GO 0x35000
          GO 0x35000
          MAP 0x36000, 0x34000, 7
          invlpg [0x36000]
          GO 0x35000
          GO 0x35000
          MAP 0x36000, 0x33000, 7
          RELOAD
          GO 0x35000
          GO 0x35000
          jmp finish32

        """,
      expect: "121121121 22111 334433"),
    Program(
      "global code stays through a load of CR3, and what it calls in other pages is looked up again", .paging,
      pages + """
        main:
          call pagingon
          call pages
          mov eax, cr4
          or eax, 0x80                    ; PGE
          mov cr4, eax
          MAP 0x30000, 0x30000, 0x107
          mov ebp, 2
        .switch:
          MAP 0x31000, 0x32000, 7
          RELOAD
          GO 0x30000
          GO 0x30000
          MAP 0x31000, 0x31000, 7
          RELOAD
          GO 0x30000
          GO 0x30000
          dec ebp
          jnz .switch
          PUTC ' '
          MAP 0x31000, 0x31000, 0x107
          RELOAD
          GO 0x30000
          GO 0x30000
          MAP 0x31000, 0x32000, 0x107
          invlpg [0x31000]
          GO 0x30000
          GO 0x30000
          RELOAD
          GO 0x30000
          MAP 0x31000, 0x31000, 7
          invlpg [0x31000]
          GO 0x30000
          MAP 0x31000, 0x32000, 7
          RELOAD
          GO 0x30000
          mov eax, cr4
          and eax, 0xffffff7f
          mov cr4, eax
          MAP 0x31000, 0x31000, 7
          RELOAD
          GO 0x30000
          jmp finish32

        """,
      expect: "22112211 11222121"),
    Program(
      "a global page that has changed is called as before until INVLPG", .paging,
      pages + """
        main:
          call pagingon
          call pages
          mov eax, cr4
          or eax, 0x80
          mov cr4, eax
          MAP 0x31000, 0x31000, 0x107
          RELOAD
          GO 0x30000
          GO 0x30000
          MAP 0x31000, 0x32000, 7
          RELOAD
          GO 0x30000
          GO 0x30000
          invlpg [0x31000]
          GO 0x30000
          jmp finish32

        """,
      expect: "11112",
      quirk: "QEMU has no global pages"),
  ]
}
