// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostIO

/// The machine we are compared with: `qemu-system-x86_64`, stopped at its first instruction, held by its gdb stub.
///
/// Its RAM is a shared file that this process maps, so comparing and copying memory needs no packets.
final class Reference {
  let memory: MappedMemory
  private let gdb: GDBConnection
  private let layout: RegisterLayout
  private let process: pid_t
  private let folder: BytePath
  private var takesInterrupts = false

  /// Starts `program` with the user's options and those that make the two machines comparable.
  init(_ program: String, _ options: [String], memoryByteCount: UInt64) throws {
    folder = try BytePath("/tmp/lockstep-").makeUniqueDirectory()
    let ram = folder.appending("ram"), socketPath = folder.appending("gdb")
    let file = try FileDescriptor.open(ram, .readWrite, [.create, .truncate])
    try file.truncate(to: Int64(memoryByteCount))
    memory = try MappedMemory(file: file, byteCount: Int(memoryByteCount), sharing: .shared)
    try file.close()
    let arguments =
      options + [
        "-S", "-display", "none", "-nic", "none", "-machine", "smm=off,memory-backend=lockstep", "-object",
        "memory-backend-file,id=lockstep,size=\(memoryByteCount),share=on,mem-path=\(ram)", "-gdb",
        "unix:\(socketPath),server=on,wait=off",
      ]
    process = try Reference.start(program, arguments)
    do {
      gdb = try GDBConnection(try Reference.connect(socketPath, program, process))
      var description = try gdb.document("target.xml")
      for part in description.split(separator: "<") where part.hasPrefix("xi:include href=\"") {
        description += try gdb.document(String(part.dropFirst(17).prefix { $0 != "\"" }))
      }
      layout = try RegisterLayout(description)
      try gdb.command("Qqemu.sstep=7")
      // Both sides have them open, and nothing is left behind however this ends.
      Reference.removeFiles(folder)
    } catch {
      Reference.end(process, folder)
      throw error
    }
  }

  private static func connect(_ path: BytePath, _ program: String, _ process: pid_t) throws -> FileDescriptor {
    for _ in 0..<500 {
      if let socket = try? Socket.connect(to: .unix(path)) { return socket }
      usleep(10_000)
      var status: Int32 = 0
      if waitpid(process, &status, WNOHANG) == process {
        throw LockstepError("\(program) ended at once; its message is above.")
      }
    }
    throw LockstepError("\(program) opened no gdb socket.")
  }

  /// Ends the process and removes its files.
  func end() {
    gdb.close()
    Reference.end(process, folder)
  }

  private static func end(_ process: pid_t, _ folder: BytePath) {
    kill(process, SIGKILL)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    removeFiles(folder)
  }

  private static func removeFiles(_ folder: BytePath) {
    for name in ["ram", "gdb"] as [BytePath] { try? folder.appending(name).unlink() }
    try? folder.removeDirectory()
  }

  private static func start(_ program: String, _ arguments: [String]) throws -> pid_t {
    // Whoever ends this process by a signal ends the other one too.
    let words = ["setpriv", "--pdeathsig", "KILL", program] + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    let status = posix_spawnp(&process, words[0], nil, nil, pointers, environ)
    guard status == 0 else { throw LockstepError("Cannot start \(program): \(String(cString: strerror(status)))") }
    return process
  }

  // MARK: Running

  func registers() throws -> Registers { try layout.read(GDBConnection.bytes(try gdb.ask("g"))) }

  /// Executes one instruction (one iteration of a repeated one), or delivers one exception; with interrupts and timers
  /// held off unless `interrupts`. False if the machine does not stop in time: it waits in HLT.
  func step(interrupts: Bool = false, within milliseconds: Int32 = 30_000) throws -> Bool {
    if interrupts != takesInterrupts {
      // Bit 0: single step; bits 1 and 2: no interrupts, no virtual timers.
      try gdb.command("Qqemu.sstep=\(interrupts ? 1 : 7)")
      takesInterrupts = interrupts
    }
    guard let answer = try gdb.ask("s", within: milliseconds) else { return false }
    guard answer.hasPrefix("T05") || answer.hasPrefix("S05") else {
      throw LockstepError("The reference machine stopped with '\(answer)'.")
    }
    return true
  }

  /// Runs freely until the instruction at a linear address is next.
  func run(to linear: UInt64, within milliseconds: Int32 = 600_000) throws {
    let place = GDBConnection.hex(linear, digits: 1)
    // The stub keeps breakpoints outside guest memory, so a guest may load its code there.
    try gdb.command("Z1,\(place),1")
    guard try gdb.ask("c", within: milliseconds) != nil else {
      throw LockstepError("The reference machine has not come to \(place).")
    }
    try gdb.command("z1,\(place),1")
  }

  func setGeneral(_ number: Int, _ value: UInt64) throws {
    guard let index = layout.number(of: Registers.generalNames[number]) else { return }
    let bytes = (0..<8).map { GDBConnection.hex((value >> UInt64(8 * $0)) & 0xff, digits: 2) }.joined()
    try gdb.command("P\(GDBConnection.hex(UInt64(index), digits: 1))=\(bytes)")
  }

  func monitor(_ command: String) throws -> String { try gdb.monitor(command) }
}
