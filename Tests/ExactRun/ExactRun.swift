// SPDX-License-Identifier: Apache-2.0
import CZlib
import Chardev
import HostIO
import Migration
import Options
import PC

/// Runs a machine under instruction counting to an exact count, for tests that compare runs:
///
///     exact-run TO-COUNT [load=FILE] [save=FILE] [one-op-blocks] -- APUS-OPTIONS…
///
/// Prints one line: the count reached, the exit status if the machine ended, checksums of memory and of the state parts.
@main
struct ExactRun {
  static func main() {
    do {
      try run(HostProcess.arguments.dropFirst().map(\.description))
    } catch {
      HostProcess.printError("exact-run: \(error)\n")
      HostProcess.exit(1)
    }
  }

  static func run(_ arguments: [String]) throws {
    guard let separator = arguments.firstIndex(of: "--"), let target = arguments.first.flatMap(UInt64.init) else {
      throw MachineError("usage: exact-run TO-COUNT [load=FILE] [save=FILE] -- OPTIONS")
    }
    guard case .run(let launch) = try OptionParser.parse(arguments[(separator + 1)...].map { BytePath($0) }) else {
      throw MachineError("the options do not start a machine")
    }
    let loop = try EventLoop()
    try loop.start()
    let chardevs = ChardevTable(loop: loop)
    for request in launch.chardevs { try chardevs.open(id: request.id, request.configuration) }
    let machine = try Machine(launch.machine, chardevs: chardevs)
    let settings = arguments[1..<separator]
    if settings.contains("one-op-blocks") { machine.processor?.limitBlocks(to: 1) }
    if let path = value("load", settings) {
      let file = try FileDescriptor.open(BytePath(path), .readOnly)
      try MachineImage.load(into: machine, from: file)
      try file.close()
    }
    let status = machine.run(toInstruction: target)
    if let path = value("save", settings) {
      let file = try FileDescriptor.open(BytePath(path), .writeOnly, [.create, .truncate])
      try MachineImage.save(machine, to: file)
      try file.close()
    }
    chardevs.closeAll()
    try HostProcess.printOutput(
      "count=\(machine.processor?.instructionCount ?? 0) status=\(status.map(String.init) ?? "none") \(try summary(machine))\n"
    )
    HostProcess.exit(0)
  }

  private static func value(_ key: String, _ settings: ArraySlice<String>) -> String? {
    settings.first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) }
  }

  /// Checksums of every memory block and state part.
  private static func summary(_ machine: Machine) throws -> String {
    var words: [String] = []
    for block in machine.board?.memoryBlocks ?? [] {
      let sum = crc32(0, block.base.assumingMemoryBound(to: UInt8.self), UInt32(truncatingIfNeeded: block.byteCount))
      words.append("\(block.name)=\(String(sum, radix: 16))")
    }
    for part in try machine.saveState() {
      let sum = part.bytes.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
      words.append("\(part.name)=\(String(sum, radix: 16))")
    }
    return words.joined(separator: " ")
  }
}
