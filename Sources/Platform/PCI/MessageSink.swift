// SPDX-License-Identifier: Apache-2.0

/// Where the message signalled interrupts of a bus go. A message is a write of 32 bits to an address that software
/// chose; the board takes it to its interrupt controllers.
public final class MessageSink {
  private var listener: ((PhysicalAddress, UInt32) -> Void)?

  public init(_ listener: ((PhysicalAddress, UInt32) -> Void)? = nil) { self.listener = listener }

  /// Connects the board; replaces an earlier listener.
  public func connect(_ listener: @escaping (PhysicalAddress, UInt32) -> Void) { self.listener = listener }

  public func send(to address: PhysicalAddress, _ data: UInt32) { listener?(address, data) }
}
