// SPDX-License-Identifier: Apache-2.0
import QAPI
import Testing

enum Color: String, QMPEnum { case red, green }

struct Inner: Codable, Hashable, Sendable {
  var data: String
  var small: UInt16?
}

struct Arguments: Codable, Hashable, Sendable {
  var filename: String
  var cpuIndex: Int64?
  var keys: [Inner]?
  var inner: Inner?
  var color: Color?
  var colors: [Color]?
  var flag: Bool?
  var ratio: Double?
  var big: UInt64?
  var anything: JSON?
}

struct DecoderTests {
  static func error(_ text: String) -> String {
    do {
      _ = try QAPIDecoder.decode(Arguments.self, from: JSON(parsing: text.utf8))
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  static let errors: [(String, String)] = [
    ("{}", "Parameter 'filename' is missing"),
    (#"{"filename":5}"#, "Invalid parameter type for 'filename', expected: string"),
    (#"{"filename":null}"#, "Invalid parameter type for 'filename', expected: string"),
    (#"{"filename":"f","x":1}"#, "Parameter 'x' is unexpected"),
    (#"{"filename":"f","zzz":1,"aaa":2}"#, "Parameter 'zzz' is unexpected"),
    (#"{"x":1}"#, "Parameter 'filename' is missing"),
    (#"{"filename":"f","cpu-index":"a"}"#, "Invalid parameter type for 'cpu-index', expected: integer"),
    (#"{"filename":"f","cpu-index":1.5}"#, "Invalid parameter type for 'cpu-index', expected: integer"),
    (
      #"{"filename":"f","cpu-index":18446744073709551615}"#,
      "Invalid parameter type for 'cpu-index', expected: integer"
    ),
    (#"{"filename":"f","cpu-index":null}"#, "Invalid parameter type for 'cpu-index', expected: integer"),
    (#"{"filename":"f","keys":5}"#, "Invalid parameter type for 'keys', expected: array"),
    (#"{"filename":"f","keys":[5]}"#, "Invalid parameter type for 'keys[0]', expected: object"),
    (#"{"filename":"f","keys":[{}]}"#, "Parameter 'keys[0].data' is missing"),
    (#"{"filename":"f","keys":[{"data":"a"},{"data":"a","x":1}]}"#, "Parameter 'keys[1].x' is unexpected"),
    (#"{"filename":"f","inner":{"data":1}}"#, "Invalid parameter type for 'inner.data', expected: string"),
    (#"{"filename":"f","inner":{"data":"a","small":70000}}"#, "Parameter 'inner.small' expects uint16_t"),
    (#"{"filename":"f","inner":{"data":"a","small":-1}}"#, "Parameter 'inner.small' expects uint16_t"),
    (#"{"filename":"f","color":"blue"}"#, "Parameter 'color' does not accept value 'blue'"),
    (#"{"filename":"f","color":5}"#, "Invalid parameter type for 'color', expected: string"),
    (#"{"filename":"f","colors":["red","blue"]}"#, "Parameter 'null' does not accept value 'blue'"),
    (#"{"filename":"f","colors":["red",5]}"#, "Invalid parameter type for 'colors[1]', expected: string"),
    (#"{"filename":"f","flag":"on"}"#, "Invalid parameter type for 'flag', expected: boolean"),
    (#"{"filename":"f","ratio":"1"}"#, "Invalid parameter type for 'ratio', expected: number"),
    (#"{"filename":"f","big":0.5}"#, "Invalid parameter type for 'big', expected: integer"),
  ]

  @Test(arguments: errors)
  func `a wrong argument gets the sentence QEMU gives it`(text: String, sentence: String) {
    #expect(Self.error(text) == sentence)
  }

  @Test func `everything present is decoded`() throws {
    let text = """
      {"filename":"f","cpu-index":-3,"keys":[{"data":"a"},{"data":"b","small":65535}],"inner":{"data":"c"},
       "color":"green","colors":["red"],"flag":true,"ratio":2,"big":-1,"anything":{"x":[null]}}
      """
    let expected = Arguments(
      filename: "f", cpuIndex: -3, keys: [Inner(data: "a"), Inner(data: "b", small: 65535)], inner: Inner(data: "c"),
      color: .green, colors: [.red], flag: true, ratio: 2, big: .max, anything: ["x": [nil]])
    let decoded = try QAPIDecoder.decode(Arguments.self, from: JSON(parsing: text.utf8))
    #expect(decoded == expected)
    #expect(try QAPIDecoder.decode(Arguments.self, from: QAPIEncoder.encode(expected)) == expected)
  }

  @Test func `absent optionals leave no member behind`() throws {
    let encoded = try QAPIEncoder.encode(Arguments(filename: "f"))
    #expect(encoded == ["filename": "f"])
  }

  struct Names: Codable, Hashable {
    var threadID = 1
    var qomPath = "p"
    var defaultRamId = "r"
    var plain = true
    var irqPin = 2
    var uuid = "u"
    enum CodingKeys: String, CodingKey {
      case threadID
      case qomPath
      case defaultRamId
      case plain
      case irqPin = "irq_pin"
      case uuid = "UUID"
    }
  }

  @Test func `Swift names become wire names`() throws {
    let encoded = try QAPIEncoder.encode(Names())
    #expect(
      Set(encoded.object?.keys ?? []) == ["thread-id", "qom-path", "default-ram-id", "plain", "irq_pin", "UUID"])
    #expect(try QAPIDecoder.decode(Names.self, from: encoded) == Names())
  }
}
