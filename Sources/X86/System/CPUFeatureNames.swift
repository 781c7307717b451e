// SPDX-License-Identifier: Apache-2.0

/// Features of a processor by the names that `-cpu MODEL,+NAME` uses.
extension CPUModel {
  /// What comes of asking for a feature, or for its absence.
  public enum FeatureChange {
    /// The model as asked for.
    case model(CPUModel)
    /// A feature that this processor does not execute; the text names its CPUID register and bit as QEMU does.
    case notImplemented(String)
  }

  /// The model with a feature switched on or off; nil when the name means nothing.
  public func setting(_ name: String, _ isOn: Bool) -> FeatureChange? {
    let name = Self.aliases[name] ?? name
    guard name != "-" else { return nil }
    for word in Self.words {
      guard let bit = word.names.firstIndex(of: name) else { continue }
      let mask = UInt32(1) << UInt32(bit)
      guard let place = word.place else {
        return isOn ? .notImplemented("\(word.register).\(name) [bit \(bit)]") : .model(self)
      }
      if isOn, word.implemented & mask == 0 { return .notImplemented("\(word.register).\(name) [bit \(bit)]") }
      return .model(with(mask, isOn, in: place))
    }
    return nil
  }

  private func with(_ mask: UInt32, _ isOn: Bool, in place: KeyPath<CPUModel, UInt32>) -> CPUModel {
    func value(_ field: KeyPath<CPUModel, UInt32>) -> UInt32 {
      let old = self[keyPath: field]
      return field == place ? (isOn ? old | mask : old & ~mask) : old
    }
    var extended = value(\.extended1EDX)
    // AMD's extended leaf repeats a part of the basic one.
    if vendor == .amd, extendedLevel >= 0x8000_0001 {
      extended = extended & ~FX.sharedMask | value(\.feature1EDX) & FX.sharedMask
    }
    return CPUModel(
      name: name, brand: brand, vendor: vendor, family: family, model: model, stepping: stepping, level: level,
      extendedLevel: extendedLevel, feature1EDX: value(\.feature1EDX), feature1ECX: value(\.feature1ECX),
      extended1EDX: extended, extended1ECX: value(\.extended1ECX))
  }

  private struct Word {
    /// As messages name it.
    var register: String
    /// Nil: no model has any of them.
    var place: KeyPath<CPUModel, UInt32>?
    var implemented: UInt32 = 0
    /// By bit; "-" where there is none.
    var names: [String]

    init(_ register: String, _ place: KeyPath<CPUModel, UInt32>?, _ implemented: UInt32, _ names: String) {
      (self.register, self.place, self.implemented) = (register, place, implemented)
      self.names = names.split(separator: " ").map(String.init)
    }
  }

  private static let aliases: [String: String] = [
    "sse3": "pni", "sse4-1": "sse4.1", "sse4_1": "sse4.1", "sse4-2": "sse4.2", "sse4_2": "sse4.2", "lahf_lm": "lahf-lm",
    "i64": "lm", "xd": "nx", "pclmuldq": "pclmulqdq", "ds_cpl": "ds-cpl", "ffxsr": "fxsr-opt",
  ]

  /// SDM vol. 2, CPUID, tables 3-10 and 3-11; AMD APM vol. 3, appendix E, for the extended leaf.
  private static var words: [Word] {
    [
      Word(
        "CPUID.01H:EDX", \.feature1EDX, F1.implemented,
        "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - ds acpi mmx fxsr sse "
          + "sse2 ss ht tm ia64 pbe"),
      Word(
        "CPUID.01H:ECX", \.feature1ECX, F1C.implemented,
        "pni pclmulqdq dtes64 monitor ds-cpl vmx smx est tm2 ssse3 cid - fma cx16 xtpr pdcm - pcid dca sse4.1 sse4.2 "
          + "x2apic movbe popcnt tsc-deadline aes xsave - avx f16c rdrand hypervisor"),
      Word(
        "CPUID.80000001H:EDX", \.extended1EDX, FX.implemented & ~FX.sharedMask,
        "- - - - - - - - - - - syscall - - - - - - - - nx - mmxext - - fxsr-opt pdpe1gb rdtscp - lm 3dnowext 3dnow"),
      Word(
        "CPUID.80000001H:ECX", \.extended1ECX, FXC.implemented,
        "lahf-lm cmp-legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp "
          + "fma4 tce - nodeid-msr - tbm topoext perfctr-core perfctr-nb"),
      Word(
        "CPUID.07H:EBX", nil, 0,
        "fsgsbase tsc-adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm - - mpx - avx512f avx512dq rdseed adx smap "
          + "avx512ifma pcommit clflushopt clwb intel-pt avx512pf avx512er avx512cd sha-ni avx512bw avx512vl"),
    ]
  }
}
