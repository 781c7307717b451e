// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Migration
import Monitor
import PC
import Platform
import Screen

/// A machine without a guest: 64 KiB of memory, two processors, and a note of everything asked of it.
final class FakeMachine: MonitoredMachine {
  var hub: MonitorHub?
  var name: String? = "fake"
  var uuid = "12345678-1234-1234-1234-123456789abc"
  var runState = RunState.running
  var log: [String] = []
  var holds = 0
  var actions = GuestActions()
  var isEnding = false
  var ram: [UInt8] = (0..<65536).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
  private let made = FakeMachine.drives()
  var blockGraph: BlockGraph { made.graph }
  var tray: FakeTray { made.tray }
  var virtualTime: Int64 = 5
  var pciFunctions: [Monitor.PCIFunction] = FakeMachine.functions
  var characterDevices = [
    CharacterDevice(label: "serial0", description: "vc", isFrontendOpen: true),
    CharacterDevice(label: "compat_monitor0", description: "unix:/tmp/q,server=on", isFrontendOpen: true),
  ]
  var machineTypes = [
    MachineType(
      name: "pc-i440fx-7.2", alias: "pc", isDefault: true, maximumProcessors: 1,
      defaultProcessorType: "qemu64-x86_64-cpu", defaultMemoryID: "pc.ram")
  ]
  var processors: [ProcessorStatus] = (0..<2).map { index in
    ProcessorStatus(
      index: index, threadID: 100 + index, qomPath: "/machine/unattached/device[\(index)]", coreID: index,
      isHalted: index == 1, programCounter: 0xFFFF_FFF0)
  }
  var registerFile = ProcessorRegisters.reset
  var inputs: [InputEvent] = []
  var addedDevices: [String] = []
  var removedDevices: [String] = []
  var screen: Result<ScreenCapture, ScreenCaptureError> = .success(
    ScreenCapture(width: 2, height: 1, pixels: [0x0102_03, 0xFFFF_FF]))

  func stop() { stop(.paused) }
  func stop(_ state: RunState) {
    let wasRunning = runState == .running
    runState = state
    if wasRunning { hub?.emit(StopEvent()) }
  }
  func resume() {
    guard runState != .running else { return }
    runState = .running
    hub?.emit(ResumeEvent())
  }
  func reset(_ cause: ShutdownCause) { hub?.emit(ResetEvent(cause)) }
  func powerDown() { hub?.emit(PowerdownEvent()) }
  func quit(_ cause: ShutdownCause) {
    log.append("quit")
    isEnding = true
    hub?.emit(ShutdownEvent(cause))
  }
  // MARK: Migration

  var memoryHolds = 0
  var awaitsDisks = false
  /// What the next flush of the disks comes to.
  var flushFailure: String?
  /// The one section of the machine's image.
  var device: [UInt8] = Array("fake device".utf8)

  func holdMemory() { memoryHolds += 1 }
  func releaseMemory() { memoryHolds -= 1 }
  func settleDisks(_ done: @escaping @Sendable (String?) -> Void) { done(flushFailure) }
  /// Another process may have the disks.
  private(set) var disksAreReleased = false
  var countedInstructions: UInt64? { nil }
  func clearMemory() { ram = [UInt8](repeating: 0, count: ram.count) }
  func releaseDisks() { disksAreReleased = true }
  func takeDisks() { disksAreReleased = false }
  var savedRunState: RunState?
  func captureState(after runState: RunState?) throws(MigrationError) -> CapturedMachine {
    CapturedMachine(sections: [.init(name: "fake", bytes: device)], blocks: [])
  }
  var imageShape: ImageShape { ImageShape(blocks: [], sectionNames: ["fake"]) }
  var deviceShape: ImageShape { imageShape }
  func fill(_ pages: ImagePages) {}
  func load(_ sections: [MachineImage.Section]) throws(MigrationError) {
    guard let section = sections.first else { throw MigrationError("There is no section") }
    device = section.bytes
  }
  func loadFile(
    _ file: FileDescriptor, whenDamaged: @escaping @Sendable (MigrationError) -> Void
  ) throws(MigrationError) {
    try load(try IncomingImage(file, expecting: imageShape).sections)
  }
  func end(status: Int32) { log.append("end \(status)") }

  func injectNMI() { log.append("nmi") }
  func holdGuest() { holds += 1 }
  func releaseGuest() { holds -= 1 }

