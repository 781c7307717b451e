// SPDX-License-Identifier: Apache-2.0

/// The handler of an instruction that this folder executes, and whether its block ends with it; nil for all others.
///
/// How the block builder encodes operands for these handlers: `dst` is the register of the first operand and `src` that
/// of the second (byte offset for general registers, number for segment, control and debug registers); the memory
/// operand is in `base`, `index`, `scale`, `displacement`, `segment`; operand and address size and REP are in `flags`;
/// the immediate is in `immediate`, of far pointers the offset in its lower and the selector in its upper half.
///
func systemHandler(for instruction: Instruction) -> (handler: Handler, endsBlock: Bool)? {
  if let handler = segmentHandler(instruction) ?? stringHandler(instruction) ?? portHandler(instruction) {
    return (handler, isLoadingSegment(instruction))
  }
  if let handler = tableHandler(instruction) ?? straightHandler(instruction) { return (handler, false) }
  if let handler = transferHandler(instruction) ?? modeHandler(instruction) { return (handler, true) }
  return missingUnitHandler(instruction)
}

/// Units that this processor does not have, as CPUID says: #UD, but for the x87 (see `SoftwareInterruptHandlers.escape`).
private func missingUnitHandler(_ instruction: Instruction) -> (handler: Handler, endsBlock: Bool)? {
  switch instruction.mnemonic {
  case .fxsave, .fxrstor, .xsave, .xrstor, .xsaveopt, .xgetbv, .xsetbv, .clac, .stac, .rdfsbase, .rdgsbase,
    .wrfsbase, .wrgsbase, .rdrand, .rdseed, .clwb, .clflushopt:
    return (SoftwareInterruptHandlers.undefined, true)
  default: break
  }
  if !instruction.checks.isDisjoint(with: [.mmx, .sse]) { return (SoftwareInterruptHandlers.undefined, true) }
  return instruction.checks.contains(.x87) ? (SoftwareInterruptHandlers.escape, false) : nil
}

private func isMemory(_ instruction: Instruction) -> Bool {
  instruction.operands.0.kind == .memory || instruction.operands.1.kind == .memory
}

private func isLoadingSegment(_ instruction: Instruction) -> Bool {
  switch instruction.mnemonic {
  case .mov, .pop: instruction.operands.0.kind == .segment
  case .lds, .les, .lss, .lfs, .lgs: true
  default: false
  }
}

/// MOV, PUSH, POP with a segment register, and far pointer loads.
private func segmentHandler(_ instruction: Instruction) -> Handler? {
  let first = instruction.operands.0.kind, second = instruction.operands.1.kind
  switch instruction.mnemonic {
  case .mov where first == .segment:
    // MOV CS is undefined.
    if instruction.operands.0.register == 1 || instruction.operands.0.register > 5 {
      return SoftwareInterruptHandlers.undefined
    }
    return second == .memory ? SegmentHandlers.moveFromMemory : SegmentHandlers.moveFromRegister
  case .mov where second == .segment:
    if instruction.operands.1.register > 5 { return SoftwareInterruptHandlers.undefined }
    return first == .memory ? SegmentHandlers.moveToMemory : SegmentHandlers.moveToRegister
  case .push where first == .segment: return SegmentHandlers.push
  case .pop where first == .segment: return SegmentHandlers.pop
  case .lds: return SegmentHandlers.lds
  case .les: return SegmentHandlers.les
  case .lss: return SegmentHandlers.lss
  case .lfs: return SegmentHandlers.lfs
  case .lgs: return SegmentHandlers.lgs
  default: return nil
  }
}

private func stringHandler(_ instruction: Instruction) -> Handler? {
  let size = instruction.operandSize
  switch instruction.mnemonic {
  case .movs: return StringMoveHandlers.movs.handler(size: size)
  case .stos: return StringMoveHandlers.stos.handler(size: size)
  case .lods: return StringMoveHandlers.lods.handler(size: size)
  case .ins: return StringMoveHandlers.ins.handler(size: size)
  case .outs: return StringMoveHandlers.outs.handler(size: size)
  case .cmps: return StringCompareHandlers.cmps.handler(size: size)
  case .scas: return StringCompareHandlers.scas.handler(size: size)
  default: return nil
  }
}

private func portHandler(_ instruction: Instruction) -> Handler? {
  switch instruction.mnemonic {
  case .in: instruction.operands.1.kind == .immediate ? PortHandlers.inImmediate : PortHandlers.inDX
  case .out: instruction.operands.0.kind == .immediate ? PortHandlers.outImmediate : PortHandlers.outDX
  default: nil
  }
}

