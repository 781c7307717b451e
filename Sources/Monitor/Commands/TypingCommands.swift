// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import QAPI

extension KeySequence.Notation: QMPEnum {}

/// Types a text on the guest's keyboard as fast as the guest takes it, and answers when it has taken all of it.
struct TypeText: MonitorTwoPhaseCommand {
  static let name = "__org.apus_type"
  var text: String
  var notation: KeySequence.Notation?
  /// Milliseconds of virtual time for which the guest may stand still before the rest is given up.
  var timeout: Int64?
  /// False: answers at once, and whatever stops the guest only delays the rest.
  var wait: Bool?

  struct Returns: Codable, Sendable {
    /// Keys that the guest has taken, or that wait for it; a combination counts once.
    var keys: Int
    /// Nanoseconds.
    var virtualTime: Int64
  }

  private static let defaultTimeout: Int64 = 30_000
  private static let longestTimeout: Int64 = 86_400_000

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Returns> {
    let timeout = timeout ?? Self.defaultTimeout
    guard 1...Self.longestTimeout ~= timeout else {
      throw QMPError("Parameter 'timeout' expects a value from 1 to \(Self.longestTimeout)")
    }
    let steps: [KeySequence.Step]
    do throws(KeyTextError) {
      steps = try KeySequence.parse(text, notation ?? .plain)
    } catch {
      throw QMPError(error.description)
    }
    let machine = context.machine
    guard machine.accepts(.key) else { throw QMPError("Input handler not found for event type key") }
    let waits = wait ?? true
    if waits, machine.runState != .running { throw QMPError("VM not running") }
    let result = Guarded<TypingResult?>(nil)
    do throws(KeyQueueFull) {
      let report: @Sendable (TypingResult) -> Void = { end in result.update { $0 = end } }
      try machine.type(steps, patience: UInt32(timeout), report: waits ? report : nil)
    } catch {
      throw QMPError(error.description)
    }
    guard waits else {
      let keys = steps.count { if case .wait = $0 { false } else { true } }
      return .done(Returns(keys: keys, virtualTime: machine.virtualTime))
    }
    let hub = context.hub
    return .finishing { _ in
      guard let end = hub.wait(for: result) else { return .failure(QMPError("The machine has ended")) }
      if end.end == .done { return .success(Returns(keys: end.taken, virtualTime: end.instant)) }
      return .failure(QMPError(end))
    }
  }
}

extension QMPError {
  /// A text that was not typed to its end.
  fileprivate init(_ result: TypingResult) {
    let cause =
      switch result.end {
      case .notRead(let milliseconds): "The guest has not read its keyboard for \(milliseconds) ms"
      case .notTaken(let milliseconds): "No program has taken the last key from the BIOS for \(milliseconds) ms"
      case .reset: "The guest was reset"
      case .stopped: "The guest was stopped"
      case .done, .replaced: "Another state was loaded"
      }
    self.init("\(cause): \(result.taken) of \(result.total) keys were taken")
  }
}
