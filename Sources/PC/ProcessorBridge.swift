// SPDX-License-Identifier: Apache-2.0
import Platform
import X86

/// The machine as the processor sees it: C functions over one object.
///
/// Safe: the board owns the bridge and the processor, so the context outlives every call; all calls come from the machine
/// thread.
final class ProcessorBridge {
  let ports: PortSpace
  let memory: GuestMemory
  let acknowledge: () -> UInt8
  let now: () -> Nanoseconds
  let coprocessorError: CoprocessorError
  /// IA32_APIC_BASE; there is no local APIC yet, so it only reads as disabled.
  private let apicBase: UInt64 = 0

  init(
    ports: PortSpace, memory: GuestMemory, acknowledge: @escaping () -> UInt8, now: @escaping () -> Nanoseconds,
    coprocessorError: CoprocessorError
  ) {
    self.ports = ports
    self.memory = memory
    self.acknowledge = acknowledge
    self.now = now
    self.coprocessorError = coprocessorError
  }

  private static func bridge(_ context: UnsafeMutableRawPointer) -> ProcessorBridge {
    Unmanaged<ProcessorBridge>.fromOpaque(context).takeUnretainedValue()
  }

  var interface: MachineInterface {
    MachineInterface(
      context: Unmanaged.passUnretained(self).toOpaque(),
      portRead: { context, port, size in
        ProcessorBridge.bridge(context).ports.read(port, AccessWidth(rawValue: size) ?? .byte)
      },
      portWrite: { context, port, size, value in
        ProcessorBridge.bridge(context).ports.write(port, AccessWidth(rawValue: size) ?? .byte, value)
      },
      mmioRead: { context, address, size in
        ProcessorBridge.bridge(context).memory.busRead(address, AccessWidth(rawValue: size) ?? .byte)
      },
      mmioWrite: { context, address, size, value in
        ProcessorBridge.bridge(context).memory.busWrite(address, AccessWidth(rawValue: size) ?? .byte, value)
      },
      page: { context, address, result in
        let page = ProcessorBridge.bridge(context).memory.page(at: address)
        result.storeBytes(
          of: PhysicalPage(
            readAddress: UInt(bitPattern: page.read), writeAddress: UInt(bitPattern: page.write),
            isLogged: page.isLogged),
          as: PhysicalPage.self)
      },
      codePage: { context, address, holdsCode in
        ProcessorBridge.bridge(context).memory.setCodePage(address, holdsCode)
      },
      pageWritten: { context, address in ProcessorBridge.bridge(context).memory.pageWillBeWritten(address) },
      interruptAcknowledge: { context in Int32(ProcessorBridge.bridge(context).acknowledge()) },
      msrRead: { _, _, _ in false },
      msrWrite: { _, _, _ in false },
      taskPriorityRead: { _ in 0 },
      taskPriorityWrite: { _, _ in },
      timeStamp: { context in UInt64(bitPattern: ProcessorBridge.bridge(context).now()) },
      ferr: { context, level in ProcessorBridge.bridge(context).coprocessorError.signal(level) })
  }
}
