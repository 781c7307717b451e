// SPDX-License-Identifier: Apache-2.0
import X86

/// Where binutils 2.40 and we differ, and why.
enum Difference: CaseIterable {
  /// LOCK before what cannot be locked is #UD (SDM volume 2, LOCK); objdump prints it.
  case illegalLock
  /// CR1, CR5…CR7, CR9…, DR8…, segment register 6 and 7, a load of CS are #UD; so are the 386's test registers.
  case registerThatIsNotThere
  /// Extensions this processor does not have are #UD.
  case absentExtension
  /// Where this processor has no MPX, CLDEMOTE or WBNOINVD, their encodings are the older NOP or WBINVD.
  case olderMeaning
  /// objdump refuses the encodings that processors execute without a line in the manual.
  case undocumented
  /// A prefix that the manual's NP excludes is #UD; objdump prints it.
  case excludedPrefix
  /// objdump takes a REX that is not the last prefix for an instruction; the manual says it has no effect.
  case strayREX
  /// objdump joins FWAIT to the x87 instruction behind it.
  case wait
  /// A branch with 16-bit operand size clears the upper half of EIP, short ones included; 16-bit code wraps at 64 KiB.
  case truncatedTarget
  /// Far pointers with REX.W are 80 bits (SDM volume 2, LSS; JMP m16:64).
  case wideFarPointer
  /// In AT&T syntax objdump leaves the suffix of CVTSI2SS and CVTSI2SD out in 16- and 32-bit code.
  case conversionSuffix
  /// An absolute address in a SIB byte with a scale: objdump shows a zero index, to tell the encodings apart.
  case invisibleIndex
  /// MOVDQ2Q with a 66 that F2 overrides: objdump takes the destination for an XMM register.
  case overriddenOperandSize
  /// REX.W overrides 66 for the x87 environment as it does elsewhere.
  case environmentWithREXW

  private static let extensions: Set<String> = [
    "femms", "getsec", "vmwrite", "vmread", "extrq", "insertq", "movntss", "movntsd", "xsha1", "xsha256", "montmul",
    "xstore-rng", "encls", "enclu", "enclv", "pconfig", "ptwrite", "rdpid", "rdpkru", "wrpkru", "hreset", "serialize",
    "xsusldtrk", "xresldtrk", "clgi", "stgi", "skinit", "tlbsync", "mcommit", "monitorx", "mwaitx", "clzero", "rdpru",
    "pvalidate", "rmpadjust", "rmpupdate", "psmash", "invlpga", "invlpgb", "invept", "invvpid", "invpcid", "movdiri",
    "movdir64b", "enqcmd", "enqcmds", "aadd", "aand", "aor", "axor", "adcx", "adox", "setssbsy", "clrssbsy",
    "saveprevssp", "rstorssp", "umonitor", "umwait", "tpause", "loadiwkey", "frstpm", "endbr32", "endbr64", "xtest",
    "xend", "xbegin", "xabort", "uiret", "testui", "clui", "stui", "senduipi", "ccs_hash", "ccs_encrypt", "sha1rnds4",
    "sha1nexte", "sha1msg1", "sha1msg2", "sha256rnds2", "sha256msg1", "sha256msg2", "seamcall", "seamret", "seamops",
    "tdcall", "wrmsrlist", "rdmsrlist", "wrmsrns",
  ]
  private static let stems = [
    "vm", "xcrypt", "xsaves", "xsavec", "xrstors", "bnd", "rdssp", "incssp", "wrss", "wruss", "gf2p8", "aesenc",
    "aesdec",
    "encodekey", "prefetchit",
  ]

  func explains(_ sample: Sample) -> Bool {
    let name = String(sample.name)
    switch self {
    case .illegalLock:
      return !sample.isValid && sample.theirPrefixes.contains("lock")
    case .registerThatIsNotThere:
      let isMove =
        sample.opcodeStarts(0x8c) || sample.opcodeStarts(0x8e)
        || sample.opcode.first == 0x0f && (0x20...0x26).contains(sample.opcode.dropFirst().first ?? 0)
      return !sample.isValid && isMove && name.hasPrefix("mov")
    case .absentExtension:
      if sample.isValid { return false }
      // VEX, EVEX, XOP and 3DNow!.
      let first = sample.opcode.first ?? 0
      if [0xc4, 0xc5, 0x62, 0x8f].contains(first) || sample.opcodeStarts(0x0f, 0x0f) { return true }
      return Self.extensions.contains(name) || Self.stems.contains { name.hasPrefix($0) }
    case .olderMeaning:
      let hint = sample.opcode.dropFirst().first ?? 0
      let isHint = sample.opcode.first == 0x0f && (0x18...0x1f).contains(hint)
      if isHint {
        return sample.instruction.mnemonic == .nop && Int(sample.instruction.length) == sample.listed.length
          || sample.instruction.mnemonic == .nop && sample.isListedBad
      }
      return sample.instruction.mnemonic == .wbinvd && (name == "wbnoinvd" || sample.isListedBad)
    case .undocumented:
      guard sample.isValid, sample.isListedBad else { return false }
      switch sample.instruction.mnemonic {
      case .salc, .fcom, .fcomp, .fxch, .fstp: return true
      // F2 before BSF and BSR is ignored; LFENCE, MFENCE and SFENCE ignore rm; 0F 0D is a no-operation on registers.
      case .bsf, .bsr, .lfence, .mfence, .sfence: return true
      case .nop: return sample.opcodeStarts(0x0f, 0x0d)
      // CMPXCHG8B and the 0F C7 register forms ignore repeat prefixes.
      case .cmpxchg8b, .cmpxchg16b, .rdrand, .rdseed: return true
      default: return false
      }
    case .excludedPrefix:
      let prefixes = sample.bytes.prefix(sample.bytes.count - sample.opcode.count)
      return !sample.isValid && !sample.isListedBad && sample.opcode.first == 0x0f
        && prefixes.contains { [0x66, 0xf2, 0xf3].contains($0) }
    case .strayREX:
      return sample.theirs.isEmpty && sample.theirPrefixes.contains { $0.hasPrefix("rex") }
    case .wait:
      return sample.instruction.mnemonic == .wait && sample.instruction.length > 0
    case .truncatedTarget:
      return sample.sameLengthAndName && sample.instruction.operands.0.kind == .relative
        && sample.instruction.operandSize == 2
    case .wideFarPointer:
      guard sample.sameLengthAndName, sample.syntax == .intel, sample.instruction.prefixBits & 8 != 0 else {
        return false
      }
      switch sample.instruction.mnemonic {
      case .lss, .lfs, .lgs, .callFar, .jmpFar: return true
      default: return false
      }
    case .conversionSuffix:
      return sample.size != .bits64 && sample.syntax == .att
        && [.cvtsi2ss, .cvtsi2sd].contains(sample.instruction.mnemonic)
        && Int(sample.instruction.length) == sample.listed.length
    case .invisibleIndex:
      let isAbsolute =
        sample.instruction.memoryBase == Instruction.noRegister
        && sample.instruction.memoryIndex == Instruction.noRegister
      return sample.sameLengthAndName && isAbsolute && sample.instruction.modRM & 7 == 4
    case .overriddenOperandSize:
      return sample.sameLengthAndName && sample.instruction.mnemonic == .movdq2q
        && sample.instruction.prefixBits & 1 != 0
    case .environmentWithREXW:
      return sample.instruction.prefixBits & 9 == 9 && Int(sample.instruction.length) == sample.listed.length
        && [.fldenv, .fnstenv, .frstor, .fnsave].contains(sample.instruction.mnemonic)
    }
  }
}
