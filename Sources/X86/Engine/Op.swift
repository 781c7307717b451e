// SPDX-License-Identifier: Apache-2.0

/// A handler executes one op and ends by tail-calling the next one's handler; see `next`.
typealias Handler = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void

/// One decoded operation as handlers read it: 32 bytes, position-independent, plain data.
///
/// General registers are byte offsets into `CPUState`, all others plain numbers. A block is a run of ops in consecutive slots; near branches are
/// followed by `BranchLinks`.
struct Op: BitwiseCopyable {
  var handler: Handler
  /// Immediate, extended to 64 bits; for near branches the displacement from the block's first instruction to the target.
  var immediate: UInt64 = 0
  /// Displacement of the memory operand, sign-extended to 64 bits on use.
  var displacement: Int32 = 0
  /// Byte offset of the destination register.
  var dst: UInt8 = 0
  /// Byte offset of the source register.
  var src: UInt8 = 0
  /// Byte offset of base and index registers (`StateOffset.zero` when absent).
  var base: UInt8 = StateOffset.zero
  var index: UInt8 = StateOffset.zero
  /// log2 scale.
  var scale: UInt8 = 0
  /// Segment number for `segmentBases` and `segments`.
  var segment: UInt8 = 0
  /// Bits of `OpFlags`.
  var flags: UInt8 = 0
  /// Instruction length in bytes.
  var length: UInt8 = 0
  /// Offset of this instruction's first byte from the block's first byte.
  var ipOffset: UInt16 = 0
  /// Instructions of the block not yet executed when this one starts, itself included.
  var left: UInt16 = 0

  init(handler: @escaping Handler) { self.handler = handler }
}

/// Flags of an op that only general (not specialised) handlers look at.
enum OpFlags {
  /// Address size 16: effective addresses wrap at 64 KiB.
  static let address16: UInt8 = 1 << 0
  /// Address size 32 in any mode (bit clear with `address16` clear: 64).
  static let address32: UInt8 = 1 << 1
  /// Operand size: 0 → 1 byte, 1 → 2, 2 → 4, 3 → 8, in bits 2...3.
  static let sizeShift: UInt8 = 2
  static let repeatEqual: UInt8 = 1 << 4
  static let repeatNotEqual: UInt8 = 1 << 5
  static let lock: UInt8 = 1 << 6
}
