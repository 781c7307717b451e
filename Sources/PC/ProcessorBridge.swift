// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import X86

/// The machine as the processor sees it: C functions over one object.
///
/// Safe: the board owns the bridge and the processor, so the context outlives every call; all calls come from the machine
/// thread.
final class ProcessorBridge {
  let ports: PortSpace
  let memory: GuestMemory
  let interrupts: InterruptRouter
  let now: () -> Nanoseconds
  let coprocessorError: CoprocessorError
  let random: RandomSource

  init(
    ports: PortSpace, memory: GuestMemory, interrupts: InterruptRouter, now: @escaping () -> Nanoseconds,
    coprocessorError: CoprocessorError, random: RandomSource
  ) {
    self.ports = ports
    self.memory = memory
    self.interrupts = interrupts
    self.now = now
    self.coprocessorError = coprocessorError
    self.random = random
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
      interruptAcknowledge: { context in
        ProcessorBridge.bridge(context).interrupts.acknowledge().map(Int32.init) ?? -1
      },
      msrRead: { context, index, value in
        guard let found = ProcessorBridge.bridge(context).interrupts.localAPIC?.read(modelRegister: index) else {
          return false
        }
        value.pointee = found
        return true
      },
      msrWrite: { context, index, value in
        ProcessorBridge.bridge(context).interrupts.localAPIC?.write(modelRegister: index, value) ?? false
      },
      taskPriorityRead: { context in ProcessorBridge.bridge(context).interrupts.localAPIC?.taskPriorityClass ?? 0 },
      taskPriorityWrite: { context, value in
        ProcessorBridge.bridge(context).interrupts.localAPIC?.taskPriorityClass = value
      },
      timeStamp: { context in UInt64(bitPattern: ProcessorBridge.bridge(context).now()) },
      ferr: { context, level in ProcessorBridge.bridge(context).coprocessorError.signal(level) },
      random: { context, value in
        value.pointee = ProcessorBridge.bridge(context).random.next()
        return true
      })
  }
}
