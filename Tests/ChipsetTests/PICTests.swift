// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// Both controllers at their ports, initialized as a PC's BIOS does: vectors 08h and 70h, everything unmasked.
final class PICBench {
  let intr = IRQLine()
  let pair: PICPair
  let ports = PortSpace()
  private(set) var lines: [IRQLine] = []

  init(isInitialized: Bool = true) {
    pair = PICPair(output: intr)
    ports.map(0x20...0x21, to: pair.master)
    ports.map(0xa0...0xa1, to: pair.slave)
    ports.map(0x4d0...0x4d1, to: pair.edgeLevelPorts)
    lines = (0..<16).map { pair.line($0) }
    pair.master.reset(.power)
    pair.slave.reset(.power)
    if isInitialized { initialize() }
  }

  func initialize(icw4: UInt8 = 1) {
    for (port, values) in [(0x20, [0x11, 0x08, 0x04]), (0xa0, [0x11, 0x70, 0x02])] as [(UInt16, [UInt8])] {
      self[port] = values[0]
      self[port + 1] = values[1]
      self[port + 1] = values[2]
      self[port + 1] = icw4
      self[port + 1] = 0
    }
  }

  subscript(_ port: UInt16) -> UInt8 {
    get { UInt8(ports.read(port, .byte)) }
    set { ports.write(port, .byte, UInt32(newValue)) }
  }

  func request(_ numbers: Int...) { for number in numbers { lines[number].pulse() } }

  /// What INTA gives while INTR is high.
  func take() -> UInt8? { intr.level ? pair.acknowledge() : nil }
}

@Suite struct PICTests {
  @Test func `after reset nothing is requested and nothing is masked`() {
    let bench = PICBench(isInitialized: false)
    #expect([0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1].map { bench[$0] } == [0, 0, 0, 0, 0, 0])
  }

  @Test(arguments: [(0, 0x08), (1, 0x09), (7, 0x0f), (8, 0x70), (9, 0x71), (15, 0x77)] as [(Int, UInt8)])
  func `each input has its vector`(_ number: Int, _ vector: UInt8) {
    let bench = PICBench()
    bench.request(number)
    #expect(bench.take() == vector)
    #expect(bench.take() == nil)
  }

  @Test func `the lower number goes first, the slave's with input 2`() {
    let bench = PICBench()
    bench.request(15, 4, 8, 1)
    var vectors: [UInt8] = []
    while let vector = bench.take() {
      vectors.append(vector)
      if vector >= 0x70 { bench[0xa0] = 0x20 }
      bench[0x20] = 0x20
    }
    #expect(vectors == [0x09, 0x70, 0x77, 0x0c])
  }

  @Test func `a request waits for the more urgent one in service`() {
    let bench = PICBench()
    bench.request(4)
    #expect(bench.take() == 0x0c)
    bench.request(5)
    #expect(!bench.intr.level)
    bench.request(3)
    #expect(bench.take() == 0x0b)
    bench[0x20] = 0x20
    #expect(!bench.intr.level)
    bench[0x20] = 0x20
    #expect(bench.take() == 0x0d)
  }

  @Test func `reading a controller shows requests or what is in service`() {
    let bench = PICBench()
    bench.request(3, 5)
    #expect(bench.take() == 0x0b)
    #expect(bench[0x20] == 0x20)
    bench[0x20] = 0x0b
    #expect(bench[0x20] == 0x08)
    bench[0x20] = 0x0a
    #expect(bench[0x20] == 0x20)
  }

  @Test func `a masked input is remembered`() {
    let bench = PICBench()
    bench[0x21] = 0x10
    bench.request(4)
    #expect(!bench.intr.level)
    bench[0x21] = 0
    #expect(bench.take() == 0x0c)
  }

  @Test func `with nothing to acknowledge the vector is that of input 7`() {
    let bench = PICBench()
    #expect(bench.pair.acknowledge() == 0x0f)
    bench[0x20] = 0x0b
    #expect(bench[0x20] == 0)
  }

  @Test func `a slave's request that went away gives its input 7, and input 2 is in service`() {
    let bench = PICBench()
    bench[0x4d1] = 0x04
    bench.lines[10].set(true)
    #expect(bench.intr.level)
    // The slave drops INT; the master has latched the edge.
    bench.lines[10].set(false)
    #expect(bench.intr.level)
    #expect(bench.pair.acknowledge() == 0x77)
    bench[0x20] = 0x0b
    bench[0xa0] = 0x0b
    #expect((bench[0x20], bench[0xa0]) == (0x04, 0x00))
  }

