// SPDX-License-Identifier: Apache-2.0
public import PC
public import Platform
public import Screen

/// What waiting needs of a machine. Everything is called on the machine thread, between two instructions.
public protocol WatchedMachine: AnyObject {
  var virtualTime: Nanoseconds { get }
  /// The guest runs, or would if nobody held it.
  var isRunning: Bool { get }
  /// Changes whenever the screen may look different, but for a cursor that blinks.
  var screenVersion: UInt64 { get }
  /// The same, and when more may be read of what it shows.
  var textVersion: UInt64 { get }
  /// The characters on the screen; nil without a display.
  func screenText(for audience: TextAudience) -> ScreenText?
  /// The picture on the screen, its text cursor drawn or left out; nil without a display.
  func screenPicture(showsCursor: Bool) -> Surface?
  /// nil where there is no such port, or nothing is connected to it.
  func serialLog(_ port: Int) -> SerialLog?
  /// Asks for one call of `Watcher.look` at this instant; nil: for none.
  func look(at instant: Nanoseconds?)
  /// Asks for a call as soon as the machine thread is free, while the guest stands still.
  func lookSoon()
}
