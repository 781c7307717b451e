// SPDX-License-Identifier: Apache-2.0
public import Chardev
import HostIO
import Synchronization

/// A monitor's bytes over a character device.
final class ChardevTransport: MonitorTransport {
  private let chardev: Chardev
  private let port = Mutex<ChardevPort?>(nil)

  init(_ chardev: Chardev) { self.chardev = chardev }

  // The device may call back before `attach` has returned, so what can is asked of the device itself.
  func write(_ bytes: [UInt8]) { chardev.write(bytes, .complete) }
  var queuedByteCount: Int { chardev.queuedByteCount }
  func acceptInput() { port.withLock { $0 }?.acceptInput() }
  func flush(nanoseconds: UInt64) { _ = chardev.flush(nanoseconds: nanoseconds) }

  func attach(_ session: any MonitorSession) throws(ChardevError) {
    let frontEnd = FrontEnd(
      delivery: .complete, canReceive: { session.receivableByteCount }, receive: { session.received($0) },
      event: { event in
        switch event {
        case .opened: session.opened()
        case .closed: session.closed()
        case .muxIn: session.focusChanged(isFocused: true)
        case .muxOut: session.focusChanged(isFocused: false)
        case .serialBreak: break
        }
      },
      receiveDescriptors: { session.received($0) }, outputDrained: { session.outputDrained() })
    let attached = try chardev.attach(frontEnd)
    port.withLock { $0 = attached }
    attached.acceptInput()
  }
}

extension MonitorHub {
  /// Puts a QMP monitor on a character device: `-qmp`, `-mon mode=control`. It lives as long as the device.
  @discardableResult
  public func attachQMP(to chardev: Chardev, isPretty: Bool = false) throws(ChardevError) -> QMPSession {
    let transport = ChardevTransport(chardev)
    let session = addQMP(transport, isPretty: isPretty)
    try transport.attach(session)
    return session
  }

  /// Puts a human monitor on a character device: `-monitor`, `-mon mode=readline`. It lives as long as the device.
  @discardableResult
  public func attachHMP(to chardev: Chardev) throws(ChardevError) -> HMPSession {
    let transport = ChardevTransport(chardev)
    let session = addHMP(transport)
    try transport.attach(session)
    return session
  }
}
