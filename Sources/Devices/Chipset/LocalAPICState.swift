// SPDX-License-Identifier: Apache-2.0
import Platform

/// Registers and bits of the local APIC. SDM vol. 3, table 10-1.
enum LocalAPICRegister {
  static let defaultBase: UInt64 = 0xfee0_0000
  /// IA32_APIC_BASE: address bits of a 40-bit physical address space, and the flags.
  static let baseMask: UInt64 = 0xff_ffff_f000
  static let bootstrap: UInt64 = 1 << 8
  static let x2APIC: UInt64 = 1 << 10
  static let enabled: UInt64 = 1 << 11

  /// Version 14h, six LVT entries.
  static let version: UInt32 = 0x05_0014

  /// Entries of the local vector table in register order from 320h.
  enum LocalVector: Int, CaseIterable {
    case timer, thermal, performance, lint0, lint1, error

    /// Bits that software can write: vector, mode, polarity and trigger, mask.
    var writable: UInt32 {
      switch self {
      case .timer: 0x3_00ff
      case .thermal, .performance: 0x1_07ff
      case .lint0, .lint1: 0x1_a7ff
      case .error: 0x1_00ff
      }
    }
  }

  static let masked: UInt32 = 1 << 16
  static let periodic: UInt32 = 1 << 17
  static let levelTriggered: UInt32 = 1 << 15
  static let remoteRequest: UInt32 = 1 << 14

  /// Spurious-interrupt vector register.
  static let softwareEnabled: UInt32 = 1 << 8
  static let spuriousWritable: UInt32 = 0x3ff

  /// Error status register. SDM vol. 3, figure 10-9.
  struct Errors: OptionSet {
    let rawValue: UInt8
    static let sentIllegalVector = Errors(rawValue: 1 << 5)
    static let receivedIllegalVector = Errors(rawValue: 1 << 6)
    static let illegalRegister = Errors(rawValue: 1 << 7)
  }

  /// Interrupt command register, low half.
  static let commandWritable: UInt32 = 0x000c_cfff
  static let logical: UInt32 = 1 << 11
  static let asserted: UInt32 = 1 << 14
}

/// 256 bits, one a vector.
struct VectorSet: Equatable {
  var words: InlineArray<4, UInt64> = .init(repeating: 0)

  static func == (a: VectorSet, b: VectorSet) -> Bool { (0..<4).allSatisfy { a.words[$0] == b.words[$0] } }

  mutating func set(_ vector: UInt8) { words[Int(vector >> 6)] |= 1 << UInt64(vector & 63) }
  mutating func clear(_ vector: UInt8) { words[Int(vector >> 6)] &= ~(1 << UInt64(vector & 63)) }
  func contains(_ vector: UInt8) -> Bool { words[Int(vector >> 6)] >> UInt64(vector & 63) & 1 != 0 }

  var highest: UInt8? {
    for index in stride(from: 3, through: 0, by: -1) where words[index] != 0 {
      return UInt8(truncatingIfNeeded: index * 64 + 63 - words[index].leadingZeroBitCount)
    }
    return nil
  }

  /// One of the eight 32-bit registers that show the set.
  func register(_ index: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: words[(index & 7) / 2] >> (UInt64(index & 1) * 32))
  }

  mutating func visit<V: StateVisitor>(_ name: StaticString, _ visitor: inout V) throws(StateError) {
    for index in 0..<4 { try visitor.field(name, &words[index]) }
    guard words[0] & 0xffff == 0 else { throw .outOfRange("\(name)") }
  }
}

extension LocalAPIC {
  public struct State: DeviceState {
    public static let name: StaticString = "apic"
    public static let version = 1
    /// IA32_APIC_BASE.
    var base = LocalAPICRegister.defaultBase | LocalAPICRegister.enabled
    var id: UInt8
    var taskPriority: UInt8 = 0
    /// Bits 24...31 of LDR.
    var logicalID: UInt8 = 0
    /// Bits 28...31 of DFR: Fh is the flat model, 0 clusters.
    var destinationFormat: UInt8 = 0xf
    var spurious: UInt32 = 0xff
    /// Error status as the last write of its register latched it, and errors since.
    var errors: UInt8 = 0
    var pendingErrors: UInt8 = 0
    var requests = VectorSet()
    var inService = VectorSet()
    var levelTriggered = VectorSet()
    /// Indexed by `LocalAPICRegister.LocalVector`.
    var localVectors = [UInt32](repeating: LocalAPICRegister.masked, count: 6)
    /// ICR; the upper half is the destination.
    var command: UInt64 = 0
    /// Divide configuration register, bits 0, 1 and 3.
    var divide: UInt8 = 0
    var initialCount: UInt32 = 0
    /// When the count started from `initialCount`, in virtual nanoseconds.
    var countStart: Int64 = 0
    var isCounting = false
    /// Levels of LINT0 and LINT1.
    var inputs: UInt8 = 0
    /// A message told to take a vector from the 8259A.
    var externalRequested = false
    var waitsForStartUp = false

