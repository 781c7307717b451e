// SPDX-License-Identifier: Apache-2.0
import Automation
import Chardev
import InputDevices
import Block
import GraphicsDevices
import Migration
public import Network
public import PC
import Platform
public import Screen
import X86

/// The machine as the monitors see it.
extension Machine: MonitoredMachine {
  public var name: String? { configuration.name }

  public var uuid: String {
    let digits = configuration.uuid.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16]
    return groups.map { digits[$0].joined() }.joined(separator: "-")
  }

  public func stop() { stop(.paused) }

  // MARK: Processors

  public var processors: [ProcessorStatus] {
    guard let processor else { return [] }
    return [
      ProcessorStatus(
        index: 0, threadID: machineThreadID, qomPath: "/machine/unattached/device[0]", isHalted: processor.isHalted,
        programCounter: processor.instructionPointer &+ processor.segment(1).base)
    ]
  }

  public func registers(ofProcessor index: Int) -> ProcessorRegisters {
    var result = ProcessorRegisters()
    guard let processor else { return result }
    result.general = (0..<16).map(processor.register)
    result.instructionPointer = processor.instructionPointer
    result.flags = UInt64(processor.flags)
    result.privilegeLevel = processor.privilegeLevel
    result.isInterruptInhibited = processor.isInterruptInhibited
    result.isA20Enabled = processor.isA20Enabled
    result.isHalted = processor.isHalted
    result.segments = (0..<6).map { Self.segment(processor.segment($0)) }
    result.localDescriptorTable = Self.segment(processor.localDescriptorTable)
    result.task = Self.segment(processor.taskRegister)
    result.globalDescriptorTable = Self.table(processor.globalDescriptorTable)
    result.interruptDescriptorTable = Self.table(processor.interruptDescriptorTable)
    result.cr0 = processor.cr0
    result.cr2 = processor.cr2
    result.cr3 = processor.cr3
    result.cr4 = processor.cr4
    result.efer = processor.efer
    result.debugAddresses = (0..<4).map(processor.debugRegister)
    result.dr6 = processor.debugRegister(6)
    result.dr7 = processor.debugRegister(7)
    result.fpuControl = processor.x87ControlWord
    result.fpuStatus = processor.x87StatusWord
    result.fpuTagsInUse = processor.x87RegistersInUse
    result.mxcsr = processor.mxcsr
    result.fpu = (0..<8).map { number in
      let value = processor.x87Register(number)
      return .init(significand: value.significand, signExponent: value.signExponent)
    }
    result.xmm = (0..<16).map { number in
      let value = processor.vectorRegister(number)
      return .init(low: value.low, high: value.high)
    }
    return result
  }

  private static func segment(_ segment: Segment) -> ProcessorRegisters.Segment {
    .init(
      selector: segment.selector, base: segment.base, limit: segment.limit,
      attributes: UInt32(segment.attributes) << 8)
  }

  private static func table(_ table: DescriptorTableRegister) -> ProcessorRegisters.Table {
    .init(base: table.base, limit: UInt32(table.limit))
  }

  public func disassemble(
    processor index: Int, at address: UInt64, count: Int, isPhysical: Bool
  ) -> [DisassembledInstruction] {
    guard let processor else { return [] }
    var result: [DisassembledInstruction] = []
    var position = address
    while result.count < count {
      let bytes = codeBytes(at: position, isPhysical: isPhysical)
      guard let line = Disassembler.monitor(bytes, address: position, size: processor.codeSize) else { break }
      result.append(
        DisassembledInstruction(
          address: position, bytes: Array(bytes.prefix(line.length)), mnemonic: line.mnemonic, operands: line.operands))
      position &+= UInt64(line.length)
    }
    return result
  }

  /// Up to 16 bytes, fewer where memory ends.
  private func codeBytes(at address: UInt64, isPhysical: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    for offset in 0..<UInt64(16) {
      var byte: UInt8 = 0
      let isRead = withUnsafeMutableBytes(of: &byte) { buffer -> Bool in
        if isPhysical { return readPhysical(at: address &+ offset, into: buffer) }
        do throws(MemoryAccessError) {
          try readVirtual(processor: 0, at: address &+ offset, into: buffer)
          return true
        } catch {
          return false
        }
      }
      guard isRead else { break }
      bytes.append(byte)
    }
    return bytes
  }

  // MARK: Memory

  public func readPhysical(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    board?.memory.readForMonitor(address, into: buffer) ?? false
  }

  public func readVirtual(
    processor index: Int, at address: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(MemoryAccessError) {
    var done = 0
    while done < buffer.count {
      let at = address &+ UInt64(done)
      guard let physical = processor?.translate(at) else { throw MemoryAccessError(address: at) }
      let count = min(buffer.count - done, Int(pageByteCount - at % pageByteCount))
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
      guard readPhysical(at: physical, into: piece) else { throw MemoryAccessError(address: at) }
      done += count
    }
  }

  // MARK: Devices

  public var pciFunctions: [PCIFunction] {
    guard let pci = board?.pci else { return [] }
    return pci.functions.sorted { $0.key < $1.key }.map { address, function in
      let configuration = function.configuration
      let subsystem = (vendor: configuration.load16(0x2c), device: configuration.load16(0x2e))
      var result = PCIFunction(
        bus: 0, slot: Int(address.slot), function: Int(address.function), classCode: configuration.load16(0x0a),
        vendor: configuration.load16(0x00), device: configuration.load16(0x02),
        interruptPin: Int(configuration.load8(0x3d)), interruptLine: Int(configuration.load8(0x3c)))
      result.id = function.userID
      if subsystem.vendor != 0 || subsystem.device != 0 { result.subsystem = subsystem }
      for region in 0...6 where configuration.byteCount(ofRegion: region) > 0 {
        let low = configuration.load8(region == 6 ? 0x30 : 0x10 + 4 * region)
        let kind: PCIFunction.Region.Kind =
          region < 6 && low & 1 != 0
          ? .io : .memory(isPrefetchable: region < 6 && low & 8 != 0, is64Bit: region < 6 && low & 6 == 4)
        result.regions.append(
          .init(
            bar: region, address: configuration.address(ofRegion: region),
            byteCount: configuration.byteCount(ofRegion: region), kind: kind))
      }
      return result
    }
  }

  public var network: NetworkTable? { networks }

  public var characterDevices: [CharacterDevice] {
    chardevs.all.map { .init(label: $0.id, description: $0.filename, isFrontendOpen: $0.isFrontEndOpen) }
  }

  public var machineTypes: [MachineType] {
    [
      MachineType(name: "none", maximumProcessors: 1, defaultMemoryID: "ram"),
      MachineType(
        name: "pc-i440fx-7.2", alias: "pc", isDefault: true, maximumProcessors: 1,
        defaultProcessorType: "qemu64-x86_64-cpu", defaultMemoryID: "pc.ram"),
    ]
  }

  public func findConsole(device: String, head: Int64) throws(ScreenCaptureError) {
    guard let vga = board?.vga, !device.isEmpty, device == vga.userID else { throw .deviceNotFound(device) }
    guard head == 0 else { throw .notBound(device: device, head: head) }
  }

  public func readScreen() throws(ScreenCaptureError) -> ScreenText {
    guard let vga = board?.vga else { throw .noConsole }
    return vga.screenText()
  }

  public func captureScreen(
    device: String?, head: Int64, cursor: ScreenCursor?
  ) throws(ScreenCaptureError) -> ScreenCapture {
    guard let vga = board?.vga else {
      if let device { throw .deviceNotFound(device) }
      throw .noConsole
    }
    if let device { try findConsole(device: device, head: head) }
    let phase: StandardVGA.CursorPhase =
      switch cursor {
      case nil: .clock
      case .on: .shown
      case .off: .hidden
      }
    return ScreenCapture(vga.picture(cursor: phase))
  }

  public func queueInput(_ events: [InputEvent]) throws(KeyQueueFull) {
    try type(
      events.compactMap { event -> KeyQueue.Event? in
        switch event {
        case .key(let code, let isDown):
          InputDevices.KeyCode(rawValue: code.rawValue).map { .key($0, isDown: isDown) }
        case .delay(let milliseconds): .delay(milliseconds: milliseconds)
        }
      })
  }
}

