// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Screen

/// Standard VGA (PCI 1234:1111): an IBM VGA with linear modes behind the DISPI registers. QEMU's `-device VGA`.
///
/// Ports 3B4h...3DAh and 1CEh...1D1h, the window A0000h...BFFFFh, a linear frame buffer (BAR 0), registers in memory
/// (BAR 2) and an option ROM. Video memory stores the four planes of an address next to each other, so byte 4n + p
/// of the frame buffer is byte n of plane p; chain-4 addresses are then plain bytes.
///
/// The picture is drawn only when somebody asks (`capture`), from the registers and memory as they are at that instant.
/// Nothing is drawn ahead, so there is no stale frame and no timer.
///
/// Not emulated: interrupts (never wired on PCI), light pen, overscan colour, horizontal skew. As in QEMU, text attribute
/// bit 7 is a bright background unless a capture asks for blinking, and underlining is not drawn.
/// Reference: IBM PS/2 Hardware Interface Technical Reference, Video Subsystems, 1992; QEMU, docs/specs/standard-vga.
public final class StandardVGA: Device, PCIFunction, MMIODevice {
  public var state: State
  public let pciName = "VGA"
  /// The user's `id=`, empty for none.
  public var userID = ""
  /// Video memory; saved with the machine's RAM.
  public let videoMemory: RAMBlock
  let clock: VirtualClock
  /// The fonts of the option ROM.
  let fonts: [BitmapFont]
  private let map: MemoryMap
  private let ports: PortSpace
  /// Chain-4 addresses in RAM over the window, while a mode lets them.
  private let directWindow: MemoryMap.Region
  private var directWindowOffset: Int?
  private var regions: [PCIRegion] = []
  var look = Look()
  /// Where the characters of graphics modes are known from, besides the option ROM: the memory in which guests have fonts.
  public var fontMemory: RAMBlock?
  /// Reads pictures for waits.
  var reader: ScreenReader
  /// The same for everybody else.
  var onlookersReader: ScreenReader
  /// The former has read since the latter did.
  var hasReadForWaits = false

  static let windowStart: UInt64 = 0xa0000
  static let windowByteCount: UInt64 = 0x20000

  /// Maps itself onto the bus.
  ///
  /// - Parameters:
  ///   - rom: the option ROM; its base address register has the next power of two of bytes. None if empty.
  ///   - videoMemoryByteCount: rounded up to a power of two, from 256 KiB to 256 MiB.
  ///   - isMultifunction: its slot has further functions, as its header tells.
  public init(
    bus: PCIBus, address: PCIAddress, clock: VirtualClock, rom: [UInt8], videoMemoryByteCount: Int = 16 << 20,
    isMultifunction: Bool = false
  ) throws(Errno) {
    let byteCount = Self.powerOfTwo(atLeast: min(max(videoMemoryByteCount, 256 << 10), 256 << 20))
    videoMemory = try RAMBlock(name: "vga.vram", byteCount: byteCount)
    self.clock = clock
    fonts = BitmapFont.inVideoBIOS(rom)
    reader = ScreenReader(fonts: fonts)
    onlookersReader = reader
    map = bus.memory
    ports = bus.ports
    var registers = [
      0: PCIBaseAddress(.memory32(prefetchable: true), byteCount: UInt64(byteCount)),
      2: PCIBaseAddress(.memory32(prefetchable: false), byteCount: RegisterWindow.byteCount),
    ]
    let romByteCount = Self.powerOfTwo(atLeast: max(rom.count, 2048))
    if !rom.isEmpty { registers[6] = PCIBaseAddress(.rom, byteCount: UInt64(romByteCount)) }
    state = State(
      configuration: PCIConfiguration(
        PCIIdentity(
          vendor: 0x1234, device: 0x1111, classCode: 0x030000, revision: 2, headerType: isMultifunction ? 0x80 : 0),
        baseAddresses: registers),
      videoMemoryByteCount: byteCount)
    directWindow = map.add(
      "vga.chain4", at: Self.windowStart, byteCount: 0x10000, .ram(videoMemory, offset: 0, isReadOnly: false),
      priority: 2, isEnabled: false)
    map.add(
      "vga.window", at: Self.windowStart, byteCount: Self.windowByteCount, .mmio(self, offset: 0), priority: 1)
    for range in LegacyPorts.ranges { ports.map(range, to: LegacyPorts(self, from: range.lowerBound)) }
    ports.map(DISPIPorts.range, to: DISPIPorts(self))
    regions.append(
      PCIRegion(
        0, memory: map, name: "vga.vram", byteCount: UInt64(byteCount),
        backing: .ram(videoMemory, offset: 0, isReadOnly: false)))
    regions.append(
      PCIRegion(
        2, memory: map, name: "vga.mmio", byteCount: RegisterWindow.byteCount,
        backing: .mmio(RegisterWindow(self), offset: 0)))
    if !rom.isEmpty {
      let block = try RAMBlock(name: "vga.rom", byteCount: romByteCount)
      block.contents.copyBytes(from: rom)
      regions.append(
        PCIRegion(
          6, memory: map, name: "vga.rom", byteCount: UInt64(romByteCount),
          backing: .ram(block, offset: 0, isReadOnly: true)))
    }
    bus.add(self, at: address)
  }

  private static func powerOfTwo(atLeast count: Int) -> Int {
    var size = 1
    while size < count { size <<= 1 }
    return size
  }

  public var configuration: PCIConfiguration {
    get { state.configuration }
    set { state.configuration = newValue }
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) { updateRegions() }

  public func reset(_ kind: ResetKind) {
    state = state.afterReset()
    stateDidLoad()
  }

  public func stateDidLoad() {
    look.forget()
    updateRegions()
    updateWindow()
  }

  private func updateRegions() { for region in regions { region.update(state.configuration) } }

  /// Lets the processor reach video memory without us while every access of the window is a plain byte of it.
  func updateWindow() {
    let offset = state.directWindowOffset
    guard offset != directWindowOffset else { return }
    directWindowOffset = offset
    if let offset {
      map.update(directWindow, backing: .ram(videoMemory, offset: offset, isReadOnly: false), isEnabled: true)
    } else {
      map.update(directWindow, isEnabled: false)
    }
  }

  /// Whether pixels and not characters are shown.
  package var showsGraphics: Bool {
    state.dispi.isEnabled || state.graphics[Graphics.miscellaneous] & Graphics.graphicsMode != 0
  }
}