  @Test func `an edge is needed for each request, a level is not`() {
    let bench = PICBench()
    bench.lines[5].set(true)
    #expect(bench.take() == 0x0d)
    bench[0x20] = 0x20
    #expect(bench.take() == nil)
    bench[0x4d0] = 0x20
    #expect(bench.take() == 0x0d)
    bench[0x20] = 0x20
    #expect(bench.take() == 0x0d)
    bench.lines[5].set(false)
    bench[0x20] = 0x20
    #expect(bench.take() == nil)
  }

  @Test func `some inputs are always edges`() {
    let bench = PICBench()
    bench[0x4d0] = 0xff
    bench[0x4d1] = 0xff
    #expect((bench[0x4d0], bench[0x4d1]) == (0xf8, 0xde))
  }

  @Test func `sources of an input are one wire`() {
    let bench = PICBench()
    bench[0x4d1] = 0x08
    let other = bench.pair.line(11)
    bench.lines[11].set(true)
    other.set(true)
    bench.lines[11].set(false)
    #expect(bench.take() == 0x73)
    bench[0xa0] = 0x20
    bench[0x20] = 0x20
    #expect(bench.intr.level)
    other.set(false)
    #expect(bench[0xa0] == 0)
  }

  @Test func `initialization forgets requests, mask and service, but wants a new edge`() {
    let bench = PICBench()
    bench.lines[3].set(true)
    bench[0x21] = 0xff
    bench.initialize()
    #expect((bench[0x20], bench[0x21]) == (0, 0))
    #expect(!bench.intr.level)
    bench.lines[3].set(false)
    bench.lines[3].set(true)
    #expect(bench.take() == 0x0b)
  }

  @Test func `a single controller without ICW4 takes two words`() {
    let bench = PICBench()
    bench[0x20] = 0x12
    bench[0x21] = 0x48
    bench[0x21] = 0x55
    #expect(bench[0x21] == 0x55)
  }

  @Test func `specific end of interrupt ends just that one`() {
    let bench = PICBench()
    bench.request(4)
    _ = bench.take()
    bench.request(1)
    _ = bench.take()
    bench[0x20] = 0x64
    bench[0x20] = 0x0b
    #expect(bench[0x20] == 0x02)
  }

  @Test func `rotation makes the served input the last`() {
    let bench = PICBench()
    bench.request(3)
    #expect(bench.take() == 0x0b)
    bench[0x20] = 0xa0
    bench.request(3, 4)
    #expect(bench.take() == 0x0c)
    bench[0x20] = 0x20
    bench[0x20] = 0xc7
    #expect(bench.take() == 0x0b)
  }

  @Test func `automatic end of interrupt leaves nothing in service, and can rotate`() {
    let bench = PICBench()
    bench.initialize(icw4: 3)
    bench[0x20] = 0x80
    bench.request(0, 1)
    #expect(bench.take() == 0x08)
    bench.request(0)
    #expect(bench.take() == 0x09)
    #expect(bench.take() == 0x08)
    bench[0x20] = 0x0b
    #expect(bench[0x20] == 0)
  }

  @Test func `special mask lets less urgent inputs through`() {
    let bench = PICBench()
    bench.request(1)
    #expect(bench.take() == 0x09)
    bench.request(6)
    #expect(bench.take() == nil)
    bench[0x21] = 0x02
    #expect(bench.take() == nil)
    bench[0x20] = 0x68
    #expect(bench.take() == 0x0e)
    bench[0x20] = 0x48
  }

  @Test func `special fully nested mode lets the slave interrupt itself`() {
    for (icw4, expected) in [(0x01, nil), (0x11, 0x70)] as [(UInt8, UInt8?)] {
      let bench = PICBench()
      bench.initialize(icw4: icw4)
      bench.request(12)
      #expect(bench.take() == 0x74)
      bench.request(8)
      #expect(bench.take() == expected)
    }
  }

  @Test func `a poll acknowledges`() {
    let bench = PICBench()
    bench[0x20] = 0x0c
    #expect(bench[0x20] == 0)
    bench.request(6)
    bench[0x20] = 0x0c
    #expect(bench[0x20] == 0x86)
    #expect(!bench.intr.level)
    bench[0x20] = 0x0b
    #expect(bench[0x20] == 0x40)
  }
}
