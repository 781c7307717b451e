// SPDX-License-Identifier: Apache-2.0
import InputDevices
import PC
import Testing

struct KeySequenceTests {
  typealias Step = KeySequence.Step

  @Test(
    arguments: [
      ("aB1!", [.press([.a]), .press([.shift, .b]), .press([.digit1]), .press([.shift, .digit1])]),
      ("\n\t \u{1b}\u{8}", [.press([.ret]), .press([.tab]), .press([.spc]), .press([.esc]), .press([.backspace])]),
      ("a\r\nb\r", [.press([.a]), .press([.ret]), .press([.b]), .press([.ret])]),
      ("<f1>", [.press([.shift, .comma]), .press([.f]), .press([.digit1]), .press([.shift, .dot])]),
      ("", []),
    ] as [(String, [Step])])
  func `plain text is its characters`(_ text: String, _ steps: [Step]) throws {
    #expect(try KeySequence.parse(text) == steps)
  }

  @Test func `every printable character of ASCII has a key`() throws {
    let text = String(String.UnicodeScalarView((0x20...0x7e).compactMap(Unicode.Scalar.init)))
    let steps = try KeySequence.parse(text)
    #expect(steps.count == 95 && Set(steps).count == 95)
  }

  @Test(
    arguments: [
      ("<enter><F12><pageUp>", [.press([.ret]), .press([.f12]), .press([.pgup])]),
      ("<leftCtrlOn>x<leftCtrlOff>", [.hold(.ctrl), .press([.x]), .release(.ctrl)]),
      (
        "<leftShiftOn>aB1<leftShiftOff>B",
        [.hold(.shift), .press([.a]), .press([.b]), .press([.digit1]), .release(.shift), .press([.shift, .b])]
      ),
      ("<aOn><aOff><AON><;off>", [.hold(.a), .release(.a), .hold(.shift), .hold(.a), .release(.semicolon)]),
      (
        "<wait><wait5><wait1m20s><wait1.5s><wait250ms><wait1us>",
        [
          .wait(milliseconds: 1000), .wait(milliseconds: 5000), .wait(milliseconds: 80_000), .wait(milliseconds: 1500),
          .wait(milliseconds: 250), .wait(milliseconds: 1),
        ]
      ),
      ("<ctrl-alt-del><leftAlt>", [.press([.ctrl, .alt, .delete]), .press([.alt])]),
      (
        "a < b > c",
        [
          .press([.a]), .press([.spc]), .press([.shift, .comma]), .press([.spc]), .press([.b]), .press([.spc]),
          .press([.shift, .dot]), .press([.spc]), .press([.c]),
        ]
      ),
      ("<lt><", [.press([.shift, .comma]), .press([.shift, .comma])]),
      ("<>", [.press([.shift, .comma]), .press([.shift, .dot])]),
    ] as [(String, [Step])])
  func `Packer's keys stand between brackets`(_ text: String, _ steps: [Step]) throws {
    #expect(try KeySequence.parse(text, .packer) == steps)
  }

  @Test(
    arguments: [
      ("ctrl-alt-f2 ret\n tab ", [.press([.ctrl, .alt, .f2]), .press([.ret]), .press([.tab])]),
      (
        "a A shift-a minus ;",
        [.press([.a]), .press([.shift, .a]), .press([.shift, .a]), .press([.minus]), .press([.semicolon])]
      ),
      (
        "pgup caps super kp_enter ctrl-alt-delete",
        [.press([.pgup]), .press([.capsLock]), .press([.metaL]), .press([.kpEnter]), .press([.ctrl, .alt, .delete])]
      ),
    ] as [(String, [Step])])
  func `openQA's keys stand between blanks`(_ text: String, _ steps: [Step]) throws {
    #expect(try KeySequence.parse(text, .openqa) == steps)
  }

  @Test(
    arguments: [
      ("größe", .plain, "The US keyboard has no key for 'ö' (U+00F6), character 3 of the text"),
      ("a\u{7}", .plain, "The US keyboard has no key for U+0007, character 2 of the text"),
      ("ls<entre>", .packer, "There is no key '<entre>', character 3 of the text"),
      ("<a>", .packer, "There is no key '<a>', character 1 of the text"),
      ("<ctrl-alt-nokey>", .packer, "There is no key '<ctrl-alt-nokey>', character 1 of the text"),
      ("<on>", .packer, "There is no key '<on>', character 1 of the text"),
      ("<wait5x>", .packer, "'<wait5x>', character 1 of the text, is no wait such as <wait5> or <wait1m20s>"),
      ("<wait.s>", .packer, "'<wait.s>', character 1 of the text, is no wait such as <wait5> or <wait1m20s>"),
      ("<wait25h>", .packer, "'<wait25h>', character 1 of the text, is longer than a day"),
      (
        "<wait99999999999999999999999999999999>", .packer,
        "'<wait99999999999999999999999999999999>', character 1 of the text, is longer than a day"
      ),
      ("ret nokey", .openqa, "There is no key 'nokey', character 5 of the text"),
      ("ctrl--a", .openqa, "There is no key 'ctrl--a', character 1 of the text"),
    ] as [(String, KeySequence.Notation, String)])
  func `what has no key is refused`(_ text: String, _ notation: KeySequence.Notation, _ sentence: String) {
    let error = #expect(throws: KeyTextError.self) { try KeySequence.parse(text, notation) }
    #expect(error?.description == sentence)
  }
}
