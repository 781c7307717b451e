// SPDX-License-Identifier: Apache-2.0

/// CPUID. SDM vol. 2.
///
/// Caches and topology are those that QEMU's models show: one core with one thread, L1 of 64 KiB twice (AMD) or 32 KiB
/// twice (Intel), L2 of 512 KiB or 4 MiB, L3 of 16 MiB.
extension Core {
  private struct Leaf {
    var eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0
  }

  func cpuid() {
    let leaf = UInt32(truncatingIfNeeded: cpu.pointee.registers[0])
    let features = cpu.pointee.features
    let answer: Leaf
    switch leaf {
    case 0x4000_0000...0x4fff_ffff: answer = hypervisorLeaf(leaf)
    case 0x8000_0000...0xffff_ffff where leaf <= features.extendedLevel: answer = extendedLeaf(leaf, features)
    case 0x8000_0000...: answer = features.extendedLevel == 0 ? basicLeaf(features.level, features) : Leaf()
    default: answer = basicLeaf(min(leaf, features.level), features)
    }
    cpu.pointee.registers[0] = UInt64(answer.eax)
    cpu.pointee.registers[3] = UInt64(answer.ebx)
    cpu.pointee.registers[1] = UInt64(answer.ecx)
    cpu.pointee.registers[2] = UInt64(answer.edx)
  }

  private func vendorLeaf(_ features: CPUFeatures, eax: UInt32) -> Leaf {
    features.isAMD
      ? Leaf(eax: eax, ebx: 0x6874_7541, ecx: 0x444d_4163, edx: 0x6974_6e65)  // AuthenticAMD
      : Leaf(eax: eax, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69)  // GenuineIntel
  }

  private func basicLeaf(_ leaf: UInt32, _ features: CPUFeatures) -> Leaf {
    switch leaf {
    case 0: return vendorLeaf(features, eax: features.level)
    case 1:
      var ecx = features.feature1ECX
      if features.feature1EDX & F1.apic == 0 { ecx &= ~F1C.x2apic }
      if !hasMonitor { ecx &= ~F1C.monitor }
      return Leaf(
        // EBX: CLFLUSH handles 8 times 8 bytes; the initial APIC ID, in bits 24...31, is 0.
        eax: features.signature, ebx: 8 << 8, ecx: ecx,
        edx: hasAPIC ? features.feature1EDX : features.feature1EDX & ~F1.apic)
    case 2 where features.isAMD, 4 where features.isAMD: return Leaf()
    case 2:
      // One iteration; L2 2 MiB (7Dh), L1 32 KiB each (30h, 2Ch), L3 16 MiB (4Dh).
      return Leaf(eax: 1, ebx: 0, ecx: 0x4d, edx: 0x002c_307d)
    case 4: return cacheLeaf(UInt32(truncatingIfNeeded: cpu.pointee.registers[1]))
    case 5: return monitorLeaf
    case 0xb: return topologyLeaf(UInt32(truncatingIfNeeded: cpu.pointee.registers[1]))
    default: return Leaf()
    }
  }

  /// MONITOR: extensions are enumerated, masked interrupts can end MWAIT. QEMU leaves the rest zero, with which Linux
  /// prefers HLT; where there are the instructions, the size of a line and one state each of C0 and C1 are given.
  private var monitorLeaf: Leaf {
    let line = hasMonitor ? UInt32(MonitorState.lineByteCount) : 0
    return Leaf(eax: line, ebx: line, ecx: 3, edx: hasMonitor ? 0x11 : 0)
  }

  /// Deterministic cache parameters.
  private func cacheLeaf(_ index: UInt32) -> Leaf {
    switch index {
    case 0: Leaf(eax: 0x121, ebx: 0x01c0_003f, ecx: 0x3f, edx: 1)
    case 1: Leaf(eax: 0x122, ebx: 0x01c0_003f, ecx: 0x3f, edx: 1)
    case 2: Leaf(eax: 0x143, ebx: 0x03c0_003f, ecx: 0xfff, edx: 1)
    case 3: Leaf(eax: 0x163, ebx: 0x03c0_003f, ecx: 0x3fff, edx: 6)
    default: Leaf()
    }
  }

  /// Threads, then cores: one each.
  private func topologyLeaf(_ index: UInt32) -> Leaf {
    switch index {
    case 0: Leaf(ebx: 1, ecx: 0x100)
    case 1: Leaf(ebx: 1, ecx: 0x201)
    default: Leaf(ecx: index & 0xff)
    }
  }

  /// The machine has a local APIC and it is enabled: then the processor shows it. SDM vol. 3, 10.4.3.
  private var hasAPIC: Bool {
    var base: UInt64 = 0
    let machine = cpu.pointee.machine
    return machine.msrRead(machine.context, ModelRegister.apicBase, &base) && base & 1 << 11 != 0
  }

  private func hypervisorLeaf(_ leaf: UInt32) -> Leaf {
    guard leaf == 0x4000_0000 else { return Leaf() }
    return Leaf(eax: 0x4000_0000, ebx: 0x7375_7041, ecx: 0x7375_7041, edx: 0x7375_7041)  // ApusApusApus
  }

  private func extendedLeaf(_ leaf: UInt32, _ features: CPUFeatures) -> Leaf {
    switch leaf {
    case 0x8000_0000: return vendorLeaf(features, eax: features.extendedLevel)
    case 0x8000_0001:
      return Leaf(
        eax: features.signature, ebx: 0, ecx: features.extended1ECX,
        edx: hasAPIC ? features.extended1EDX : features.extended1EDX & ~F1.apic)
    case 0x8000_0002...0x8000_0004:
      let first = Int(leaf - 0x8000_0002) * 4
      return Leaf(
        eax: features.brand[first], ebx: features.brand[first + 1], ecx: features.brand[first + 2],
        edx: features.brand[first + 3])
    case 0x8000_0005: return Leaf(eax: 0x01ff_01ff, ebx: 0x01ff_01ff, ecx: 0x4002_0140, edx: 0x4002_0140)
    case 0x8000_0006: return Leaf(ebx: 0x4200_4200, ecx: 0x0200_8140, edx: 0x0080_8140)
    case 0x8000_0008:
      return Leaf(eax: features.physicalAddressBits | (features.hasLongMode ? 48 : 32) << 8)
    default: return Leaf()
    }
  }
}
