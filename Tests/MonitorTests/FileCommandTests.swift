// SPDX-License-Identifier: Apache-2.0
import HostIO
import Monitor
import Platform
import QAPI
import Testing

struct FileCommandTests {
  private func command(_ name: String, _ arguments: JSON) -> String {
    (["execute": .string(name), "arguments": arguments] as JSON).text
  }

  @Test(arguments: ["memsave", "pmemsave"])
  func `the file is complete when the reply comes`(name: String) throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    let ram = bench.board.on { $0.ram }
    for (start, size) in [(0, 0), (0, 1), (4096, 4096), (0, 65536)] {
      let arguments: JSON = ["val": JSON(start), "size": JSON(size), "filename": .string(folder.file("ram"))]
      #expect(try client.ask(command(name, arguments)) == ["return": [:]])
      #expect(folder.content("ram") == Array(ram[start..<start + size]))
    }
    #expect(folder.names == ["ram"])
  }

  @Test func `a large range is streamed while the guest is held and others are served`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    let size = (9 << 20) + 5
    let arguments: JSON = ["val": 100, "size": JSON(size), "filename": .string(folder.file("big"))]
    #expect(try client.ask(command("pmemsave", arguments)) == ["return": [:]])
    let content = try #require(folder.content("big"))
    #expect(content.count == size)
    #expect(Array(content[..<1000]) == bench.board.on { Array($0.ram[100..<1100]) })
    #expect(content[65536...].allSatisfy { $0 == 0 })
    // The release was posted before the reply and runs before this.
    #expect(bench.board.on { $0.holds } == 0)
  }

  static let memoryErrors: [(String, JSON, String)] = [
    ("memsave", [:], "Parameter 'val' is missing"),
    ("memsave", ["val": "x", "size": 1, "filename": "f"], "Invalid parameter type for 'val', expected: integer"),
    ("memsave", ["val": 1.5, "size": 1, "filename": "f"], "Invalid parameter type for 'val', expected: integer"),
    ("memsave", ["val": 0, "size": 1, "filename": 5], "Invalid parameter type for 'filename', expected: string"),
    ("memsave", ["val": -1, "size": 1, "filename": "F"], "Invalid addr 0xffffffffffffffff/size 1 specified"),
    (
      "memsave", ["val": 281_474_976_710_656, "size": 16, "filename": "F"],
      "Invalid addr 0x0001000000000000/size 16 specified"
    ),
    (
      "memsave", ["val": 0, "size": 99_999_999_999, "filename": "F"],
      "Invalid addr 0x0000000000000000/size 99999999999 specified"
    ),
    (
      "memsave", ["val": 0, "size": 16, "filename": "F", "cpu-index": 4],
      "Parameter 'cpu-index' expects a CPU number"
    ),
    (
      "memsave", ["val": 0, "size": 16, "filename": "F", "cpu-index": 0, "zz": 1], "Parameter 'zz' is unexpected"
    ),
    ("memsave", ["val": 0, "size": -1, "filename": "F"], "Parameter 'size' expects a size that is not negative"),
    ("pmemsave", ["val": 0, "size": -5, "filename": "F"], "Parameter 'size' expects a size that is not negative"),
    (
      "pmemsave", ["val": 0, "size": 16, "filename": "/nodir/ff"],
      "Could not open '/nodir/ff': No such file or directory"
    ),
    ("pmemsave", ["val": 0, "size": 16, "filename": ""], "Could not open '': No such file or directory"),
    ("pmemsave", ["val": 0, "size": 16, "filename": "/tmp"], "Could not open '/tmp': Is a directory"),
    (
      "pmemsave", ["val": 0, "size": 1_000_000, "filename": "/dev/full"],
      "An IO error has occurred: No space left on device"
    ),
    ("screendump", [:], "Parameter 'filename' is missing"),
    ("screendump", ["filename": "F", "head": 0], "'head' must be specified together with 'device'"),
    ("screendump", ["filename": "F", "device": "nope"], "Device 'nope' not found"),
    ("screendump", ["filename": "F", "device": "hd2"], "Device hd2 (head 0) is not bound to a QemuConsole"),
    (
      "screendump", ["filename": "F", "device": "video0", "head": 1],
      "Device video0 (head 1) is not bound to a QemuConsole"
    ),
    ("screendump", ["filename": "F", "format": "gif"], "Parameter 'format' does not accept value 'gif'"),
    ("screendump", ["filename": "F", "format": nil], "Invalid parameter type for 'format', expected: string"),
    ("screendump", ["filename": "/nodir/x"], "failed to open file '/nodir/x': No such file or directory"),
    ("screendump", ["filename": "/tmp"], "failed to open file '/tmp': Is a directory"),
    ("screendump", ["filename": "/dev/full"], "Unable to write to file: No space left on device"),
  ]

  @Test(arguments: memoryErrors)
  func `a command that fails says why and leaves no file`(name: String, arguments: JSON, sentence: String) throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    var arguments = arguments
    if var object = arguments.object, object["filename"] == "F" {
      object["filename"] = .string(folder.file("F"))
      arguments = .object(object)
    }
    #expect(try client.error(command(name, arguments)) == sentence)
    #expect(folder.names.isEmpty)
    #expect(bench.board.on { $0.holds } == 0)
  }

  @Test func `DeviceNotFound has a class of its own`() throws {
    let client = try Bench().negotiated()
    let reply = try client.ask(command("screendump", ["filename": "x", "device": "nope"]))
    #expect(reply["error"]?["class"] == "DeviceNotFound")
  }

  @Test func `a machine without a display has no screendump`() throws {
    let client = try Bench { $0.screen = .failure(.noConsole) }.negotiated()
    #expect(
      try client.error(command("screendump", ["filename": "x"])) == "There is no console to take a screendump from")
  }

  @Test(arguments: [(nil, "PPM 2x1"), ("ppm", "PPM 2x1"), ("png", "PNG [66051, 16777215]")] as [(String?, String)])
  func `a screendump is encoded as asked`(format: String?, content: String) throws {
    let client = try Bench().negotiated()
    let folder = try Folder()
    var arguments = JSONObject()
    arguments["filename"] = .string(folder.file("s"))
    if let format { arguments["format"] = .string(format) }
    #expect(try client.ask(command("screendump", .object(arguments))) == ["return": [:]])
    #expect(folder.content("s") == Array(content.utf8))
  }

  /// A pipe whose reader does not read: writing more than it holds waits.
  private func stalled(_ writer: FileDescriptor) -> JSON {
    ["val": 0, "size": 1_000_000, "filename": .string("/proc/self/fd/\(writer.rawValue)")]
  }

  @Test func `a file that stalls stalls its command only`() throws {
    let bench = try Bench()
    let (client, other) = (try bench.negotiated(), try bench.negotiated())
    let (reader, writer) = try FileDescriptor.pipe()
    client.send(command("pmemsave", stalled(writer)) + #"{"execute":"query-name","id":"behind"}"#)
    #expect(try other.ask(#"{"execute":"query-status","id":"other"}"#)["id"] == "other")
    #expect(client.text().isEmpty)
    var got = 0
    while got < 1_000_000 { got += try reader.read(upTo: 65536).count }
    #expect(try client.lines(2) == [#"{"return": {}}"#, #"{"return": {"name": "fake"}, "id": "behind"}"#])
    writer.closeIgnoringErrors()
    reader.closeIgnoringErrors()
  }

  @Test func `quit overtakes a command that is stuck`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let (reader, writer) = try FileDescriptor.pipe()
    client.send(command("pmemsave", stalled(writer)) + #"{"execute":"query-name"}{"execute":"quit","id":"q"}"#)
    #expect(try JSON(parsing: client.line().utf8)["event"] == "SHUTDOWN")
    #expect(try client.line() == #"{"return": {}, "id": "q"}"#)
    #expect(bench.board.on { $0.log } == ["quit"])
    reader.closeIgnoringErrors()
    writer.closeIgnoringErrors()
  }

  @Test func `the end of the process leaves no unfinished file`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    let arguments: JSON = ["val": 0, "size": JSON(1 << 40), "filename": .string(folder.file("huge"))]
    client.send(command("pmemsave", arguments))
    while folder.names.isEmpty { HostClock.sleep(nanoseconds: 1_000_000) }
    bench.hub.flush(nanoseconds: Bench.patience)
    #expect(folder.names.isEmpty)
  }

  @Test func `the end of the process does not wait for a stuck file`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let (reader, writer) = try FileDescriptor.pipe()
    client.send(command("pmemsave", stalled(writer)))
    _ = try bench.negotiated().ask(#"{"execute":"query-name"}"#)
    let start = HostClock.monotonicNanoseconds
    bench.hub.flush(nanoseconds: Bench.patience)
    #expect(HostClock.monotonicNanoseconds - start < 2_000_000_000)
    reader.closeIgnoringErrors()
    writer.closeIgnoringErrors()
  }

  @Test func `quit waits for a command that is only slow`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let folder = try Folder()
    let arguments: JSON = ["val": 0, "size": JSON(64 << 20), "filename": .string(folder.file("big"))]
    client.send(command("pmemsave", arguments) + #"{"execute":"quit","id":"q"}"#)
    #expect(try client.line() == #"{"return": {}}"#)
    #expect(folder.content("big")?.count == 64 << 20)
    #expect(try client.reply()["id"] == "q")
  }
}
