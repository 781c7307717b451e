// SPDX-License-Identifier: Apache-2.0
import Monitor
import Testing

/// Both dumps were recorded from QEMU 7.2.
struct InfoRegistersTests {
  @Test func `a processor out of reset is shown in the 32-bit layout`() throws {
    let expected = """

      CPU#0
      EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1
      ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
      EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
      ES =0000 00000000 0000ffff 00009300
      CS =f000 ffff0000 0000ffff 00009b00
      SS =0000 00000000 0000ffff 00009300
      DS =0000 00000000 0000ffff 00009300
      FS =0000 00000000 0000ffff 00009300
      GS =0000 00000000 0000ffff 00009300
      LDT=0000 00000000 0000ffff 00008200
      TR =0000 00000000 0000ffff 00008b00
      GDT=     00000000 0000ffff
      IDT=     00000000 0000ffff
      CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
      DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \

      DR6=00000000ffff0ff0 DR7=0000000000000400
      EFER=0000000000000000
      FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80
      FPR0=0000000000000000 0000 FPR1=0000000000000000 0000
      FPR2=0000000000000000 0000 FPR3=0000000000000000 0000
      FPR4=0000000000000000 0000 FPR5=0000000000000000 0000
      FPR6=0000000000000000 0000 FPR7=0000000000000000 0000
      XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000
      XMM02=0000000000000000 0000000000000000 XMM03=0000000000000000 0000000000000000
      XMM04=0000000000000000 0000000000000000 XMM05=0000000000000000 0000000000000000
      XMM06=0000000000000000 0000000000000000 XMM07=0000000000000000 0000000000000000

      """
    #expect(try Bench().human("info registers") == HMPCommandTests.crlf(expected))
  }

  @Test func `a processor in long mode is shown in the 64-bit layout`() throws {
    let bench = try Bench { $0.registerFile = Self.longMode }
    let expected = """

      CPU#0
      RAX=123456789abcdef0 RBX=0000000000000000 RCX=00000000c0000080 RDX=0000000000000000
      RSI=0000000000000000 RDI=0000000000013000 RBP=0000000000000000 RSP=0000000000007c00
      R8 =0000000000000000 R9 =0000000000000000 R10=0000000000000000 R11=0000000000000000
      R12=0000000000000000 R13=0000000000000000 R14=0000000000000000 R15=ffffffffffffffff
      RIP=0000000000007cbc RFL=00000086 [--S--P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
      ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      CS =0018 0000000000000000 ffffffff 00af9a00 DPL=0 CS64 [-R-]
      SS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      DS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
      FS =0000 0000000000000000 0000ffff 00009300 DPL=0 DS   [-WA]
      GS =0000 0000000000000000 0000ffff 00009300 DPL=0 DS   [-WA]
      LDT=0000 0000000000000000 0000ffff 00008200 DPL=0 LDT
      TR =0028 0000000000007000 00000067 00008900 DPL=0 TSS64-avl
      GDT=     0000000000007cc0 0000002f
      IDT=     0000000000000000 000003ff
      CR0=80000011 CR2=0000000000000000 CR3=0000000000010000 CR4=00000020
      DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \

      DR6=00000000ffff0ff0 DR7=0000000000000400
      EFER=0000000000000500
      FCW=037f FSW=3800 [ST=7] FTW=80 MXCSR=00001f80
      FPR0=0000000000000000 0000 FPR1=0000000000000000 0000
      FPR2=0000000000000000 0000 FPR3=0000000000000000 0000
      FPR4=0000000000000000 0000 FPR5=0000000000000000 0000
      FPR6=0000000000000000 0000 FPR7=8000000000000000 3fff

      """
    let text = try bench.human("info registers")
    #expect(text.hasPrefix(HMPCommandTests.crlf(expected)))
    #expect(text.hasSuffix("XMM14=0000000000000000 0000000000000000 XMM15=0000000000000000 0000000000000000\r\n"))
  }

  static var longMode: ProcessorRegisters {
    var registers = ProcessorRegisters()
    registers.general[0] = 0x1234_5678_9ABC_DEF0
    registers.general[1] = 0xC000_0080
    registers.general[4] = 0x7C00
    registers.general[7] = 0x13000
    registers.general[15] = .max
    registers.instructionPointer = 0x7CBC
    registers.flags = 0x86
    registers.isHalted = true
    let data = ProcessorRegisters.Segment(selector: 0x10, limit: .max, attributes: 0xCF9300)
    let null = ProcessorRegisters.Segment(attributes: 0x9300)
    registers.segments = [data, .init(selector: 0x18, limit: .max, attributes: 0xAF9A00), data, data, null, null]
    registers.localDescriptorTable = .init(attributes: 0x8200)
    registers.task = .init(selector: 0x28, base: 0x7000, limit: 0x67, attributes: 0x8900)
    registers.globalDescriptorTable = .init(base: 0x7CC0, limit: 0x2F)
    registers.interruptDescriptorTable = .init(limit: 0x3FF)
    (registers.cr0, registers.cr3, registers.cr4) = (0x8000_0011, 0x10000, 0x20)
    registers.efer = 0x500
    registers.fpuStatus = 0x3800
    registers.fpuTagsInUse = 0x80
    registers.fpu[7] = .init(significand: 1 << 63, signExponent: 0x3FFF)
    return registers
  }

  static let segments: [(UInt32, Bool, String)] = [
    (0xCF9A00, false, "DPL=0 CS32 [-R-]"), (0x00FE00, false, "DPL=3 CS16 [CR-]"), (0x009300, false, "DPL=0 DS16 [-WA]"),
    (0x409700, false, "DPL=0 DS   [EWA]"), (0x009300, true, "DPL=0 DS   [-WA]"), (0x008200, false, "DPL=0 LDT"),
    (0x008B00, false, "DPL=0 TSS32-busy"), (0x008B00, true, "DPL=0 TSS64-busy"), (0x001300, false, ""),
  ]

  @Test(arguments: segments)
  func `a segment's attributes are spelled out in protected mode`(
    attributes: UInt32, isLongMode: Bool, meaning: String
  ) throws {
    let bench = try Bench { machine in
      machine.registerFile.cr0 = 1
      machine.registerFile.efer = isLongMode ? 0x400 : 0
      machine.registerFile.segments[5].attributes = attributes
    }
    let line = try bench.human("info registers").split(separator: "\r\n").first { $0.hasPrefix("GS =") }
    let suffix = meaning.isEmpty ? "" : " " + meaning
    #expect(try #require(line).hasSuffix("0000ffff " + Self.hex(attributes) + suffix))
  }

  static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  @Test func `-a shows every processor`() throws {
    let text = try Bench().human("info registers -a")
    #expect(text.contains("\r\nCPU#0\r\n") && text.contains("\r\nCPU#1\r\n"))
  }
}
