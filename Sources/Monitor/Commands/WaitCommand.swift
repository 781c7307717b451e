// SPDX-License-Identifier: Apache-2.0
import Automation
import HostIO
import Platform
import QAPI
import Screen
import ScreenTool

/// Replies when the first of several conditions is true; they are tested every 10 ms of virtual time.
struct WaitCommand: MonitorTwoPhaseCommand {
  static let name = "__org.apus_wait"

  enum Subject: String, QMPEnum { case screen, serial, still, picture, event, time }

  /// What is waited for, with the members that go with it.
  struct Condition: Codable, Sendable {
    var until: Subject
    /// screen, serial: exactly this.
    var text: String?
    /// screen, serial: Perl's regular expressions.
    var regex: String?
    /// serial: from 0, which is what is meant without it.
    var port: Int?
    /// still: milliseconds of virtual time.
    var duration: Int64?
    /// picture: PNG or PPM.
    var filename: String?
    /// picture: a file as `apus compare --mask` takes it.
    var mask: String?
    /// picture: 0...255.
    var tolerance: Int?
    /// picture: pixels, 0...1000.
    var margin: Int?
    /// event: its name.
    var name: String?
    /// time: nanoseconds of virtual time since the machine was started.
    var instant: Int64?
  }

  var conditions: [Condition]
  /// Milliseconds of virtual time; a minute if neither this nor the other is given.
  var timeout: Int64?
  /// Milliseconds of the host's time.
  var realTimeout: Int64?
  /// Stop the guest at the instant at which a condition is true.
  var stop: Bool?

  enum CodingKeys: String, CodingKey {
    case conditions, timeout
    case realTimeout = "real-timeout"
    case stop
  }

  struct Returns: Codable, Sendable {
    /// Of the condition that is true.
    var index: Int
    /// What was found on the screen or in the serial output.
    var text: String?
    /// Groups of the regular expression, empty where one took no part.
    var groups: [String]?
    /// Where on the screen, from 0.
    var row: Int?
    var column: Int?
    /// Nanoseconds.
    var virtualTime: Int64

    enum CodingKeys: String, CodingKey {
      case index, text, groups, row, column
      case virtualTime = "virtual-time"
    }

    init(_ result: WaitResult, index: Int) {
      self.index = index
      (text, row, column) = (result.texts.first ?? nil, result.place?.row, result.place?.column)
      if result.texts.count > 1 { groups = result.texts.dropFirst().map { $0 ?? "" } }
      virtualTime = result.virtualTime
    }
  }

  private static let conditionLimit = 64
  private static let defaultTimeout: Int64 = 60_000
  /// A hundred years, of which two fit into 64 bits of nanoseconds.
  private static let longest: Int64 = 100 * 366 * 86_400 * 1000

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Returns> {
    guard context.hub.watcher != nil else { throw QMPError("This machine cannot be watched") }
    guard !conditions.isEmpty, conditions.count <= Self.conditionLimit else {
      throw .invalidParameter("conditions", expected: "1 to \(Self.conditionLimit) conditions")
    }
    let virtual = timeout ?? (realTimeout == nil ? Self.defaultTimeout : nil)
    if let virtual, !(0...Self.longest).contains(virtual) {
      throw .invalidParameter("timeout", expected: "milliseconds")
    }
    if let realTimeout, !(0...Self.longest).contains(realTimeout) {
      throw .invalidParameter("real-timeout", expected: "milliseconds")
    }
    let patterns = try conditions.map { condition throws(QMPError) in try condition.check() }
    let (conditions, realTimeout, stops, hub) = (conditions, realTimeout, stop ?? false, context.hub)
    let (session, connection) = (context.session, context.session?.connectionNumber)
    return .finishing { _ in
      do throws(QMPError) {
        var wanted: [WaitCondition] = []
        for (condition, pattern) in zip(conditions, patterns) { wanted.append(try condition.condition(pattern)) }
        let request = WaitRequest(wanted, timeout: virtual.map { $0 * .millisecond })
        let waiting = Waiting(hub: hub, isAbandoned: { session?.connectionNumber != connection })
        let result = try waiting.run(request, stops: stops, realTimeout: realTimeout)
        return .success(try Self.report(result, virtual))
      } catch {
        return .failure(error)
      }
    }
  }

  private static func report(_ result: WaitResult, _ timeout: Int64?) throws(QMPError) -> Returns {
    let reason: String
    switch result.end {
    case .met(let index): return Returns(result, index: index)
    case .timedOut: reason = "Nothing awaited came within \(timeout ?? 0) ms of virtual time"
    case .ended(let why), .hung(let why): reason = why
    }
    throw QMPError(([reason] + result.lastSeen).joined(separator: "; "))
  }
}

