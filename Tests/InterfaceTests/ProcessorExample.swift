// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

/// Interface 1, processor and machine: the smallest machine there is, 64 KiB of RAM that repeats and one port.
final class SmallestMachine {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: 0x10000, alignment: 4096)
  private(set) var output: [UInt8] = []
  /// Instruction counts at which the port was written.
  private(set) var instants: [UInt64] = []
  private(set) lazy var processor = Processor(machine: interface)

  init(_ program: [UInt8]) {
    memory.initializeMemory(as: UInt8.self, repeating: 0xf4, count: 0x10000)  // HLT
    for (index, byte) in program.enumerated() {
      memory.storeBytes(of: byte, toByteOffset: 0xfff0 + index, as: UInt8.self)
    }
  }

  deinit { memory.deallocate() }

  private static func machine(_ context: UnsafeMutableRawPointer) -> SmallestMachine {
    Unmanaged<SmallestMachine>.fromOpaque(context).takeUnretainedValue()
  }

  /// The processor knows the machine by C functions over one context word, and nothing else.
  private var interface: MachineInterface {
    MachineInterface(
      context: Unmanaged.passUnretained(self).toOpaque(),
      portRead: { _, _, _ in .max },
      portWrite: { context, _, _, value in
        let machine = SmallestMachine.machine(context)
        machine.output.append(UInt8(truncatingIfNeeded: value))
        machine.instants.append(machine.processor.instructionCount)
      },
      mmioRead: { _, _, _ in .max },
      mmioWrite: { _, _, _, _ in },
      page: { context, address, result in
        let host = UInt(bitPattern: SmallestMachine.machine(context).memory) + UInt(address & 0xf000)
        result.storeBytes(of: PhysicalPage(readAddress: host, writeAddress: host), as: PhysicalPage.self)
      },
      codePage: { _, _, _ in },
      pageWritten: { _, _ in },
      interruptAcknowledge: { _ in -1 },
      msrRead: { _, _, _ in false },
      msrWrite: { _, _, _ in false },
      taskPriorityRead: { _ in 0 },
      taskPriorityWrite: { _, _ in },
      timeStamp: { _ in 0 },
      ferr: { _, _ in })
  }
}

struct ProcessorExample {
  @Test func `a machine runs its processor in budgets and hears of ports at exact counts`() {
    // MOV AL,'a'; OUT 80h,AL; INC AX; OUT 80h,AL; HLT
    let machine = SmallestMachine([0xb0, 0x61, 0xe6, 0x80, 0x40, 0xe6, 0x80, 0xf4])
    #expect(machine.processor.run(budget: 2, exact: true) == .budget)
    #expect(machine.output == Array("a".utf8))
    #expect(machine.processor.run(budget: 100, exact: true) == .halted)
    #expect(machine.output == Array("ab".utf8))
    #expect(machine.instants == [1, 3])
    #expect(machine.processor.instructionCount == 5)
  }
}
