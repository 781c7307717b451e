// SPDX-License-Identifier: Apache-2.0
import Monitor
import Platform
import QAPI
import Testing

/// Texts were recorded from QEMU 7.2.
struct MonitorExpressionTests {
  static func wrong(_ sentence: String) -> String {
    "\(sentence)\r\nTry \"help p\" for more information\r\n"
  }
  static let rest = wrong("print|p: extraneous characters at the end of line")

  static let values: [(String, String)] = [
    ("p 1", "0x1\r\n"), ("p 0", "0\r\n"), ("p/x (1+2)*3", "0x9\r\n"), ("p 7-3-2", "0x2\r\n"),
    ("p/d 1 + 2 * ( 3 - 1 )", "5\r\n"), ("p/d 2+3*4/5", "4\r\n"), ("p/x 7&3|8^1", "0xa\r\n"), ("p/d ~5", "-6\r\n"),
    ("p/d - - 1", "1\r\n"), ("p +1", "0x1\r\n"), ("p -1", "0xffffffffffffffff\r\n"),
    ("p/u -1", "18446744073709551615\r\n"), ("p/o 8", "010\r\n"), ("p/o 0", "0\r\n"), ("p/c 65", "'A'\r\n"),
    ("p/c 10", "'\\n'\r\n"), ("p/c 200", "'\\xc8'\r\n"), ("p/c 0", "'\\x00'\r\n"), ("p/c 39", "'\\''\r\n"),
    ("p/i 5", "5\r\n"), ("p 0777", "0x1ff\r\n"), ("p 010", "0x8\r\n"), ("p 'a'", "0x61\r\n"),
    ("p/x 0x7fffffffffffffff", "0x7fffffffffffffff\r\n"), ("print/x 5", "0x5\r\n"), ("p/4xb 1", "0x1\r\n"),
    ("p/d -9223372036854775808 / -1", "-9223372036854775808\r\n"), ("p/d -9223372036854775808 % -1", "0\r\n"),
    ("p $eip+1*2", "0xfff2\r\n"), ("p $pc", "0xfffffff0\r\n"), ("p $eip*2", "0x1ffe0\r\n"), ("p $sp", "0\r\n"),
    ("p $cs.base", "0xffff0000\r\n"), ("p $cs.limit", "0xffff\r\n"), ("p $cs", "0xf000\r\n"), ("p $edx", "0x60fb1\r\n"),
    ("p", wrong("unexpected end of expression")), ("p 1+", wrong("unexpected end of expression")),
    ("p 1 2", rest), ("p 1>2", rest), ("p 0x", rest), ("p 08", rest), ("p 0b1", rest), ("p 1@", rest), ("p 1)", rest),
    ("p 1/0", wrong("division by zero")), ("p 5%0", wrong("division by zero")), ("p (1", wrong("')' expected")),
    ("p $bogus", wrong("unknown register")), ("p $rax", wrong("unknown register")),
    ("p $cs.x", wrong("unknown register")), ("p $", wrong("unknown register")),
    ("p 'a", wrong("missing terminating ' character")), ("p '", wrong("character constant expected")),
    ("p !1", wrong("invalid char '!' in expression")), ("p @", wrong("invalid char '@' in expression")),
    ("p 99999999999999999999", wrong("number too large")), ("p/z 1", wrong("invalid char in format: 'z'")),
    ("p " + String(repeating: "(", count: 1000), wrong("expression is nested too deeply")),
    ("p " + String(repeating: "-", count: 1000) + "1", wrong("expression is nested too deeply")),
  ]

  @Test(arguments: values)
  func `an expression has QEMU's value or QEMU's error`(line: String, output: String) throws {
    #expect(try Bench().human(line) == output)
  }

  @Test func `the last format is the next one's default`() throws {
    let bench = try Bench()
    #expect(try bench.human("p/d 16") == "16\r\n")
    #expect(try bench.human("p 16") == "16\r\n")
    #expect(try bench.human("xp/2xb 0") == "0000000000000000: 0x00 0x07\r\n")
    #expect(try bench.human("xp/2 0") == "0000000000000000: 0x00 0x07\r\n")
    #expect(try bench.human("xp 0") == "0000000000000000: 0x00\r\n")
  }

