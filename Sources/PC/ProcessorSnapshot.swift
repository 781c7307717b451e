// SPDX-License-Identifier: Apache-2.0
import Platform
import X86

/// A processor's registers at one instant, and the code that it is about to run.
public struct ProcessorSnapshot: Sendable, Equatable {
  /// RAX RCX RDX RBX RSP RBP RSI RDI R8…R15.
  public var general: [UInt64] = []
  public var instructionPointer: UInt64 = 0
  public var flags: UInt32 = 0
  /// Selectors of ES CS SS DS FS GS.
  public var selectors: [UInt16] = []
  public var codeBase: UInt64 = 0
  public var cr0: UInt64 = 0
  public var cr2: UInt64 = 0
  public var cr3: UInt64 = 0
  public var cr4: UInt64 = 0
  public var efer: UInt64 = 0
  /// Up to 16 bytes at CS:IP, fewer where memory ends.
  public var code: [UInt8] = []

  init(_ processor: Processor, _ memory: GuestMemory) {
    general = (0..<16).map(processor.register)
    instructionPointer = processor.instructionPointer
    flags = processor.flags
    selectors = (0..<6).map { processor.segment($0).selector }
    codeBase = processor.segment(1).base
    (cr0, cr2, cr3, cr4) = (processor.cr0, processor.cr2, processor.cr3, processor.cr4)
    efer = processor.efer
    code = Self.code(processor, memory, count: 16)
  }

  /// Bytes at CS:IP as a debugger reads them.
  static func code(_ processor: Processor, _ memory: GuestMemory, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    let start = processor.segment(1).base &+ processor.instructionPointer
    while bytes.count < count {
      guard let address = processor.translate(start &+ UInt64(bytes.count)) else { break }
      var byte: UInt8 = 0
      withUnsafeMutableBytes(of: &byte) { memory.readAsDebugger(address, into: $0) }
      bytes.append(byte)
    }
    return bytes
  }
}

/// A guest whose processor goes on no more.
public struct GuestHang: Sendable, Equatable {
  public enum Reason: String, Sendable, CaseIterable {
    /// HLT with interrupts masked.
    case halted
    /// A jump to itself with interrupts masked.
    case spinning
  }
  public var reason: Reason
  public var processor: ProcessorSnapshot
}

/// Looks for a processor that neither works nor waits for anything. Looking changes nothing of the run, and costs a
/// comparison in twenty thousand instructions.
///
/// Not noticed: longer loops, and sources of NMI and INIT among messages of PCI devices.
struct HangWatch {
  /// Ends of slices at one place before it is looked at. Loops of several instructions come there by chance.
  private static let patience = 8

  private var place: UInt64?
  private var count = 0
  /// The instruction count at which a halt was told.
  private var toldHalt: UInt64?

  /// A slice has ended at an instruction count or deadline; true once when the processor spins.
  mutating func sliceEnded(_ processor: Processor, _ memory: GuestMemory) -> Bool {
    let now = processor.instructionPointer
    guard now == place else {
      (place, count) = (now, 0)
      return false
    }
    guard count < Self.patience else { return false }
    count += 1
    return count == Self.patience && Self.spins(processor, memory)
  }

  /// The processor waits for an interrupt; true once when none can come.
  mutating func halted(_ processor: Processor) -> Bool {
    guard processor.isHaltedForGood, toldHalt != processor.instructionCount else { return false }
    toldHalt = processor.instructionCount
    return true
  }

  mutating func reset() { self = HangWatch() }

  /// JMP to itself, as two bytes or with a full displacement, while interrupts are masked.
  private static func spins(_ processor: Processor, _ memory: GuestMemory) -> Bool {
    guard processor.flags & 1 << 9 == 0 else { return false }
    let code = ProcessorSnapshot.code(processor, memory, count: 5)
    let isWide = processor.codeSize != .bits16
    return code.starts(with: [0xeb, 0xfe])
      || code.starts(with: isWide ? [0xe9, 0xfb, 0xff, 0xff, 0xff] : [0xe9, 0xfd, 0xff])
  }
}
