// SPDX-License-Identifier: Apache-2.0
import Automation
import HostIO
import Monitor
import PC
import Platform
import QAPI
import Screen

/// Does the steps of a run one after the other, on the machine thread.
///
/// Steps end at fixed instants of virtual time (`Watcher`), and what follows is done at the same instant, before the guest
/// goes on; under instruction counting every run is the same.
final class ShotRun: RunCompanion {
  private let request: ShotRequest
  private(set) var record: ShotRecord
  private let console: ShotConsole
  private let files: ShotFiles
  private var machine: Machine?
  private var watcher: Watcher?
  private var rules: StopWatch?
  private var current = 0
  private var isOver = false
  private var isAdvancing = false
  /// The guest asked for its end in a way that names the cause.
  private var shutdownCause: String?
  private var gallery: ScreenGallery?

  /// - Parameters:
  ///   - options: the emulator's.
  ///   - start: when the program began, by the host's monotonic clock.
  init(_ request: ShotRequest, options: [BytePath], start: UInt64) {
    self.request = request
    record = ShotRecord(
      isRealTime: request.isRealTime, origin: request.origin?.description,
      steps: request.steps.map { ShotRecord.Step(name: $0.name, argument: $0.argument) })
    record.realStart = start
    console = ShotConsole(isQuiet: request.isQuiet, showsText: request.isVerbose)
    files = ShotFiles(options: options)
  }

  // MARK: The machine

  var mistakeStatus: Int32 { RunVerdict.usage.rawValue }

  func attach(_ machine: Machine, _ hub: MonitorHub, _ loop: EventLoop) {
    self.machine = machine
    record.realReady = HostClock.monotonicNanoseconds
    guard let watcher = hub.watcher else { return finish(.internalError, "the machine cannot be watched") }
    self.watcher = watcher
    rules = StopWatch(request.rules, watcher, machine) { [unowned self] verdict, reason in fail(verdict, reason) }
    hub.observeEvents { [unowned self] name, data in eventOccurred(name, data) }
    if request.bundle != nil { gallery = ScreenGallery() }
    watcher.follow { [unowned self] in follow() }
    watcher.soon { [unowned self] in advance() }
    if let timeout = request.totalTimeout {
      let this = MachineBound(self)
      let mailbox = machine.mailbox
      _ = loop.after(nanoseconds: UInt64(timeout)) {
        mailbox.post {
          this.value.fail(.timeout, "the run takes longer than its limit of \(ShotConsole.time(timeout))")
        }
      }
    }
  }

  func machineEnded(status: Int32) -> Int32 {
    if !isOver {
      watcher?.look()
      // The end itself may be what is awaited, by a step that the last look began.
      if shutdownCause != nil { watcher?.eventOccurred("SHUTDOWN") }
      watcher?.look()
      watcher?.endAll(because: "the machine has ended")
    }
    if !isOver {
      switch shutdownCause {
      case "host-signal", "host-qmp-quit", "host-ui": finish(.interrupted, "the run was ended from outside")
      case nil where status != 0:
        record.guestStatus = status
        finish(.shutdown, "the guest ended the run with exit status \(status)")
      default: finish(.shutdown, "the guest ended the run before step \(current + 1)")
      }
    }
    console.clear()
    return conclude()
  }

  private func eventOccurred(_ name: String, _ data: JSON?) {
    guard let machine else { return }
    record.note(.init(name: name, data: data, instant: machine.virtualTime))
    if name == "SHUTDOWN" { shutdownCause = data?["reason"]?.string }
    let isFromGuest: Bool = if case .bool(true)? = data?["guest"] { true } else { false }
    if name == "__org.apus_GUEST_HUNG", request.rules.endsOnHang {
      // A screen that stays as it is may be all that is awaited.
      let reason = "the guest hangs for good"
      watcher?.soon { [unowned self] in
        if !isOver { watcher?.guestHung(because: reason) }
      }
      return
    }
    rules?.eventOccurred(name, resetByGuest: isFromGuest)
    if name == "STOP" { noteStop() }
  }

