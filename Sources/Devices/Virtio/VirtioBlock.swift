// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform

/// A virtio disk (1AF4:1001, or 1AF4:1042 without the legacy interface). QEMU's `virtio-blk-pci`.
///
/// Requests are taken from the rings when the driver notifies, and given back when the back end has answered. They are
/// part of the state with the data of their writes: a loaded machine asks the back end again, with the deadline it had.
/// Data beyond `flightLimit` waits its turn, so that neither the host's memory nor a saved state grows with the guest's
/// wishes.
///
/// Not emulated: SCSI commands (as in QEMU, which refuses them too), zoned and encrypted disks.
/// Reference: Virtio 1.2, 5.2; QEMU 7.2 for what a request without meaning is answered.
public final class VirtioBlock: Device {
  public struct State: DeviceState {
    public static let name: StaticString = "virtio-blk"
    public static let version = 1
    fileprivate let transport: VirtioPCI
    var registers: VirtioPCI.State
    var isWriteback: Bool
    var requests: [VirtioBlockRequest] = []

    public static func == (a: State, b: State) -> Bool {
      a.registers == b.registers && a.isWriteback == b.isWriteback && a.requests == b.requests
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try registers.visit(&visitor, transport)
      try visitor.field("write_cache", &isWriteback)
      var count = UInt32(clamping: requests.count)
      try visitor.field("requests", &count)
      let limit = transport.identity.queueSizes.reduce(0) { $0 + Int($1) }
      guard Int(count) <= limit else { throw .outOfRange("requests") }
      if visitor.isLoading { requests = [] }
      for index in 0..<Int(count) {
        var request =
          index < requests.count
          ? requests[index] : VirtioBlockRequest(queue: 0, chain: DescriptorChain(id: 0), kind: .flush)
        try request.visit(&visitor)
        guard visitor.isLoading else { continue }
        guard Int(request.queue) < transport.queues.count, request.chain.writableByteCount > 0 else {
          throw .outOfRange("queue")
        }
        requests.append(request)
      }
      let data = requests.lazy.filter { $0.stage == .working }.map(\.pieceByteCount)
      guard data.count < 2 || data.reduce(0, &+) <= VirtioBlock.flightLimit else { throw .outOfRange("requests") }
    }
  }

  /// Most bytes of data with the back end at a time.
  static let flightLimit: Int64 = 16 << 20

  public let pci: VirtioPCI
  public let backend: BlockBackend
  public let settings: VirtioBlockSettings
  private var isWriteback: Bool { didSet { backend.isCachingWrites = isWriteback } }
  /// What is with the back end, in the order in which it came there.
  private var active: [Entry] = []
  /// What has not begun, or has more pieces to come.
  private var waiting: [VirtioBlockRequest] = []
  private var bytesInFlight: Int64 = 0
  private var nextIdentity = 0

  private struct Entry {
    let identity: Int
    var request: VirtioBlockRequest
    var ticket: BlockBackend.Ticket?
  }

  /// Does not put its function onto the bus; the board does.
  public init(
    backend: BlockBackend, settings: VirtioBlockSettings, options: VirtioOptions, bus: PCIBus, address: PCIAddress,
    memory: GuestMemory, userID: String = ""
  ) {
    (self.backend, self.settings) = (backend, settings)
    isWriteback = Self.isWriteback(settings, backend)
    backend.isCachingWrites = isWriteback
    pci = VirtioPCI(
      VirtioIdentity(
        deviceID: 2, transitionalID: 0x1001, classCode: 0x010000, pciName: "virtio-blk-pci",
        queueSizes: [UInt16](repeating: settings.queueSize, count: Int(settings.queueCount)),
        configurationByteCount: settings.configurationByteCount),
      options, bus: bus, address: address, memory: memory, userID: userID)
    pci.model = self
    backend.device = self
    reset(.power)
  }

  public var state: State {
    get {
      State(
        transport: pci, registers: pci.state, isWriteback: isWriteback, requests: active.map(\.request) + waiting)
    }
    set {
      for entry in active { backend.cancel(entry.ticket) }
      pci.state = newValue.registers
      isWriteback = newValue.isWriteback
      active = newValue.requests.filter { $0.stage != .waiting }.map { Entry(identity: newIdentity(), request: $0) }
      waiting = newValue.requests.filter { $0.stage == .waiting }
    }
  }

