// SPDX-License-Identifier: Apache-2.0

/// The exceptions that led to a shutdown. SDM vol. 3, 6.15, interrupt 8: a fault while a double fault is delivered shuts
/// the processor down.
public struct TripleFault: Sendable, Equatable {
  public struct Event: Sendable, Equatable {
    public var vector: UInt8
    public var errorCode: UInt32?
  }

  /// From the event whose delivery began it on; at most the first four.
  public var events: [Event]
  /// As it was before the first of them was delivered.
  public var cr2: UInt64
}

/// What `Core.arrive` notes of the events whose delivery fails; only the host looks at it, so it is never saved.
struct FaultChain: BitwiseCopyable {
  private static let capacity = 4
  private var count = 0
  private var events: InlineArray<4, Fault> = .init(repeating: Fault(0))
  private let cr2: UInt64

  init(cr2: UInt64 = 0) { self.cr2 = cr2 }

  mutating func append(_ fault: Fault) {
    guard count < Self.capacity else { return }
    events[count] = fault
    count += 1
  }

  var report: TripleFault? {
    guard count > 0 else { return nil }
    return TripleFault(
      events: (0..<count).map { index in
        TripleFault.Event(
          vector: events[index].vector, errorCode: events[index].hasErrorCode ? events[index].errorCode : nil)
      }, cr2: cr2)
  }
}

extension Processor {
  /// How the processor has shut down, told once; nil when it has not. Registers are what they were before.
  public func takeTripleFault() -> TripleFault? {
    defer { cpu.pointee.faultChain = FaultChain() }
    return cpu.pointee.isShutDown ? cpu.pointee.faultChain.report : nil
  }

  /// HLT with interrupts masked: only NMI, SMI, INIT or a reset ends it. A wait for a write (MWAIT) is none.
  public var isHaltedForGood: Bool {
    cpu.pointee.isHalted && cpu.pointee.systemFlags & Flags.interrupt == 0 && !cpu.pointee.monitor.isWaiting
  }
}
