// SPDX-License-Identifier: Apache-2.0
import HostIO
import Options
import PC
import Testing

struct KernelOptionTests {
  @Test func `a kernel and its companions come in any order, and the last of each wins`() throws {
    #expect(try Line.machine("").kernel == nil)
    #expect(try Line.machine("-kernel k").kernel == KernelRequest(kernel: "k"))
    #expect(
      try Line.machine("-append a --initrd x,y -kernel k -append b -dtb d").kernel
        == KernelRequest(kernel: "k", initrd: "x,y", commandLine: Array("b".utf8), deviceTree: "d"))
    #expect(try Line.machine("-kernel ''").kernel == KernelRequest(kernel: ""))
    #expect(try Line.machine("-dtb d").kernel == nil)
  }

  @Test func `a command line need not be text`() throws {
    guard case .run(let launch) = try OptionParser.parse(["-kernel", "k", "-append", BytePath(bytes: [0xff, 0x20])])
    else {
      Issue.record("nothing to run")
      return
    }
    #expect(launch.machine.kernel?.commandLine == [0xff, 0x20])
  }

  @Test(
    arguments: [
      ("-append x", "-append only allowed with -kernel option"),
      ("-append ''", "-append only allowed with -kernel option"),
      ("-initrd x", "-initrd only allowed with -kernel option"),
      ("-initrd x -append y", "-append only allowed with -kernel option"),
      (
        "-M none -kernel x", "The -kernel parameter is not supported (use the generic 'loader' device instead)."
      ),
      ("-kernel", "-kernel: requires an argument"),
    ])
  func `what makes no sense is refused in QEMU's words`(line: String, sentence: String) {
    #expect(Line.refusal(line) == [sentence])
  }
}