  public func reset(_ kind: ResetKind) { pci.reset() }

  public func stateDidLoad() {
    pci.stateDidLoad()
    bytesInFlight = 0
    for index in active.indices { submit(index, deadline: active[index].request.deadline) }
  }

  // MARK: The medium

  /// Whether there is a write cache before the driver has a say.
  private static func isWriteback(_ settings: VirtioBlockSettings, _ backend: BlockBackend) -> Bool {
    settings.isWriteback ?? backend.isWriteback
  }

  var isReadOnly: Bool { backend.isReadOnly }

  /// Where a range begins on the medium; nil unless it is made of whole blocks that the disk has.
  func offset(ofSector sector: UInt64, byteCount: UInt64) -> Int64? {
    let block = UInt64(settings.logicalBlockByteCount)
    let total = UInt64(clamping: backend.sectorCount)
    guard byteCount <= UInt64(Int32.max) / 512 * 512, byteCount % block == 0, sector % (block / 512) == 0,
      sector <= total, byteCount / 512 <= total - sector
    else { return nil }
    return Int64(sector) * 512
  }

  // MARK: Requests

  private func accept(_ chain: DescriptorChain, _ queue: Int) {
    guard chain.readableByteCount >= VirtioBlockHeader.byteCount, chain.writableByteCount >= 1 else {
      return pci.fail(.missingHeader)
    }
    let header = VirtioBlockHeader(chain.read(pci.memory, at: 0, count: VirtioBlockHeader.byteCount))
    switch header.meaning(of: chain, in: queue, of: self) {
    case .answer(let status): finish(chain, queue, status)
    case .fault(let fault): pci.fail(fault)
    case .identify:
      let text = Array(settings.serial.utf8) + [0]
      chain.write(pci.memory, at: 0, Array(text.prefix(min(20, chain.writableByteCount - 1))))
      finish(chain, queue, .ok)
    case .request(let request):
      waiting.append(request)
      beginWaiting()
    }
  }

  /// Hands pieces of requests to the back end until there is enough.
  private func beginWaiting() {
    while let next = waiting.first,
      bytesInFlight == 0 || bytesInFlight + next.pieceByteCount <= Self.flightLimit
    {
      waiting.removeFirst()
      begin(next)
    }
  }

  private func begin(_ request: VirtioBlockRequest) {
    var request = request
    request.stage = .working
    if request.kind == .write {
      let start = VirtioBlockHeader.byteCount + Int(request.done)
      request.piece = request.chain.read(pci.memory, at: start, count: Int(request.pieceByteCount))
    }
    active.append(Entry(identity: newIdentity(), request: request))
    submit(active.count - 1, deadline: nil)
  }

  private func newIdentity() -> Int {
    nextIdentity += 1
    return nextIdentity
  }

  private func submit(_ index: Int, deadline: Nanoseconds?) {
    let identity = active[index].identity
    bytesInFlight += active[index].request.pieceByteCount
    let ticket = backend.submit(active[index].request.operation, deadline: deadline) { [unowned self] result in
      finish(identity, result)
    }
    active[index].ticket = ticket
    active[index].request.deadline = ticket.deadline
  }

  /// The back end has answered.
  private func finish(_ identity: Int, _ result: BlockResult) {
    guard let index = active.firstIndex(where: { $0.identity == identity }) else { return }
    var request = active.remove(at: index).request
    let byteCount = request.pieceByteCount
    bytesInFlight -= byteCount
    switch result {
    case .failure: finish(request.chain, Int(request.queue), .ioError)
    case .success(let bytes):
      if request.kind == .read { request.chain.write(pci.memory, at: Int(request.done), bytes) }
      request.done += byteCount
      request.piece = []
      request.deadline = 0
      if request.pieceByteCount > 0 {
        request.stage = .waiting
        waiting.insert(request, at: 0)
      } else if request.kind == .write, request.stage == .working, !isWriteback {
        request.stage = .flushing
        active.append(Entry(identity: newIdentity(), request: request))
        submit(active.count - 1, deadline: nil)
      } else {
        finish(request.chain, Int(request.queue), .ok)
      }
    }
    beginWaiting()
  }

