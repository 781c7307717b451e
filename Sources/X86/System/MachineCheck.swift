// SPDX-License-Identifier: Apache-2.0

/// The registers of the machine-check architecture. SDM vol. 3, 16.3.
///
/// They hold what software writes; no error ever occurs here, so nothing else changes them.
struct MachineCheckState: BitwiseCopyable {
  static let bankCount = 10
  /// IA32_MCG_CAP: ten banks, IA32_MCG_CTL exists.
  static let capabilities: UInt64 = 1 << 8 | UInt64(bankCount)

  var status: UInt64 = 0
  var control: UInt64 = ~0
  /// CTL, STATUS, ADDR and MISC of each bank. After power-up all errors are enabled.
  var banks: InlineArray<40, UInt64> = .init(repeating: 0)

  init() {
    for bank in 0..<Self.bankCount { banks[bank * 4] = ~0 }
  }
}

/// Whether an MSR number belongs to the machine-check architecture.
struct MachineCheckRange {
  static func ~= (range: MachineCheckRange, index: UInt32) -> Bool {
    (0x179...0x17b).contains(index) || (0x400..<0x400 + UInt32(MachineCheckState.bankCount * 4)).contains(index)
  }
}

extension MachineCheckState {
  static let range = MachineCheckRange()
}

extension Core {
  func readMachineCheck(_ index: UInt32) throws(Fault) -> UInt64 {
    switch index {
    case 0x179: return MachineCheckState.capabilities
    case 0x17a: return cpu.pointee.machineCheck.status
    case 0x17b: return cpu.pointee.machineCheck.control
    default: return cpu.pointee.machineCheck.banks[Int(index &- 0x400)]
    }
  }

  /// Control registers take all zeros or all ones, status registers only zeros.
  func writeMachineCheck(_ index: UInt32, _ value: UInt64) throws(Fault) {
    switch index {
    case 0x179: throw .protection()
    case 0x17a: cpu.pointee.machineCheck.status = value
    case 0x17b:
      if value == 0 || value == ~0 { cpu.pointee.machineCheck.control = value }
    default:
      let slot = Int(index &- 0x400)
      if slot & 3 == 0 {
        if value == 0 || value == ~0 { cpu.pointee.machineCheck.banks[slot] = value }
      } else {
        guard value == 0 else { throw .protection() }
        cpu.pointee.machineCheck.banks[slot] = 0
      }
    }
  }
}
