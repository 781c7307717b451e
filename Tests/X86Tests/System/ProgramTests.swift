// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import X86

/// Every fault rule of the system instructions, told by bare-metal programs that report what happened to them.
struct ProgramTests {
  static let all =
    Program.realMode + Program.segments + Program.transfers + Program.paging + Program.virtualMode + Program.tasks
    + Program.control + Program.breakpoints + Program.monitoring + Program.pageLinks

  @Test(arguments: all)
  func `a program reports what the manual says`(_ program: Program) throws {
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    bench.processor.setModel(try #require(program.processorModel))
    let exit = bench.run()
    #expect(bench.text == program.expected)
    #expect(exit == (bench.exitCode == nil ? .shutdown : .attention))
  }

  @Test(arguments: Program.long)
  func `a 64-bit program reports what the manual says`(_ program: Program) throws {
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    bench.processor.setModel(try #require(program.processorModel))
    _ = bench.run()
    #expect(bench.text == program.expected)
  }

  @Test(
    .enabled(if: access("/usr/bin/qemu-system-x86_64", X_OK) == 0),
    arguments: (all + Program.long).filter { $0.quirk == nil })
  func `another emulator agrees`(_ program: Program) throws {
    let name = "other " + program.name
    let image = try Assembler.assemble(program.text, name: name)
    let stem = Assembler.directory + "/q" + String(UInt(bitPattern: program.name.hashValue), radix: 36)
    try Assembler.write(image, to: stem + ".rom")
    _ = system(
      "timeout 60 qemu-system-x86_64 -M pc -m 16 -cpu \(program.model) -bios \(stem).rom -display none -nodefaults -no-reboot "
        + "-debugcon file:\(stem).out -device isa-debug-exit >/dev/null 2>&1")
    #expect(String(decoding: Assembler.read(stem + ".out") ?? [], as: UTF8.self) == program.expected)
  }
}
