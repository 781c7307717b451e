// SPDX-License-Identifier: Apache-2.0
import Platform

/// The registers as software reads and writes them: in memory, or as MSRs in x2APIC mode. A register's number is bits
/// 4...11 of its address, and its MSR less 800h.
extension LocalAPIC {
  private typealias Register = LocalAPICRegister

  // MARK: Memory

  /// Registers answer aligned accesses of 32 bits; the manual leaves others undefined.
  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    guard offset & 15 == 0, width.byteCount >= 4 else { return 0 }
    guard let value = register(UInt8(truncatingIfNeeded: offset >> 4)) else {
      note(.illegalRegister)
      return 0
    }
    return UInt64(value)
  }

  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    guard offset & 15 == 0, width.byteCount >= 4 else { return }
    let number = UInt8(truncatingIfNeeded: offset >> 4)
    if !setRegister(number, UInt32(truncatingIfNeeded: value)) { note(.illegalRegister) }
  }

  /// Nil: there is no such register.
  private func register(_ number: UInt8) -> UInt32? {
    switch number {
    case 0x02: return UInt32(state.id) << 24
    case 0x09: return UInt32(state.arbitrationPriority)
    case 0x0b: return 0  // EOI is for writing
    case 0x0d: return state.logicalDestination
    case 0x0e: return UInt32(state.destinationFormat) << 28 | 0x0fff_ffff
    case 0x30: return UInt32(truncatingIfNeeded: state.command)
    case 0x31: return UInt32(truncatingIfNeeded: state.command >> 32)
    default: return commonRegister(number)
    }
  }

  /// Registers that both modes have.
  private func commonRegister(_ number: UInt8) -> UInt32? {
    switch number {
    case 0x03: return Register.version
    case 0x08: return UInt32(state.taskPriority)
    case 0x0a: return UInt32(state.processorPriority)
    case 0x0f: return state.spurious
    case 0x10...0x17: return state.inService.register(Int(number))
    case 0x18...0x1f: return state.levelTriggered.register(Int(number))
    case 0x20...0x27: return state.requests.register(Int(number))
    case 0x28: return UInt32(state.errors)
    case 0x32...0x37: return state.localVectors[Int(number) - 0x32]
    case 0x38: return state.initialCount
    case 0x39: return currentCount
    case 0x3e: return UInt32(state.divide)
    default: return nil
    }
  }

  /// False: there is no such register. Those that cannot be written ignore it.
  private func setRegister(_ number: UInt8, _ value: UInt32) -> Bool {
    switch number {
    case 0x02: state.id = UInt8(truncatingIfNeeded: value >> 24)
    case 0x03, 0x09, 0x0a, 0x10...0x27, 0x39: break
    case 0x0d: state.logicalID = UInt8(truncatingIfNeeded: value >> 24)
    case 0x0e: state.destinationFormat = UInt8(truncatingIfNeeded: value >> 28)
    case 0x30:
      let destination = state.command & ~0xffff_ffff
      state.command = destination | UInt64(value & Register.commandWritable)
      send(shortDestination: UInt8(truncatingIfNeeded: destination >> 56))
    case 0x31: state.command = state.command & 0xffff_ffff | UInt64(value & 0xff00_0000) << 32
    default: return setCommonRegister(number, value)
    }
    return true
  }

  private func setCommonRegister(_ number: UInt8, _ value: UInt32) -> Bool {
    switch number {
    case 0x08:
      state.taskPriority = UInt8(truncatingIfNeeded: value)
      updateOutput()
    case 0x0b: endInterrupt()
    case 0x0f: setSpurious(value)
    case 0x28:
      state.errors = state.pendingErrors
      state.pendingErrors = 0
      updateTimer()  // a timer entry with an illegal vector makes a new error again
    case 0x32...0x37: setLocalVector(Int(number) - 0x32, value)
    case 0x38: startCount(value)
    case 0x3e: setDivide(UInt8(truncatingIfNeeded: value) & 0xb)
    default: return false
    }
    return true
  }

  /// An APIC disabled by software has all local vectors masked. SDM vol. 3, 10.4.7.2.
  private func setSpurious(_ value: UInt32) {
    settleTimer()
    state.spurious = value & Register.spuriousWritable
    if !state.isSoftwareEnabled {
      for index in state.localVectors.indices { state.localVectors[index] |= Register.masked }
    }
    armTimer()
    updateOutput()
  }

  private func setLocalVector(_ index: Int, _ value: UInt32) {
    guard let entry = Register.LocalVector(rawValue: index) else { return }
    settleTimer()
    let kept = entry == .lint0 ? state.localVectors[index] & Register.remoteRequest : 0
    state.localVectors[index] =
      value & entry.writable | kept | (state.isSoftwareEnabled ? 0 : Register.masked)
    if entry == .lint0 { localInputWasConfigured() }
    armTimer()  // not settled again: an expiry that came meanwhile is the new entry's
    updateOutput()
  }

  // MARK: MSRs

  /// RDMSR; nil is #GP(0).
  public func read(modelRegister index: UInt32) -> UInt64? {
    if index == 0x1b { return state.base }
    guard state.isX2APIC, (0x800...0x8ff).contains(index) else { return nil }
    switch UInt8(truncatingIfNeeded: index) {
    case 0x02: return UInt64(state.id)
    case 0x0d: return UInt64(state.logicalDestination)
    case 0x30: return state.command
    case let number: return commonRegister(number).map(UInt64.init)
    }
  }

  /// WRMSR; false is #GP(0).
  public func write(modelRegister index: UInt32, _ value: UInt64) -> Bool {
    if index == 0x1b { return setBase(value) }
    guard state.isX2APIC, (0x800...0x8ff).contains(index) else { return false }
    let number = UInt8(truncatingIfNeeded: index)
    if number == 0x30 {
      guard UInt32(truncatingIfNeeded: value) & ~Register.commandWritable == 0 else { return false }
      state.command = value
      send(destination: UInt32(truncatingIfNeeded: value >> 32))
      return true
    }
    guard let writable = Self.writableBits(number), value & ~UInt64(writable) == 0 else { return false }
    if number == 0x3f {
      request(ipi: UInt8(truncatingIfNeeded: value))
      return true
    }
    return setCommonRegister(number, UInt32(truncatingIfNeeded: value))
  }

  /// Bits of an x2APIC register that are not reserved, nil for one that cannot be written. SDM vol. 3, table 10-6.
  private static func writableBits(_ number: UInt8) -> UInt32? {
    switch number {
    case 0x08, 0x3f: 0xff
    case 0x0b, 0x28: 0
    case 0x0f: Register.spuriousWritable
    case 0x32...0x37: Register.LocalVector(rawValue: Int(number) - 0x32)?.writable
    case 0x38: .max
    case 0x3e: 0xb
    default: nil
    }
  }

  /// IA32_APIC_BASE. SDM vol. 3, 10.4.4 and, for the changes of mode that are faults, 10.12.5.
  private func setBase(_ value: UInt64) -> Bool {
    let flags = Register.enabled | Register.bootstrap | (processorHasX2APIC ? Register.x2APIC : 0)
    guard value & ~(Register.baseMask | flags) == 0 else { return false }
    let (wasX2APIC, isX2APIC) = (state.isX2APIC, value & Register.x2APIC != 0)
    let (wasEnabled, isEnabled) = (state.isEnabled, value & Register.enabled != 0)
    if isX2APIC, !isEnabled || !wasEnabled { return false }
    if wasX2APIC, isEnabled, !isX2APIC { return false }
    let base = value & ~Register.bootstrap | state.base & Register.bootstrap
    if wasEnabled, !isEnabled {
      // What was set up before is lost.
      let (inputs, waits) = (state.inputs, state.waitsForStartUp)
      state = State(id: initialID)
      (state.inputs, state.waitsForStartUp) = (inputs, waits)
    } else if isX2APIC, !wasX2APIC {
      state.id = initialID
      state.command &= 0xffff_ffff
    }
    state.base = base
    stateDidLoad()
    return true
  }
}
