// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostIO

/// Guest programs for machines, assembled when the tests run.
public enum Assembler {
  /// Assembles a flat binary with nasm.
  public static func assemble(_ text: String) throws -> [UInt8] {
    let folder = try BytePath("/tmp/apus-asm-").makeUniqueDirectory()
    let (source, binary, errors) = (folder.appending("s"), folder.appending("b"), folder.appending("e"))
    defer {
      for file in [source, binary, errors] { try? file.unlink() }
      try? folder.removeDirectory()
    }
    try AtomicFile.write(Array(text.utf8), to: source)
    guard system("nasm -w-all -f bin -o \(binary) \(source) 2>\(errors)") == 0 else {
      let message = (try? errors.contents()) ?? []
      throw MachineBench.Failure(description: "nasm: \(String(decoding: message, as: UTF8.self))")
    }
    return try binary.contents()
  }

  /// A 64 KiB ROM that starts `text` in real mode at F000:0000, with CS, DS, ES and SS = F000h, 0, 0, 0 and SP = 7000h.
  public static func firmware(_ text: String) throws -> [UInt8] {
    try assemble(
      """
      bits 16
      org 0
      xor ax, ax
      mov ds, ax
      mov es, ax
      mov ss, ax
      mov sp, 0x7000
      \(text)
      times 0xfff0 - ($ - $$) db 0xf4
      jmp 0xf000:0
      times 0x10000 - ($ - $$) db 0
      """)
  }
}
