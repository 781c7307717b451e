// SPDX-License-Identifier: Apache-2.0
import Platform

/// The PCI transport of a virtio device: legacy registers in I/O BAR 0, MSI-X in memory BAR 1, modern ones in 64-bit
/// memory BAR 4, all laid out as QEMU's.
///
/// A device owns one, is its `model`, and saves its state with its own. A driver that breaks the rules of the rings
/// breaks the device: it does nothing more until it is reset, and a modern driver sees NEEDS_RESET.
///
/// Not emulated: notifications through I/O ports (`modern-pio-notify`), a page for each queue, address translation.
/// Reference: Virtio 1.2, 4.1; what it leaves open, as QEMU 7.2 does it.
public final class VirtioPCI: PCIFunction {
  /// What the driver sees beside its queues.
  struct Registers: Equatable {
    var status: UInt8 = 0
    /// What a driver reads as ISR: bit 0 queue, bit 1 configuration.
    var interruptStatus: UInt8 = 0
    var featureSelect: UInt32 = 0
    var driverFeatureSelect: UInt32 = 0
    /// As the driver wrote them, and what became of them.
    var driverFeatures: UInt64 = 0
    var features: UInt64 = 0
    var queueSelect: UInt16 = 0
    var configurationVector = Virtqueue.noVector
    var generation: UInt8 = 0
    var isBroken = false

    mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("status", &status)
      try visitor.field("isr", &interruptStatus)
      try visitor.field("dfselect", &featureSelect)
      try visitor.field("gfselect", &driverFeatureSelect)
      try visitor.field("guest_features_written", &driverFeatures)
      try visitor.field("guest_features", &features)
      try visitor.field("queue_sel", &queueSelect)
      try visitor.field("config_vector", &configurationVector)
      try visitor.field("generation", &generation)
      try visitor.field("broken", &isBroken)
      guard interruptStatus & ~3 == 0 else { throw .outOfRange("isr") }
      guard Int(queueSelect) < VirtioPCI.queueLimit else { throw .outOfRange("queue_sel") }
    }
  }

  public struct State: Equatable {
    var configuration: PCIConfiguration
    var messages: MSIX.State?
    var registers: Registers
    var queues: [Virtqueue.State]

    public mutating func visit<V: StateVisitor>(_ visitor: inout V, _ transport: VirtioPCI) throws(StateError) {
      try configuration.visit(&visitor)
      if var table = messages {
        try table.visit(&visitor)
        messages = table
      }
      try registers.visit(&visitor)
      for (index, size) in transport.identity.queueSizes.enumerated() {
        try queues[index].visit(&visitor, maximumSize: size)
      }
      guard visitor.isLoading else { return }
      guard registers.features & ~transport.hostFeatures == 0 else { throw .outOfRange("guest_features") }
      for vector in queues.map(\.vector) + [registers.configurationVector] where !transport.isVector(vector) {
        throw .outOfRange("vector")
      }
    }
  }

  /// Most queues of a device.
  public static let queueLimit = 1024

  public let identity: VirtioIdentity
  public let options: VirtioOptions
  public let userID: String
  public let address: PCIAddress
  public let memory: GuestMemory
  /// The kind of device, which owns this.
  public weak var model: (any VirtioModel)?
  public let queues: [Virtqueue]
  public var configuration: PCIConfiguration
  let messages: MSIX?
  private let interruptLine: IRQLine
  private var regions: [PCIRegion] = []

  var registers = Registers()
  /// Those that were negotiated.
  public var features: UInt64 { registers.features }

  public var pciName: String { identity.pciName }

  /// Does not put itself onto the bus; the board does.
  public init(
    _ identity: VirtioIdentity, _ options: VirtioOptions, bus: PCIBus, address: PCIAddress, memory: GuestMemory,
    rom: RAMBlock? = nil, userID: String = ""
  ) {
    (self.identity, self.options, self.address) = (identity, options, address)
    (self.memory, self.userID) = (memory, userID)
    queues = identity.queueSizes.map { Virtqueue(size: $0, memory: memory) }
    interruptLine = bus.interruptLine(for: address)
    let vectorCount = options.vectorCount ?? identity.queueSizes.count + 1
    var registers: [Int: PCIBaseAddress] = [:]
    if options.hasLegacyInterface {
      let byteCount = Self.legacyByteCount(vectorCount > 0, identity.configurationByteCount)
      registers[0] = PCIBaseAddress(.io, byteCount: byteCount)
    }
    if vectorCount > 0 {
      let byteCount = MSIX.layout(vectorCount: vectorCount).byteCount
      registers[1] = PCIBaseAddress(.memory32(prefetchable: false), byteCount: byteCount)
    }
    if options.hasModernInterface {
      registers[4] = PCIBaseAddress(.memory64(prefetchable: true), byteCount: ModernLayout.byteCount(options))
    }
    if let rom { registers[6] = PCIBaseAddress(.rom, byteCount: UInt64(rom.byteCount)) }
    let isTransitional = options.hasLegacyInterface
    var configuration = PCIConfiguration(
      PCIIdentity(
        vendor: 0x1af4, device: isTransitional ? identity.transitionalID : 0x1040 + identity.deviceID,
        classCode: identity.classCode, revision: isTransitional ? 0 : 1,
        subsystem: isTransitional ? identity.deviceID : 0x1100,
        headerType: options.isMultifunction ? 0x80 : 0, interruptPin: 1),
      baseAddresses: registers)
    if options.hasModernInterface { ModernLayout.addCapabilities(to: &configuration, options) }
    messages =
      vectorCount > 0
      ? MSIX(
        &configuration, at: options.hasModernInterface ? 0x98 : 0x40, vectorCount: vectorCount, region: 1,
        sink: bus.messages) : nil
    configuration.freezeResetValues()
    self.configuration = configuration
    let name = identity.pciName
    if options.hasLegacyInterface {
      regions.append(PCIRegion(0, ports: bus.ports, device: VirtioLegacyPorts(self)))
    }
    if let messages {
      regions.append(
        PCIRegion(
          1, memory: bus.memory, name: "\(name).msix", byteCount: messages.byteCount,
          backing: .mmio(messages, offset: 0)))
    }
    if options.hasModernInterface {
      regions.append(
        PCIRegion(
          4, memory: bus.memory, name: "\(name).modern", byteCount: ModernLayout.byteCount(options),
          backing: .mmio(VirtioModernRegisters(self), offset: 0)))
    }
    if let rom {
      regions.append(
        PCIRegion(
          6, memory: bus.memory, name: "\(name).rom", byteCount: UInt64(rom.byteCount),
          backing: .ram(rom, offset: 0, isReadOnly: true)))
    }
  }

  /// Registers and configuration space in I/O space, a power of two.
  private static func legacyByteCount(_ hasMSIX: Bool, _ configurationByteCount: Int) -> UInt64 {
    var byteCount: UInt64 = 4
    while byteCount < (hasMSIX ? 24 : 20) + UInt64(configurationByteCount) { byteCount <<= 1 }
    return byteCount
  }

  // MARK: State

  public var state: State {
    get {
      State(
        configuration: configuration, messages: messages?.state, registers: registers, queues: queues.map(\.state))
    }
    set {
      configuration = newValue.configuration
      if let messages, let saved = newValue.messages { messages.state = saved }
      registers = newValue.registers
      for (queue, saved) in zip(queues, newValue.queues) { queue.state = saved }
    }
  }

  public func reset() {
    configuration.reset()
    messages?.reset()
    resetDevice()
    stateDidLoad()
  }

  public func stateDidLoad() {
    for queue in queues { queue.features = features }
    followConfiguration(isLoading: true)
  }

  /// The driver's reset: everything but what PCI software set up.
  func resetDevice() {
    model?.resetModel()
    registers = Registers()
    negotiate(0)
    for queue in queues { queue.reset() }
    updateInterrupt()
  }

  /// The queue whose registers are shown, if it exists.
  var selectedQueue: Virtqueue? {
    let index = Int(registers.queueSelect)
    return queues.indices.contains(index) ? queues[index] : nil
  }

  // MARK: PCI

  public func wasUnplugged() {
    reset()
    for region in regions { region.remove() }
    regions = []
  }

  public var canInterruptMasked: Bool { messages?.canInterruptMasked ?? false }
  public var mayWriteMemory: Bool {
    canWork && registers.status & VirtioStatus.driverOK != 0 && model?.mayWriteMemory ?? false
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) {
    if options.hasModernInterface, ModernLayout.isWindow(offset, width) { writeWindow() }
    followConfiguration(isLoading: false)
    if !mayMaster { registers.status &= ~VirtioStatus.driverOK }
  }

  public func readConfiguration(_ offset: UInt8, _ width: AccessWidth) -> UInt32 {
    if options.hasModernInterface, ModernLayout.isWindow(offset, width) { readWindow() }
    return configuration.read(offset, width)
  }

  private func followConfiguration(isLoading: Bool) {
    for region in regions { region.update(configuration) }
    messages?.follow(configuration, isLoading: isLoading)
    updateInterrupt()
  }

  var mayMaster: Bool { configuration.command & PCIConfiguration.Command.busMaster != 0 }
  var usesMessages: Bool { messages?.isEnabled ?? false }

  func isVector(_ vector: UInt16) -> Bool {
    vector == Virtqueue.noVector || Int(vector) < messages?.vectorCount ?? 0
  }

  // MARK: Interrupts

  /// INTx shows the interrupt status while MSI-X is off.
  func updateInterrupt() {
    let isPending = registers.interruptStatus & 1 != 0 && !usesMessages
    let old = configuration.load16(PCIConfiguration.Register.status)
    let bit = PCIConfiguration.Status.interrupt
    configuration.store16(PCIConfiguration.Register.status, isPending ? old | bit : old & ~bit)
    let isAllowed = configuration.command & PCIConfiguration.Command.interruptDisable == 0
    interruptLine.set(isPending && isAllowed)
  }

  private func interrupt(_ bits: UInt8, _ vector: UInt16) {
    registers.interruptStatus |= bits
    if let messages, messages.isEnabled {
      if vector != Virtqueue.noVector { messages.notify(Int(vector)) }
    } else {
      updateInterrupt()
    }
  }

  /// Reading the interrupt status acknowledges it.
  func takeInterruptStatus() -> UInt8 {
    defer {
      registers.interruptStatus = 0
      updateInterrupt()
    }
    return registers.interruptStatus
  }

  /// The device-specific configuration has changed.
  public func configurationSpaceDidChange() {
    guard registers.status & VirtioStatus.driverOK != 0 else { return }
    registers.generation &+= 1
    interrupt(3, registers.configurationVector)
  }

  // MARK: Queues

  /// False when the rings must not be touched: the device is broken or may not master the bus.
  public var canWork: Bool { !registers.isBroken && mayMaster }

  /// The next chain of a queue; nil when there is none or the device is broken.
  public func take(_ queue: Int) -> DescriptorChain? {
    guard canWork else { return nil }
    do throws(RingFault) {
      return try queues[queue].take()
    } catch {
      fail(error)
      return nil
    }
  }

  /// Gives a chain back and tells the driver, if it wants to know.
  ///
  /// - Parameter signals: whether the driver is told, if it wants to be; otherwise `signal` does it later.
  public func giveBack(_ chain: DescriptorChain, to queue: Int, written: Int, signals: Bool = true) {
    guard canWork else { return }
    do throws(RingFault) {
      try queues[queue].giveBack(chain, written: written)
    } catch {
      fail(error)
    }
    if signals { signal(queue) }
  }

  /// Tells the driver of what was given back, if it wants to know of any of that.
  public func signal(_ queue: Int) {
    guard canWork else { return }
    do throws(RingFault) {
      if try queues[queue].mustSignal() { interrupt(1, queues[queue].state.vector) }
    } catch {
      fail(error)
    }
  }

  /// Makes chains available again that were taken last and not used.
  func putBack(_ chains: [DescriptorChain], to queue: Int) {
    for chain in chains.reversed() { queues[queue].putBack(chain) }
  }

  /// What the driver did cannot be made sense of. Nothing but a reset helps.
  public func fail(_ fault: RingFault) {
    guard !registers.isBroken else { return }
    registers.isBroken = true
    if features & VirtioFeature.version1 != 0 {
      registers.status |= VirtioStatus.needsReset
      configurationSpaceDidChange()
    }
  }

  func notify(_ queue: Int) {
    guard queues.indices.contains(queue), queues[queue].isReady, canWork else { return }
    model?.queueWasNotified(queue)
  }

  // MARK: Negotiation

  /// All that is offered to one driver or another.
  var hostFeatures: UInt64 { options.features | kindFeatures(isLegacy: true) | kindFeatures(isLegacy: false) }

  private func kindFeatures(isLegacy: Bool) -> UInt64 { model?.features(isLegacy: isLegacy) ?? 0 }

  func offeredFeatures(isLegacy: Bool) -> UInt64 {
    let all = options.features | kindFeatures(isLegacy: isLegacy)
    return isLegacy ? all & 0xffff_ffff : all & ~VirtioFeature.legacyOnly
  }

  /// Takes what the driver accepts, until it says that it is done.
  func accept(_ wanted: UInt64, isLegacy: Bool) {
    guard registers.status & VirtioStatus.featuresOK == 0 else { return }
    negotiate(wanted & offeredFeatures(isLegacy: isLegacy))
  }

  private func negotiate(_ accepted: UInt64) {
    registers.features = accepted
    for queue in queues { queue.features = accepted }
  }

  /// A write to the device status.
  func setStatus(_ value: UInt8) {
    guard value != 0 else { return resetDevice() }
    var value = value
    // The driver sees that what it accepted is not enough.
    let isSettling = value & VirtioStatus.featuresOK & ~registers.status != 0
    if isSettling, options.requiresPlatformAddresses, features & VirtioFeature.platformAddresses == 0 {
      value &= ~VirtioStatus.featuresOK
    }
    let becomesReady = value & VirtioStatus.driverOK != 0 && registers.status & VirtioStatus.driverOK == 0
    registers.status = value
    if becomesReady { model?.driverIsReady() }
  }

  func setVector(_ vector: UInt16) -> UInt16 { isVector(vector) ? vector : Virtqueue.noVector }
}
