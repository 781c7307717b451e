// SPDX-License-Identifier: Apache-2.0

/// Everything the processor asks of the machine around it: C functions with one context word.
///
/// The processor knows no device. Each function is called on the machine thread in the middle of an instruction; while
/// it runs, `Processor.instructionCount` is exact. A function may request a change (interrupt line, reset, new timer
/// deadline, map commit) by setting `attention` through `Processor`; it takes effect before the next instruction.
public struct MachineInterface: BitwiseCopyable {
  public typealias Context = UnsafeMutableRawPointer

  /// Handed to every function unchanged.
  public var context: Context

  /// IN: port, width in bytes (1, 2, 4) → value, zero-extended.
  public var portRead: @convention(c) (Context, UInt16, UInt8) -> UInt32
  /// OUT: port, width in bytes, value.
  public var portWrite: @convention(c) (Context, UInt16, UInt8, UInt32) -> Void
  /// Read of memory that has no host address: physical address, width in bytes (1, 2, 4, 8; never crosses a page).
  public var mmioRead: @convention(c) (Context, UInt64, UInt8) -> UInt64
  /// Write of memory that has no writable host address.
  public var mmioWrite: @convention(c) (Context, UInt64, UInt8, UInt64) -> Void
  /// The host address and kind of a 4 KiB physical page (bits 0...11 of the address are zero; A20 is already applied):
  /// the answer is stored as a `PhysicalPage` at the last argument.
  public var page: @convention(c) (Context, UInt64, UnsafeMutableRawPointer) -> Void
  /// Decoded code now lies in this physical page, or MONITOR watches it (true), or no longer (false): DMA must tell the
  /// processor of writes.
  public var codePage: @convention(c) (Context, UInt64, Bool) -> Void
  /// The guest is about to write a page whose `PhysicalPage` said `isLogged`; the log must note it now.
  public var pageWritten: @convention(c) (Context, UInt64) -> Void
  /// INTA cycle: the vector, or -1 for none (spurious are the controller's affair).
  public var interruptAcknowledge: @convention(c) (Context) -> Int32
  /// RDMSR of a register the processor does not own (APIC base, x2APIC): index, value out → known.
  public var msrRead: @convention(c) (Context, UInt32, UnsafeMutablePointer<UInt64>) -> Bool
  /// WRMSR of a register the processor does not own: index, value → accepted (otherwise #GP).
  public var msrWrite: @convention(c) (Context, UInt32, UInt64) -> Bool
  /// CR8 in 64-bit mode: the task priority of the local APIC, 0...15.
  public var taskPriorityRead: @convention(c) (Context) -> UInt8
  public var taskPriorityWrite: @convention(c) (Context, UInt8) -> Void
  /// The time-stamp counter now.
  public var timeStamp: @convention(c) (Context) -> UInt64
  /// x87 error with CR0.NE clear: the level of FERR#.
  public var ferr: @convention(c) (Context, Bool) -> Void
  /// RDRAND: a random number out → there is one.
  public var random: @convention(c) (Context, UnsafeMutablePointer<UInt64>) -> Bool

  public init(
    context: Context,
    portRead: @escaping @convention(c) (Context, UInt16, UInt8) -> UInt32,
    portWrite: @escaping @convention(c) (Context, UInt16, UInt8, UInt32) -> Void,
    mmioRead: @escaping @convention(c) (Context, UInt64, UInt8) -> UInt64,
    mmioWrite: @escaping @convention(c) (Context, UInt64, UInt8, UInt64) -> Void,
    page: @escaping @convention(c) (Context, UInt64, UnsafeMutableRawPointer) -> Void,
    codePage: @escaping @convention(c) (Context, UInt64, Bool) -> Void,
    pageWritten: @escaping @convention(c) (Context, UInt64) -> Void,
    interruptAcknowledge: @escaping @convention(c) (Context) -> Int32,
    msrRead: @escaping @convention(c) (Context, UInt32, UnsafeMutablePointer<UInt64>) -> Bool,
    msrWrite: @escaping @convention(c) (Context, UInt32, UInt64) -> Bool,
    taskPriorityRead: @escaping @convention(c) (Context) -> UInt8,
    taskPriorityWrite: @escaping @convention(c) (Context, UInt8) -> Void,
    timeStamp: @escaping @convention(c) (Context) -> UInt64,
    ferr: @escaping @convention(c) (Context, Bool) -> Void,
    random: @escaping @convention(c) (Context, UnsafeMutablePointer<UInt64>) -> Bool = { _, _ in false }
  ) {
    self.context = context
    self.portRead = portRead
    self.portWrite = portWrite
    self.mmioRead = mmioRead
    self.mmioWrite = mmioWrite
    self.page = page
    self.codePage = codePage
    self.pageWritten = pageWritten
    self.interruptAcknowledge = interruptAcknowledge
    self.msrRead = msrRead
    self.msrWrite = msrWrite
    self.taskPriorityRead = taskPriorityRead
    self.taskPriorityWrite = taskPriorityWrite
    self.timeStamp = timeStamp
    self.ferr = ferr
    self.random = random
  }
}

/// What stands behind one 4 KiB page of the physical address space.
public struct PhysicalPage: BitwiseCopyable, Sendable {
  /// Host address of the page's first byte for reads and fetches, or 0 where reads go to `mmioRead`.
  public var readAddress: UInt
  /// Host address for writes, or 0 where writes go to `mmioWrite` (MMIO, and ROM, whose writes the machine ignores).
  public var writeAddress: UInt
  /// Writes must be announced with `pageWritten` first (dirty log of RAM or frame buffer).
  public var isLogged: Bool

  public init(readAddress: UInt, writeAddress: UInt, isLogged: Bool = false) {
    self.readAddress = readAddress
    self.writeAddress = writeAddress
    self.isLogged = isLogged
  }
}
