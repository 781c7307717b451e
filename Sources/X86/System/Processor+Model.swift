// SPDX-License-Identifier: Apache-2.0

extension Processor {
  /// Chooses what CPUID says and which features exist; takes full effect with the next `reset`. Configuration, not state:
  /// a machine that loads saved state must have been built with the same model.
  public func setModel(_ model: CPUModel) {
    cpu.pointee.features = CPUFeatures(model)
    cpu.pointee.registers[2] = UInt64(cpu.pointee.features.signature)
    flushDecodedCode()
  }

  /// CPUID.1: EAX, and EDX above it.
  public var identity: UInt64 {
    let features = cpu.pointee.features
    return UInt64(features.feature1EDX) << 32 | UInt64(features.signature)
  }
}
