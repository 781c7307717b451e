// SPDX-License-Identifier: Apache-2.0
import Platform

/// Where the modern registers are in BAR 4, and the capabilities that say so. Virtio 1.2, 4.1.4; places as QEMU's.
enum ModernLayout {
  static let common: UInt64 = 0x0000
  static let interruptStatus: UInt64 = 0x1000
  static let device: UInt64 = 0x2000
  static let notify: UInt64 = 0x3000
  /// Most queues that a device can have.
  private static let queueLimit: UInt64 = 1024

  /// Distance of two queues' notification registers.
  static func notifyStride(_ options: VirtioOptions) -> UInt64 { options.hasPagePerQueue ? 0x1000 : 4 }

  /// All of them, a power of two.
  static func byteCount(_ options: VirtioOptions) -> UInt64 { options.hasPagePerQueue ? 0x80_0000 : 0x4000 }

  /// The capability through which configuration cycles reach the registers: its fields.
  enum Window {
    static let capability = 0x84
    static let offset = capability + 8
    static let length = capability + 12
    static let data = capability + 16
  }

  static func addCapabilities(to configuration: inout PCIConfiguration, _ options: VirtioOptions) {
    let stride = notifyStride(options)
    func body(_ byteCount: UInt8, type: UInt8, region: UInt8, offset: UInt64, length: UInt64) -> [UInt8] {
      [byteCount, type, region, 0, 0, 0] + bytes(offset) + bytes(length)
    }
    func bytes(_ value: UInt64) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
    let vendor = PCICapability.vendorSpecific
    configuration.addCapability(vendor, at: 0x40, body(16, type: 1, region: 4, offset: common, length: 0x1000))
    configuration.addCapability(vendor, at: 0x50, body(16, type: 3, region: 4, offset: interruptStatus, length: 0x1000))
    configuration.addCapability(vendor, at: 0x60, body(16, type: 4, region: 4, offset: device, length: 0x1000))
    configuration.addCapability(
      vendor, at: 0x70, body(20, type: 2, region: 4, offset: notify, length: stride * queueLimit) + bytes(stride))
    configuration.addCapability(
      vendor, at: Window.capability, body(20, type: 5, region: 0, offset: 0, length: 0) + [0, 0, 0, 0])
    configuration.allowWrites(Window.capability + 4, mask: 0x00ff)
    for offset in [Window.offset, Window.length, Window.data] {
      configuration.allowWrites(offset, mask: 0xffff)
      configuration.allowWrites(offset + 2, mask: 0xffff)
    }
  }

  static func isWindow(_ offset: UInt8, _ width: AccessWidth) -> Bool {
    Int(offset) < Window.data + 4 && Int(offset) + width.byteCount > Window.data
  }
}

extension VirtioPCI {
  private var window: (offset: UInt64, width: AccessWidth)? {
    let length = configuration.load32(ModernLayout.Window.length)
    guard length <= 4, let width = AccessWidth(rawValue: UInt8(length)) else { return nil }
    let offset = UInt64(configuration.load32(ModernLayout.Window.offset))
    guard offset + UInt64(length) <= ModernLayout.byteCount(options) else { return nil }
    return (offset, width)
  }

  func writeWindow() {
    guard let (offset, width) = window else { return }
    let value = UInt64(configuration.load32(ModernLayout.Window.data)) & width.allOnes
    VirtioModernRegisters(self).write(memory: offset, width: width, value)
  }

  func readWindow() {
    guard let (offset, width) = window else { return }
    let value = UInt32(truncatingIfNeeded: VirtioModernRegisters(self).read(memory: offset, width: width))
    for index in 0..<width.byteCount {
      configuration.store8(ModernLayout.Window.data + index, UInt8(truncatingIfNeeded: value >> UInt32(8 * index)))
    }
  }
}

/// The registers of virtio 1.0 and later, in memory BAR 4. A driver accesses each field in its own width.
final class VirtioModernRegisters: MMIODevice {
  /// Offsets of the common configuration. Virtio 1.2, 4.1.4.3.
  private enum Common {
    static let deviceFeatureSelect: UInt64 = 0x00
    static let deviceFeature: UInt64 = 0x04
    static let driverFeatureSelect: UInt64 = 0x08
    static let driverFeature: UInt64 = 0x0c
    static let configurationVector: UInt64 = 0x10
    static let queueCount: UInt64 = 0x12
    static let status: UInt64 = 0x14
    static let generation: UInt64 = 0x15
    static let queueSelect: UInt64 = 0x16
    static let queueSize: UInt64 = 0x18
    static let queueVector: UInt64 = 0x1a
    static let queueEnable: UInt64 = 0x1c
    static let queueNotifyOffset: UInt64 = 0x1e
    static let descriptorArea: UInt64 = 0x20
    static let driverArea: UInt64 = 0x28
    static let deviceArea: UInt64 = 0x30
    static let queueReset: UInt64 = 0x3a
  }

  private unowned let transport: VirtioPCI

  init(_ transport: VirtioPCI) { self.transport = transport }

  private var queue: Virtqueue? { transport.selectedQueue }

