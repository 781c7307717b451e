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
