// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@Suite struct MSITests {
  final class Sink {
    var sent: [[UInt64]] = []
    let sink = MessageSink()
    init() { sink.connect { [unowned self] in sent.append([$0, UInt64($1)]) } }
  }

  private let sink = Sink()

  private func make(vectorCount: Int = 1, is64Bit: Bool = true, hasMasks: Bool = false) -> (PCIConfiguration, MSI) {
    var configuration = PCIConfiguration(PCIIdentity(vendor: 1, device: 2, classCode: 0))
    let msi = MSI(
      &configuration, at: 0x50, vectorCount: vectorCount, is64Bit: is64Bit, hasMasks: hasMasks, sink: sink.sink)
    configuration.freezeResetValues()
    configuration.write(0x04, .word, 4)
    return (configuration, msi)
  }

  /// PCI 3.0, 6.8.1: layouts and what can be written.
  @Test(
    arguments: [
      (1, false, false, 0x0000_0005, [0xffff_fffc, 0xffff, 0, 0, 0]),
      (1, true, false, 0x0080_0005, [0xffff_fffc, 0xffff_ffff, 0xffff, 0, 0]),
      (8, false, true, 0x0106_0005, [0xffff_fffc, 0xffff, 0xff, 0, 0]),
      (32, true, true, 0x018a_0005, [0xffff_fffc, 0xffff_ffff, 0xffff, 0xffff_ffff, 0]),
    ] as [(Int, Bool, Bool, UInt32, [UInt32])])
  func `the capability has the layout of its kind`(
    vectorCount: Int, is64Bit: Bool, hasMasks: Bool, header: UInt32, words: [UInt32]
  ) {
    var (configuration, _) = make(vectorCount: vectorCount, is64Bit: is64Bit, hasMasks: hasMasks)
    #expect(configuration.read(0x34, .byte) == 0x50 && configuration.read(0x06, .word) & 0x10 != 0)
    #expect(configuration.read(0x50, .dword) == header)
    for index in 1...5 { configuration.write(UInt8(0x50 + 4 * index), .dword, .max) }
    #expect((1...5).map { configuration.read(UInt8(0x50 + 4 * $0), .dword) } == words)
    configuration.write(0x50, .dword, .max)
    #expect(configuration.read(0x52, .word) == header >> 16 | 0x71)
  }

  @Test func `messages carry their number in the low bits of the data`() {
    var (configuration, msi) = make(vectorCount: 4)
    configuration.write(0x54, .dword, 0xfee0_1000)
    configuration.write(0x58, .dword, 1)
    configuration.write(0x5c, .word, 0x4047)
    msi.notify(1, &configuration)
    #expect(sink.sent.isEmpty, "MSI is off")
    configuration.write(0x52, .word, 0x21)
    for vector in 0..<5 { msi.notify(vector, &configuration) }
    #expect(sink.sent == [0x4044, 0x4045, 0x4046, 0x4047, 0x4044].map { [0x1_fee0_1000, $0] })
    configuration.write(0x52, .word, 0x01)
    msi.notify(3, &configuration)
    #expect(sink.sent.last == [0x1_fee0_1000, 0x4047], "one vector: the data as it is")
    configuration.write(0x04, .word, 0)
    msi.notify(0, &configuration)
    #expect(sink.sent.count == 6, "no bus master")
  }

  @Test func `a masked vector is pending until it is unmasked`() {
    var (configuration, msi) = make(vectorCount: 4, is64Bit: false, hasMasks: true)
    configuration.write(0x54, .dword, 0xfee0_0000)
    configuration.write(0x52, .word, 0x21)
    configuration.write(0x5c, .dword, 0x6)
    msi.notify(1, &configuration)
    msi.notify(3, &configuration)
    #expect(sink.sent == [[0xfee0_0000, 3]] && configuration.read(0x60, .dword) == 2)
    configuration.write(0x5c, .dword, 0x4)
    msi.deliverPending(&configuration)
    #expect(sink.sent == [[0xfee0_0000, 3], [0xfee0_0000, 1]] && configuration.read(0x60, .dword) == 0)
  }
}

@Suite struct MSIXTests {
  private final class Bench {
    var configuration = PCIConfiguration(PCIIdentity(vendor: 1, device: 2, classCode: 0))
    var sent: [[UInt64]] = []
    let sink = MessageSink()
    let msix: MSIX
    init(vectorCount: Int) {
      msix = MSIX(&configuration, at: 0x70, vectorCount: vectorCount, region: 1, sink: sink)
      configuration.freezeResetValues()
      sink.connect { [unowned self] in sent.append([$0, UInt64($1)]) }
      for vector in UInt64(0)..<UInt64(vectorCount) {
        msix.write(memory: 16 * vector, width: .dword, 0xfee0_0000)
        msix.write(memory: 16 * vector + 8, width: .dword, 0x40 + vector)
      }
      configuration.write(0x04, .word, 4)
    }
    func control(_ value: UInt32) {
      configuration.write(0x72, .word, value)
      msix.follow(configuration)
    }
    func mask(_ vector: UInt64, _ isMasked: Bool) {
      msix.write(memory: 16 * vector + 12, width: .dword, isMasked ? 1 : 0)
    }
  }

