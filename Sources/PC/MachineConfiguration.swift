// SPDX-License-Identifier: Apache-2.0
import Block
import Chardev
import HostIO

/// Everything a machine is built from: what the command line comes down to, with all defaults applied.
public struct MachineConfiguration: Sendable {
  /// The board. QEMU's names: `pc` is the newest i440FX board, `none` has no devices and no processor that runs.
  public enum Board: String, Sendable, CaseIterable {
    case pc = "pc-i440fx-7.2"
    case none
  }

  public var board = Board.pc
  /// Main memory in bytes, a multiple of 4096.
  public var memoryByteCount: UInt64 = 128 << 20
  /// Name of a `CPUModel`.
  public var processorModel = "qemu64"
  /// Changes to the model (`-cpu MODEL,+NAME,-NAME`), each of which `CPUModel.setting` can make.
  public var processorFeatures: [ProcessorFeature] = []
  /// Number of vCPUs.
  public var processorCount = 1
  /// The HPET (`-machine hpet=`).
  public var hasEventTimer = true
  /// `-name`, nil when not given.
  public var name: String?
  /// `-uuid`: 16 bytes in RFC 4122 order.
  public var uuid = [UInt8](repeating: 0, count: 16)

  /// Firmware image; nil is `bios-256k.bin` on the search path.
  public var firmware: BytePath?
  /// Folders given with `-L`, searched before the built-in ones.
  public var firmwareFolders: [BytePath] = []

  /// One letter per boot device in order: a floppy, c disk, d CD-ROM, n network.
  public var bootOrder = "cad"
  /// Order for the first boot only (`-boot once=`).
  public var bootOnce: String?
  /// The firmware tries no device but those with a boot index (`-boot strict=on`), as a kernel from a file has one.
  public var bootIsStrict = false
  public var bootMenu = false
  /// Time the boot menu waits, in milliseconds.
  public var bootMenuWait: UInt16?

  /// A kernel that the firmware starts before all drives (`-kernel`).
  public var kernel: KernelRequest?

  /// In the order in which they are opened, before the drives.
  public var blockNodes: [BlockNodeRequest] = []
  public var drives: [Drive] = []
  /// Drive A is there even if `drives` has none, without a medium. QEMU's boards have it unless `-nodefaults`.
  public var hasFloppyDrive = true

  /// UARTs, in the order in which they are put on the bus.
  public var serialPorts: [SerialPort] = []
  /// QOM counts a parallel port, which QEMU's board has by default and this one has not.
  public var countsParallelPort = false
  /// Further ISA devices, in the order given.
  public var isaDevices: [ISADevice] = []
  /// Further PCI devices, in the order in which they get their slots.
  public var pciDevices: [PCIDevice] = []
  /// Devices that have a name or a path and cannot be taken out.
  public var fixedDevices: [FixedDevice] = []
  /// Devices without a name so far, which QOM numbers.
  public var anonymousDeviceCount = 0
  /// Network back ends, in the order in which they are made.
  public var networks: [NetworkRequest] = []
  /// Reads what describes a character device as for `-serial`, while the machine runs; nil for what describes none.
  public var characterDeviceReader: (@Sendable (_ text: String) -> ChardevConfiguration?)?
  public var networkDumps: [NetworkDump] = []
  public var graphics = Graphics.standard
  /// `id=` of a graphics adapter that was asked for with `-device`.
  public var graphicsID: String?
  /// The slot of the graphics adapter has further functions.
  public var graphicsIsMultifunction = false
  /// Memory of the graphics adapter in bytes.
  public var videoMemoryByteCount = 16 << 20
  /// `-nographic`: the firmware talks on the serial port too.
  public var isNoGraphic = false
  public var realTimeClock = RealTimeClock()
  /// Nil: virtual time follows the host's clock.
  public var instructionCounting: InstructionCounting?
  /// `-seed`: what the guest's random numbers follow from.
  public var randomSeed: UInt64?

  /// Wait for `cont` (`-S`).
  public var startsPaused = false
  /// The machine's state comes from elsewhere (`-incoming`).
  public var waitsForIncoming = false
  /// At the start; `set-action` may change it.
  public var actions = GuestActions()

  public init() {}

  public enum Graphics: String, Sendable, CaseIterable {
    case standard = "std"
    case none
  }

  /// A feature by QEMU's name.
  public struct ProcessorFeature: Sendable, Equatable {
    public var name: String
    public var isOn: Bool

    public init(name: String, isOn: Bool) { (self.name, self.isOn) = (name, isOn) }
  }

  /// A 16550A and where it is.
  public struct SerialPort: Sendable, Equatable {
    /// Nil: the UART is there and nothing is connected.
    public var chardev: String?
    /// First of its eight ports.
    public var port: UInt16
    /// ISA interrupt, 0...15.
    public var interrupt: Int

