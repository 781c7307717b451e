// SPDX-License-Identifier: Apache-2.0
import Automation
import Platform
import QAPI
import Screen

/// What happened in a run. Members whose names begin with `real-` depend on the host; all else is the same in every run
/// with the same images and options, unless time is the host's.
struct ShotRecord {
  struct Picture {
    var sha256: String
    var width: Int
    var height: Int

    init(_ surface: Surface) { (sha256, width, height) = (surface.sha256, surface.width, surface.height) }

    var json: JSON {
      ["sha256": .string(sha256), "width": .int(Int64(width)), "height": .int(Int64(height))]
    }
  }

  enum Result: String {
    case ok, failed, skipped
    /// An expected picture was written anew.
    case updated
  }

  struct Step {
    var name: String
    var argument: String
    var result = Result.skipped
    var begin: Nanoseconds?
    var end: Nanoseconds?
    var instructions: UInt64?
    var realBegin: UInt64?
    var realEnd: UInt64?
    /// Why it failed, or what was found.
    var detail: String?
    /// Which of several conditions came true.
    var met: String?
    var text: String?
    var place: ScreenText.Cursor?
    var picture: Picture?

    var realMilliseconds: Int64? {
      guard let realBegin, let realEnd else { return nil }
      return Int64((realEnd - realBegin) / 1_000_000)
    }
  }

  struct Event {
    var name: String
    var data: JSON?
    var instant: Nanoseconds
  }

  /// Of an event storm the first ones are told.
  static let eventLimit = 10_000

  var isRealTime: Bool
  var origin: String?
  var steps: [Step]
  var events: [Event] = []
  var verdict = RunVerdict.success
  var message: String?
  var virtualTime: Nanoseconds = 0
  var instructions: UInt64 = 0
  var picture: Picture?
  /// The exit status that the guest asked for.
  var guestStatus: Int32?
  /// Host time, from its monotonic clock, at which the program looked first and last.
  var realStart: UInt64 = 0
  var realEnd: UInt64 = 0
  /// The same when the guest began to run.
  var realReady: UInt64 = 0

  mutating func note(_ event: Event) {
    if events.count < Self.eventLimit { events.append(event) }
  }

  // MARK: JSON

  func json(version: String) -> JSON {
    var object = JSONObject()
    object["apus"] = .string(version)
    object["verdict"] = .string(verdict.name)
    object["exit-status"] = .int(Int64(verdict.rawValue))
    if let message { object["message"] = .string(message) }
    object["time"] = .string(isRealTime ? "host" : "instructions")
    if let origin { object["from"] = .string(origin) }
    object["virtual-time"] = .int(virtualTime)
    object["instructions"] = .int(Int64(clamping: instructions))
    if let guestStatus { object["guest-exit-status"] = .int(Int64(guestStatus)) }
    if let picture { object["picture"] = picture.json }
    object["steps"] = .array(steps.enumerated().map { json($1, number: $0 + 1) })
    object["events"] = .array(events.map(json))
    object["real-start-milliseconds"] = .int(Int64(clamping: (realReady &- realStart) / 1_000_000))
    object["real-milliseconds"] = .int(Int64(clamping: (realEnd &- realStart) / 1_000_000))
    return .object(object)
  }

  private func json(_ step: Step, number: Int) -> JSON {
    var object = JSONObject()
    object["step"] = .int(Int64(number))
    object["action"] = .string(step.name)
    object["argument"] = .string(step.argument)
    object["result"] = .string(step.result.rawValue)
    if let begin = step.begin { object["begin"] = .int(begin) }
    if let end = step.end { object["end"] = .int(end) }
    if let instructions = step.instructions { object["instructions"] = .int(Int64(clamping: instructions)) }
    if let met = step.met { object["met"] = .string(met) }
    if let text = step.text { object["text"] = .string(text) }
    if let place = step.place {
      object["row"] = .int(Int64(place.row))
      object["column"] = .int(Int64(place.column))
    }
    if let picture = step.picture { object["picture"] = picture.json }
    if let detail = step.detail { object["detail"] = .string(detail) }
    if let real = step.realMilliseconds { object["real-milliseconds"] = .int(real) }
    return .object(object)
  }

  private func json(_ event: Event) -> JSON {
    var object = JSONObject()
    object["event"] = .string(event.name)
    object["virtual-time"] = .int(event.instant)
    if let data = event.data { object["data"] = data }
    return .object(object)
  }
}