extension WaitCommand.Condition {
  /// Checks the members that do not need a file; gives the pattern of a text.
  func check() throws(QMPError) -> TextPattern? {
    let allowed: [(String, Bool, Set<WaitCommand.Subject>)] = [
      ("text", text != nil, [.screen, .serial]), ("regex", regex != nil, [.screen, .serial]),
      ("port", port != nil, [.serial]), ("duration", duration != nil, [.still]),
      ("filename", filename != nil, [.picture]), ("mask", mask != nil, [.picture]),
      ("tolerance", tolerance != nil, [.picture]), ("margin", margin != nil, [.picture]),
      ("name", name != nil, [.event]), ("instant", instant != nil, [.time]),
    ]
    for (member, isGiven, subjects) in allowed where isGiven && !subjects.contains(until) {
      throw QMPError("Parameter '\(member)' does not go with \"until\": \"\(until.rawValue)\"")
    }
    switch until {
    case .screen, .serial: return try pattern()
    case .still:
      guard let duration, (0...3_600_000).contains(duration) else {
        throw .invalidParameter("duration", expected: "0 to 3600000 milliseconds")
      }
    case .picture:
      guard filename != nil else { throw .missingParameter("filename") }
      guard (0...255).contains(tolerance ?? 0) else { throw .invalidParameter("tolerance", expected: "0 to 255") }
      guard (0...1000).contains(margin ?? 0) else { throw .invalidParameter("margin", expected: "0 to 1000 pixels") }
    case .event: guard name != nil else { throw .missingParameter("name") }
    case .time: guard instant != nil else { throw .missingParameter("instant") }
    }
    return nil
  }

  private func pattern() throws(QMPError) -> TextPattern {
    guard (text == nil) != (regex == nil) else { throw QMPError("Exactly one of 'text' and 'regex' must be given") }
    do throws(TextPattern.Mistake) {
      if let text { return try TextPattern(text: text) }
      return try TextPattern(regularExpression: regex ?? "")
    } catch {
      throw QMPError("Parameter '\(text != nil ? "text" : "regex")' \(error)")
    }
  }

  /// On a worker, which reads files.
  func condition(_ pattern: TextPattern?) throws(QMPError) -> WaitCondition {
    switch until {
    case .screen: if let pattern { return .screen(pattern) }
    case .serial: if let pattern { return .serial(port: port ?? 0, pattern) }
    case .still: return .still((duration ?? 0) * .millisecond)
    case .picture: return .picture(try expectedPicture())
    case .event: return .event(name ?? "")
    case .time: return .instant(instant ?? 0)
    }
    throw .missingParameter("text")
  }

  private func expectedPicture() throws(QMPError) -> ExpectedPicture {
    let path = BytePath(filename ?? "")
    do throws(PictureFile.Failure) {
      let picture = try PictureFile.picture(path)
      let mask = try PictureFile.mask(mask.map { [BytePath($0)] } ?? [], of: picture, called: path)
      return ExpectedPicture(
        name: path.description, picture: picture, mask: mask, tolerance: tolerance ?? 0, margin: margin ?? 0)
    } catch {
      throw QMPError(error.description)
    }
  }
}

/// One wait, from a worker's side.
private struct Waiting {
  let hub: MonitorHub
  /// Whoever asked has gone.
  let isAbandoned: () -> Bool

  func run(_ request: WaitRequest, stops: Bool, realTimeout: Int64?) throws(QMPError) -> WaitResult {
    let outcome = Guarded<WaitResult?>(nil)
    let hub = hub
    let identity = hub.onMachine { (machine: any MonitoredMachine) -> Int? in
      let machine = MachineBound(machine)
      return hub.watcher?.begin(request) { result in
        if stops, case .met = result.end { machine.value.stop() }
        outcome.update { $0 = result }
      }
    }
    guard let identity = identity ?? nil else { throw QMPError("The machine has ended") }
    let deadline = realTimeout.map { HostClock.monotonicNanoseconds &+ UInt64($0) * 1_000_000 } ?? .max
    while true {
      if let result = outcome.wait(nanoseconds: 50_000_000, until: { $0 }) { return result }
      let isLate = HostClock.monotonicNanoseconds >= deadline
      guard isLate || isAbandoned() || hub.isEnding else { continue }
      let reason =
        isLate ? "Nothing awaited came within \(realTimeout ?? 0) ms" : "Nobody waits any more"
      guard hub.onMachine({ (_: any MonitoredMachine) in hub.watcher?.end(identity, because: reason) }) != nil else {
        throw QMPError("The machine has ended")
      }
    }
  }
}
