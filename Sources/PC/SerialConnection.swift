// SPDX-License-Identifier: Apache-2.0
import Chardev
import Platform
import SerialDevices
import Synchronization

/// Connects a UART on the machine thread with a character device on the event loop.
///
/// Bytes from the host wait in a small queue of ours until the UART has room, so that none is lost; the character device
/// is asked for more as they leave.
final class SerialConnection {
  private static let limit = 4096

  /// The part that both threads see.
  private final class Inbox: Sendable {
    let bytes = Mutex<[UInt8]>([])
    var freeByteCount: Int { bytes.withLock { max(0, SerialConnection.limit - $0.count) } }
  }

  /// What the port has sent.
  let log = SerialLog()
  private let uart: UART16550A
  private let inbox = Inbox()
  private var port: ChardevPort?
  private var isDelivering = false

  init(uart: UART16550A, chardev: Chardev, mailbox: Mailbox) throws(ChardevError) {
    self.uart = uart
    let inbox = inbox
    let this = MachineBound(Unowned(self))
    port = try chardev.attach(
      FrontEnd(
        canReceive: { inbox.freeByteCount },
        receive: { bytes in
          inbox.bytes.withLock { $0 += bytes }
          mailbox.post { this.value.object?.deliver() }
        },
        event: { event in
          if event == .serialBreak { mailbox.post { this.value.object?.uart.receiveBreak() } }
        }))
    uart.transmit = { [unowned self] byte in
      log.append(byte)
      port?.write([byte])
    }
    uart.receiverHasRoom = { [unowned self] in deliver() }
  }

  /// Moves waiting bytes into the UART as far as it has room.
  private func deliver() {
    guard !isDelivering else { return }
    isDelivering = true
    defer { isDelivering = false }
    let count = uart.receiveCapacity
    guard count > 0 else { return }
    let (bytes, wasFull) = inbox.bytes.withLock { queue in
      let taken = Array(queue.prefix(count))
      let wasFull = queue.count >= Self.limit
      queue.removeFirst(taken.count)
      return (taken, wasFull)
    }
    if !bytes.isEmpty { uart.receive(bytes) }
    if wasFull { port?.acceptInput() }
  }
}

/// A reference that events of other threads may carry without keeping its object alive.
final class Unowned<Object: AnyObject> {
  private(set) weak var object: Object?
  init(_ object: Object) { self.object = object }
}
