// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform

/// `savevm`, `snapshot-save`: the machine's state and all its disks as an internal snapshot. Runs on a worker.
///
/// The guest stands still meanwhile and goes on afterwards, whatever comes of it. After a failure no disk has the snapshot;
/// an older one of the same name that was to be replaced is still there. What `progress` throws is such a failure.
public struct SnapshotSave: Sendable {
  public var name: String
  /// An older snapshot of the name is replaced.
  public var replaces: Bool
  /// The node whose image holds the machine's state; nil: the first that can.
  public var stateNode: String?
  /// Nodes of the disks that take part; nil: all that can be written to.
  public var nodes: [String]?

  public init(_ name: String?, replaces: Bool, stateNode: String? = nil, nodes: [String]? = nil) {
    let seconds = HostClock.realTimeNanoseconds / 1_000_000_000
    self.name = name ?? SnapshotTable.defaultName(at: seconds)
    (self.replaces, self.stateNode, self.nodes) = (replaces, stateNode, nodes)
  }

  private struct Plan: Sendable {
    let disks: SnapshotDisks
    let stateDisk: SnapshotDisks.Disk
    let before: RunState
  }

  private struct Capture: Sendable {
    let machine: CapturedMachine
    let details: QCOW2Node.SnapshotDetails
  }

  public func run(
    on access: some MachineAccess, progress: @Sendable () throws(MigrationError) -> Void = {}
  ) throws(MigrationError) {
    let plan = try access.step { machine in Result(step: { () throws(MigrationError) in try prepare(machine) }) }
    defer {
      _ = access.onMachine { machine in
        machine.releaseMemory()
        if plan.before == .running { machine.resume() }
      }
    }
    try access.waitForDisks()
    let capture = try access.step { machine in
      Result(step: { () throws(MigrationError) in try self.capture(machine, plan.before) })
    }
    let old = plan.disks.disks.map { $0.snapshot(name) }
    do throws(MigrationError) {
      let size = try write(capture.machine, to: plan.stateDisk, progress)
      for disk in plan.disks.disks {
        var details = capture.details
        details.stateByteCount = disk.image === plan.stateDisk.image ? size : 0
        do throws(Errno) { try disk.image.createSnapshot(details) } catch {
          throw MigrationError("Error while creating snapshot on '\(disk.name)': \(error)")
        }
        try progress()
      }
    } catch {
      undo(plan, old)
      throw error
    }
    for (disk, old) in zip(plan.disks.disks, old) { if let old { try disk.delete(old) } }
  }

  private func prepare(_ machine: any MigratableMachine) throws(MigrationError) -> Plan {
    let graph = machine.blockGraph
    if graph.isInactive { throw MigrationError("The images of the machine are with another process") }
    let disks = try SnapshotDisks(graph, nodes: nodes)
    let stateDisk = try disks.stateDisk(stateNode, in: graph)
    if !replaces, disks.disks.contains(where: { $0.snapshot(name) != nil }) {
      throw MigrationError("Snapshot '\(name)' already exists in one or more devices")
    }
    let before = machine.runState
    if before == .running { machine.stop(.savingVM) }
    machine.holdMemory()
    return Plan(disks: disks, stateDisk: stateDisk, before: before)
  }

  private func capture(_ machine: any MigratableMachine, _ before: RunState) throws(MigrationError) -> Capture {
    var details = QCOW2Node.SnapshotDetails(name: name, realtimeNanoseconds: HostClock.realTimeNanoseconds)
    details.guestNanoseconds = UInt64(clamping: machine.virtualTime)
    details.instructionCount = machine.countedInstructions
    // After a `loadvm` that failed the machine stands still like any other.
    let before = before == .restoringVM ? RunState.paused : before
    return Capture(machine: try machine.captureState(after: before), details: details)
  }

  private func write(
    _ captured: CapturedMachine, to disk: SnapshotDisks.Disk, _ progress: () throws(MigrationError) -> Void
  ) throws(MigrationError) -> UInt64 {
    let area = VMStateArea(disk.image)
    try captured.write(to: area, progress: { (_) throws(MigrationError) in try progress() })
    do throws(Errno) { try area.flush() } catch { throw MigrationError("Error \(-error.rawValue) while writing VM") }
    return UInt64(area.position)
  }

  /// Takes out what was made. What cannot be taken out is only lost room.
  private func undo(_ plan: Plan, _ old: [QCOW2Snapshot?]) {
    for (disk, old) in zip(plan.disks.disks, old) {
      let made = disk.image.snapshots.filter { $0.name == name && $0.id != old?.id }
      for snapshot in made { do throws(MigrationError) { try disk.delete(snapshot) } catch {} }
    }
    do throws(Errno) { try plan.stateDisk.image.discardVMState() } catch {}
  }
}

/// `delvm`, `snapshot-delete`. Runs on a worker, with the guest running.
public struct SnapshotDelete: Sendable {
  public var name: String
  public var nodes: [String]?

  public init(_ name: String, nodes: [String]? = nil) { (self.name, self.nodes) = (name, nodes) }

  public func run(on access: some MachineAccess) throws(MigrationError) {
    let nodes = nodes
    let disks = try access.step { machine in
      Result(step: { () throws(MigrationError) in try SnapshotDisks(machine.blockGraph, nodes: nodes) })
    }
    try disks.deleteSnapshots(name)
  }
}
