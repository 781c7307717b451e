// SPDX-License-Identifier: Apache-2.0
import Migration
public import PC
import Platform
public import Screen

extension Machine: WatchedMachine {
  public var isRunning: Bool { runState == .running }
  public var screenVersion: UInt64 { board?.vga?.pictureVersion ?? 0 }
  public var textVersion: UInt64 { board?.vga?.textVersion ?? 0 }
  public func screenText(for audience: TextAudience) -> ScreenText? { board?.vga?.screenText(for: audience) }

  public func screenPicture(showsCursor: Bool) -> Surface? {
    board?.vga?.picture(cursor: showsCursor ? .shown : .hidden).surface
  }

  public func serialLog(_ port: Int) -> SerialLog? { board?.serialLogs[port] }

  public func lookSoon() {
    let this = MachineBound(self)
    mailbox.post { this.value.observer?() }
  }
}
