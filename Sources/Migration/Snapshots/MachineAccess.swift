// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Runs steps of work that goes on elsewhere on the machine thread.
public protocol MachineAccess: Sendable {
  /// Waits for `body`; nil when the machine has ended.
  func onMachine<Value: Sendable>(_ body: @escaping @Sendable (any MigratableMachine) -> Value) -> Value?
}

extension MachineAccess {
  /// The same for steps that may fail.
  func step<Value: Sendable>(
    _ body: @escaping @Sendable (any MigratableMachine) -> Result<Value, MigrationError>
  ) throws(MigrationError) -> Value {
    guard let result = onMachine(body) else { throw MigrationError("The machine has ended") }
    return try result.get()
  }

  /// Waits until the machine, which stands still, has nothing on its way to or from its disks, and they hold all of it.
  public func waitForDisks() throws(MigrationError) {
    while try step({ .success($0.awaitsDisks) }) { HostClock.sleep(nanoseconds: 500_000) }
    let result = Guarded<String??>(nil)
    try step { machine in
      machine.settleDisks { failure in result.update { $0 = .some(failure) } }
      return .success(())
    }
    if let failure = result.wait(until: { $0 }) { throw MigrationError(failure) }
  }
}

extension Result where Failure == MigrationError {
  /// The typed form of `Result(catching:)`.
  init(step body: () throws(MigrationError) -> Success) {
    do throws(MigrationError) { self = .success(try body()) } catch { self = .failure(error) }
  }
}

/// For the start, when the machine thread itself does the work.
public struct IdleMachine: MachineAccess {
  private let machine: MachineBound<any MigratableMachine>
  public init(_ machine: any MigratableMachine) { self.machine = MachineBound(machine) }

  public func onMachine<Value: Sendable>(
    _ body: @escaping @Sendable (any MigratableMachine) -> Value
  ) -> Value? { body(machine.value) }
}
