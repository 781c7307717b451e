// SPDX-License-Identifier: Apache-2.0
import Monitor
import PC
import QAPI
import Testing

/// What `device_add` and `device_del` make of what a client says.
@Suite struct DeviceCommandTests {
  private func ask(_ command: String, _ arguments: String, _ client: Client) throws -> JSON {
    try client.ask(#"{"execute":"\#(command)","arguments":\#(arguments)}"#)
  }

  @Test func `values become text; what is no scalar says nothing`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    let arguments =
      #"{"driver":"e1000","id":"n","a":1,"b":true,"c":false,"d":18446744073709551615,"e":[1],"f":null,"g":{"h":1}}"#
    #expect(try ask("device_add", arguments, client) == ["return": [:]])
    #expect(try ask("device_add", #"{"id":5,"driver":7}"#, client) == ["return": [:]])
    #expect(
      bench.board.on { $0.addedDevices } == [
        "driver=e1000 id=n a=1 b=on c=off d=18446744073709551615", "driver=7",
      ])
  }

  @Test func `the human monitor hands its text on and shows help`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    func hmp(_ line: String) throws -> JSON {
      try ask("human-monitor-command", #"{"command-line":"\#(line)"}"#, client)
    }
    #expect(try hmp("device_add e1000,id=x") == ["return": ""])
    #expect(try hmp("device_add help") == ["return": "the drivers\r\n"])
    #expect(try hmp("device_add") == ["return": "Error: refused\r\n"])
    #expect(try hmp("device_del x") == ["return": ""])
    #expect(try hmp("device_del y") == ["return": "Error: Device 'y' not found\r\n"])
    #expect(bench.board.on { $0.addedDevices } == ["e1000,id=x"])
    #expect(bench.board.on { $0.removedDevices } == ["x"])
  }

  @Test func `an unknown device has an error class of its own`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    func error(_ name: String) throws -> JSON {
      try #require(try ask("device_del", #"{"id":"\#(name)"}"#, client).object?["error"])
    }
    #expect(try error("y") == ["class": "DeviceNotFound", "desc": "Device 'y' not found"])
    #expect(try error("fixed") == ["class": "GenericError", "desc": "it stays"])
  }

  @Test func `DEVICE_DELETED has a name only if the device had one`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    bench.board.on { machine in
      machine.hub?.emit(DeviceDeletedEvent(device: nil, path: "/machine/peripheral/x/virtio-backend"))
      machine.hub?.emit(DeviceDeletedEvent(device: "x", path: "/machine/peripheral/x"))
    }
    let events = try (0..<2).map { _ in try JSON(parsing: client.line().utf8) }
    #expect(events.map { $0["event"] } == ["DEVICE_DELETED", "DEVICE_DELETED"])
    #expect(events[0]["data"] == ["path": "/machine/peripheral/x/virtio-backend"])
    #expect(events[1]["data"] == ["device": "x", "path": "/machine/peripheral/x"])
  }
}

extension FakeMachine {
  func requestUnplug(_ name: String, isMigrating: Bool) throws(UnplugRefusal) {
    switch name {
    case "y": throw .notFound(name)
    case "fixed": throw .refused("it stays")
    default: removedDevices.append(name)
    }
  }

  /// Notes what it is given.
  static let addDevice: DeviceAdder = { arguments, machine, _ throws(QMPError) in
    guard let machine = machine as? FakeMachine else { return nil }
    switch arguments {
    case .text("help"): return "the drivers\n"
    case .text(""): throw QMPError("refused")
    case .text(let text): machine.addedDevices.append(text)
    case .properties(let properties):
      machine.addedDevices.append(properties.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
    }
    return nil
  }
}
