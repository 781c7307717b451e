// SPDX-License-Identifier: Apache-2.0
import QAPI
import Testing

struct JSONWriterTests {
  static let orders: [(JSON, String)] = [
    (["major": 7, "minor": 2, "micro": 22], #"{"micro": 22, "minor": 2, "major": 7}"#),
    (
      ["running": false, "singlestep": false, "status": "prelaunch"],
      #"{"status": "prelaunch", "singlestep": false, "running": false}"#
    ),
    (["return": [:], "id": 4], #"{"return": {}, "id": 4}"#),
    (["error": ["desc": "x", "class": "y"], "id": 4], #"{"id": 4, "error": {"class": "y", "desc": "x"}}"#),
    (["data": [], "event": "E", "timestamp": 0], #"{"timestamp": 0, "event": "E", "data": []}"#),
    (
      ["cpu-index": 0, "qom-path": "/", "thread-id": 1, "props": [:], "target": "x86_64"],
      #"{"thread-id": 1, "props": {}, "qom-path": "/", "cpu-index": 0, "target": "x86_64"}"#
    ),
    (["b": 1, "a": 2], #"{"a": 2, "b": 1}"#),
  ]

  @Test(arguments: orders)
  func `members are written in the order QEMU writes them`(value: JSON, text: String) {
    #expect(value.text == text)
  }

  static let numbers: [(Double, String)] = [
    (0, "0"), (1, "1"), (-1, "-1"), (0.5, "0.5"), (1e20, "1e+20"), (123456.789, "123456.789"), (-0.0, "-0"),
    (1e16, "10000000000000000"), (.infinity, "1e999"), (.nan, "null"),
  ]

  @Test(arguments: numbers)
  func `reals are written as JSON`(value: Double, text: String) { #expect(JSON.double(value).text == text) }

  @Test func `integers of all sizes`() {
    #expect(JSON.int(.min).text == "-9223372036854775808" && JSON.int(-1).text == "-1" && JSON.int(0).text == "0")
    #expect(JSON.uint(.max).text == "18446744073709551615" && JSON.int(1_000_000).text == "1000000")
  }

  /// Objects of a list are written each in its own order, whether or not the one before has the same members.
  @Test func `objects of one shape are as others are`() {
    let shape = JSONObject.Shape(["major", "minor", "micro"])
    let shaped = JSON.object(JSONObject(shape, [7, 2, 22]))
    let plain: JSON = ["major": 7, "minor": 2, "micro": 22]
    #expect(shaped == plain && shaped["minor"] == 2 && shaped["patch"] == nil)
    let list: JSON = [shaped, ["b": 1, "a": ["z": 1, "y": 2]], shaped, plain, ["a": 1, "b": 2], [:]]
    let text = #"{"micro": 22, "minor": 2, "major": 7}"#
    #expect(
      list.text == #"[\#(text), {"a": {"y": 2, "z": 1}, "b": 1}, \#(text), \#(text), {"a": 1, "b": 2}, {}]"#)
  }

  @Test func `only ASCII leaves`() {
    let value = JSON.string("é\u{1F600}\u{7F}\u{1}\"\\/\u{8}\u{C}\n\r\t'")
    #expect(value.text == #""\u00E9\uD83D\uDE00\u007F\u0001\"\\/\b\f\n\r\t'""#)
  }

  @Test func `pretty text is indented by four spaces`() {
    let value: JSON = ["a": [1, ["b": true]], "c": [], "d": [:]]
    let text = String(decoding: value.utf8(isPretty: true), as: UTF8.self)
    #expect(
      text == """
        {
            "d": {
            },
            "a": [
                1,
                {
                    "b": true
                }
            ],
            "c": [
            ]
        }
        """)
  }

  @Test func `what is written reads back equal`() throws {
    let value: JSON = ["list": [1, -5, 0.25, nil, true, "x"], "deep": ["er": ["est": []]]]
    #expect(try JSON(parsing: value.utf8()) == value)
    #expect(try JSON(parsing: value.utf8(isPretty: true)) == value)
  }

  @Test func `an object with many members finds each`() {
    var object = JSONObject()
    for number in 0..<100 { object["key\(number)"] = JSON(number) }
    object["key7"] = "changed"
    #expect(object.count == 100)
    #expect(object["key7"] == "changed")
    #expect(object["key99"] == 99)
    #expect(object["key100"] == nil)
  }
}
