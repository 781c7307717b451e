// SPDX-License-Identifier: Apache-2.0
import Platform

/// The registers of before virtio 1.0, in I/O BAR 0. Virtio 1.2, 4.1.4.10.
///
/// The device's own configuration follows the registers: at 24, or at 20 while MSI-X is off.
final class VirtioLegacyPorts: WidePortDevice {
  private enum Register {
    static let hostFeatures: UInt16 = 0
    static let guestFeatures: UInt16 = 4
    static let queueAddress: UInt16 = 8
    static let queueSize: UInt16 = 12
    static let queueSelect: UInt16 = 14
    static let queueNotify: UInt16 = 16
    static let status: UInt16 = 18
    static let interruptStatus: UInt16 = 19
    static let configurationVector: UInt16 = 20
    static let queueVector: UInt16 = 22
  }

  private unowned let transport: VirtioPCI

  init(_ transport: VirtioPCI) { self.transport = transport }

  private var queue: Virtqueue? { transport.selectedQueue }

  private var registerByteCount: UInt16 { transport.usesMessages ? 24 : 20 }

  func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    if offset >= registerByteCount { return readSpace(Int(offset - registerByteCount), width) }
    switch offset {
    case Register.hostFeatures: return UInt32(truncatingIfNeeded: transport.offeredFeatures(isLegacy: true))
    case Register.guestFeatures: return UInt32(truncatingIfNeeded: transport.features)
    case Register.queueAddress: return UInt32(truncatingIfNeeded: (queue?.state.descriptorArea ?? 0) >> 12)
    case Register.queueSize: return UInt32(queue?.state.size ?? 0)
    case Register.queueSelect: return UInt32(transport.registers.queueSelect)
    case Register.status: return UInt32(transport.registers.status)
    case Register.interruptStatus: return UInt32(transport.takeInterruptStatus())
    case Register.configurationVector: return UInt32(transport.registers.configurationVector)
    case Register.queueVector: return UInt32(queue?.state.vector ?? Virtqueue.noVector)
    default: return .max
    }
  }

  private func readSpace(_ offset: Int, _ width: AccessWidth) -> UInt32 {
    let space = transport.model?.configurationSpace ?? []
    var value: UInt32 = 0
    for index in 0..<width.byteCount {
      let position = offset + index
      let byte = position < space.count ? space[position] : 0xff
      value |= UInt32(byte) << UInt32(8 * index)
    }
    return value
  }

  func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    if offset >= registerByteCount {
      for index in 0..<width.byteCount {
        transport.model?.writeConfigurationSpace(
          Int(offset - registerByteCount) + index, UInt8(truncatingIfNeeded: value >> UInt32(8 * index)))
      }
      return
    }
    let word = UInt16(truncatingIfNeeded: value)
    switch offset {
    case Register.guestFeatures: transport.accept(UInt64(value), isLegacy: true)
    case Register.queueAddress: setQueueAddress(UInt64(value) << 12)
    case Register.queueSelect: if Int(word) < VirtioPCI.queueLimit { transport.registers.queueSelect = word }
    case Register.queueNotify: transport.notify(Int(word))
    case Register.status: setStatus(UInt8(truncatingIfNeeded: value))
    case Register.configurationVector: transport.registers.configurationVector = transport.setVector(word)
    case Register.queueVector: queue?.state.vector = transport.setVector(word)
    default: break
    }
  }

  /// The three parts of a ring follow each other, the used ring on a page of its own. Virtio 1.2, 2.7.2.
  private func setQueueAddress(_ address: UInt64) {
    guard address != 0 else { return transport.resetDevice() }
    guard let queue, queue.state.size > 0 else { return }
    let size = UInt64(queue.state.size)
    queue.state.descriptorArea = address
    queue.state.driverArea = address &+ 16 * size
    queue.state.deviceArea = (queue.state.driverArea &+ 4 &+ 2 * size &+ 4095) & ~4095
    queue.state.isEnabled = true
  }

  private func setStatus(_ value: UInt8) {
    transport.setStatus(value)
    // Linux before 2.6.34 drives the device without making it a bus master.
    if value == VirtioStatus.acknowledge | VirtioStatus.driver, !transport.mayMaster {
      let command = PCIConfiguration.Register.command
      transport.configuration.store16(command, transport.configuration.command | PCIConfiguration.Command.busMaster)
      transport.configurationDidChange(UInt8(command), .word)
    }
  }
}
