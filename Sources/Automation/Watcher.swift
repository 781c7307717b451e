// SPDX-License-Identifier: Apache-2.0
public import Platform
public import Screen

/// Tests what is waited for, at fixed instants of virtual time, so that a run under instruction counting ends each wait
/// at the same instant every time.
///
/// Lives on the machine thread. The instants are the multiples of `period`, and those at which an instant that is waited for or
/// a timeout lies. Looking changes nothing that the guest could observe.
public final class Watcher {
  /// Between two looks.
  public static let period: Nanoseconds = 10 * .millisecond

  private unowned let machine: any WatchedMachine
  private var waits: [Wait] = []
  private var nextIdentity = 0
  private var view = ScreenView()
  /// Positions behind the last text that was found, by port.
  private var serialPositions: [Int: Int] = [:]
  private var isLooking = false
  private var followers: [() -> Void] = []

  public init(_ machine: any WatchedMachine) { self.machine = machine }

  /// Starts a wait. What is true already ends it before this returns if the guest stands still or this is called from
  /// within a look, and otherwise at the next instant.
  ///
  /// - Parameter completion: called once, on the machine thread between two instructions.
  /// - Returns: what `end` takes.
  @discardableResult
  public func begin(_ request: WaitRequest, completion: @escaping (WaitResult) -> Void) -> Int {
    nextIdentity += 1
    let now = machine.virtualTime
    waits.append(Wait(identity: nextIdentity, request: request, begin: now, completion: completion))
    let identity = nextIdentity
    if request.conditions.contains(where: { if case .still = $0 { true } else { false } }) {
      _ = view.stillSince(machine)
    }
    if isLooking || !machine.isRunning { test(identity) }
    arm()
    return identity
  }

  /// Ends a wait before its time; nothing happens when it has ended.
  public func end(_ identity: Int, because reason: String) { finish(identity, .ended(reason)) }

  /// Ends all waits, since nothing will come any more.
  public func endAll(because reason: String) {
    for identity in waits.map(\.identity) { finish(identity, .ended(reason)) }
  }

  /// The guest will never do anything again: what is true by now ends its waits, and those that only the guest could end
  /// are given up.
  public func guestHung(because reason: String) {
    look()
    for wait in waits where !wait.request.conditions.contains(where: \.comesByItself) {
      finish(wait.identity, .hung(reason))
    }
  }

  /// Calls `body` at the end of each look at a multiple of `period`.
  public func follow(_ body: @escaping () -> Void) {
    followers.append(body)
    arm()
  }

  /// Calls `body` once, between two instructions and when nothing else is going on, before the guest goes on.
  public func soon(_ body: @escaping () -> Void) {
    begin(WaitRequest([.instant(machine.virtualTime)], timeout: nil)) { _ in body() }
  }

  /// An event that waits may name has occurred; their waits end as soon as nothing else is going on.
  public func eventOccurred(_ name: String) {
    var isAwaited = false
    for index in waits.indices where waits[index].notes(name) { isAwaited = true }
    if isAwaited { arm() }
  }

  /// The machine calls this at the instants it was asked for.
  public func look() {
    guard !isLooking else { return }
    isLooking = true
    for identity in waits.map(\.identity) { test(identity) }
    if machine.virtualTime % Self.period == 0 || !isExact { for follower in followers { follower() } }
    isLooking = false
    arm()
  }

  /// Looks come at the very instants asked for, as under instruction counting.
  public var isExact = false

  /// The text of the screen now. Changes nothing of what waits will see.
  public var screenText: ScreenText? { machine.screenText(for: .onlookers) }

  /// The same of its picture.
  public func screenPicture(showsCursor: Bool) -> Surface? { view.picture(of: machine, showsCursor: showsCursor) }

  // MARK: Waits

