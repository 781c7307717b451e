// SPDX-License-Identifier: Apache-2.0
import PC
import QAPI

extension GuestActions.Reboot: QMPEnum {}
extension GuestActions.Shutdown: QMPEnum {}
extension GuestActions.Panic: QMPEnum {}
extension GuestActions.Watchdog: QMPEnum {}

/// What becomes of the machine from now on when the guest ends its run; what is not given stays as it is.
struct SetAction: MonitorCommand {
  static let name = "set-action"
  var reboot: GuestActions.Reboot?
  var shutdown: GuestActions.Shutdown?
  var panic: GuestActions.Panic?
  var watchdog: GuestActions.Watchdog?

  func run(in context: MonitorContext) -> Empty {
    var actions = context.machine.actions
    if let reboot { actions.reboot = reboot }
    if let shutdown { actions.shutdown = shutdown }
    if let panic { actions.panic = panic }
    if let watchdog { actions.watchdog = watchdog }
    context.machine.actions = actions
    return Empty()
  }
}
