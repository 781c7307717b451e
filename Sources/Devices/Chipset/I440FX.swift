// SPDX-License-Identifier: Apache-2.0
import Platform

/// Intel 440FX host bridge (PMC, 8086:1237) at 00:00.0: configuration ports CF8h and CFCh, PAM registers that shadow
/// C0000h...FFFFFh, SMRAM control.
///
/// PAM edits the memory map: a segment shows RAM, what lies behind it on PCI, or one for reads and the other for writes.
///
/// Not emulated: DRAM timing and row boundaries beyond storing them, ECC, AGP. SMM does not exist, so SMRAM shows only
/// while D_OPEN is set.
/// Reference: Intel 82441FX (PMC) data sheet, order number 290549, sections 3.2.16...3.2.18.
public final class I440FX: Device, PCIFunction {
  public struct State: DeviceState {
    public static let name: StaticString = "I440FX"
    public static let version = 1
    var configuration: PCIConfiguration

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
    }
  }

  enum Register {
    static let pam0 = 0x59
    static let smram = 0x72
  }

  public var state: State
  public let pciName = "i440FX"
  private let map: MemoryMap
  private let ram: RAMBlock
  private let segments: [Segment]
  private let smram: MemoryMap.Region

  /// One PAM field: a register half and the addresses it governs.
  private struct Segment {
    let register: Int
    let shift: UInt8
    let start: UInt64
    let region: MemoryMap.Region
    let writeThrough: RAMWriter
  }

  /// Writes that go to RAM where reads do not.
  private final class RAMWriter: MMIODevice {
    let ram: RAMBlock
    let start: Int
    init(ram: RAMBlock, start: Int) {
      self.ram = ram
      self.start = start
    }
    func read(memory offset: UInt64, width: AccessWidth) -> UInt64 { width.allOnes }
    func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
      for index in 0..<width.byteCount {
        let position = start + Int(truncatingIfNeeded: offset) + index
        guard position < ram.byteCount else { return }
        ram.contents[position] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        ram.dirtyLog?.mark(page: position / Int(pageByteCount))
      }
    }
  }

  /// What PAM shows for reads when it does not show RAM.
  public struct Firmware {
    /// The block whose bytes lie at `start...` in the PCI address space below 1 MiB.
    public var block: RAMBlock
    public var start: UInt64
    public var offset: Int
    public init(block: RAMBlock, start: UInt64, offset: Int) {
      self.block = block
      self.start = start
      self.offset = offset
    }
  }

  /// - Parameters:
  ///   - ram: main memory, whose byte n is at address n below 1 MiB.
  ///   - firmware: what lies behind each part of C0000h...FFFFFh on PCI.
  public init(map: MemoryMap, ram: RAMBlock, firmware: [Firmware]) {
    self.map = map
    self.ram = ram
    var configuration = PCIConfiguration(
      PCIIdentity(vendor: 0x8086, device: 0x1237, classCode: 0x060000, revision: 2))
    // Registers whose function is not emulated (DRAM timing and rows among them) are storage.
    for offset in stride(from: 0x40, to: 0x100, by: 2) { configuration.allowWrites(offset, mask: 0xffff) }
    configuration.store8(Register.smram, 0x02)
    configuration.freezeResetValues()
    state = State(configuration: configuration)
    var segments: [Segment] = []
    for index in 0..<13 {
      let start: UInt64 = index == 0 ? 0xf0000 : 0xc0000 + UInt64(index - 1) * 0x4000
      let size: UInt64 = index == 0 ? 0x10000 : 0x4000
      let register = Register.pam0 + (index + 1) / 2
      let region = map.add(
        "pam", at: start, byteCount: size, .ram(ram, offset: Int(start), isReadOnly: false), priority: 4,
        isEnabled: false)
      segments.append(
        Segment(
          register: register, shift: index & 1 == 0 ? 4 : 0, start: start, region: region,
          writeThrough: RAMWriter(ram: ram, start: Int(start))))
    }
    self.segments = segments
    self.firmware = firmware
    smram = map.add(
      "smram", at: 0xa0000, byteCount: 0x20000, .ram(ram, offset: 0xa0000, isReadOnly: false), priority: 5,
      isEnabled: false)
  }

  private let firmware: [Firmware]

  public var configuration: PCIConfiguration {
    get { state.configuration }
    set { state.configuration = newValue }
  }

  public func reset(_ kind: ResetKind) {
    state.configuration.reset()
    stateDidLoad()
  }

  public func stateDidLoad() {
    updateSegments()
    updateSMRAM()
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) {
    let touched = Int(offset)..<Int(offset) + width.byteCount
    if touched.overlaps(Register.pam0..<0x60) { updateSegments() }
    if touched.contains(Register.smram) { updateSMRAM() }
  }

  private func updateSegments() {
    for segment in segments {
      let attribute = state.configuration.load8(segment.register) >> segment.shift & 3
      let offset = Int(segment.start)
      switch attribute {
      case 0: map.update(segment.region, isEnabled: false)
      case 1: map.update(segment.region, backing: .ram(ram, offset: offset, isReadOnly: true), isEnabled: true)
      case 2:
        if let behind = firmware.first(where: {
          segment.start >= $0.start && segment.start - $0.start < UInt64($0.block.byteCount - $0.offset)
        }) {
          let position = behind.offset + Int(segment.start - behind.start)
          map.update(
            segment.region, backing: .romd(behind.block, offset: position, segment.writeThrough), isEnabled: true)
        } else {
          map.update(segment.region, backing: .mmio(segment.writeThrough, offset: 0), isEnabled: true)
        }
      default: map.update(segment.region, backing: .ram(ram, offset: offset, isReadOnly: false), isEnabled: true)
      }
    }
  }

  /// D_OPEN without D_CLS shows RAM behind the VGA window; D_LCK freezes that until reset.
  private func updateSMRAM() {
    let value = state.configuration.load8(Register.smram)
    if value & 0x10 != 0 {
      state.configuration.store8(Register.smram, value & ~0x40)
    }
    map.update(smram, isEnabled: state.configuration.load8(Register.smram) & 0x68 == 0x48)
  }
}

/// Configuration mechanism #1: CONFADD at CF8h and CONFDATA at CFCh. PCI Local Bus Specification 3.0, 3.2.2.3.2.
public final class PCIConfigurationPorts: Device, WidePortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "PCIHOST"
    public static let version = 1
    var address: UInt32 = 0
    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("config_reg", &address)
    }
  }

  public var state = State()
  private let bus: PCIBus

  public init(bus: PCIBus) { self.bus = bus }

  public func reset(_ kind: ResetKind) { state = State() }
  public func stateDidLoad() {}

  private func target(_ offset: UInt16) -> (PCIAddress, UInt8)? {
    guard state.address & 0x8000_0000 != 0, state.address >> 16 & 0xff == 0 else { return nil }
    let address = PCIAddress(
      slot: UInt8(truncatingIfNeeded: state.address >> 11), function: UInt8(truncatingIfNeeded: state.address >> 8))
    return (address, UInt8(truncatingIfNeeded: state.address & 0xfc) | UInt8(truncatingIfNeeded: offset & 3))
  }

  /// Mapped at CF8h...CFFh.
  public func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    if offset < 4 { return offset == 0 ? state.address : .max }
    guard let (address, register) = target(offset) else { return .max }
    return bus.read(address, register, width)
  }

  public func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    if offset < 4 {
      if offset == 0, width == .dword { state.address = value }
    } else if let (address, register) = target(offset) {
      bus.write(address, register, width, value)
    }
  }
}