  /// Table and pending bits where QEMU puts them.
  @Test(
    arguments: [
      (1, 0x800, 4096), (128, 0x800, 4096), (129, 0x810, 4096), (254, 0xfe0, 8192), (2048, 0x8000, 65536),
    ] as [(Int, UInt64, UInt64)])
  func `the region has room for table and pending bits`(vectorCount: Int, pending: UInt64, byteCount: UInt64) {
    let layout = MSIX.layout(vectorCount: vectorCount)
    #expect(layout.pendingOffset == pending && (layout.byteCount == byteCount || vectorCount == 254))
    let bench = Bench(vectorCount: vectorCount)
    #expect(bench.configuration.read(0x70, .dword) == UInt32(vectorCount - 1) << 16 | 0x11)
    #expect(bench.configuration.read(0x74, .dword) == 1)
    #expect(bench.configuration.read(0x78, .dword) == UInt32(pending) | 1)
  }

  @Test func `vectors are masked at first, and what they missed comes when they are not`() {
    let bench = Bench(vectorCount: 3)
    bench.msix.notify(1)
    #expect(bench.msix.read(memory: 0x800, width: .qword) == 0, "MSI-X is off")
    bench.control(0x8000)
    bench.msix.notify(1)
    bench.msix.notify(2)
    #expect(bench.sent.isEmpty && bench.msix.read(memory: 0x800, width: .qword) == 6)
    bench.mask(1, false)
    #expect(bench.sent == [[0xfee0_0000, 0x41]] && bench.msix.read(memory: 0x800, width: .dword) == 4)
    bench.msix.notify(1)
    #expect(bench.sent.count == 2)
  }

  @Test func `the function mask masks all`() {
    let bench = Bench(vectorCount: 3)
    for vector in UInt64(0)..<3 { bench.mask(vector, false) }
    bench.control(0xc000)
    bench.msix.notify(2)
    bench.msix.notify(0)
    #expect(bench.sent.isEmpty)
    bench.control(0x8000)
    #expect(bench.sent == [[0xfee0_0000, 0x40], [0xfee0_0000, 0x42]])
  }

  @Test func `the table is memory of whole words, the pending bits are read-only`() {
    let bench = Bench(vectorCount: 2)
    bench.msix.write(memory: 0x10, width: .qword, 0x1122_3344_5566_7788)
    #expect(bench.msix.read(memory: 0x10, width: .dword) == 0x5566_7788)
    #expect(bench.msix.read(memory: 0x15, width: .byte) == 0x33)
    bench.msix.write(memory: 0x10, width: .word, 0)
    #expect(bench.msix.read(memory: 0x10, width: .qword) == 0x1122_3344_5566_7788)
    bench.msix.write(memory: 0x800, width: .qword, .max)
    bench.msix.write(memory: 0xff8, width: .qword, .max)
    #expect(bench.msix.read(memory: 0x800, width: .qword) == 0 && bench.msix.read(memory: 0xff8, width: .qword) == 0)
    #expect(bench.msix.read(memory: 0x1c, width: .dword) == 1)
  }

  /// A fixed interrupt waits for the processor to allow it; an NMI, an INIT and a write to memory do not.
  @Test(
    arguments: [
      (0xfee0_0000, 0x41, false), (0xfee0_0000, 0x400, true), (0xfee0_0000, 0x500, true), (0x1000, 0x41, true),
    ]
      as [(UInt64, UInt64, Bool)])
  func `messages that a processor must take`(address: UInt64, data: UInt64, isOne: Bool) {
    let bench = Bench(vectorCount: 2)
    bench.msix.write(memory: 0x10, width: .dword, address)
    bench.msix.write(memory: 0x18, width: .dword, data)
    bench.mask(1, false)
    #expect(!bench.msix.canInterruptMasked, "MSI-X is off")
    bench.control(0x8000)
    #expect(bench.msix.canInterruptMasked == isOne)
    bench.control(0xc000)
    #expect(!bench.msix.canInterruptMasked, "all are masked")
    bench.control(0x8000)
    bench.mask(1, true)
    #expect(!bench.msix.canInterruptMasked)
  }

  @Test func `a state with pending bits of no vector is refused`() throws {
    let bench = Bench(vectorCount: 2)
    var writer = StateWriter()
    var state = bench.msix.state
    try state.visit(&writer)
    var image = writer.image
    image[image.count - 1] = 0x80
    var reader = StateReader(image)
    #expect(throws: StateError.outOfRange("msix_pba")) { try state.visit(&reader) }
  }
}

@Suite struct BusMasterMemoryTests {
  @Test func `only memory is memory`() throws {
    let map = MemoryMap()
    let memory = GuestMemory(map: map)
    let ram = try RAMBlock(name: "ram", byteCount: 0x4000)
    map.add("low", at: 0, byteCount: 0x2000, .ram(ram, offset: 0, isReadOnly: false))
    map.add("high", at: 0x2000, byteCount: 0x1000, .ram(ram, offset: 0x2000, isReadOnly: true))
    map.add("registers", at: 0x3000, byteCount: 0x1000, .mmio(RecordingMMIO(), offset: 0))
    map.add("last", at: .max - 0xfff, byteCount: 0xfff, .ram(ram, offset: 0, isReadOnly: false))
    map.commit()
    let cases: [(UInt64, Int, Bool)] = [
      (0, 0x3000, true), (0x1fff, 2, true), (0x2fff, 2, false), (0x3000, 1, false), (0x4000, 1, false),
      (0x5000, 0, true),
      (.max - 0xfff, 0xfff, true), (.max - 1, 1, true), (.max - 1, 4, false), (0, -1, false),
    ]
    for (address, byteCount, isMemory) in cases {
      #expect(memory.isMemory(address, byteCount: byteCount) == isMemory, "\(address) \(byteCount)")
    }
  }
}
