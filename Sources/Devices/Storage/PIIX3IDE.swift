// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// The IDE function of the PIIX3 (8086:7010): two channels in compatibility mode at 1F0h/3F6h and 170h/376h with ISA
/// interrupts 14 and 15, and a bus master whose 16 ports BAR 4 places.
///
/// The drives' requests and buffers are part of the state: a loaded machine asks the back end again for what was under
/// way, with the deadline it had.
///
/// *Not emulated:* the decode enables in the timing registers: the ports answer from power-up, as in QEMU; cable timing.
///
/// *Reference:* Intel 82371FB (PIIX) and 82371SB (PIIX3) data sheet, order number 290550-002, sections 2.3, 2.7 and 3.5.
public final class PIIX3IDE: Device, PCIFunction {
  public struct State: DeviceState {
    public static let name: StaticString = "piix3-ide"
    public static let version = 1
    var configuration: PCIConfiguration
    var channels: [IDEChannel.State]
    var drives: [IDEDriveState]

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
      for index in channels.indices { try channels[index].visit(&visitor) }
      for index in drives.indices { try drives[index].visit(&visitor) }
    }
  }

  /// What is plugged in where.
  public enum Drive {
    case disk(BlockBackend, IDEDriveIdentity? = nil)
    case opticalDisc(BlockBackend, IDEDriveIdentity? = nil)
  }

  public var configuration: PCIConfiguration
  public let pciName = "piix3-ide"
  fileprivate let channels: [IDEChannel]
  private let controlPorts: [IDEControlPort]
  private lazy var busMasterRegion = PCIRegion(4, ports: ports, device: BusMasterPorts(self))
  private let ports: PortSpace

  /// `drives` are primary master and slave, secondary master and slave; shorter lists are filled up with nothing.
  /// The function does not put itself onto a PCI bus; the board does.
  public init(
    ports: PortSpace, memory: GuestMemory, primaryInterrupt: IRQLine, secondaryInterrupt: IRQLine, drives: [Drive?]
  ) {
    self.ports = ports
    var configuration = PCIConfiguration(
      PCIIdentity(vendor: 0x8086, device: 0x7010, classCode: 0x010180),
      baseAddresses: [4: PCIBaseAddress(.io, byteCount: 16)])
    configuration.store16(PCIConfiguration.Register.status, 0x0280)  // medium DEVSEL#, fast back-to-back
    configuration.allowWrites(0x40, mask: 0xffff)  // IDETIM of the primary and of the secondary channel
    configuration.allowWrites(0x42, mask: 0xffff)
    configuration.allowWrites(0x44, mask: 0x00ff)  // SIDETIM
    configuration.freezeResetValues()
    self.configuration = configuration
    channels = [primaryInterrupt, secondaryInterrupt].map { IDEChannel(memory: memory, irq: $0) }
    controlPorts = channels.map { IDEControlPort(channel: $0) }
    for (index, drive) in drives.prefix(4).enumerated() { plug(drive, at: index) }
    for (channel, start) in zip(channels, [UInt16(0x1f0), 0x170]) { ports.map(start...start + 7, to: channel) }
    for (port, number) in zip(controlPorts, [UInt16(0x3f6), 0x376]) { ports.map(number...number, to: port) }
    _ = busMasterRegion
    reset(.power)
  }

  private func plug(_ drive: Drive?, at index: Int) {
    let channel = channels[index / 2]
    let isDevice1 = index % 2 == 1
    let serial = "QM0000\(index + 1)"
    switch drive {
    case nil: break
    case .disk(let backend, let identity):
      channel.attach(
        ATADisk(
          backend: backend, channel: channel, isDevice1: isDevice1,
          identity: identity ?? IDEDriveIdentity(serial: serial, model: "QEMU HARDDISK")))
    case .opticalDisc(let backend, let identity):
      let drive = ATAPIDrive(
        backend: backend, channel: channel, isDevice1: isDevice1,
        identity: identity ?? IDEDriveIdentity(serial: serial, model: "QEMU DVD-ROM"))
      channel.attach(drive)
      backend.device = drive
    }
  }

  private var drives: [IDEDrive?] { channels.flatMap(\.drives) }

  public var state: State {
    get {
      State(
        configuration: configuration, channels: channels.map(\.state),
        drives: drives.map { $0?.state ?? IDEDriveState(kind: .none) })
    }
    set {
      configuration = newValue.configuration
      for (channel, saved) in zip(channels, newValue.channels) { channel.state = saved }
      for (drive, saved) in zip(drives, newValue.drives) { drive?.state = saved }
    }
  }

  public func reset(_ kind: ResetKind) {
    configuration.reset()
    followConfiguration()
    for channel in channels { channel.reset() }
  }

  public func stateDidLoad() {
    followConfiguration()
    for channel in channels { channel.stateDidLoad() }
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) {
    followConfiguration()
    for channel in channels { channel.pumpBusMaster() }
  }

  private func followConfiguration() {
    busMasterRegion.update(configuration)
    let mayMaster = configuration.command & PCIConfiguration.Command.busMaster != 0
    for channel in channels { channel.mayMasterBus = mayMaster }
  }

  /// Geometry of the disk at a position (0 primary master ... 3 secondary slave), for the CMOS; nil if there is none.
  public func geometry(ofDrive index: Int) -> ATAGeometry? {
    drives.indices.contains(index) ? (drives[index] as? ATADisk)?.geometry : nil
  }
}

/// The bus master's registers: eight ports per channel, all of them bytes to us.
private final class BusMasterPorts: WidePortDevice {
  private unowned let ide: PIIX3IDE
  init(_ ide: PIIX3IDE) { self.ide = ide }

  func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<UInt16(width.rawValue) {
      let port = offset &+ index
      value |= UInt32(ide.channels[Int(port >> 3 & 1)].readBusMaster(port & 7)) << UInt32(8 * index)
    }
    return value
  }

  func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    for index in 0..<UInt16(width.rawValue) {
      let port = offset &+ index
      ide.channels[Int(port >> 3 & 1)].writeBusMaster(port & 7, UInt8(truncatingIfNeeded: value >> UInt32(8 * index)))
    }
  }
}
