// SPDX-License-Identifier: Apache-2.0
import Automation
import HostIO
import Monitor
import PC
import Platform
import Screen
import ScreenTool

/// One step of a run.
struct ShotStep {
  enum Action {
    /// The first of these ends the step; of several at one instant the first in the list.
    case wait([Awaited])
    case type([KeySequence.Step])
    /// The screen must be this now.
    case expect(Expectation)
    case shot(BytePath)
    case save(BytePath)
  }

  enum Awaited {
    case condition(WaitCondition)
    /// So long from the step's begin.
    case pause(Nanoseconds)

    func condition(begin: Nanoseconds) -> WaitCondition {
      switch self {
      case .condition(let condition): condition
      case .pause(let duration): .instant(begin &+ duration)
      }
    }

    var isPicture: Bool { if case .condition(.picture) = self { true } else { false } }
  }

  /// A picture that is expected, which an update may have to make first.
  struct Expectation {
    var file: BytePath
    var masks: [BytePath] = []
    var tolerance = 0
    var margin = 0
    /// nil: there is no such file yet.
    var picture: ExpectedPicture?
  }

  /// As scripts and reports call it.
  var name: String
  var argument: String
  var action: Action
  /// Virtual time that it may take.
  var timeout = ShotRequest.defaultTimeout
  /// The same as its script says; nil when it says nothing.
  let ownTimeout: Nanoseconds?
  /// The conditions of a wait, as its script has them.
  private(set) var alternatives: [String] = []

  /// Names of steps with a value, and what the value is.
  static let forms: [(name: String, value: String, help: String)] = [
    ("until-text", "RE", "wait for text on the screen, a regular expression as Perl's; rows are lines"),
    ("until-serial", "RE", "wait for text sent by the first serial port since the last such text"),
    ("until-still", "TIME", "wait until the screen has been the same for TIME"),
    ("until-picture", "FILE", "wait until the screen is this picture, PNG or PPM"),
    ("until-event", "NAME", "wait for an event of the monitor's protocol: RESET, SHUTDOWN, STOP, ..."),
    ("at", "TIME", "wait for an instant of virtual time since the start of the machine"),
    ("wait", "TIME", "wait for TIME"),
    (
      "type", "TEXT",
      "type TEXT: \\n is Enter, \\t Tab, \\\\ a backslash; keys as <f1>, <esc>, <ctrl-alt-del>, <wait5s>"
    ),
    ("send-key", "KEYS", "press keys together: ctrl-alt-delete, ret, f12"),
    ("expect", "FILE", "the screen must be this picture now"),
    ("shot", "FILE", "write the screen as a PNG picture, or PPM if FILE ends in .ppm"),
    ("save", "FOLDER", "save the machine and what was written to its disks, for --from"),
  ]

  /// A path in a script is meant from the script's folder, if it names something to be read.
  init(_ name: String, _ value: BytePath, timeout: Nanoseconds?, folder: BytePath?, updates: Bool) throws(ShotMistake) {
    (self.name, argument, ownTimeout) = (name, value.description, timeout)
    alternatives = ["\(name) \(value)"]
    let text = value.description
    func duration() throws(ShotMistake) -> Nanoseconds {
      guard let duration = DurationText.parse(text) else {
        throw ShotMistake("\(name): '\(text)' is no length of time such as 2s or 500ms")
      }
      return duration
    }
    switch name {
    case "until-text": action = .wait([.condition(.screen(try Self.pattern(name, text)))])
    case "until-serial": action = .wait([.condition(.serial(port: 0, try Self.pattern(name, text)))])
    case "until-still": action = .wait([.condition(.still(try duration()))])
    case "until-event":
      guard EventNames.all.contains(text) else {
        throw ShotMistake("until-event: '\(text)' is no event such as RESET or SHUTDOWN")
      }
      action = .wait([.condition(.event(text))])
    case "until-picture", "expect":
      var expectation = Expectation(file: Self.resolved(value, folder))
      try expectation.load(name, mayBeMissing: updates && name == "expect")
      action = .expect(expectation)
      refined = expectation
      if name == "until-picture", let picture = expectation.picture { action = .wait([.condition(.picture(picture))]) }
    case "at": action = .wait([.condition(.instant(try duration()))])
    case "wait": action = .wait([.pause(try duration())])
    case "type": action = .type(try Self.keys(name, Self.unescaped(text), .packer))
    case "send-key": action = .type(try Self.keys(name, text, .openqa))
    case "shot": action = .shot(value)
    default: action = .save(value)
    }
  }

