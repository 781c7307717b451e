// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Migration
import Options
import PC
import X86

/// Runs a machine under instruction counting to an exact count, for tests that compare runs; see `Settings.usage`.
///
/// Prints a line for each hash, `at=COUNT …`, and one at the end: the count reached, the exit status if the machine ended,
/// checksums of memory and of the state parts.
@main
struct ExactRun {
  static func main() {
    do {
      try run(Settings(HostProcess.arguments.dropFirst().map(\.description)))
    } catch {
      HostProcess.printError("exact-run: \(error)\n")
      HostProcess.exit(1)
    }
  }

  static func run(_ settings: Settings) throws {
    guard case .run(let launch) = try OptionParser.parse(settings.options.map { BytePath($0) }) else {
      throw MachineError("the options do not start a machine")
    }
    let loop = try EventLoop()
    try loop.start()
    let chardevs = ChardevTable(loop: loop)
    for request in launch.chardevs { try chardevs.open(id: request.id, request.configuration) }
    let machine = try Machine(launch.machine, chardevs: chardevs)
    let run = ScheduledRun(machine, settings)
    let status = try run.start()
    if let path = settings.save { try Results.save(machine, to: path) }
    if let folder = settings.result { try Results.write(machine, into: folder) }
    chardevs.closeAll()
    try HostProcess.printOutput(
      "count=\(machine.processor?.instructionCount ?? 0) status=\(status.map(String.init) ?? "none") \(try Results.summary(machine))\n"
    )
    HostProcess.exit(0)
  }
}

/// A run to the target with all that happens at counts on the way.
private struct ScheduledRun {
  let machine: Machine
  let settings: Settings

  init(_ machine: Machine, _ settings: Settings) {
    self.machine = machine
    self.settings = settings
  }

  private var count: UInt64 { machine.processor?.instructionCount ?? 0 }

  /// The exit status if the machine ended before the target.
  func start() throws -> Int32? {
    if let limit = settings.blockLimit { machine.processor?.limitBlocks(to: limit) }
    if settings.engine != .all { machine.processor?.engineOptions = settings.engine }
    if let seed = settings.delaySeed { Disturbance.delayWorkers(of: machine, seed: seed) }
    if let path = settings.load {
      let file = try FileDescriptor.open(path, .readOnly)
      try MachineImage.load(into: machine, from: file)
      try file.close()
    } else if !settings.typing.isEmpty {
      try machine.type(try Typing.events(settings.typing))
    }
    return try runWithStops()
  }

  private func runWithStops() throws -> Int32? {
    var saves = settings.savesOnTheWay.drop { $0.count < count }
    var nextHash = settings.hashInterval.map { (count / $0 + 1) * $0 } ?? .max
    var disturbance = settings.flushSeed.map { Disturbance(seed: $0, from: count) }
    let survey = try settings.survey.map { try Survey(step: $0.step, file: $0.file, from: count) }
    var resets = 0
    machine.eventHandler = { if case .reset = $0 { resets += 1 } }
    while true {
      let stop = min(
        settings.target, nextHash, saves.first?.count ?? .max, disturbance?.next ?? .max, survey?.next ?? .max)
      let status = machine.run(toInstruction: stop)
      // The count may be past the stop where a machine was loaded there.
      if count >= nextHash, let interval = settings.hashInterval {
        try HostProcess.printOutput("at=\(count) \(try StateHash(machine).description)\n")
        nextHash = (count / interval + 1) * interval
      }
      while let save = saves.first, count >= save.count {
        try Results.save(machine, to: save.file)
        try Results.writeDisks(of: machine, to: save.file)
        saves.removeFirst()
      }
      if let survey, count >= survey.next || status != nil {
        try survey.look(at: machine, resets: resets)
        if status != nil || count >= settings.target { try survey.flush() }
      }
      if let next = disturbance?.next, count >= next, let processor = machine.processor {
        disturbance?.act(on: processor)
      }
      if status != nil || count >= settings.target { return status }
    }
  }
}
