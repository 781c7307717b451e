// SPDX-License-Identifier: Apache-2.0
import Automation
public import HostIO
public import Options

/// `apus shot`: boots an image, does steps, and says in one exit status how it went.
public enum Shot {
  /// Runs a machine with a companion; gives the process's exit status.
  public typealias Runner = (Launch, any RunCompanion) -> Int32

  /// - Parameter arguments: what follows `shot`.
  /// - Returns: the exit status, a `RunVerdict`.
  public static func run(_ arguments: [BytePath], on runner: Runner) -> Int32 {
    let start = HostClock.monotonicNanoseconds
    do throws(ShotMistake) {
      guard var request = try ShotArguments.parse(arguments) else {
        do throws(Errno) { try HostProcess.printOutput(ShotHelp.text) } catch {
          return RunVerdict.internalError.rawValue
        }
        return RunVerdict.success.rawValue
      }
      let saved: SavedMachine?
      if let origin = request.origin { saved = try SavedMachine(at: origin) } else { saved = nil }
      let given = request.emulatorArguments.isEmpty ? try saved?.trustedOptions() ?? [] : request.emulatorArguments
      let options = EmulatorOptions(given, request)
      var launch: Launch
      do throws(OptionError) {
        switch try OptionParser.parse(options.arguments) {
        case .print(let text):
          do throws(Errno) { try HostProcess.printOutput(text) } catch { return RunVerdict.internalError.rawValue }
          return RunVerdict.success.rawValue
        case .run(let found): launch = found
        }
      } catch {
        throw ShotMistake(error.messages.joined(separator: "\n"))
      }
      guard !request.steps.isEmpty || request.output != nil else {
        throw ShotMistake("give a step such as --until-text RE, or a picture to write with -o; see apus shot --help")
      }
      if launch.machine.startsPaused, launch.monitors.isEmpty {
        throw ShotMistake("-S: the machine would never start, since there is no monitor that could let it")
      }
      try saved?.apply(to: &launch)
      if let rules = launch.stopRules { request.rules = rules }
      return runner(launch, ShotRun(request, options: options.arguments, start: start))
    } catch {
      HostProcess.report("shot: \(error)")
      return RunVerdict.usage.rawValue
    }
  }
}

/// The emulator's options with what a run needs that has to be the same every time, where the user says nothing else.
struct EmulatorOptions {
  private(set) var arguments: [BytePath]

  init(_ given: [BytePath], _ request: ShotRequest) {
    let scan = OptionScan(given)
    arguments = []
    func isGiven(_ names: String...) -> Bool { names.contains { scan.names.contains($0) } }
    if !isGiven("display", "nographic") { arguments += ["-display", "none"] }
    if !request.isRealTime {
      if !isGiven("icount") { arguments += ["-icount", "shift=6,sleep=off"] }
      if !isGiven("rtc") { arguments += ["-rtc", "base=2026-01-01,clock=vm"] }
      if !isGiven("seed") { arguments += ["-seed", "1"] }
    }
    if !request.writesDisks, !isGiven("snapshot") { arguments.append("-snapshot") }
    for (position, argument) in given.enumerated() {
      // A disc is no disk.
      if scan.files.contains(position), argument.description.lowercased().hasSuffix(".iso") {
        arguments.append("-cdrom")
      }
      arguments.append(argument)
    }
  }
}
