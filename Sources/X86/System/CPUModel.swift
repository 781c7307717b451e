// SPDX-License-Identifier: Apache-2.0

/// A processor that `-cpu` can name: what CPUID says, before what this processor does not execute is masked off.
public struct CPUModel: Sendable {
  public let name: String
  /// The brand string of CPUID 80000002h...80000004h; empty where the model has none.
  public let brand: String
  let vendor: Vendor
  let family: UInt32
  let model: UInt32
  let stepping: UInt32
  /// Highest basic and extended leaf (0: no extended leaves).
  let level: UInt32
  let extendedLevel: UInt32
  let feature1EDX: UInt32
  let feature1ECX: UInt32
  let extended1EDX: UInt32
  let extended1ECX: UInt32

  enum Vendor: Sendable { case intel, amd }

  /// AMD's 64-bit processors keep FD00000000h...FFFFFFFFFFh for HyperTransport, so nothing else may be there.
  public var hasHyperTransportRange: Bool { vendor == .amd && extended1EDX & FX.lm != 0 }

  /// The processor has a local APIC, and x2APIC mode with it.
  public var hasAPIC: Bool { feature1EDX & F1.apic != 0 }
  public var hasX2APIC: Bool { hasAPIC && feature1ECX & F1C.x2apic != 0 }

  /// CPUID.1:EAX, which is also EDX after reset.
  var signature: UInt32 {
    let base = min(family, 15), extended = family > 15 ? family - 15 : 0
    return extended << 20 | (model >> 4) << 16 | base << 8 | (model & 15) << 4 | stepping
  }

  /// All models, in the order of `-cpu help`.
  public static let all: [CPUModel] = [
    CPUModel(
      name: "486", brand: "", vendor: .intel, family: 4, model: 8, stepping: 0, level: 1, extendedLevel: 0,
      feature1EDX: F1.fpu | F1.pse, feature1ECX: F1C.hypervisor, extended1EDX: 0, extended1ECX: 0),
    CPUModel(
      name: "pentium", brand: "", vendor: .intel, family: 5, model: 4, stepping: 3, level: 1, extendedLevel: 0,
      feature1EDX: F1.pentium, feature1ECX: F1C.hypervisor, extended1EDX: 0, extended1ECX: 0),
    CPUModel(
      name: "pentium3", brand: "", vendor: .intel, family: 6, model: 7, stepping: 3, level: 3, extendedLevel: 0,
      feature1EDX: F1.pentium3, feature1ECX: F1C.hypervisor, extended1EDX: 0, extended1ECX: 0),
    CPUModel(
      name: "qemu32", brand: "QEMU Virtual CPU version 2.5+", vendor: .intel, family: 6, model: 6, stepping: 3,
      level: 4, extendedLevel: 0x8000_0004, feature1EDX: F1.qemu32, feature1ECX: F1C.hypervisor | F1C.sse3,
      extended1EDX: 0, extended1ECX: 0),
    CPUModel(
      name: "qemu64", brand: "QEMU Virtual CPU version 2.5+", vendor: .amd, family: 15, model: 107, stepping: 1,
      level: 13, extendedLevel: 0x8000_000a, feature1EDX: F1.qemu64,
      feature1ECX: F1C.hypervisor | F1C.sse3 | F1C.cx16,
      extended1EDX: F1.qemu64 & FX.sharedMask | FX.syscall | FX.nx | FX.lm, extended1ECX: FXC.lahf | FXC.svm),
    CPUModel(
      name: "max", brand: "Apus virtual processor", vendor: .amd, family: 15, model: 107, stepping: 1,
      level: 13, extendedLevel: 0x8000_000a, feature1EDX: F1.qemu64,
      feature1ECX: F1C.hypervisor | F1C.sse3 | F1C.monitor | F1C.cx16 | F1C.x2apic | F1C.movbe | F1C.popcnt
        | F1C.rdrand,
      extended1EDX: F1.qemu64 & FX.sharedMask | FX.syscall | FX.nx | FX.lm | FX.rdtscp | FX.pdpe1gb,
      extended1ECX: FXC.lahf | FXC.svm | FXC.osvw),
  ]

  /// What runs when `-cpu` is not given.
  public static var standard: CPUModel { all[4] }

  /// The model of this name, nil if there is none.
  public static func named(_ name: String) -> CPUModel? { all.first { $0.name == name } }
}

/// CPUID.1:EDX. SDM vol. 2, CPUID, table 3-11.
enum F1 {
  static let fpu: UInt32 = 1 << 0
  static let vme: UInt32 = 1 << 1
  static let de: UInt32 = 1 << 2
  static let pse: UInt32 = 1 << 3
  static let tsc: UInt32 = 1 << 4
  static let msr: UInt32 = 1 << 5
  static let pae: UInt32 = 1 << 6
  static let mce: UInt32 = 1 << 7
  static let cx8: UInt32 = 1 << 8
  static let apic: UInt32 = 1 << 9
  static let sep: UInt32 = 1 << 11
  static let mtrr: UInt32 = 1 << 12
  static let pge: UInt32 = 1 << 13
  static let mca: UInt32 = 1 << 14
  static let cmov: UInt32 = 1 << 15
  static let pat: UInt32 = 1 << 16
  static let pse36: UInt32 = 1 << 17
  static let clflush: UInt32 = 1 << 19
  static let mmx: UInt32 = 1 << 23
  static let fxsr: UInt32 = 1 << 24
  static let sse: UInt32 = 1 << 25
  static let sse2: UInt32 = 1 << 26

