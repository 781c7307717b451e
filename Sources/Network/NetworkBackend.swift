// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// The host's side of a wire. Made, used and closed on the machine thread; its own threads are its affair.
protocol NetworkBackend: AnyObject {
  var port: NetworkPort { get }
  /// Ends threads and gives sockets back. The port is not used afterwards.
  func close()
}

/// What back ends need of the machine and the process.
public struct NetworkHost {
  public let mailbox: Mailbox
  public let clock: VirtualClock
  /// `clock` for other threads.
  public let mirror: TimeMirror
  /// Instructions are the clock: what a back end does must not depend on the host's time where that can be helped.
  public let isCounted: Bool
  /// Where sockets are waited for.
  public let loop: EventLoop
  /// Finds character devices; nil where there are none.
  public let makeChannel: GuestChannel.Maker?

  public init(
    mailbox: Mailbox, clock: VirtualClock, mirror: TimeMirror, isCounted: Bool, loop: EventLoop,
    makeChannel: GuestChannel.Maker? = nil
  ) {
    (self.mailbox, self.clock, self.mirror) = (mailbox, clock, mirror)
    (self.isCounted, self.loop, self.makeChannel) = (isCounted, loop, makeChannel)
  }
}