  /// A guest that was stopped by a disk's error does not go on by itself.
  private func noteStop() {
    guard let machine else { return }
    let this = MachineBound(self)
    machine.mailbox.post {
      let run = this.value
      guard let state = run.machine?.runState, [.ioError, .internalError].contains(state) else { return }
      run.fail(.stopped, "the guest was stopped: \(state.rawValue)")
    }
  }

  private func follow() {
    guard let machine, let watcher, !isOver else { return }
    gallery?.note(machine.virtualTime, machine.screenVersion) {
      watcher.screenPicture(showsCursor: true).map { ($0, watcher.screenText) }
    }
    if console.isIdle { return }
    let awaited =
      current < request.steps.count ? "\(request.steps[current].name) \(request.steps[current].argument)" : ""
    console.update(machine.virtualTime, instructions: instructions, awaited: awaited) { watcher.screenText }
  }

  private var instructions: UInt64 { machine?.processor?.instructionCount ?? 0 }

  // MARK: Steps

  /// How long a guest may leave a key unread.
  private static let patience: Nanoseconds = 30 * .second

  /// Does steps until one takes time.
  private func advance() {
    // A wait for what is true already ends within this loop, which then goes on: no stack grows with the script.
    guard let machine, let watcher, !isAdvancing else { return }
    isAdvancing = true
    defer { isAdvancing = false }
    while !isOver {
      let number = current
      guard current < request.steps.count else { return finish(.success, nil) }
      let step = request.steps[current]
      if record.steps[current].begin == nil {
        record.steps[current].begin = machine.virtualTime
        record.steps[current].realBegin = HostClock.monotonicNanoseconds
      }
      switch step.action {
      case .wait(let awaited):
        wait(awaited.map { $0.condition(begin: machine.virtualTime) }, step, watcher)
      case .type(let keys): return type(keys, step, machine, watcher)
      case .expect(let expectation): expect(expectation)
      case .shot(let path):
        guard let picture = watcher.screenPicture(showsCursor: true) else {
          return failStep(.usage, "there is no screen")
        }
        record.steps[current].picture = .init(picture)
        if let problem = files.write(picture, to: path) { return failStep(.internalError, problem) }
        endStep()
      case .save(let path):
        if let problem = files.save(machine, to: path) { return failStep(.internalError, problem) }
        endStep()
      }
      if current == number { return }
    }
  }

  private func wait(_ conditions: [WaitCondition], _ step: ShotStep, _ watcher: Watcher) {
    watcher.begin(WaitRequest(conditions, timeout: step.timeout)) { [unowned self] result in
      guard !isOver else { return }
      switch result.end {
      case .met(let index):
        // Which one, where there is a choice.
        if step.alternatives.count > 1 { record.steps[current].met = step.alternatives[index] }
        record.steps[current].text = result.texts.first ?? nil
        record.steps[current].place = result.place
        endStep()
        advance()
      case .timedOut:
        let limit = "not within \(ShotConsole.time(step.timeout)) of virtual time"
        failStep(.timeout, ([limit] + result.lastSeen).joined(separator: "; "))
      case .hung(let reason):
        failStep(.hang, ([reason] + result.lastSeen).joined(separator: "; "))
      case .ended: break
      }
    }
  }

  private func type(_ keys: [KeySequence.Step], _ step: ShotStep, _ machine: Machine, _ watcher: Watcher) {
    let patience = UInt32(clamping: min(step.timeout, Self.patience) / .millisecond)
    let this = MachineBound(self)
    do throws(KeyQueueFull) {
      try machine.type(keys, patience: patience) { result in
        let run = this.value
        // The guest may be in the middle of something.
        run.watcher?.soon {
          guard !run.isOver else { return }
          if let problem = result.problem { return run.failStep(.timeout, problem) }
          run.endStep()
          run.advance()
        }
      }
    } catch {
      failStep(.internalError, error.description)
    }
  }