  private func arm() {
    guard !isLooking else { return }
    if !waits.contains(where: { $0.request.conditions.contains { if case .still = $0 { true } else { false } } }) {
      view.forgetStillness()
    }
    guard !waits.isEmpty || !followers.isEmpty else { return machine.look(at: nil) }
    let now = machine.virtualTime
    var instant = (now / Self.period + 1) * Self.period
    for deadline in waits.flatMap(\.instants) { instant = min(instant, max(now, deadline)) }
    if waits.contains(where: \.isNotified) { instant = now }
    machine.look(at: instant)
    if instant == now, !machine.isRunning { machine.lookSoon() }
  }

  private func test(_ identity: Int) {
    guard let index = waits.firstIndex(where: { $0.identity == identity }) else { return }
    let sight = Wait.Sight(machine)
    let news = sight.news(since: waits[index].sight)
    waits[index].sight = sight
    for (number, condition) in waits[index].request.conditions.enumerated() {
      guard let finding = test(condition, of: index, news) else { continue }
      return finish(identity, .met(number), finding)
    }
    if let deadline = waits[index].deadline, machine.virtualTime >= deadline { finish(identity, .timedOut) }
  }

  /// What a true condition has found.
  private struct Finding {
    var texts: [String?] = []
    var place: ScreenText.Cursor?
  }

  private func test(_ condition: WaitCondition, of index: Int, _ news: Wait.News) -> Finding? {
    switch condition {
    case .screen(let pattern):
      guard news.hasText, let content = view.content(of: machine), let match = pattern.firstMatch(in: content.bytes)
      else {
        return nil
      }
      return Finding(texts: match.texts, place: content.place(of: match.range.lowerBound))
    case .serial(let port, let pattern):
      guard news.ports.contains(port), let log = machine.serialLog(port) else { return nil }
      let start = max(log.start, serialPositions[port] ?? 0)
      guard let match = pattern.firstMatch(in: log[from: start]) else { return nil }
      serialPositions[port] = start + match.range.upperBound
      return Finding(texts: match.texts)
    case .still(let duration):
      let since = max(waits[index].begin, view.stillSince(machine))
      return machine.virtualTime - since >= duration ? Finding() : nil
    case .picture(let expected):
      guard news.hasScreen, let picture = view.picture(of: machine, showsCursor: true) else { return nil }
      let comparison = expected.compared(with: picture)
      if comparison.isMatch { return Finding() }
      waits[index].note(comparison, at: machine.virtualTime)
      return nil
    case .event(let name): return waits[index].events.contains(name) ? Finding() : nil
    case .instant(let instant): return machine.virtualTime >= instant ? Finding() : nil
    }
  }

  private func finish(_ identity: Int, _ end: WaitResult.End, _ finding: Finding = Finding()) {
    guard let index = waits.firstIndex(where: { $0.identity == identity }) else { return }
    var result = WaitResult(end: end, virtualTime: machine.virtualTime)
    (result.texts, result.place) = (finding.texts, finding.place)
    switch end {
    case .met: break
    case .timedOut, .ended, .hung: result.lastSeen = lastSeen(waits[index])
    }
    waits.remove(at: index).completion(result)
    arm()
  }

  // MARK: What was last seen

  private func lastSeen(_ wait: Wait) -> [String] {
    wait.request.conditions.map { condition in
      switch condition {
      case .screen(let pattern):
        guard let content = view.content(of: machine) else { return "there is no screen" }
        return LastSeen.screen(content.rows, pattern)
      case .serial(let port, let pattern):
        guard let log = machine.serialLog(port) else { return "there is no serial port \(port)" }
        return LastSeen.serial(log[from: max(log.start, serialPositions[port] ?? 0)], port, pattern)
      case .still:
        let age = machine.virtualTime - max(wait.begin, view.stillSince(machine))
        return "the screen last changed \(LastSeen.time(age)) ago"
      case .picture(let expected): return LastSeen.picture(wait.nearest, expected.name)
      case .event(let name): return "no event \(name)"
      case .instant: return "virtual time is \(LastSeen.time(machine.virtualTime))"
      }
    }
  }
}

extension WaitCondition {
  /// It becomes true even if the guest does nothing any more.
  var comesByItself: Bool {
    switch self {
    case .still, .instant: true
    case .screen, .serial, .picture, .event: false
    }
  }
}
