// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import X86

/// What the words before `--` ask for.
struct Settings {
  static let usage = """
    usage: exact-run TO-COUNT [SETTING]… -- APUS-OPTIONS…
      load=FILE            go on from a saved machine
      save=FILE            save the machine at the end
      save-at=COUNT:FILE   save it on the way, too; beside FILE the content of each disk as FILE.DRIVE
      result=FOLDER        at the end write there: ram, screen.ppm, snapshot, and each disk as disk.DRIVE
      hash-every=N         print a hash of the whole machine whenever the count reaches a multiple of N
      type=MS:TEXT         type TEXT from MS virtual milliseconds after the first instruction on, a key each 40 ms;
                           several wait for each other; \\n is Enter, \\t Tab
      survey=STEP:FILE     write what the guest is about at every STEP instructions
      one-op-blocks        blocks of one instruction
      block-limit=N        blocks of at most N instructions
      without=NAME[,NAME]  engine without links, jump-table, fusion, dead-flags, flat-handlers, fast-memory, host-code
      flush=SEED           forget decoded code and host addresses at random counts
      delay-disk=SEED      make disk workers wait random times

    """

  static let engineParts: [String: EngineOptions] = [
    "links": .links, "jump-table": .jumpTable, "fusion": .fusion, "dead-flags": .deadFlags,
    "flat-handlers": .flatHandlers, "fast-memory": .fastMemory, "host-code": .hostCode,
  ]

  struct Save {
    var count: UInt64
    var file: BytePath
  }

  var target: UInt64
  var load: BytePath?
  var save: BytePath?
  /// By count.
  var savesOnTheWay: [Save] = []
  var result: BytePath?
  var hashInterval: UInt64?
  var typing: [(milliseconds: UInt32, text: String)] = []
  var survey: (step: UInt64, file: BytePath)?
  var blockLimit: Int?
  var engine = EngineOptions.all
  var flushSeed: UInt64?
  var delaySeed: UInt64?
  /// The machine's command line.
  var options: [String]

  init(_ arguments: [String]) throws {
    guard let separator = arguments.firstIndex(of: "--"), let target = arguments.first.flatMap(UInt64.init) else {
      throw MachineError(Self.usage)
    }
    self.target = target
    options = Array(arguments[(separator + 1)...])
    for word in arguments[1..<separator] {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      try take(parts[0], parts.count > 1 ? parts[1] : "", in: word)
    }
    savesOnTheWay.sort { $0.count < $1.count }
  }

  private mutating func take(_ key: String, _ value: String, in word: String) throws {
    func number() throws -> UInt64 {
      guard let number = UInt64(value), number > 0 else { throw MachineError("\(word): not a number above 0") }
      return number
    }
    func pair() throws -> (UInt64, String) {
      let parts = value.split(separator: ":", maxSplits: 1).map(String.init)
      guard parts.count == 2, let first = UInt64(parts[0]) else { throw MachineError("\(word): not NUMBER:TEXT") }
      return (first, parts[1])
    }
    switch key {
    case "load": load = BytePath(value)
    case "save": save = BytePath(value)
    case "save-at":
      let (count, file) = try pair()
      savesOnTheWay.append(Save(count: count, file: BytePath(file)))
    case "result": result = BytePath(value)
    case "hash-every": hashInterval = try number()
    case "type":
      let (milliseconds, text) = try pair()
      typing.append((UInt32(clamping: milliseconds), text))
    case "survey":
      let (step, file) = try pair()
      guard step > 0 else { throw MachineError("\(word): not a step") }
      survey = (step, BytePath(file))
    case "one-op-blocks": blockLimit = 1
    case "block-limit": blockLimit = Int(clamping: try number())
    case "without":
      for name in value.split(separator: ",").map(String.init) {
        guard let part = Self.engineParts[name] else { throw MachineError("\(word): no such part of the engine") }
        engine.remove(part)
      }
    case "flush": flushSeed = try number()
    case "delay-disk": delaySeed = try number()
    default: throw MachineError("\(word): no such setting\n\(Self.usage)")
    }
  }
}