  static func resolved(_ path: BytePath, _ folder: BytePath?) -> BytePath {
    guard let folder, folder != ".", path.bytes.first != UInt8(ascii: "/"), path != "-" else { return path }
    return folder.appending(path)
  }

  private static func pattern(_ name: String, _ text: String) throws(ShotMistake) -> TextPattern {
    do throws(TextPattern.Mistake) { return try TextPattern(regularExpression: text) } catch {
      throw ShotMistake("\(name): '\(text)' \(error)")
    }
  }

  private static func keys(
    _ name: String, _ text: String, _ notation: KeySequence.Notation
  ) throws(ShotMistake) -> [KeySequence.Step] {
    do throws(KeyTextError) { return try KeySequence.parse(text, notation) } catch {
      throw ShotMistake("\(name): \(error)")
    }
  }

  /// Line ends and tabulators, which neither a command line nor a line of a script can hold, are written as in C.
  private static func unescaped(_ text: String) -> String {
    var result = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        switch character {
        case "n": result.append("\n")
        case "t": result.append("\t")
        case "\\": result.append("\\")
        default: result += "\\\(character)"
        }
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return isEscaped ? result + "\\" : result
  }

  // MARK: What refines a step

  /// `mask`, `tolerance` and `margin` say how a picture is compared.
  mutating func refine(_ name: String, _ value: BytePath, folder: BytePath?, updates: Bool) throws(ShotMistake) {
    var others: [Awaited]?
    switch action {
    case .expect: break
    case .wait(let awaited) where awaited.last?.isPicture == true: others = awaited.dropLast()
    default: throw ShotMistake("\(name) must follow expect or until-picture")
    }
    guard var expectation = refined else { return }
    switch name {
    case "mask": expectation.masks.append(Self.resolved(value, folder))
    case "tolerance": expectation.tolerance = try Self.number(name, value, 0...255)
    default: expectation.margin = try Self.number(name, value, 0...1000)
    }
    let step = others == nil ? "expect" : "until-picture"
    try expectation.load(step, mayBeMissing: updates && others == nil)
    refined = expectation
    action = .expect(expectation)
    if let others, let picture = expectation.picture { action = .wait(others + [.condition(.picture(picture))]) }
  }

  /// What is expected of the last picture, with all that refines it.
  private var refined: Expectation?

  // MARK: Several conditions

  /// As many as QMP's wait takes.
  private static let alternativeLimit = 64

  /// `or`: another step's condition ends this one, too.
  mutating func join(_ other: ShotStep) throws(ShotMistake) {
    guard case .wait(let mine) = action else {
      throw ShotMistake("or must follow a condition such as until-text, not \(name)")
    }
    guard case .wait(let its) = other.action else {
      throw ShotMistake("or takes a condition such as until-text, not \(other.name)")
    }
    guard mine.count + its.count <= Self.alternativeLimit else {
      throw ShotMistake("a step has no more than \(Self.alternativeLimit) conditions")
    }
    action = .wait(mine + its)
    argument += " or \(other.name) \(other.argument)"
    alternatives += other.alternatives
    refined = other.refined
  }

  private static func number(_ name: String, _ value: BytePath, _ range: ClosedRange<Int>) throws(ShotMistake) -> Int {
    guard let number = Int(value.description), range.contains(number) else {
      throw ShotMistake("\(name) takes a number \(range.lowerBound) to \(range.upperBound), not '\(value)'")
    }
    return number
  }
}

extension ShotStep.Expectation {
  /// Reads the picture and its masks.
  mutating func load(_ step: String, mayBeMissing: Bool) throws(ShotMistake) {
    if mayBeMissing, !file.exists { return picture = nil }
    do throws(PictureFile.Failure) {
      let surface = try PictureFile.picture(file)
      let mask = try PictureFile.mask(masks, of: surface, called: file)
      picture = ExpectedPicture(
        name: file.description, picture: surface, mask: mask, tolerance: tolerance, margin: margin)
    } catch {
      let hint = step == "expect" && file != "-" && !file.exists ? "; with --update-golden it is made" : ""
      throw ShotMistake("\(step): \(error)\(hint)")
    }
  }
}