    init(id: UInt8) {
      self.id = id
      if id == 0 {
        base |= LocalAPICRegister.bootstrap
        localVectors[LocalAPICRegister.LocalVector.lint0.rawValue] =
          UInt32(InterruptDeliveryMode.external.rawValue) << 8
      } else {
        waitsForStartUp = true
      }
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("apicbase", &base)
      try visitor.field("id", &id)
      try visitor.field("tpr", &taskPriority)
      try visitor.field("log_dest", &logicalID)
      try visitor.field("dest_mode", &destinationFormat)
      try visitor.field("spurious_vec", &spurious)
      try visitor.field("esr", &errors)
      try visitor.field("pending_esr", &pendingErrors)
      try requests.visit("irr", &visitor)
      try inService.visit("isr", &visitor)
      try levelTriggered.visit("tmr", &visitor)
      try visitor.array("lvt", &localVectors)
      try visitor.field("icr", &command)
      try visitor.field("divide_conf", &divide)
      try visitor.field("initial_count", &initialCount)
      try visitor.field("initial_count_load_time", &countStart)
      try visitor.field("counting", &isCounting)
      try visitor.field("lint", &inputs)
      try visitor.field("ext_int", &externalRequested)
      try visitor.field("wait_for_sipi", &waitsForStartUp)
      try validate()
    }

    private func validate() throws(StateError) {
      typealias Register = LocalAPICRegister
      let flags = Register.bootstrap | Register.x2APIC | Register.enabled
      guard base & ~(Register.baseMask | flags) == 0, isEnabled || !isX2APIC else { throw .outOfRange("apicbase") }
      guard destinationFormat < 16 else { throw .outOfRange("dest_mode") }
      guard spurious & ~Register.spuriousWritable == 0 else { throw .outOfRange("spurious_vec") }
      for entry in Register.LocalVector.allCases {
        let allowed = entry.writable | (entry == .lint0 ? Register.remoteRequest : 0)
        guard localVectors[entry.rawValue] & ~allowed == 0 else { throw .outOfRange("lvt") }
      }
      guard UInt32(truncatingIfNeeded: command) & ~Register.commandWritable == 0 else { throw .outOfRange("icr") }
      guard divide & ~0xb == 0 else { throw .outOfRange("divide_conf") }
      guard (-1 << 52..<1 << 62).contains(countStart), !isCounting || initialCount > 0 else {
        throw .outOfRange("initial_count_load_time")
      }
      guard inputs < 4 else { throw .outOfRange("lint") }
    }

    // MARK: What follows from the registers

    var isEnabled: Bool { base & LocalAPICRegister.enabled != 0 }
    var isX2APIC: Bool { base & LocalAPICRegister.x2APIC != 0 }
    var isBootstrap: Bool { base & LocalAPICRegister.bootstrap != 0 }
    var isSoftwareEnabled: Bool { isEnabled && spurious & LocalAPICRegister.softwareEnabled != 0 }

    /// PPR. SDM vol. 3, 10.8.3.1.
    var processorPriority: UInt8 {
      let serving = inService.highest ?? 0
      return taskPriority >> 4 >= serving >> 4 ? taskPriority : serving & 0xf0
    }

    /// APR. SDM vol. 3, 10.6.2.4.
    var arbitrationPriority: UInt8 {
      let serving = (inService.highest ?? 0) >> 4, requested = (requests.highest ?? 0) >> 4
      return taskPriority >> 4 >= requested && taskPriority >> 4 > serving
        ? taskPriority : max(taskPriority >> 4 & serving, serving, requested) << 4
    }

    /// The request that the processor may take now.
    var pendingVector: UInt8? {
      guard isEnabled, let vector = requests.highest, vector >> 4 > processorPriority >> 4 else { return nil }
      return vector
    }

    /// The 8259A has an interrupt for this processor.
    var hasExternalRequest: Bool {
      if externalRequested { return true }
      guard inputs & 1 != 0 else { return false }
      guard isEnabled else { return true }
      let entry = localVectors[LocalAPICRegister.LocalVector.lint0.rawValue]
      return entry & LocalAPICRegister.masked == 0
        && UInt8(truncatingIfNeeded: entry >> 8) & 7 == InterruptDeliveryMode.external.rawValue
    }

    /// LDR: set by software, in x2APIC mode made from the ID.
    var logicalDestination: UInt32 {
      isX2APIC ? UInt32(id >> 4) << 16 | 1 << UInt32(id & 15) : UInt32(logicalID) << 24
    }
  }

  /// SDM vol. 3, 10.6.2, and for x2APIC mode 10.12.10.
  func isDestination(of message: InterruptMessage) -> Bool {
    let state = state
    guard state.isEnabled else { return false }
    guard message.isLogical else {
      return message.destination == InterruptMessage.everybody || message.destination == UInt32(state.id)
    }
    let destination = message.destination
    if state.isX2APIC {
      if destination == InterruptMessage.everybody { return true }
      let own = state.logicalDestination
      return destination >> 16 == own >> 16 && destination & own & 0xffff != 0
    }
    guard destination <= 0xff else { return destination == InterruptMessage.everybody }
    let short = UInt8(truncatingIfNeeded: destination)
    if state.destinationFormat == 0xf { return short & state.logicalID != 0 }
    let isCluster = short >> 4 == 0xf || short >> 4 == state.logicalID >> 4
    return isCluster && short & state.logicalID & 0xf != 0
  }
}