  func registers(ofProcessor index: Int) -> ProcessorRegisters {
    var registers = registerFile
    registers.general[3] = UInt64(index)
    return registers
  }
  func disassemble(
    processor index: Int, at address: UInt64, count: Int, isPhysical: Bool
  ) -> [DisassembledInstruction] {
    (0..<UInt64(count)).filter { address + 2 * $0 < 65536 }.map {
      DisassembledInstruction(address: address + 2 * $0, bytes: [0xEB, 0xFE], mnemonic: "jmp", operands: "0x7cbc")
    }
  }

  func readPhysical(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    for index in buffer.indices {
      let position = address &+ UInt64(index)
      buffer[index] = position < 65536 ? ram[Int(position)] : 0
    }
    return address < 1 << 36
  }
  func readVirtual(
    processor index: Int, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(MemoryAccessError) {
    guard address &+ UInt64(buffer.count) <= 65536, address < 65536 else { throw MemoryAccessError(address: 65536) }
    _ = readPhysical(at: address, into: buffer)
  }
  /// The choice of cursor that the last capture was given.
  var lastCursor: ScreenCursor?
  var text = ScreenText(.blank)
  var screenVersion: UInt64 = 1
  func readScreen() throws(ScreenCaptureError) -> ScreenText {
    _ = try screen.get()
    return text
  }
  func captureScreen(
    device: String?, head: Int64, cursor: ScreenCursor?
  ) throws(ScreenCaptureError) -> ScreenCapture {
    lastCursor = cursor
    if let device {
      if device == "nope" { throw .deviceNotFound(device) }
      if device != "video0" || head != 0 { throw .notBound(device: device, head: head) }
    }
    return try screen.get()
  }
  func findConsole(device: String, head: Int64) throws(ScreenCaptureError) {
    _ = try captureScreen(device: device, head: head, cursor: nil)
  }
  var keyQueueIsFull = false
  func queueInput(_ events: [InputEvent]) throws(KeyQueueFull) {
    if keyQueueIsFull { throw KeyQueueFull() }
    inputs += events
  }
  /// Texts that are being typed.
  var typed: [(steps: [KeySequence.Step], patience: UInt32, report: (@Sendable (TypingResult) -> Void)?)] = []
  func type(
    _ steps: [KeySequence.Step], patience: UInt32, report: (@Sendable (TypingResult) -> Void)?
  ) throws(KeyQueueFull) {
    if keyQueueIsFull { throw KeyQueueFull() }
    typed.append((steps, patience, report))
  }

  var pointers = [PointerStatus(name: "QEMU PS/2 Mouse", index: 2, isCurrent: true, isAbsolute: false)]
  /// What came at once, each time.
  var handled: [[GuestInput]] = []
  func selectPointer(_ index: Int) throws(PointerSelectionError) {
    if index == 1 { throw .noPointer(name: "QEMU PS/2 Keyboard") }
    if index != 2 { throw .notFound(index) }
  }
  func accepts(_ kind: GuestInput.Kind) -> Bool { kind != .position }
  func handle(_ inputs: [GuestInput]) { handled.append(inputs) }

  static let functions = [
    Monitor.PCIFunction(
      bus: 0, slot: 0, function: 0, classCode: 0x0600, vendor: 0x8086, device: 0x1237, subsystem: (0x1AF4, 0x1100)),
    Monitor.PCIFunction(
      bus: 0, slot: 1, function: 1, classCode: 0x0101, vendor: 0x8086, device: 0x7010, subsystem: (0x1AF4, 0x1100),
      regions: [.init(bar: 4, address: 0xC000, byteCount: 16, kind: .io)]),
    Monitor.PCIFunction(
      bus: 0, slot: 1, function: 3, classCode: 0x0680, vendor: 0x8086, device: 0x7113, subsystem: (0x1AF4, 0x1100),
      interruptPin: 1, interruptLine: 9),
    Monitor.PCIFunction(
      bus: 0, slot: 2, function: 0, classCode: 0x0300, vendor: 0x1234, device: 0x1111, subsystem: (0x1AF4, 0x1100),
      id: "v2",
      regions: [
        .init(
          bar: 0, address: 0xFD00_0000, byteCount: 1 << 24, kind: .memory(isPrefetchable: true, is64Bit: false)),
        .init(bar: 6, address: nil, byteCount: 65536, kind: .memory(isPrefetchable: false, is64Bit: false)),
      ]),
  ]

  /// A disk, a read-only one, an empty CD-ROM drive with a tray, and a floppy drive that no device uses.
  static func drives() -> (graph: BlockGraph, tray: FakeTray) {
    let graph = BlockGraph(mailbox: Mailbox())
    let queue = BlockQueue(clock: VirtualClock(), mailbox: Mailbox(), timing: .atDeadline)
    func add(_ name: String, _ path: String?, isRemovable: Bool, _ node: GraphNode?, _ policy: ErrorPolicy?)
      -> BlockBackend
    {
      let backend = BlockBackend(name: name, queue: queue, isRemovable: isRemovable, hasThread: false)
      (backend.attachedTo, backend.errorPolicy) = (path, policy)
      do throws(BlockError) {
        if let node { try graph.adopt(node) }
        try graph.add(backend)
        try graph.setMedium(node, of: backend)
      } catch {
        preconditionFailure("\(error)")
      }
      return backend
    }
    func node(_ name: String, _ file: String, isReadOnly: Bool = false) -> GraphNode {
      GraphNode(
        name: name, content: MemoryNode([UInt8](repeating: 0, count: 1 << 20), isReadOnly: isReadOnly), fileName: file)
    }
    _ = add(
      "ide0-hd0", "/machine/unattached/device[21]", isRemovable: false, node("#block111", "d.img"), ErrorPolicy())
    _ = add("zz", "hd2", isRemovable: false, node("#block2", "d2.img", isReadOnly: true), ErrorPolicy())
    let disc = add("ide1-cd0", "/machine/unattached/device[22]", isRemovable: true, nil, ErrorPolicy())
    let tray = FakeTray(drive: disc)
    disc.device = tray
    _ = add("floppy0", nil, isRemovable: true, nil, nil)
    return (graph, tray)
  }

}

/// A drive's tray, which the guest may hold.
final class FakeTray: DriveDevice {
  private unowned let drive: BlockBackend
  var isOpen = false
  var isMediumLocked = false
  var isTrayOpen: Bool? { isOpen }
  init(drive: BlockBackend) { self.drive = drive }

