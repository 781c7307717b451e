// SPDX-License-Identifier: Apache-2.0
import Automation
import Block
import Chardev
import HostIO
import Migration
import Monitor
import Options
import PC
import Platform
import QAPI
import Shot
import Synchronization

/// Runs one machine from its launch plan to its exit status. The main thread is the machine thread.
enum Runner {
  private static let failureStatus = Atomic<Int32>(1)

  /// Prints messages with the program's name in front and ends with status 1, or what a companion means by a mistake.
  static func fail(_ messages: String...) -> Never { fail(messages) }

  static func fail(_ messages: [String]) -> Never {
    for message in messages { HostProcess.report(message) }
    PIDFile.removeCurrent()
    HostProcess.exit(failureStatus.load(ordering: .relaxed))
  }

  /// - Parameter companion: drives the machine.
  static func run(_ launch: Launch, with companion: (any RunCompanion)? = nil) -> Int32 {
    if let companion { failureStatus.store(companion.mistakeStatus, ordering: .relaxed) }
    for warning in launch.warnings { HostProcess.report(warning) }
    do throws(Errno) {
      let loop = try EventLoop()
      let mailslot = Mailslot()
      let watch = try SignalWatch([.terminate, .interrupt, .hangUp], on: loop) { signal, sender in
        let name = HostProcess.commandName(ofProcess: sender).map { " (\($0))" } ?? ""
        if sender != 0 { HostProcess.report("terminating on signal \(signal.rawValue) from pid \(sender)\(name)") }
        mailslot.send(.hostSignal)
      }
      defer { watch.cancel() }
      try loop.start()
      return run(launch, loop, mailslot, companion)
    } catch {
      fail("cannot start: \(error)")
    }
  }

  private static func run(
    _ launch: Launch, _ loop: EventLoop, _ mailslot: Mailslot, _ companion: (any RunCompanion)?
  ) -> Int32 {
    let chardevs = ChardevTable(loop: loop, host: ChardevHost(quit: { mailslot.send(.hostUI) }))
    if let path = launch.pidFile { PIDFile.create(path) }
    for request in launch.chardevs {
      do throws(ChardevError) {
        let chardev = try chardevs.open(id: request.id, request.configuration)
        if let announcement = chardev.announcement { announce(announcement) }
      } catch {
        fail(request.messages(for: error))
      }
    }
    // Monitors come first: on a shared device the port attached last has the keyboard, as it should.
    chardevs.hideMultiplexed()
    let hub = startMonitors(launch, mailslot, chardevs, loop)
    let machine: Machine
    do throws(MachineError) { machine = try Machine(launch.machine, chardevs: chardevs) } catch {
      fail(error.description)
    }
    chardevs.showMultiplexed()
    hub.follow(machine)
    mailslot.connect(machine)
    hub.migration.isStrict = launch.isMigratableOnly
    if let uri = launch.incoming { takeIn(uri, machine, hub.migration) }
    if let name = launch.snapshot {
      do throws(MigrationError) { try SnapshotLoad(name).run(on: IdleMachine(machine)) } catch {
        fail(error.description)
      }
    }
    companion?.attach(machine, hub, loop)
    let stopWatch = companion == nil ? watch(machine, hub, launch.stopRules) : nil
    defer { withExtendedLifetime(stopWatch) {} }
    var status = machine.run()
    status = companion?.machineEnded(status: status) ?? status
    hub.migration.end(nanoseconds: 1_000_000_000)
    for failure in machine.blockGraph.closeAll() {
      HostProcess.report("Could not close '\(failure.node.fileName)': \(failure.error)")
    }
    hub.flush(nanoseconds: 2_000_000_000)
    chardevs.closeAll()
    PIDFile.removeCurrent()
    return status
  }

  /// `-fail-on`.
  private static func watch(_ machine: Machine, _ hub: MonitorHub, _ rules: StopRules?) -> StopWatch? {
    guard let rules, let watcher = hub.watcher else { return nil }
    let stopWatch = StopWatch(rules, watcher, machine) { [unowned machine] verdict, reason in
      if !machine.isEnding { HostProcess.report("-fail-on: \(reason)") }
      machine.end(status: verdict.rawValue)
    }
    hub.observeEvents { [unowned stopWatch] name, data in
      let isFromGuest: Bool = if case .bool(true)? = data?["guest"] { true } else { false }
      stopWatch.eventOccurred(name, resetByGuest: isFromGuest)
    }
    return stopWatch
  }

  /// `-incoming`.
  private static func takeIn(_ uri: BytePath, _ machine: Machine, _ migration: Migration) {
    migration.expectIncoming(startsGuest: !machine.configuration.startsPaused)
    if uri == "defer" { return }
    do throws(MigrationError) { try migration.startIncoming(uri, on: machine) } catch {
      fail("-incoming \(uri): \(error)")
    }
  }

  /// Where a pseudo-terminal is: on standard output, as clients expect it.
  private static func announce(_ text: String) {
    do throws(Errno) { try HostProcess.printOutput(text + "\n") } catch {
      fail("cannot write to standard output: \(error)")
    }
  }

  /// `device_add`, in the words of QMP, which has one line for a mistake.
  private static let addDevice: DeviceAdder = { arguments, machine, isMigrating throws(QMPError) in
    guard let machine = machine as? Machine else { throw QMPError("this machine takes no further devices") }
    do throws(OptionError) {
      switch arguments {
      case .text(let text): return try DeviceAddition.add(text, to: machine, isMigrating: isMigrating)
      case .properties(let properties):
        try DeviceAddition.add(properties, to: machine, isMigrating: isMigrating)
        return nil
      }
    } catch {
      throw QMPError(error.description.split(separator: "\n").first.map(String.init) ?? "")
    }
  }

  private static func startMonitors(
    _ launch: Launch, _ mailslot: Mailslot, _ chardevs: ChardevTable, _ loop: EventLoop
  ) -> MonitorHub {
    let hub = MonitorHub(
      version: .init(package: "Apus \(apusVersion)"), loop: loop, encoders: .standard, deviceAdder: addDevice,
      driveReader: { (text) throws(BlockError) in
        do throws(OptionError) { return try AddedDrive(parsing: text) } catch {
          throw .refused(error.description)
        }
      },
      machinePost: { work in mailslot.post { work($0) } })
    do throws(ChardevError) {
      for monitor in launch.monitors {
        guard let chardev = chardevs[monitor.chardev] else { throw .notFound(monitor.chardev) }
        if monitor.isControl {
          try hub.attachQMP(to: chardev, isPretty: monitor.isPretty)
        } else {
          try hub.attachHMP(to: chardev)
        }
      }
    } catch {
      fail(error.description)
    }
    return hub
  }
}
