// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Testing

@Suite struct MuxTests {
  /// A multiplexed socket pair: what the far end sends is typed, what it reads is shown.
  private struct Console {
    let running: RunningLoop
    let recorded = RecordedHost()
    let chardev: Chardev
    let far: FileDescriptor

    init() throws {
      running = try RunningLoop()
      let (near, far) = try FileDescriptor.socketPair()
      self.far = far
      chardev = try Chardev.open(
        id: "m",
        configuration: ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))), isMultiplexed: true),
        loop: running.loop, host: recorded.host)
    }

    func close() {
      chardev.close()
      far.closeIgnoringErrors()
    }
  }

  @Test func `input goes to the focus and Ctrl-A c moves it`() throws {
    let console = try Console()
    defer { console.close() }
    let (serial, monitor) = (Recorder(), Recorder())
    let monitorPort = try console.chardev.attach(monitor.frontEnd(.complete))
    let serialPort = try console.chardev.attach(serial.frontEnd())
    #expect(serial.waits(forEvents: [.muxIn, .opened]))
    #expect(monitor.events.last == .muxOut)
    try console.far.writeAll("to serial\u{1}cto monitor\u{1}\u{1}")
    #expect(monitor.waits(forText: "to monitor\u{1}"))
    #expect(serial.waits(forText: "to serial"))
    #expect(serial.events.last == .muxOut)
    #expect(monitor.events.last == .muxIn)
    // Output is not held back by focus.
    serialPort.write(Array("s".utf8))
    console.running.loop.sync {}
    monitorPort.write(Array("m".utf8))
    #expect(try readText(2, from: console.far) == "sm")
  }

  @Test func `Ctrl-A x ends, h helps, b breaks`() throws {
    let console = try Console()
    defer { console.close() }
    let serial = Recorder()
    _ = try console.chardev.attach(serial.frontEnd())
    try console.far.writeAll("\u{1}b\u{1}h")
    let help = try readText(14, from: console.far)
    #expect(help == "\n\rC-a h    pri")
    #expect(serial.waits(forEvents: [.muxIn, .opened, .serialBreak]))
    try console.far.writeAll("\u{1}x")
    #expect(console.recorded.quits.wait(nanoseconds: patience) { $0 == 1 ? true : nil } == true)
    var all = ""
    while !all.hasSuffix("QEMU: Terminated\n\r") { all += try readText(1, from: console.far) }
    #expect(!all.contains("C-a s"))
    #expect(serial.text.isEmpty)
  }

  @Test func `a front end that cannot take input gets it later, and its neighbour is not held up`() throws {
    let console = try Console()
    defer { console.close() }
    let (serial, monitor) = (Recorder(), Recorder())
    _ = try console.chardev.attach(monitor.frontEnd(.complete))
    let port = try console.chardev.attach(serial.frontEnd(room: 0))
    try console.far.writeAll("wait\u{1}cnow")
    #expect(monitor.waits(forText: "now"))
    #expect(serial.text.isEmpty)
    serial.record.update { $0.room = .max }
    port.acceptInput()
    #expect(serial.waits(forText: "wait"))
  }

  @Test func `time stamps mark each line while they are on`() throws {
    let console = try Console()
    defer { console.close() }
    let serial = Recorder()
    let port = try console.chardev.attach(serial.frontEnd())
    try console.far.writeAll("\u{1}t.")
    #expect(serial.waits(forText: "."))
    port.write(Array("a\nb\n".utf8))
    let shown = try readText(19, from: console.far)
    #expect(shown.hasPrefix("a\n[00:00:0"))
    #expect(shown.hasSuffix("] b\n"))
  }

  @Test func `everyone hears that the peer has left`() throws {
    let console = try Console()
    let recorders = [Recorder(), Recorder(), Recorder()]
    for recorder in recorders { _ = try console.chardev.attach(recorder.frontEnd()) }
    #expect(recorders[2].waits(forEvents: [.muxIn, .opened]))
    console.far.closeIgnoringErrors()
    for recorder in recorders {
      #expect(recorder.record.wait(nanoseconds: patience) { $0.events.last == .closed ? true : nil } == true)
    }
    console.chardev.close()
  }

  @Test func `pasting more than a front end takes neither loses nor grows without bound`() throws {
    let console = try Console()
    defer { console.close() }
    let serial = Recorder()
    let port = try console.chardev.attach(serial.frontEnd(room: 0))
    let far = console.far
    let bytes = (0..<1_000_000).map { UInt8(0x20 + $0 % 64) }
    let typist = try Thread(name: "typist") { try? far.writeAll(bytes) }
    var count = 0
    while count < bytes.count {
      let before = count
      serial.record.update { $0.room = 10_000 }
      port.acceptInput()
      count = serial.record.wait(nanoseconds: patience) { $0.bytes.count > before ? $0.bytes.count : nil } ?? .max
    }
    if count == .max { Socket.shutDown(far) }
    typist.join()
    #expect(serial.record.withLock { $0.bytes } == bytes)
  }
}
