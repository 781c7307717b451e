// SPDX-License-Identifier: Apache-2.0
import X86

/// What is known of an instruction before it runs: which memory it may touch, and which of its results no two machines
/// need agree on.
struct Plan {
  /// Nil where no bytes are mapped or they are no instruction.
  var instruction: Instruction?
  var linear: UInt64
  /// Physical ranges of its memory operands.
  var touched: [(physical: UInt64, count: Int)] = []
  /// A memory operand lies in a device or in video memory.
  var touchesDevice = false
  /// General registers whose results come from a clock or device.
  var adoptedRegisters: [Int] = []
  /// Memory operands are written with what a device sent.
  var adoptsOperand = false
  /// Afterwards all memory may differ: a device has transferred data.
  var startsTransfer = false
  /// The result is to be ours on both machines.
  var isIdentification = false
  var isHalt = false
  /// EFLAGS bits that the manual leaves undefined.
  var undefinedFlags: UInt32 = 0
  /// Iterations left of a repeated string instruction.
  var iterations: UInt64 = 0

  init(_ subject: Subject, _ memories: Memories) {
    let processor = subject.processor
    linear = subject.linearIP
    let bytes = subject.bytes(at: linear, count: Decoder.maximumLength)
    var decoded = Instruction()
    let result = bytes.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map {
        Decoder.decode($0, available: bytes.count, size: processor.codeSize, into: &decoded)
      }
    }
    guard result == .ok else { return }
    instruction = decoded
    findMemory(decoded, subject, memories)
    undefinedFlags = Plan.undefinedFlags(decoded, processor)
    switch decoded.mnemonic {
    case .in: adoptedRegisters = [0]
    case .rdtsc, .rdmsr, .rdpmc: adoptedRegisters = [0, 2]
    case .rdtscp: adoptedRegisters = [0, 1, 2]
    case .ins: adoptsOperand = true
    case .cpuid: isIdentification = true
    case .hlt: isHalt = processor.privilegeLevel == 0
    default: break
    }
    if touchesDevice {
      adoptsOperand = true
      adoptedRegisters = Array(0..<16)
    }
    startsTransfer = Plan.startsTransfer(decoded, processor)
  }

  /// Whether a single step may end in the handler of an external interrupt without any doubt: the instruction itself
  /// cannot raise an exception.
  var cannotFault: Bool {
    guard let instruction, touched.isEmpty, !touchesDevice else { return false }
    switch instruction.mnemonic {
    case .mov, .add, .sub, .cmp, .test, .and, .or, .xor, .inc, .dec, .jmp, .jcc, .nop, .pause, .cld, .clc, .stc:
      return [instruction.operands.0.kind, instruction.operands.1.kind].allSatisfy {
        [.none, .register, .immediate, .relative].contains($0)
      }
    default: return false
    }
  }

  // MARK: Memory operands

  private mutating func findMemory(_ instruction: Instruction, _ subject: Subject, _ memories: Memories) {
    let processor = subject.processor
    let mask: UInt64 =
      instruction.addressSize == 2 ? 0xffff : instruction.addressSize == 4 ? 0xffff_ffff : ~0
    let size = Int(instruction.operandSize)
    let isDown = processor.flags & 0x400 != 0
    let isRepeated = instruction.repeatPrefix != .none
    var reads = false, writes = false
    switch instruction.mnemonic {
    case .movs, .cmps: (reads, writes) = (true, true)
    case .lods, .outs: reads = true
    case .stos, .scas, .ins: writes = true
    default: break
    }
    if reads || writes {
      if isRepeated { iterations = processor.register(1) & mask }
      let count = isRepeated && isRunAtOnce(instruction, processor) ? Int(min(iterations, 0x10000)) : 1
      guard count > 0 else { return }
      let back = isDown ? UInt64((count - 1) * size) : 0
      if reads {
        let offset = (processor.register(6) & mask) &- back
        add(subject.linear(Int(instruction.segment.rawValue), offset), count * size, subject, memories)
      }
      if writes { add(subject.linear(0, (processor.register(7) & mask) &- back), count * size, subject, memories) }
      return
    }
    let operands = [instruction.operands.0, instruction.operands.1, instruction.operands.2]
    guard operands.contains(where: { $0.kind == .memory }), instruction.mnemonic != .lea else { return }
    var offset = UInt64(bitPattern: instruction.displacement)
    switch instruction.memoryBase {
    case Instruction.noRegister: break
    case Instruction.instructionPointer:
      offset &+= processor.instructionPointer &+ UInt64(instruction.length)
    default: offset &+= processor.register(Int(instruction.memoryBase))
    }
    if instruction.memoryIndex != Instruction.noRegister {
      offset &+= processor.register(Int(instruction.memoryIndex)) << UInt64(instruction.memoryScale)
    }
    switch instruction.mnemonic {
    case .bt, .bts, .btr, .btc:
      if instruction.operands.1.kind == .register {
        // A bit offset in a register reaches beyond the operand.
        let bits = Int64(size * 8)
        let index = processor.register(Int(instruction.operands.1.register))
        let signed =
          size == 2
          ? Int64(Int16(truncatingIfNeeded: index))
          : size == 4 ? Int64(Int32(truncatingIfNeeded: index)) : Int64(bitPattern: index)
        offset &+= UInt64(bitPattern: (signed &- (signed & (bits - 1))) / 8)
      }
    default: break
    }
    add(subject.linear(Int(instruction.segment.rawValue), offset & mask), max(size, 16), subject, memories)
  }

  private mutating func add(_ linear: UInt64, _ count: Int, _ subject: Subject, _ memories: Memories) {
    for piece in subject.pieces(linear, count) {
      if memories.position(piece.physical, piece.count) == nil {
        touchesDevice = true
      } else {
        touched.append(piece)
      }
    }
  }

  /// Whether a repeated instruction is run to its end on both machines before they are compared: without paging and
  /// interrupts it goes through.
  func isRunAtOnce(_ instruction: Instruction, _ processor: Processor) -> Bool {
    guard processor.cr0 >> 31 & 1 == 0, processor.flags & 0x300 == 0 else { return false }
    switch instruction.mnemonic {
    case .movs, .stos: return true
    default: return false
    }
  }

  // MARK: Devices

  /// I/O that makes a device read or write memory: the low half of the firmware configuration's DMA address, and
  /// anything in the I/O space of PCI functions, where bus masters have their registers.
  private static func startsTransfer(_ instruction: Instruction, _ processor: Processor) -> Bool {
    guard instruction.mnemonic == .out || instruction.mnemonic == .in else { return false }
    let port = UInt16(
      truncatingIfNeeded: instruction.operands.0.kind == .immediate || instruction.operands.1.kind == .immediate
        ? instruction.immediate & 0xff : processor.register(2))
    return (0x514...0x51b).contains(port) || port >= 0xc000
  }

  // MARK: Flags

  private static let cf: UInt32 = 1, pf: UInt32 = 4, af: UInt32 = 0x10, zf: UInt32 = 0x40, sf: UInt32 = 0x80
  private static let of: UInt32 = 0x800

  /// SDM vol. 2, "Flags Affected" of each instruction.
  private static func undefinedFlags(_ instruction: Instruction, _ processor: Processor) -> UInt32 {
    switch instruction.mnemonic {
    case .mul, .imul: return sf | zf | af | pf
    case .div, .idiv: return cf | of | sf | zf | af | pf
    case .and, .or, .xor, .test: return af
    case .shl, .shr, .sar, .shld, .shrd, .rol, .ror, .rcl, .rcr:
      let isDouble = instruction.mnemonic == .shld || instruction.mnemonic == .shrd
      let operand = isDouble ? instruction.operands.2 : instruction.operands.1
      let mask: UInt64 = instruction.operandSize == 8 ? 63 : 31
      let count =
        operand.kind == .one
        ? 1 : operand.kind == .immediate ? instruction.immediate & mask : processor.register(1) & mask
      guard count != 0 else { return 0 }
      var flags = count == 1 ? 0 : of
      switch instruction.mnemonic {
      case .rol, .ror, .rcl, .rcr: return flags
      default: break
      }
      flags |= af
      if count >= UInt64(instruction.operandSize) * 8 { flags |= isDouble ? cf | of | sf | zf | pf : cf }
      return flags
    case .bsf, .bsr: return cf | of | sf | af | pf
    case .bt, .bts, .btr, .btc: return of | sf | af | pf
    case .aaa, .aas: return of | sf | zf | pf
    case .aam, .aad: return of | af | cf
    case .daa, .das: return of
    // RF between iterations is the manual's; the reference machine leaves it clear.
    case .movs, .cmps, .stos, .lods, .scas, .ins, .outs: return instruction.repeatPrefix == .none ? 0 : 0x1_0000
    default: return 0
    }
  }
}
