// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform

/// `loadvm`, `snapshot-load`, `-loadvm`: the machine and its disks as they were. Runs on a worker.
///
/// A machine that ran goes on running when all went well, and stays stopped otherwise (`restore-vm`), as in QEMU. What is
/// wrong with the snapshot is found before a disk is changed, but for damage inside of the state itself: after that the
/// machine is half another one and must not go on.
public struct SnapshotLoad: Sendable {
  public var name: String
  public var stateNode: String?
  public var nodes: [String]?

  public init(_ name: String, stateNode: String? = nil, nodes: [String]? = nil) {
    (self.name, self.stateNode, self.nodes) = (name, stateNode, nodes)
  }

  private struct Plan: Sendable {
    let disks: SnapshotDisks
    let stateDisk: SnapshotDisks.Disk
    let state: QCOW2Snapshot
    let shape: ImageShape
  }

  public func run(on access: some MachineAccess, progress: @Sendable () -> Void = {}) throws(MigrationError) {
    let wasRunning = try access.step { machine in
      let wasRunning = machine.runState == .running
      if wasRunning { machine.stop(.restoringVM) }
      machine.holdMemory()
      return .success(wasRunning)
    }
    do throws(MigrationError) {
      try load(access, progress)
    } catch {
      _ = access.onMachine { $0.releaseMemory() }
      throw error
    }
    _ = access.onMachine { machine in
      machine.releaseMemory()
      if wasRunning { machine.resume() }
    }
  }

  private func load(_ access: some MachineAccess, _ progress: @Sendable () -> Void) throws(MigrationError) {
    let plan = try access.step { machine in Result(step: { () throws(MigrationError) in try prepare(machine) }) }
    try access.waitForDisks()
    try access.step { machine in
      // What the devices had asked of the disks is forgotten.
      machine.releaseMemory()
      machine.reset(.snapshotLoad)
      machine.holdMemory()
      return .success(())
    }
    for disk in plan.disks.disks {
      guard let snapshot = disk.snapshot(name) else { continue }
      do throws(Errno) { try disk.image.applySnapshot(id: snapshot.id) } catch {
        throw MigrationError("Could not load snapshot '\(name)' on '\(disk.name)': \(error)")
      }
      progress()
    }
    do throws(MigrationError) { try takeState(plan, access, progress) } catch {
      throw MigrationError("Error while loading VM state: \(error)", cause: error.cause)
    }
    do throws(Errno) { try plan.stateDisk.image.discardVMState() } catch {
      throw MigrationError("Could not load snapshot '\(name)' on '\(plan.stateDisk.name)': \(error)")
    }
  }

  private func prepare(_ machine: any MigratableMachine) throws(MigrationError) -> Plan {
    let graph = machine.blockGraph
    if graph.isInactive { throw MigrationError("The images of the machine are with another process") }
    let disks = try SnapshotDisks(graph, nodes: nodes)
    let stateDisk = try disks.stateDisk(stateNode, in: graph)
    guard disks.haveSnapshot(name), let state = stateDisk.snapshot(name) else {
      throw MigrationError("Snapshot '\(name)' does not exist in one or more devices")
    }
    if state.stateByteCount == 0 {
      throw MigrationError("This is a disk-only snapshot. Revert to it  offline using qemu-img")
    }
    if let disk = disks.disks.first(where: \.hasBitmaps) {
      throw MigrationError("Could not load snapshot '\(name)' on '\(disk.name)': Device has active dirty bitmaps")
    }
    return Plan(disks: disks, stateDisk: stateDisk, state: state, shape: machine.imageShape)
  }

  private func takeState(
    _ plan: Plan, _ access: some MachineAccess, _ progress: @Sendable () -> Void
  ) throws(MigrationError) {
    let area = VMStateArea(plan.stateDisk.image, byteCount: plan.state.stateByteCount)
    var image = try IncomingImage(area, expecting: plan.shape)
    try access.step { machine in Result(step: { () throws(MigrationError) in try machine.clearMemory() }) }
    while let pages = try image.nextPages() {
      try access.step { machine in
        machine.fill(pages)
        return .success(())
      }
      progress()
    }
    let sections = image.sections
    try access.step { machine in
      Result(step: { () throws(MigrationError) in
        for node in machine.blockGraph.nodes { machine.blockGraph.didResize(node) }
        try machine.load(sections)
      })
    }
  }
}