  func openTray(force: Bool) -> Bool {
    if isMediumLocked, !force { return false }
    isOpen = true
    drive.trayDidMove?(true)
    return true
  }
  func closeTray() {
    guard isOpen else { return }
    isOpen = false
    drive.trayDidMove?(false)
  }
  func mediumDidChange() {}
}

extension ProcessorRegisters {
  /// As a processor comes out of reset, with the processor's signature in EDX.
  static var reset: ProcessorRegisters {
    var registers = ProcessorRegisters()
    registers.general[2] = 0x60FB1
    registers.instructionPointer = 0xFFF0
    registers.segments = [ProcessorRegisters.Segment](repeating: .init(attributes: 0x9300), count: 6)
    registers.segments[1] = .init(selector: 0xF000, base: 0xFFFF_0000, attributes: 0x9B00)
    registers.localDescriptorTable = .init(attributes: 0x8200)
    registers.task = .init(attributes: 0x8B00)
    registers.cr0 = 0x6000_0010
    return registers
  }
}

/// Runs a fake machine on a thread of its own, as the real one runs.
final class Board: Sendable {
  typealias Job = @Sendable (any MonitoredMachine) -> Void
  private struct Mailbox {
    var jobs: [Job] = []
    var isStopping = false
  }
  private let mailbox = Guarded(Mailbox())

  init(_ prepare: @escaping @Sendable (FakeMachine) -> Void) throws {
    let mailbox = mailbox
    _ = try Thread(name: "fake-machine") {
      let machine = FakeMachine()
      prepare(machine)
      while let job = mailbox.wait(until: { box -> Job?? in
        if !box.jobs.isEmpty { return box.jobs.removeFirst() }
        return box.isStopping ? .some(nil) : nil
      }) { job(machine) }
    }
  }

  deinit { stop() }
  func stop() { mailbox.update { $0.isStopping = true } }
  func post(_ job: @escaping Job) { mailbox.update { $0.jobs.append(job) } }

  /// Runs `body` on the machine thread and waits.
  func on<Value: Sendable>(_ body: @escaping @Sendable (FakeMachine) -> Value) -> Value {
    let result = Guarded<Value?>(nil)
    post { machine in
      guard let fake = machine as? FakeMachine else { return }
      let value = body(fake)
      result.update { $0 = value }
    }
    return result.wait { $0 }
  }
}