  /// Writes the status, which is the last byte of the chain, and gives the chain back.
  private func finish(_ chain: DescriptorChain, _ queue: Int, _ status: VirtioBlockStatus) {
    guard pci.canWork else { return }
    chain.write(pci.memory, at: chain.writableByteCount - 1, [status.rawValue])
    pci.giveBack(chain, to: queue, written: chain.writableByteCount)
  }

  /// Forgets requests. What the back end is doing for them is done before anything else can reach the medium.
  private func drop(where isGone: (VirtioBlockRequest) -> Bool) {
    waiting.removeAll(where: isGone)
    let gone = active.filter { isGone($0.request) }
    guard !gone.isEmpty else { return }
    backend.waitUntilIdle()
    for entry in gone {
      bytesInFlight -= entry.request.pieceByteCount
      backend.cancel(entry.ticket)
    }
    active.removeAll { isGone($0.request) }
  }
}

extension VirtioBlock: VirtioModel {
  public func features(isLegacy: Bool) -> UInt64 {
    typealias Feature = VirtioBlockFeature
    var features = Feature.segmentMaximum | Feature.geometry | Feature.blockSize | Feature.topology
    if settings.offersCacheControl { features |= Feature.cacheControl | Feature.flush }
    if Self.isWriteback(settings, backend) { features |= Feature.flush }
    if settings.offersDiscard { features |= Feature.discard }
    if settings.offersWriteZeroes { features |= Feature.writeZeroes }
    if settings.queueCount > 1 { features |= Feature.queues }
    if isReadOnly { features |= Feature.readOnly }
    // QEMU offers it to drivers of before virtio 1.0, and then refuses each command.
    if isLegacy, !pci.options.hasModernInterface { features |= Feature.scsi }
    return features
  }

  /// Virtio 1.2, 5.2.4.
  public var configurationSpace: [UInt8] {
    var space: [UInt8] = []
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { space += $0 }
    }
    let block = settings.logicalBlockByteCount
    append(UInt64(clamping: backend.sectorCount))
    append(UInt32(0))  // the largest segment, a feature that is not offered
    append(settings.segmentsFollowQueueSize ? UInt32(settings.queueSize) - 2 : 126)
    append(settings.geometry.cylinders)
    append(settings.geometry.heads)
    append(settings.geometry.sectors)
    append(block)
    append(UInt8(truncatingIfNeeded: (settings.physicalBlockByteCount / block).trailingZeroBitCount))
    append(UInt8(0))  // alignment offset
    append(UInt16(truncatingIfNeeded: settings.minimumIOByteCount / block))
    append(settings.optimalIOByteCount / block)
    append(UInt8(isWriteback ? 1 : 0))
    append(UInt8(0))
    append(settings.queueCount)
    append(settings.maximumDiscardSectors)
    append(UInt32(1))  // ranges of a request
    append((settings.discardGranularity ?? block) / 512)
    append(settings.maximumWriteZeroesSectors)
    append(UInt32(1))
    append(UInt32(1))  // zeros may become holes
    return Array(space.prefix(settings.configurationByteCount))
  }

  public func writeConfigurationSpace(_ offset: Int, _ value: UInt8) {
    let writeCache = 32
    if offset == writeCache { isWriteback = value != 0 }
  }

  public func queueWasNotified(_ index: Int) {
    // Rings that overlap each other could go on for ever.
    for _ in 0..<pci.queues[index].state.size {
      guard let chain = pci.take(index) else { return }
      accept(chain, index)
    }
  }

  public func queueWasReset(_ index: Int) { drop { Int($0.queue) == index } }

  public func resetModel() {
    drop { _ in true }
    bytesInFlight = 0
    isWriteback = Self.isWriteback(settings, backend)
  }

  /// A driver that cannot see the cache's setting has one only if it can flush it.
  public func driverIsReady() {
    if pci.features & VirtioBlockFeature.cacheControl == 0 {
      isWriteback = pci.features & VirtioBlockFeature.flush != 0
    }
  }
}

extension VirtioBlock: DriveDevice {
  public var isTrayOpen: Bool? { nil }
  public var isMediumLocked: Bool { false }
  public func openTray(force: Bool) -> Bool { false }
  public func closeTray() {}
  public func mediumDidChange() { pci.configurationSpaceDidChange() }
}