  static let pentium = fpu | de | pse | tsc | msr | mce | cx8 | mmx | apic
  static let pentium3 = pentium | pae | sep | mtrr | pge | mca | cmov | pat | pse36 | fxsr | sse
  static let qemu32 = pentium | pae | sep | pge | cmov | pat | fxsr | sse | sse2
  static let qemu64 = qemu32 | mtrr | mca | pse36 | clflush

  /// What this processor executes. APIC is added when the machine has one.
  static let implemented =
    fpu | de | pse | tsc | msr | pae | mce | cx8 | apic | sep | mtrr | pge | mca | cmov | pat | pse36 | clflush | mmx
    | fxsr | sse | sse2
}

/// CPUID.1:ECX.
enum F1C {
  static let sse3: UInt32 = 1 << 0
  static let monitor: UInt32 = 1 << 3
  static let cx16: UInt32 = 1 << 13
  static let x2apic: UInt32 = 1 << 21
  static let movbe: UInt32 = 1 << 22
  static let popcnt: UInt32 = 1 << 23
  static let rdrand: UInt32 = 1 << 30
  static let hypervisor: UInt32 = 1 << 31

  static let implemented = sse3 | monitor | cx16 | x2apic | movbe | popcnt | rdrand | hypervisor
}

/// CPUID.80000001h:EDX. The bits of `sharedMask` repeat CPUID.1:EDX on AMD processors.
enum FX {
  static let syscall: UInt32 = 1 << 11
  static let nx: UInt32 = 1 << 20
  static let pdpe1gb: UInt32 = 1 << 26
  static let rdtscp: UInt32 = 1 << 27
  static let lm: UInt32 = 1 << 29
  static let sharedMask: UInt32 = 0x0183_f3ff

  static let implemented: UInt32 = sharedMask & F1.implemented | syscall | nx | pdpe1gb | rdtscp | lm
}

/// CPUID.80000001h:ECX.
enum FXC {
  static let lahf: UInt32 = 1 << 0
  static let svm: UInt32 = 1 << 2
  /// OS visible workarounds: two MSRs say which errata there are.
  static let osvw: UInt32 = 1 << 9

  static let implemented: UInt32 = lahf | osvw
}

/// What the running processor is: the model without what is not executed, as plain data for `CPUState`.
struct CPUFeatures: BitwiseCopyable {
  var signature: UInt32
  var isAMD: Bool
  var level: UInt32
  var extendedLevel: UInt32
  var feature1EDX: UInt32
  var feature1ECX: UInt32
  var extended1EDX: UInt32
  var extended1ECX: UInt32
  var brand: InlineArray<12, UInt32> = .init(repeating: 0)

  init(_ model: CPUModel) {
    signature = model.signature
    isAMD = model.vendor == .amd
    level = model.level
    extendedLevel = model.extendedLevel
    feature1EDX = model.feature1EDX & F1.implemented
    feature1ECX = model.feature1ECX & F1C.implemented
    extended1EDX = model.extended1EDX & FX.implemented
    extended1ECX = model.extended1ECX & FXC.implemented
    for (index, byte) in model.brand.utf8.prefix(47).enumerated() {
      brand[index / 4] |= UInt32(byte) << UInt32(index % 4 * 8)
    }
  }

  /// The model that runs when nothing else is asked for.
  static let standard = CPUFeatures(CPUModel.standard)

  /// Every feature, whether CPUID can say it or not; for tests and the coverage page.
  static var all: CPUFeatures {
    var features = standard
    features.feature1EDX = ~0
    features.feature1ECX = ~0
    features.extended1EDX = ~0
    features.extended1ECX = ~0
    return features
  }

  var hasLongMode: Bool { extended1EDX & FX.lm != 0 }
  var hasTSCAux: Bool { extended1EDX & FX.rdtscp != 0 }
  var hasWorkaroundStatus: Bool { extended1ECX & FXC.osvw != 0 }
  var hasMachineCheck: Bool { feature1EDX & (F1.mce | F1.mca) == F1.mce | F1.mca }
  var physicalAddressBits: UInt32 { hasLongMode ? 40 : feature1EDX & F1.pae != 0 ? 36 : 32 }
  var family: UInt32 { (signature >> 8) & 15 }

  /// CR4 bits that may be set; any other is #GP(0).
  var cr4Mask: UInt64 {
    var mask: UInt64 = 0
    if feature1EDX & F1.tsc != 0 { mask |= CR4.tsd }
    if feature1EDX & F1.de != 0 { mask |= CR4.de }
    if feature1EDX & F1.pse != 0 { mask |= CR4.pse }
    if feature1EDX & F1.pae != 0 { mask |= CR4.pae }
    if feature1EDX & F1.mce != 0 { mask |= CR4.mce }
    if feature1EDX & F1.pge != 0 { mask |= CR4.pge }
    if family >= 6 { mask |= CR4.pce }
    if feature1EDX & F1.fxsr != 0 { mask |= CR4.osfxsr }
    if feature1EDX & F1.sse != 0 { mask |= CR4.osxmmexcpt }
    return mask
  }
}