  private func expect(_ expectation: ShotStep.Expectation) {
    guard let picture = watcher?.screenPicture(showsCursor: true) else { return failStep(.usage, "there is no screen") }
    record.steps[current].picture = .init(picture)
    let comparison = expectation.picture?.compared(with: picture)
    if comparison?.isMatch == true { return endStep() }
    if request.updatesGolden {
      if let problem = files.write(picture, to: expectation.file) { return failStep(.internalError, problem) }
      console.say("updated \(expectation.file)")
      return endStep(.updated)
    }
    guard let expected = expectation.picture, let comparison else {
      return failStep(.mismatch, "there is no '\(expectation.file)'")
    }
    gallery?.mismatch = (expected, picture, comparison)
    guard comparison.isSameSize else {
      return failStep(
        .mismatch,
        "the screen has \(picture.width)x\(picture.height) pixels, '\(expected.name)' "
          + "\(expected.picture.width)x\(expected.picture.height)")
    }
    failStep(
      .mismatch,
      "\(comparison.differingCount) of \(comparison.comparedCount) pixels differ from '\(expected.name)'")
  }

  private func endStep(_ result: ShotRecord.Result = .ok) {
    record.steps[current].result = result
    noteEnd()
    let step = record.steps[current]
    if request.isVerbose {
      console.say("\(ShotConsole.time(step.end ?? 0))  \(step.name) \(step.argument): \(result.rawValue)")
    }
    current += 1
  }

  private func noteEnd() {
    record.steps[current].end = machine?.virtualTime
    record.steps[current].instructions = instructions
    record.steps[current].realEnd = HostClock.monotonicNanoseconds
  }

  private func failStep(_ verdict: RunVerdict, _ detail: String) {
    guard current < record.steps.count else { return fail(verdict, detail) }
    record.steps[current].detail = detail
    fail(verdict, "step \(current + 1), \(record.steps[current].name) \(record.steps[current].argument): \(detail)")
  }

  private func fail(_ verdict: RunVerdict, _ message: String) {
    guard !isOver else { return }
    if current < record.steps.count {
      record.steps[current].result = .failed
      if record.steps[current].detail == nil { record.steps[current].detail = message }
      noteEnd()
    }
    finish(verdict, message)
  }

  // MARK: The end

  private func finish(_ verdict: RunVerdict, _ message: String?) {
    guard !isOver else { return }
    isOver = true
    (record.verdict, record.message) = (verdict, message)
    record.virtualTime = machine?.virtualTime ?? 0
    record.instructions = instructions
    machine?.end(status: verdict.rawValue)
  }

  /// Writes what was asked for; the exit status.
  private func conclude() -> Int32 {
    record.realEnd = HostClock.monotonicNanoseconds
    let picture = watcher?.screenPicture(showsCursor: true)
    record.picture = picture.map(ShotRecord.Picture.init)
    var problems: [String] = []
    if let path = request.output {
      if let picture {
        problems += [files.write(picture, to: path)].compactMap(\.self)
      } else {
        problems.append("there is no screen for '\(path)'")
      }
    }
    let report =
      record.json(version: "Apus \(apusVersion)").utf8(isPretty: true, keepsOrder: true) + [UInt8(ascii: "\n")]
    for (path, bytes) in [
      (request.report, report), (request.junit, Array(JUnitReport.text(record).utf8)),
      (request.tap, Array(TAPReport.text(record).utf8)),
    ] {
      if let path { problems += [files.write(bytes, to: path)].compactMap(\.self) }
    }
    if record.verdict != .success, let folder = request.bundle, let machine, let gallery {
      if let picture { gallery.end(machine.virtualTime, picture, watcher?.screenText) }
      let bundle = ShotBundle(folder: folder, options: files.options)
      if let problem = bundle.write(machine, record, report, gallery) { problems.append(problem) }
    }
    for problem in problems { HostProcess.report("shot: \(problem)") }
    if let message = record.message { HostProcess.report("shot: \(ShotConsole.plain(message))") }
    if !problems.isEmpty, record.verdict == .success { return RunVerdict.internalError.rawValue }
    return record.verdict.rawValue
  }
}