  static let memory: [UInt8] = [
    0xEA, 0x5B, 0xE0, 0, 0xF0, 0x30, 0x36, 0x2F, 0x32, 0x33, 0x2F, 0x39, 0x39, 0, 0xFC, 0,
  ]

  static let dumps: [(String, String)] = [
    (
      "xp /16xb 0xfff0",
      "000000000000fff0: 0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f\r\n"
        + "000000000000fff8: 0x32 0x33 0x2f 0x39 0x39 0x00 0xfc 0x00\r\n"
    ),
    ("x/3xh 0xfff0", "000000000000fff0: 0x5bea 0x00e0 0x30f0\r\n"),
    (
      "xp/5xw 0xfff0",
      "000000000000fff0: 0x00e05bea 0x2f3630f0 0x392f3332 0x00fc0039\r\n0000000000010000: 0x00000000\r\n"
    ),
    (
      "xp/3xg 0xfff0",
      "000000000000fff0: 0x2f3630f000e05bea 0x00fc0039392f3332\r\n0000000000010000: 0x0000000000000000\r\n"
    ),
    (
      "xp/5dw 0xfff0",
      "000000000000fff0:   14703594  792080624  959394610   16515129\r\n0000000000010000:          0\r\n"
    ),
    ("xp/10ub 0xfff0", "000000000000fff0: 234  91 224   0 240  48  54  47\r\n000000000000fff8:  50  51\r\n"),
    (
      "xp/16cb 0xfff0",
      "000000000000fff0: '\\xea' '[' '\\xe0' '\\x00' '\\xf0' '0' '6' '/'\r\n"
        + "000000000000fff8: '2' '3' '/' '9' '9' '\\x00' '\\xfc' '\\x00'\r\n"
    ),
    ("xp/3cw 0xfff0", "000000000000fff0: '\\xea' '[' '\\xe0' '\\x00' '\\xf0' '0' '6' '/' '2' '3' '/' '9'\r\n"),
    (
      "xp/5ow 0xfff0",
      "000000000000fff0:   070055752 05715430360 07113631462   077000071\r\n0000000000010000:           0\r\n"
    ),
    ("xp/10ob 0xfff0", "000000000000fff0: 0352 0133 0340   0 0360 060 066 057\r\n000000000000fff8: 062 063\r\n"),
    (
      "xp/3ug 0xfff0",
      "000000000000fff0:  3401960375889976298    70931939903615794\r\n0000000000010000:                    0\r\n"
    ),
    (
      "xp/2og 0xfff0", "000000000000fff0: 0274661417000070055752   03740003447113631462\r\n"
    ),
    ("xp/3dh 0xfff0", "000000000000fff0: 23530   224 12528\r\n"),
    ("x/0b 0xfff0", ""),
    ("x /xb 0xfff0", "000000000000fff0: 0xea\r\n"),
    (
      "x/20xb 0xfff8",
      "000000000000fff8: 0x32 0x33 0x2f 0x39 0x39 0x00 0xfc 0x00\r\n0000000000010000: Cannot access memory\r\n"
    ),
    ("xp/2xb 0x1000000000000", "0001000000000000: Cannot access memory\r\n"),
    (
      "x/2i 0x7cbc",
      "0x00007cbc:  eb fe                    jmp      0x7cbc\r\n0x00007cbe:  eb fe                    jmp      0x7cbc\r\n"
    ),
    ("x/i 0xfffffffffffff", "0xfffffffffffff: unable to read memory\r\n"),
    ("x/4z 0", "invalid char in format: 'z'\r\nTry \"help x\" for more information\r\n"),
    ("x/-1b 0", "invalid char in format: '-'\r\nTry \"help x\" for more information\r\n"),
    ("x", "unexpected end of expression\r\nTry \"help x\" for more information\r\n"),
    ("x/1xb 0 0", "x: extraneous characters at the end of line\r\nTry \"help x\" for more information\r\n"),
  ]

  @Test(arguments: dumps)
  func `memory is shown as on QEMU`(line: String, output: String) throws {
    let bench = try Bench { $0.ram.replaceSubrange(0xFFF0..., with: Self.memory) }
    #expect(try bench.human(line) == output)
  }

  @Test func `a count without sense is cut instead of filling memory`() throws {
    let text = try Bench().human("xp/999999999xb 0")
    #expect(text.hasSuffix("(output cut)\r\n"))
    #expect(text.utf8.count < 5 << 20)
  }
}