/// Descriptor tables and selectors: nothing that the rest of a block depends on.
private func tableHandler(_ instruction: Instruction) -> Handler? {
  let inMemory = isMemory(instruction)
  switch instruction.mnemonic {
  case .lar: return inMemory ? DescriptorHandlers.larMemory : DescriptorHandlers.larRegister
  case .lsl: return inMemory ? DescriptorHandlers.lslMemory : DescriptorHandlers.lslRegister
  case .verr: return inMemory ? DescriptorHandlers.verrMemory : DescriptorHandlers.verrRegister
  case .verw: return inMemory ? DescriptorHandlers.verwMemory : DescriptorHandlers.verwRegister
  case .arpl: return inMemory ? DescriptorHandlers.arplMemory : DescriptorHandlers.arplRegister
  case .lldt: return inMemory ? DescriptorHandlers.lldtMemory : DescriptorHandlers.lldtRegister
  case .ltr: return inMemory ? DescriptorHandlers.ltrMemory : DescriptorHandlers.ltrRegister
  case .sldt: return inMemory ? DescriptorHandlers.sldtMemory : DescriptorHandlers.sldtRegister
  case .str: return inMemory ? DescriptorHandlers.strMemory : DescriptorHandlers.strRegister
  case .sgdt: return DescriptorHandlers.sgdt
  case .sidt: return DescriptorHandlers.sidt
  case .lgdt: return DescriptorHandlers.lgdt
  case .lidt: return DescriptorHandlers.lidt
  case .smsw: return inMemory ? ControlHandlers.smswMemory : ControlHandlers.smswRegister
  default: return nil
  }
}

private func straightHandler(_ instruction: Instruction) -> Handler? {
  switch instruction.mnemonic {
  case .mov where instruction.operands.1.kind == .control: ControlHandlers.fromControl
  case .mov where instruction.operands.1.kind == .debug: ControlHandlers.fromDebug
  case .mov where instruction.operands.1.kind == .test: SoftwareInterruptHandlers.undefined
  case .invd, .wbinvd: ControlHandlers.cacheControl
  case .rdtsc: ModelRegisterHandlers.rdtsc
  case .rdtscp: ModelRegisterHandlers.rdtscp
  case .rdmsr: ModelRegisterHandlers.rdmsr
  case .rdpmc: ModelRegisterHandlers.rdpmc
  case .rdrand: RandomHandlers.rdrand
  case .cpuid: ModelRegisterHandlers.cpuid
  case .monitor: MonitorHandlers.monitor
  case .daa: DecimalHandlers.daa
  case .das: DecimalHandlers.das
  case .aaa: DecimalHandlers.aaa
  case .aas: DecimalHandlers.aas
  case .aam: DecimalHandlers.aam
  case .aad: DecimalHandlers.aad
  case .bound: SoftwareInterruptHandlers.bound
  case .into: SoftwareInterruptHandlers.into
  case .wait: SoftwareInterruptHandlers.wait
  case .cli: FlagHandlers.cli
  case .pushf: FlagHandlers.pushf
  default: nil
  }
}

/// Far transfers and interrupts.
private func transferHandler(_ instruction: Instruction) -> Handler? {
  let inMemory = isMemory(instruction)
  switch instruction.mnemonic {
  case .jmpFar: return inMemory ? FarTransferHandlers.jumpMemory : FarTransferHandlers.jumpImmediate
  case .callFar: return inMemory ? FarTransferHandlers.callMemory : FarTransferHandlers.callImmediate
  case .retFar: return instruction.operandCount == 0 ? FarReturnHandlers.ret : FarReturnHandlers.retDropping
  case .iret: return FarReturnHandlers.iret
  case .int: return SoftwareInterruptHandlers.int
  case .int3: return SoftwareInterruptHandlers.int3
  case .int1: return SoftwareInterruptHandlers.int1
  case .ud0, .ud1, .ud2, .rsm: return SoftwareInterruptHandlers.undefined
  case .sysenter: return FastCallHandlers.sysenter
  case .sysexit: return FastCallHandlers.sysexit
  case .syscall: return FastCallHandlers.syscall
  case .sysret: return FastCallHandlers.sysret
  case .swapgs: return FastCallHandlers.swapgs
  case .hlt: return FlagHandlers.hlt
  case .mwait: return MonitorHandlers.mwait
  default: return nil
  }
}

/// What changes the mode, translations or IF.
private func modeHandler(_ instruction: Instruction) -> Handler? {
  let inMemory = isMemory(instruction)
  switch instruction.mnemonic {
  case .mov where instruction.operands.0.kind == .control: return ControlHandlers.toControl
  case .mov where instruction.operands.0.kind == .debug: return ControlHandlers.toDebug
  case .mov where instruction.operands.0.kind == .test: return SoftwareInterruptHandlers.undefined
  case .lmsw: return inMemory ? ControlHandlers.lmswMemory : ControlHandlers.lmswRegister
  case .clts: return ControlHandlers.clts
  case .invlpg: return ControlHandlers.invlpg
  case .wrmsr: return ModelRegisterHandlers.wrmsr
  case .sti: return FlagHandlers.sti
  case .popf: return FlagHandlers.popf
  default: return nil
  }
}
