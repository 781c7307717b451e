// SPDX-License-Identifier: Apache-2.0
public import HostIO
public import Monitor
public import PC

/// Somebody who drives a machine while it runs. Called on the machine thread.
public protocol RunCompanion: AnyObject {
  /// The process's exit status when the machine cannot be built.
  var mistakeStatus: Int32 { get }
  /// The machine is whole and has not run; its devices and monitors are there.
  func attach(_ machine: Machine, _ hub: MonitorHub, _ loop: EventLoop)
  /// It has run and will not again; its state and disks are still there. Gives the process's exit status.
  func machineEnded(status: Int32) -> Int32
}
