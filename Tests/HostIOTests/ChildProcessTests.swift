// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct ChildProcessTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func `a command gets the stream on its input`() throws {
    let folder = try TemporaryDirectory()
    let (reader, writer) = try FileDescriptor.pipe()
    let process = try ChildProcess(shellCommand: BytePath("cat > '\(folder("out"))'"), standardInput: reader)
    reader.closeIgnoringErrors()
    try writer.writeAll("through the pipe")
    #expect(process.poll() == nil)
    try writer.close()
    #expect(process.wait(nanoseconds: 10 * Self.second) == .exited(status: 0))
    #expect(try folder("out").contents() == Array("through the pipe".utf8))
  }

  @Test func `a command gives the stream on its output and has nothing to read`() throws {
    let (reader, writer) = try FileDescriptor.pipe()
    let process = try ChildProcess(shellCommand: "cat; echo done; exit 3", standardOutput: writer)
    writer.closeIgnoringErrors()
    #expect(try reader.readToEnd() == Array("done\n".utf8))
    #expect(process.wait(nanoseconds: 10 * Self.second) == .exited(status: 3))
    // What has been collected stays known.
    #expect(process.poll() == .exited(status: 3))
    reader.closeIgnoringErrors()
  }

  @Test func `a command inherits no other descriptor of ours and no blocked signal`() throws {
    let kept = try FileDescriptor.memoryFile(named: "kept")
    let (reader, writer) = try FileDescriptor.pipe()
    let process = try ChildProcess(
      shellCommand: BytePath(
        "ls /proc/$$/fd | grep -x -e \(kept.rawValue) -e \(reader.rawValue) -e \(writer.rawValue);"
          + "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t\\n'"), standardOutput: writer)
    writer.closeIgnoringErrors()
    let text = String(decoding: try reader.readToEnd(), as: UTF8.self)
    #expect(text.hasPrefix("SigBlk:\(String(repeating: "0", count: 16))SigIgn:"))
    // Signals 32 and 33 are the C library's own, which no program can set: they may come ignored from our parent.
    let ignored = try #require(text.split(separator: ":").last.flatMap { UInt64($0, radix: 16) })
    #expect(ignored & ~(3 << 31) == 0)
    #expect(process.wait(nanoseconds: 10 * Self.second)?.isSuccess == true)
    try kept.close()
    reader.closeIgnoringErrors()
  }

  @Test(arguments: ["sleep 100 | cat", "trap '' TERM; while true; do sleep 0.1; done"])
  func `a command that does not end is ended with all it started`(command: String) throws {
    let (reader, writer) = try FileDescriptor.pipe()
    let process = try ChildProcess(shellCommand: BytePath("(" + command + ")"), standardOutput: writer)
    writer.closeIgnoringErrors()
    #expect(process.wait(nanoseconds: Self.second / 10) == nil)
    process.terminate()
    #expect(process.poll()?.isSuccess == false)
    // Nobody holds the other end any more.
    #expect(try reader.wait(for: .readable, milliseconds: 5000).contains(.hungUp))
    reader.closeIgnoringErrors()
  }
}
