// SPDX-License-Identifier: Apache-2.0

/// Exception vectors. SDM vol. 3, table 6-1.
enum Exception {
  static let divideError: UInt8 = 0
  static let debug: UInt8 = 1
  static let nmi: UInt8 = 2
  static let breakpoint: UInt8 = 3
  static let overflow: UInt8 = 4
  static let boundRange: UInt8 = 5
  static let invalidOpcode: UInt8 = 6
  static let deviceNotAvailable: UInt8 = 7
  static let doubleFault: UInt8 = 8
  static let invalidTSS: UInt8 = 10
  static let segmentNotPresent: UInt8 = 11
  static let stackFault: UInt8 = 12
  static let generalProtection: UInt8 = 13
  static let pageFault: UInt8 = 14
  static let floatingPoint: UInt8 = 16
  static let alignmentCheck: UInt8 = 17
  static let machineCheck: UInt8 = 18
  static let simdFloatingPoint: UInt8 = 19
  /// Value of `pendingVector` when no exception is pending.
  static let none: UInt8 = 0xff
}

/// How an event arose: decides the saved IP, the EXT bit and the checks on the gate (values of `pendingKind`).
enum EventKind {
  /// The instruction did not execute; the saved IP points to it.
  static let fault: UInt8 = 0
  /// Reported after the instruction (single step).
  static let trap: UInt8 = 1
  /// INT n, INT3, INTO, INT1: gate DPL is checked; the saved IP points after the instruction.
  static let software: UInt8 = 2
  /// INTR or NMI.
  static let external: UInt8 = 3
}

/// Segment register numbers, as in instruction encodings.
enum SegmentIndex {
  static let es = 0
  static let cs = 1
  static let ss = 2
  static let ds = 3
  static let fs = 4
  static let gs = 5
}

/// Bits of `Segment.attributes`: descriptor bits 40...55.
enum SegmentAttribute {
  static let accessed: UInt16 = 1 << 0
  /// Data: writable. Code: readable.
  static let writable: UInt16 = 1 << 1
  static let readable: UInt16 = 1 << 1
  /// Data: expand-down. Code: conforming.
  static let expandDown: UInt16 = 1 << 2
  static let conforming: UInt16 = 1 << 2
  static let code: UInt16 = 1 << 3
  /// S: code or data (clear: system).
  static let nonSystem: UInt16 = 1 << 4
  static let dplShift: UInt16 = 5
  static let present: UInt16 = 1 << 7
  static let available: UInt16 = 1 << 12
  static let long: UInt16 = 1 << 13
  /// D/B.
  static let big: UInt16 = 1 << 14
  static let granularity: UInt16 = 1 << 15
}

/// Bits of `CPUState.attention`.
enum Attention {
  /// The machine wants `run` to return.
  static let machine: UInt64 = 1 << 0
  /// An interrupt line, NMI or flag changed: look whether an event can be taken.
  static let event: UInt64 = 1 << 1
}
