// SPDX-License-Identifier: Apache-2.0
import HostIO
import X86

/// Our processor with memory at the addresses of `OracleLayout`, in a copy of the host's.
final class CoreUnderTest {
  let data: UnsafeMutableRawPointer
  let code: UnsafeMutableRawPointer
  private(set) var processor: Processor?
  private var hostCode: ExecutableMemory?

  /// `compiles`: every instruction that can be is compiled to host code.
  init(compiles: Bool = false) {
    data = .allocate(byteCount: OracleLayout.dataBytes, alignment: 4096)
    code = .allocate(byteCount: OracleLayout.codeBytes, alignment: 4096)
    code.initializeMemory(as: UInt8.self, repeating: 0x90, count: OracleLayout.codeBytes)
    let context = Unmanaged.passUnretained(self).toOpaque()
    let processor = Processor(
      machine: MachineInterface(
        context: context,
        portRead: { _, _, _ in 0 }, portWrite: { _, _, _, _ in },
        mmioRead: { _, _, _ in 0 }, mmioWrite: { _, _, _, _ in },
        page: { context, address, answer in
          let core = Unmanaged<CoreUnderTest>.fromOpaque(context).takeUnretainedValue()
          var host: UInt = 0
          if address >= OracleLayout.data, address < OracleLayout.data + UInt64(OracleLayout.dataBytes) {
            host = UInt(bitPattern: core.data) + UInt(address - OracleLayout.data)
          } else if address >= OracleLayout.code, address < OracleLayout.code + UInt64(OracleLayout.codeBytes) {
            host = UInt(bitPattern: core.code) + UInt(address - OracleLayout.code)
          }
          answer.storeBytes(of: PhysicalPage(readAddress: host, writeAddress: host), as: PhysicalPage.self)
        },
        codePage: { _, _, _ in }, pageWritten: { _, _ in }, interruptAcknowledge: { _ in -1 },
        msrRead: { _, _, _ in false }, msrWrite: { _, _, _ in false },
        taskPriorityRead: { _ in 0 }, taskPriorityWrite: { _, _ in }, timeStamp: { _ in 0 }, ferr: { _, _ in }))
    processor.enableAllFeatures()
    if compiles, let memory = try? ExecutableMemory(1 << 20) {
      processor.setHostCodeMemory(
        writable: memory.writable, executable: memory.executable, byteCount: memory.byteCount)
      processor.compileEverything()
      hostCode = memory
    }
    self.processor = processor
  }

  /// Parts of code compiled so far.
  var compiledCount: Int { processor?.compiledCount ?? 0 }

  deinit {
    data.deallocate()
    code.deallocate()
  }

  private var mode: Processor.ProbeMode?

  /// Executes `count` instructions of `bytes`; the vector of a fault, or 0xff.
  func run(
    _ bytes: [UInt8], count: Int, mode: Processor.ProbeMode, _ state: RegisterFile, into result: inout RegisterFile
  ) -> UInt8 {
    guard let processor else { return 0 }
    let offset = Int(OracleLayout.test - OracleLayout.code)
    (code + offset).copyMemory(from: bytes, byteCount: bytes.count)
    processor.physicalMemoryWritten(OracleLayout.test, length: UInt64(bytes.count))
    if self.mode != mode {
      processor.enter(mode)
      self.mode = mode
    }
    for number in 0..<16 { processor.setRegister(number, state.general[number]) }
    processor.flags = UInt32(truncatingIfNeeded: state.flags)
    processor.instructionPointer = OracleLayout.test
    let end = OracleLayout.test + UInt64(bytes.count)
    var vector = processor.probe(count)
    // Repeated string instructions take one count for each iteration, branches may skip instructions.
    var tries = 0
    while vector == 0xff && processor.instructionPointer != end && tries < 64 {
      vector = processor.probe(1)
      tries += 1
    }
    for number in 0..<16 { result.general[number] = processor.register(number) }
    result.flags = UInt64(processor.flags)
    return vector
  }
}
