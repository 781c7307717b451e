// SPDX-License-Identifier: Apache-2.0

/// Registers as a monitor and a debugger see and change them. Only between runs, never from a callback.
extension Processor {
  /// RAX RCX RDX RBX RSP RBP RSI RDI R8…R15: 0...15.
  public func register(_ number: Int) -> UInt64 { cpu.pointee.registers[number & 15] }
  public func setRegister(_ number: Int, _ value: UInt64) { cpu.pointee.registers[number & 15] = value }

  /// IP of the next instruction, relative to CS.
  public var instructionPointer: UInt64 {
    get { cpu.pointee.blockIP }
    set { cpu.pointee.blockIP = newValue & cpu.pointee.ipMask }
  }

  /// IP of the instruction that called out, for use inside callbacks.
  public var currentInstructionPointer: UInt64 {
    (cpu.pointee.blockIP &+ UInt64(cpu.pointee.currentIPOffset)) & cpu.pointee.ipMask
  }

  /// EFLAGS with every flag evaluated.
  public var flags: UInt32 {
    get { cpu.pointee.eflags }
    set {
      cpu.pointee.eflags = newValue
      updateMode(c)
    }
  }

  /// ES CS SS DS FS GS: 0...5.
  public func segment(_ number: Int) -> Segment { cpu.pointee.segments[min(max(number, 0), 5)] }
  /// Replaces a segment register with its hidden part, unchecked.
  public func setSegment(_ number: Int, _ value: Segment) {
    cpu.pointee.segments[min(max(number, 0), 5)] = value
    updateMode(c)
  }
  public var localDescriptorTable: Segment { cpu.pointee.ldtr }
  public var taskRegister: Segment { cpu.pointee.tr }
  public var globalDescriptorTable: DescriptorTableRegister { cpu.pointee.gdtr }
  public var interruptDescriptorTable: DescriptorTableRegister { cpu.pointee.idtr }

  public var cr0: UInt64 { cpu.pointee.cr0 }
  public var cr2: UInt64 { cpu.pointee.cr2 }
  public var cr3: UInt64 { cpu.pointee.cr3 }
  public var cr4: UInt64 { cpu.pointee.cr4 }
  public var efer: UInt64 { cpu.pointee.efer }
  /// DR0...DR7.
  public func debugRegister(_ number: Int) -> UInt64 { cpu.pointee.debugRegisters[number & 7] }

  public var x87ControlWord: UInt16 { cpu.pointee.x87.control }
  /// With TOP in bits 11...13.
  public var x87StatusWord: UInt16 { cpu.pointee.x87.statusWord }
  /// One bit for each physical register, set if it is not empty.
  public var x87RegistersInUse: UInt8 { cpu.pointee.x87.valid }
  /// R0...R7, physical registers: significand, then sign and exponent.
  public func x87Register(_ number: Int) -> (significand: UInt64, signExponent: UInt16) {
    let value = cpu.pointee.x87.registers[number & 7]
    return (value.significand, value.signExponent)
  }
  public var mxcsr: UInt32 { cpu.pointee.sse.mxcsr }
  /// XMM0...XMM15.
  public func vectorRegister(_ number: Int) -> (low: UInt64, high: UInt64) {
    let value = cpu.pointee.sse.registers[number & 15]
    return (value.x, value.y)
  }

  /// Current privilege level, 0...3.
  public var privilegeLevel: Int { Int(cpu.pointee.cpl) }
  public var isHalted: Bool { cpu.pointee.isHalted }
  public var isShutDown: Bool { cpu.pointee.isShutDown }
  /// The next instruction is in the shadow of STI, MOV SS or POP SS.
  public var isInterruptInhibited: Bool { cpu.pointee.interruptShadow != 0 }
  public var isA20Enabled: Bool { cpu.pointee.a20Enabled }
  /// Size of the current code segment, as a disassembler needs it.
  public var codeSize: CodeSize {
    CodeSize(rawValue: UInt8(truncatingIfNeeded: cpu.pointee.modeKey & ModeKey.codeSizeMask)) ?? .bits16
  }

  /// The physical address of a linear one at the current translation tables, A20 applied, with no side effect: neither
  /// translations nor accessed bits change. Nil where nothing is mapped; rights are not asked.
  public func translate(_ linear: UInt64) -> UInt64? {
    guard cpu.pointee.cr0 & CR0.pg != 0 else { return maskA20(c, linear & cpu.pointee.ipMask) }
    let cached = cpu.pointee.mmu.pointee.data.lookUp(linear)
    if cached != 0 { return maskA20(c, cached & ~0xfff | linear & 0xfff) }
    let answer = walk(c, linear, .read, user: false, commit: false)
    return answer.isFault ? nil : maskA20(c, answer.entry & ~0xfff | linear & 0xfff)
  }
}