    public init(chardev: String?, port: UInt16, interrupt: Int) {
      (self.chardev, self.port, self.interrupt) = (chardev, port, interrupt)
    }

    /// COM1...COM4 for 0...3.
    public init(chardev: String?, number: Int) {
      let place: (UInt16, Int) = [(0x3f8, 4), (0x2f8, 3), (0x3e8, 4), (0x2e8, 3)][number & 3]
      self.init(chardev: chardev, port: place.0, interrupt: place.1)
    }
  }

  /// A node of the block graph that the user made (`-blockdev`).
  public struct BlockNodeRequest: Sendable {
    public var options: NodeOptions
    /// The option that asks for it, as error texts name it.
    public var option: String

    public init(options: NodeOptions, option: String) { (self.options, self.option) = (options, option) }
  }

  /// A drive and the controller slot it sits in.
  public struct Drive: Sendable {
    public enum Medium: Sendable {
      case disk
      case cdrom
      case floppy
    }

    public enum Image: Sendable, Equatable {
      /// A node is opened for the drive.
      case open(NodeOptions)
      /// A node that there is.
      case node(String)
    }

    /// `id=`, or QEMU's name of the slot (`ide0-hd0`, `ide1-cd0`); empty for a device that names a node.
    public var id: String
    public var medium: Medium
    /// Nil: a drive without a medium.
    public var image: Image?
    /// Writes go to a temporary overlay.
    public var isSnapshot = false
    /// IDE: 0 and 1 are master and slave of the first channel, 2 and 3 of the second. Floppies: 0 is A, 1 is B.
    /// Nil: on no controller (`if=none`).
    public var slot: Int?
    /// QEMU's number among the drives without a bus.
    public var number: Int?
    public var isWriteback = true
    public var errorPolicy = ErrorPolicy()
    public var throttle: Throttle?
    public var accounting = BlockAccounting()
    public var device = DeviceSettings()
    /// It is a virtio disk.
    public var isVirtio = false
    /// The board plugged it in by itself (`if=`).
    public var isAutomatic = false
    /// The option that asks for it, as error texts name it.
    public var option = ""

    public init(id: String, medium: Medium, image: Image?, slot: Int?) {
      (self.id, self.medium, self.image, self.slot) = (id, medium, image, slot)
    }

    /// Limits, shared with the other drives of the group.
    public struct Throttle: Sendable, Equatable {
      public var group: String
      public var limits: ThrottleLimits

      public init(group: String, limits: ThrottleLimits) { (self.group, self.limits) = (group, limits) }
    }
  }

  /// What `-device` says about a drive; all defaults for one that the board makes by itself.
  public struct DeviceSettings: Sendable, Equatable {
    /// The option, as error texts name it; empty without one.
    public var option = ""
    /// `id=`, or the QOM path of a device without one; nil for the board's own.
    public var path: String?
    /// Nil: QEMU's defaults.
    public var serialNumber: String?
    public var model: String?
    public var firmwareVersion: String?
    public var worldWideName: UInt64 = 0
    public var geometry: Geometry?
    public var physicalBlockByteCount = 512
    /// In ATA's coding; 0: not told.
    public var rotationRate: UInt16 = 0
    /// Place in the firmware's boot order, the lowest first; nil: none.
    public var bootIndex: Int?
    /// Others may write to the image too.
    public var sharesWrites = false

    public init() {}

    public struct Geometry: Sendable, Equatable {
      public var cylinders: Int
      public var heads: Int
      public var sectors: Int

      public init(cylinders: Int, heads: Int, sectors: Int) {
        (self.cylinders, self.heads, self.sectors) = (cylinders, heads, sectors)
      }
    }
  }

  /// An ISA device that only some command lines ask for.
  public enum ISADevice: Sendable {
    /// `isa-debug-exit`: ports and their number.
    case debugExit(port: UInt16, portCount: UInt16)
    /// `isa-debugcon` on a character device.
    case debugConsole(chardev: String, port: UInt16, readback: UInt8)
    /// `pvpanic`: its port, and what reads of it say.
    case panic(port: UInt16, offered: UInt8)
  }

  /// `-rtc`.
  public struct RealTimeClock: Sendable {
    public enum Base: Sendable {
      case utc
      case localTime
      /// Seconds since 1970.
      case date(Int64)
    }

    /// What drives the clock between settings (`clock=`).
    public enum Source: String, Sendable {
      case host
      case realTime = "rt"
      case virtual = "vm"
    }

    public var base = Base.utc
    public var source = Source.host
    public init() {}
  }

  /// `-icount`.
  public struct InstructionCounting: Sendable {
    /// Virtual nanoseconds per instruction are 2^shift.
    public var shift: Int
    /// Real time passes while the guest is idle; false warps to the next deadline.
    public var sleeps: Bool

    public init(shift: Int, sleeps: Bool) {
      self.shift = shift
      self.sleeps = sleeps
    }
  }
}

/// Version of this program.
public let apusVersion = "0.1.0"
