// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import QAPI

struct QueryStatus: MonitorCommand {
  static let name = "query-status"
  struct Returns: Codable, Sendable {
    var running: Bool
    /// One instruction per translation block, a debugging aid this engine has no use for.
    var singlestep: Bool
    var status: RunState
  }
  func run(in context: MonitorContext) -> Returns {
    let status = context.machine.runState
    return Returns(running: status == .running, singlestep: false, status: status)
  }
}

struct Stop: MonitorCommand {
  static let name = "stop"
  func run(in context: MonitorContext) -> Empty {
    switch context.machine.runState {
    // A machine that is not here yet stays stopped when it comes, one that does not go after all stays stopped here.
    case .incomingMigration: context.hub.migration.setIncomingStartsGuest(false)
    case .finishMigrate: context.hub.migration.guestWasStopped()
    default: context.machine.stop()
    }
    return Empty()
  }
}

struct Continue: MonitorCommand {
  static let name = "cont"
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    if context.machine.runState.needsReset { throw QMPError("Resetting the Virtual Machine is required") }
    switch context.machine.runState {
    case .finishMigrate: throw QMPError("Migration is not finalized yet")
    case .incomingMigration: context.hub.migration.setIncomingStartsGuest(true)
    default:
      // After a migration another process may have them.
      try blockWork { () throws(BlockError) in try context.blockGraph.activate() }
      context.machine.resume()
    }
    return Empty()
  }
}

struct SystemReset: MonitorCommand {
  static let name = "system_reset"
  func run(in context: MonitorContext) -> Empty {
    context.machine.reset(.hostQMPSystemReset)
    return Empty()
  }
}

struct SystemPowerdown: MonitorCommand {
  static let name = "system_powerdown"
  func run(in context: MonitorContext) -> Empty {
    context.machine.powerDown()
    return Empty()
  }
}

struct Quit: MonitorCommand {
  static let name = "quit"
  func run(in context: MonitorContext) -> Empty {
    context.machine.quit(.hostQMPQuit)
    context.hub.migration.cancel()
    return Empty()
  }
}

struct InjectNMI: MonitorCommand {
  static let name = "inject-nmi"
  func run(in context: MonitorContext) -> Empty {
    context.machine.injectNMI()
    return Empty()
  }
}
