// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import X86

/// Executes the same guest here and on QEMU, instruction by instruction, and stops at the first difference.
///
/// Docs/Lockstep.md tells how to use it. Ends with status 0 if the machines agree, 1 at a difference, 2 when something
/// is wrong with the tool's surroundings.
@main
struct Lockstep {
  static let usage = """
    usage: lockstep [--steps N] [--skip-to LINEAR] [--memory-every N] [--interrupts-every N] [--ignore REGISTER]…
                    [--qemu PROGRAM] [--perturb N] -- OPTIONS…
      --steps N             instructions to compare (20000); one iteration of a repeated instruction counts as one
      --skip-to LINEAR      run both machines freely to this linear address, copy the state, then compare
      --memory-every N      compare all of memory every N steps (2000), not only what instructions name
      --interrupts-every N  let the reference machine take interrupts every N steps (0: only in HLT)
      --ignore REGISTER     leave a register out: rax … r15, rip, eflags, es … gs, fs_base, gs_base, cr0 … cr4, efer
      --qemu PROGRAM        the reference (qemu-system-x86_64)
      --perturb N           change RBX of our processor before step N, to see that a difference is found

    """

  static func main() {
    do {
      HostProcess.exit(try run(HostProcess.arguments.dropFirst().map(\.description)))
    } catch {
      HostProcess.printError("lockstep: \(error)\n")
      HostProcess.exit(2)
    }
  }

  static func run(_ arguments: [String]) throws -> Int32 {
    var settings = Comparison.Settings()
    var skip: UInt64?
    var program = "qemu-system-x86_64"
    guard let separator = arguments.firstIndex(of: "--") else {
      HostProcess.printError(usage)
      return 2
    }
    var words = arguments[..<separator]
    while let word = words.popFirst() {
      guard let value = words.popFirst() else { throw LockstepError("\(word) needs a value.") }
      switch word {
      case "--steps": settings.steps = try number(value)
      case "--memory-every": settings.memoryInterval = max(1, try number(value))
      case "--interrupts-every": settings.interruptInterval = try number(value)
      case "--ignore": settings.ignored.insert(value)
      case "--skip-to": skip = try number(value)
      case "--qemu": program = value
      case "--perturb": settings.perturbedStep = try number(value)
      default: throw LockstepError("There is no option \(word).\n\(usage)")
      }
    }
    let options = Array(arguments[(separator + 1)...])
    let subject = try Subject(options)
    let reference = try Reference(program, options, memoryByteCount: subject.memoryByteCount)
    defer { reference.end() }
    let comparison = Comparison(subject, reference, settings)
    if let skip {
      try reference.run(to: skip)
      try subject.run(to: skip)
      try comparison.adoptState()
    }
    do {
      try comparison.run()
    } catch let difference as Difference {
      try HostProcess.printOutput(report(difference, comparison))
      let command = (["lockstep"] + arguments[..<separator] + ["--"] + options).joined(separator: " ")
      try HostProcess.printOutput("again: \(command)\n")
      return 1
    }
    var summary = "agree: \(comparison.count) instructions, \(comparison.exceptionCount) exceptions, "
    summary +=
      "\(comparison.interruptCount) interrupts, \(comparison.adoptedCount) results of devices and clocks adopted"
    if let ending = comparison.ending { summary += "; \(ending)" }
    try HostProcess.printOutput(summary + "\n")
    return 0
  }

  private static func number(_ text: String) throws -> UInt64 {
    let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    guard let value else { throw LockstepError("'\(text)' is not a number.") }
    return value
  }

  private static func report(_ difference: Difference, _ comparison: Comparison) -> String {
    var text = "difference after \(comparison.count) instructions:\n"
    for reason in difference.reasons { text += "  \(reason)\n" }
    text += "register  ours              theirs\n"
    for (ours, theirs) in zip(comparison.ours.named, comparison.theirs.named) {
      let name = ours.name + String(repeating: " ", count: max(0, 8 - ours.name.count))
      let mark = ours.value == theirs.value ? " " : "*"
      text +=
        "\(mark)\(name) \(GDBConnection.hex(ours.value, digits: 16))  \(GDBConnection.hex(theirs.value, digits: 16))\n"
    }
    text += "last instructions:\n"
    for entry in comparison.history {
      let place = "\(GDBConnection.hex(UInt64(entry.selector), digits: 4)):\(GDBConnection.hex(entry.ip, digits: 8))"
      let code = entry.instruction.map { Disassembler.intel($0, address: entry.ip) } ?? "(no instruction)"
      text += "  \(entry.number)  \(place)  \(code)\(entry.note)\n"
    }
    return text
  }
}
