// SPDX-License-Identifier: Apache-2.0
public import Migration
public import Network
public import PC
public import Platform
public import QAPI
public import Screen

/// What the monitors ask of a machine. Everything here is called on the machine thread, between two instructions, so
/// one command sees one consistent machine. Nothing here may wait for a disk, a client or another thread.
public protocol MonitoredMachine: MigratableMachine {
  // MARK: Identity

  /// `-name`; nil when none was given.
  var name: String? { get }
  /// `-uuid` in its canonical 36 characters, lower case; all zeros when none was given.
  var uuid: String { get }

  // MARK: Running

  /// Stops the vCPUs and the virtual clock. Emits STOP before it returns, and nothing when they were stopped already.
  func stop()
  /// Resets the whole machine as the reset button does. Emits RESET (or, with `-no-reboot`, SHUTDOWN) before it
  /// returns.
  func reset(_ cause: ShutdownCause)
  /// Presses the ACPI power button. Emits POWERDOWN before it returns.
  func powerDown()
  /// Ends the process with status 0 after the current command's reply has been sent. Emits SHUTDOWN before it returns.
  func quit(_ cause: ShutdownCause)
  /// What becomes of the machine when the guest ends its run.
  var actions: GuestActions { get set }
  /// The process ends after the current command.
  var isEnding: Bool { get }
  /// Raises NMI on every vCPU (LINT1 of each local APIC, or the CPU's pin without one).
  func injectNMI()
  /// Keeps the vCPUs and the virtual clock still without a change of run state or event, while the mailbox goes on
  /// being served. Holds nest; each is ended by one `releaseGuest()`.
  func holdGuest()
  func releaseGuest()

  // MARK: Processors

  /// In index order, never empty.
  var processors: [ProcessorStatus] { get }
  /// `index` has been checked against `processors`.
  func registers(ofProcessor index: Int) -> ProcessorRegisters
  /// Up to `count` instructions at a linear address (or physical, with `isPhysical`), decoded in the mode the processor
  /// is in. Shorter when memory cannot be read there.
  func disassemble(processor index: Int, at address: UInt64, count: Int, isPhysical: Bool) -> [DisassembledInstruction]

  // MARK: Memory

