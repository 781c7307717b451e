// SPDX-License-Identifier: Apache-2.0
import HostIO
import MachineBench
import Migration
import PC
import Platform
import Testing

/// What an image says beside the devices: what the machine did, and when.
@Suite(.serialized)
struct SavedRunStateTests {
  private func image(of machine: Machine, after state: RunState?) throws -> FileDescriptor {
    let file = try FileDescriptor.memoryFile(named: "machine")
    try CapturedMachine(machine, after: state).write(to: file)
    try file.seek(to: 0, from: .start)
    return file
  }

  @Test(arguments: [RunState.running, .paused, .prelaunch, .shutdown, nil])
  func `a machine is known to have been left as it was`(state: RunState?) throws {
    let file = try image(of: MachineBench().machine, after: state)
    defer { file.closeIgnoringErrors() }
    let other = try MachineBench().machine
    try MachineImage.load(into: other, from: file)
    #expect(other.savedRunState == state)
  }

  @Test(arguments: [RunState.finishMigrate, .incomingMigration])
  func `a machine cannot have been left in the middle of a migration`(state: RunState) throws {
    let machine = try MachineBench().machine
    #expect(throws: MigrationError("globalstate: Field 'runstate' of the state image is out of range")) {
      try CapturedMachine(machine, after: state)
    }
  }

  /// The minutes of a calendar that started at a full hour.
  private func minutes(_ machine: Machine) throws -> UInt8 {
    let rtc = try #require(machine.board?.rtc)
    rtc.write(port: 0, 2)
    return rtc.read(port: 1)
  }

  @Test(arguments: [(MachineConfiguration.RealTimeClock.Source.host, UInt8(0x10)), (.virtual, 0), (.realTime, 0)])
  func `a calendar that follows the host has gone on meanwhile`(
    source: MachineConfiguration.RealTimeClock.Source, later: UInt8
  ) throws {
    let machine = try MachineBench(configure: { configuration in
      configuration.instructionCounting = nil
      configuration.realTimeClock.base = .date(0)
      configuration.realTimeClock.source = source
    }).machine
    #expect((machine.stoodStillAt != nil) == (source == .host))
    #expect(try minutes(machine) == 0)
    machine.catchUp(from: HostClock.realTimeNanoseconds - 600 * 1_000_000_000)
    #expect(try minutes(machine) == later)
    // Another host's clock may be ahead.
    machine.catchUp(from: HostClock.realTimeNanoseconds + 600 * 1_000_000_000)
    #expect(try minutes(machine) == later)
  }

  @Test func `under instruction counting an image holds nothing of the host's time`() throws {
    let machine = try MachineBench().machine
    #expect(machine.stoodStillAt == nil)
  }
}