extension MonitorHub {
  /// Sends a machine's events to the monitors; call before the machine runs.
  public func follow(_ machine: Machine) {
    follow(machine.blockGraph)
    let watcher = Watcher(machine)
    watcher.isExact = machine.configuration.instructionCounting != nil
    machine.observer = { [unowned watcher] in watcher.look() }
    self.watcher = watcher
    let clockPath = machine.clockPath
    machine.eventHandler = { [unowned self] event in
      switch event {
      case .shutdown(let cause): emit(ShutdownEvent(cause))
      case .reset(let cause): emit(ResetEvent(cause))
      case .stopped: emit(StopEvent())
      case .resumed: emit(ResumeEvent())
      case .powerDown: emit(PowerdownEvent())
      case .guestPanicked(let action): emit(GuestPanickedEvent(action))
      case .guestCrashLoaded: emit(GuestCrashLoadedEvent(.run))
      case .tripleFault(let fault, let snapshot): emit(TripleFaultEvent(fault, snapshot))
      case .guestHung(let hang): emit(GuestHungEvent(hang))
      case .receiveFilterChanged(let name, let path): emit(ReceiveFilterEvent(name: name, path: path))
      case .streamChanged(let netdev, let peer?): emit(StreamConnectedEvent(netdev: netdev, peer: peer))
      case .streamChanged(let netdev, nil): emit(StreamDisconnectedEvent(netdev: netdev))
      case .deviceDeleted(let name, let path): emit(DeviceDeletedEvent(device: name, path: path))
      case .clockChanged(let offset): emit(RTCChangeEvent(offset: offset, qomPath: clockPath))
      }
    }
  }
}

extension ScreenEncoders {
  /// The encoders of the Screen floor.
  public static let standard = ScreenEncoders(ppm: { Surface($0).ppm() }, png: { try Surface($0).png() })
}

extension Surface {
  init(_ capture: ScreenCapture) { self = capture.shared.surface }
}
