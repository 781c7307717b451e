// SPDX-License-Identifier: Apache-2.0
import Platform

/// How often adapters tell the network where they are, and how long after one another: QEMU's `AnnounceParameters`.
public struct AnnouncementParameters: Sendable, Equatable {
  /// Milliseconds after the first time; each further pause is `step` longer, but none is longer than `longest`.
  public var initial: Int64
  public var longest: Int64
  public var rounds: Int64
  public var step: Int64
  /// Names of adapters; nil for all.
  public var interfaces: Set<String>?

  public init(
    initial: Int64 = 50, longest: Int64 = 550, rounds: Int64 = 5, step: Int64 = 100, interfaces: Set<String>? = nil
  ) {
    (self.initial, self.longest, self.rounds, self.step) = (initial, longest, rounds, step)
    self.interfaces = interfaces
  }

  /// Milliseconds from one round to the next; `done` rounds have been.
  func pause(after done: Int64) -> Int64 {
    let (growth, overflows) = max(0, done - 1).multipliedReportingOverflow(by: step)
    let (pause, tooLong) = initial.addingReportingOverflow(growth)
    return overflows || tooLong || pause < 0 || pause > longest ? max(0, longest) : pause
  }
}

/// Rounds of announcements that are under way.
final class Announcement {
  let parameters: AnnouncementParameters
  private var done: Int64 = 0
  private var timer: Timer?

  /// The first round is at once, or when the guest runs again.
  init(_ parameters: AnnouncementParameters, on clock: VirtualClock, each: @escaping () -> Void) {
    self.parameters = parameters
    // After everything else of its instant: it is no part of the guest's machine.
    timer = clock.grouping(as: .max) {
      clock.timer { [unowned self] now in
        done += 1
        if done < parameters.rounds {
          let pause = min(parameters.pause(after: done), 1 << 40)
          timer?.arm(at: now &+ pause &* .millisecond)
        }
        each()
      }
    }
    timer?.arm(at: clock.now)
  }

  deinit { timer?.cancel() }

  /// A reverse ARP request from and for an address, which tells switches where it is. RFC 903.
  static func frame(from address: [UInt8]) -> [UInt8] {
    let requestReverse: [UInt8] = [0, 1, 0x08, 0x00, 6, 4, 0, 3]
    let nobody: [UInt8] = [0, 0, 0, 0]
    let frame =
      [UInt8](repeating: 0xff, count: 6) + address + [0x80, 0x35] + requestReverse + address + nobody + address + nobody
    return frame + [UInt8](repeating: 0, count: 60 - frame.count)
  }
}

extension NetworkTable {
  /// Every adapter tells the network where it is, as after a move to another host.
  ///
  /// - Parameter name: announcements of one name replace each other; without rounds they only end.
  public func announce(_ parameters: AnnouncementParameters, name: String = "") {
    announcements[name] = nil
    guard parameters.rounds > 0 else { return }
    announcements[name] = Announcement(parameters, on: host.clock) { [unowned self] in announceOnce(parameters) }
  }

  private func announceOnce(_ parameters: AnnouncementParameters) {
    for port in ports where port.kind == .adapter && parameters.interfaces?.contains(port.name) != false {
      guard port.address.count == 6 else { continue }
      // Nobody keeps it for a peer that has no room.
      _ = port.send(Announcement.frame(from: port.address))
      port.announce()
    }
  }
}