  func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    let local = offset & 0xfff
    switch offset & ~0xfff {
    case ModernLayout.common:
      guard width == .qword else { return readCommon(local) & width.allOnes }
      return readCommon(local) & 0xffff_ffff | readCommon(local + 4) << 32
    case ModernLayout.interruptStatus: return local == 0 ? UInt64(transport.takeInterruptStatus()) : 0
    case ModernLayout.device:
      let space = transport.model?.configurationSpace ?? []
      var value: UInt64 = 0
      for index in 0..<width.byteCount {
        let position = Int(local) + index
        value |= UInt64(position < space.count ? space[position] : 0xff) << UInt64(8 * index)
      }
      return value
    default: return 0
    }
  }

  func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    let local = offset & 0xfff
    switch offset & ~0xfff {
    case ModernLayout.common:
      writeCommon(local, value)
      if width == .qword { writeCommon(local + 4, value >> 32) }
    case ModernLayout.device:
      for index in 0..<width.byteCount {
        transport.model?.writeConfigurationSpace(
          Int(local) + index, UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
      }
    case ModernLayout.notify...:
      transport.notify(Int((offset - ModernLayout.notify) / ModernLayout.notifyStride(transport.options)))
    default: break
    }
  }

  private func readCommon(_ offset: UInt64) -> UInt64 {
    let state = queue?.state
    func half(_ value: UInt64?, _ isUpper: Bool) -> UInt64 { ((value ?? 0) >> (isUpper ? 32 : 0)) & 0xffff_ffff }
    func word(_ value: UInt64, _ select: UInt32) -> UInt64 { select < 2 ? half(value, select == 1) : 0 }
    switch offset {
    case Common.deviceFeatureSelect: return UInt64(transport.registers.featureSelect)
    case Common.deviceFeature:
      return word(transport.offeredFeatures(isLegacy: false), transport.registers.featureSelect)
    case Common.driverFeatureSelect: return UInt64(transport.registers.driverFeatureSelect)
    case Common.driverFeature: return word(transport.registers.driverFeatures, transport.registers.driverFeatureSelect)
    case Common.configurationVector: return UInt64(transport.registers.configurationVector)
    case Common.queueCount: return UInt64(transport.queues.count)
    case Common.status: return UInt64(transport.registers.status)
    case Common.generation: return UInt64(transport.registers.generation)
    case Common.queueSelect: return UInt64(transport.registers.queueSelect)
    case Common.queueSize: return UInt64(state?.size ?? 0)
    case Common.queueVector: return UInt64(state?.vector ?? Virtqueue.noVector)
    case Common.queueEnable: return state?.isEnabled == true ? 1 : 0
    case Common.queueNotifyOffset: return UInt64(transport.registers.queueSelect)
    case Common.descriptorArea, Common.descriptorArea + 4:
      return half(state?.descriptorArea, offset != Common.descriptorArea)
    case Common.driverArea, Common.driverArea + 4: return half(state?.driverArea, offset != Common.driverArea)
    case Common.deviceArea, Common.deviceArea + 4: return half(state?.deviceArea, offset != Common.deviceArea)
    default: return 0
    }
  }

  private func writeCommon(_ offset: UInt64, _ value: UInt64) {
    let word = UInt16(truncatingIfNeeded: value)
    func set(_ area: inout UInt64, _ isUpper: Bool) {
      let half = value & 0xffff_ffff
      area = isUpper ? area & 0xffff_ffff | half << 32 : area & ~0xffff_ffff | half
    }
    switch offset {
    case Common.deviceFeatureSelect: transport.registers.featureSelect = UInt32(truncatingIfNeeded: value)
    case Common.driverFeatureSelect: transport.registers.driverFeatureSelect = UInt32(truncatingIfNeeded: value)
    case Common.driverFeature:
      guard transport.registers.driverFeatureSelect < 2 else { return }
      set(&transport.registers.driverFeatures, transport.registers.driverFeatureSelect == 1)
      transport.accept(transport.registers.driverFeatures, isLegacy: false)
    case Common.configurationVector: transport.registers.configurationVector = transport.setVector(word)
    case Common.status: transport.setStatus(UInt8(truncatingIfNeeded: value))
    case Common.queueSelect: if Int(word) < VirtioPCI.queueLimit { transport.registers.queueSelect = word }
    case Common.queueSize:
      if let queue, queue.state.size > 0, (1...Virtqueue.sizeLimit).contains(word) { queue.state.size = word }
    case Common.queueVector: queue?.state.vector = transport.setVector(word)
    case Common.queueEnable:
      guard word == 1 else { return transport.fail(.badRegister) }
      queue?.state.isEnabled = true
    case Common.descriptorArea, Common.descriptorArea + 4:
      if let queue { set(&queue.state.descriptorArea, offset != Common.descriptorArea) }
    case Common.driverArea, Common.driverArea + 4:
      if let queue { set(&queue.state.driverArea, offset != Common.driverArea) }
    case Common.deviceArea, Common.deviceArea + 4:
      if let queue { set(&queue.state.deviceArea, offset != Common.deviceArea) }
    case Common.queueReset:
      guard word == 1, transport.options.offersRingReset, let queue else { return }
      transport.model?.queueWasReset(Int(transport.registers.queueSelect))
      queue.reset()
    default: break
    }
  }
}
