// SPDX-License-Identifier: Apache-2.0
import PC

extension TypingResult {
  /// Why a text was not typed to its end; nil when it was.
  var problem: String? {
    let reason: String
    switch end {
    case .done: return nil
    case .notRead(let patience): reason = "the guest did not read its keyboard for \(patience) ms"
    case .notTaken(let patience): reason = "no program took a key from the BIOS for \(patience) ms"
    case .reset: reason = "the guest was reset"
    case .stopped: reason = "the guest was stopped"
    case .replaced: reason = "another machine was loaded"
    }
    return "\(reason), when \(taken) of \(total) keys were taken"
  }
}