  /// Copies guest physical memory, in which devices answer for their registers. False when nothing answers at one of the
  /// addresses, which then reads as zero.
  func readPhysical(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool
  /// Copies memory through the page tables of one processor. Fails where a page is not present or nothing answers.
  func readVirtual(
    processor index: Int, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(MemoryAccessError)

  // MARK: Devices

  /// Asks the guest to let go of a device, by its name or QOM path. `isMigrating`: nothing may be taken out.
  func requestUnplug(_ name: String, isMigrating: Bool) throws(UnplugRefusal)
  /// Why a device of that name or QOM path cannot be taken out; nil for one that can.
  func objection(toUnplugging name: String) -> UnplugRefusal?
  /// In bus, slot, function order.
  var pciFunctions: [PCIFunction] { get }
  var characterDevices: [CharacterDevice] { get }
  /// The wires between adapters and the host; nil where there are none.
  var network: NetworkTable? { get }
  /// `-machine help`'s list.
  var machineTypes: [MachineType] { get }

  /// Whether there is a console on this head of a display device.
  func findConsole(device: String, head: Int64) throws(ScreenCaptureError)
  /// A number that changes whenever the primary console's picture may have changed, but for the blinking of a cursor;
  /// asking on an unchanged screen costs next to nothing. 0 without a display.
  var screenVersion: UInt64 { get }
  /// Draws what the display shows at this instant. Without `device`: the primary console.
  /// `cursor`: a text cursor is drawn or left out, whatever the instant; nil: as it blinks.
  func captureScreen(
    device: String?, head: Int64, cursor: ScreenCursor?
  ) throws(ScreenCaptureError) -> ScreenCapture
  /// The characters on the primary console.
  func readScreen() throws(ScreenCaptureError) -> ScreenText
  /// Appends to the keyboard's queue; delays pass on the virtual clock before what follows them.
  func queueInput(_ events: [InputEvent]) throws(KeyQueueFull)
  /// Types as fast as the guest takes it, which may stand still for `patience` milliseconds of virtual time. `report`
  /// hears how it ended.
  func type(
    _ steps: [KeySequence.Step], patience: UInt32, report: (@Sendable (TypingResult) -> Void)?
  ) throws(KeyQueueFull)

  // MARK: Input

  var pointers: [PointerStatus] { get }
  /// Lets the pointing device with this number have what comes.
  func selectPointer(_ index: Int) throws(PointerSelectionError)
  /// Whether some device takes such input.
  func accepts(_ kind: GuestInput.Kind) -> Bool
  /// Gives input to the devices at once, each device all of it in one piece. Nothing happens while the guest stands still.
  func handle(_ inputs: [GuestInput])
}

extension MonitoredMachine {
  public func requestUnplug(_ name: String, isMigrating: Bool) throws(UnplugRefusal) { throw .notFound(name) }
  public func objection(toUnplugging name: String) -> UnplugRefusal? { .notFound(name) }
  public var network: NetworkTable? { nil }
  public func announceAdapters(_ parameters: AnnouncementParameters) {
    network?.announce(parameters, name: "migration")
  }
}

/// Why virtual memory could not be read.
public struct MemoryAccessError: Error, Hashable, Sendable {
  /// The first linear address that failed.
  public var address: UInt64
  public init(address: UInt64) { self.address = address }
}

public enum ScreenCaptureError: Error, Hashable, Sendable {
  /// The machine has no display at all.
  case noConsole
  case deviceNotFound(String)
  /// The device exists, but shows nothing on that head.
  case notBound(device: String, head: Int64)
}

/// What becomes of a blinking text cursor in a picture.
public enum ScreenCursor: String, QMPEnum {
  case on
  case off
}

/// One picture: rows from the top, each pixel 0x00RRGGBB.
public struct ScreenCapture: Sendable {
  /// Others may have it too, and its digest.
  public let shared: SharedPicture

  public init(_ picture: SharedPicture) { shared = picture }

  /// `pixels` must hold `width * height` elements.
  public init(width: Int, height: Int, pixels: [UInt32]) {
    precondition(pixels.count == width * height, "a picture is whole")
    shared = SharedPicture(
      Surface(width: width, height: height) { target in
        for (index, pixel) in pixels.enumerated() where index < target.count { target[index] = pixel }
      })
  }

  public var width: Int { shared.surface.width }
  public var height: Int { shared.surface.height }
  public var pixels: [UInt32] { shared.surface.pixels }
}

/// Files a picture can be written as; the Screen target supplies the encoders.
public struct ScreenEncoders: Sendable {
  public var ppm: @Sendable (ScreenCapture) throws -> [UInt8]
  public var png: @Sendable (ScreenCapture) throws -> [UInt8]

  public init(
    ppm: @escaping @Sendable (ScreenCapture) throws -> [UInt8],
    png: @escaping @Sendable (ScreenCapture) throws -> [UInt8]
  ) {
    (self.ppm, self.png) = (ppm, png)
  }
}

/// One step of typed input.
public enum InputEvent: Hashable, Sendable {
  case key(KeyCode, isDown: Bool)
  /// Milliseconds of virtual time.
  case delay(milliseconds: UInt32)
}

/// One instruction as text.
public struct DisassembledInstruction: Hashable, Sendable {
  public var address: UInt64
  public var bytes: [UInt8]
  /// In the disassembler's syntax.
  public var mnemonic: String
  /// Empty when it has none.
  public var operands: String

  public init(address: UInt64, bytes: [UInt8], mnemonic: String, operands: String) {
    (self.address, self.bytes, self.mnemonic, self.operands) = (address, bytes, mnemonic, operands)
  }
}

/// What `query-cpus-fast` and `info cpus` tell of a vCPU.
public struct ProcessorStatus: Hashable, Sendable {
  public var index: Int
  /// The host thread that runs it, as gettid(2) numbers them.
  public var threadID: Int
  /// For example `/machine/unattached/device[0]`.
  public var qomPath: String
  public var socketID: Int
  public var coreID: Int
  public var hardwareThreadID: Int
  public var isHalted: Bool
  /// Linear: code segment base plus instruction pointer.
  public var programCounter: UInt64

  public init(
    index: Int, threadID: Int, qomPath: String, socketID: Int = 0, coreID: Int = 0, hardwareThreadID: Int = 0,
    isHalted: Bool, programCounter: UInt64
  ) {
    (self.index, self.threadID, self.qomPath) = (index, threadID, qomPath)
    (self.socketID, self.coreID, self.hardwareThreadID) = (socketID, coreID, hardwareThreadID)
    (self.isHalted, self.programCounter) = (isHalted, programCounter)
  }
}
