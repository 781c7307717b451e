// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

/// The decoder and both disassemblers against GNU binutils, on more than 60,000 strings: length, mnemonic and operands.
struct ObjdumpTests {
  @Test(
    "length, mnemonic and operands agree with objdump",
    arguments: [CodeSize.bits16, .bits32, .bits64], [Objdump.Syntax.intel, .att])
  func agreement(size: CodeSize, syntax: Objdump.Syntax) throws {
    let corpus = Corpus(size: size)
    #expect(corpus.count >= 20_000)
    let listed = try Objdump.disassemble(corpus, size, syntax)
    var explained: [Difference: Int] = [:]
    var disagreements: [String] = []
    for place in 0..<corpus.count {
      let start = place * Corpus.slot
      let sample = Sample(
        bytes: Array(corpus.bytes[start..<start + 16]), address: UInt64(start), size: size, syntax: syntax,
        listed: listed[place])
      if sample.agrees { continue }
      if let difference = Difference.allCases.first(where: { $0.explains(sample) }) {
        explained[difference, default: 0] += 1
      } else {
        disagreements.append(sample.description)
      }
    }
    #expect(disagreements.isEmpty, "\(disagreements.count): \(disagreements.prefix(20).joined(separator: "\n"))")
    // The list of differences must not hide the comparison.
    #expect(explained.values.reduce(0, +) * 10 < corpus.count, "\(explained)")
  }
}

/// One string, what we make of it and what objdump makes of it.
struct Sample: CustomStringConvertible {
  let bytes: [UInt8]
  let size: CodeSize
  let syntax: Objdump.Syntax
  let isValid: Bool
  let instruction: Instruction
  let ours: [Substring]
  let theirs: [Substring]
  let theirPrefixes: Set<Substring>
  let listed: Listed

  private static let prefixNames: Set<Substring> = [
    "lock", "rep", "repz", "repnz", "data16", "data32", "addr16", "addr32", "cs", "ds", "es", "ss", "fs", "gs", "bnd",
    "notrack", "xacquire", "xrelease",
  ]

  init(bytes: [UInt8], address: UInt64, size: CodeSize, syntax: Objdump.Syntax, listed: Listed) {
    var instruction = Instruction()
    let result = bytes.withUnsafeBufferPointer {
      Decoder.decode($0.baseAddress!, available: $0.count, size: size, into: &instruction)
    }
    self.bytes = bytes
    self.size = size
    self.syntax = syntax
    self.listed = listed
    self.instruction = instruction
    isValid = result == .ok
    var text = ""
    if isValid {
      text =
        syntax == .intel
        ? Disassembler.intel(instruction, address: address) : Disassembler.att(instruction, address: address)
    }
    ours = Self.words(text).words
    let (words, prefixes) = Self.words(listed.text)
    theirs = words
    theirPrefixes = prefixes
  }

  /// Words without prefixes, comments and what binutils adds to tell redundant encodings apart.
  private static func words(_ text: String) -> (words: [Substring], prefixes: Set<Substring>) {
    var words = text.split(separator: "#")[...].first?.split(separator: " ") ?? []
    var prefixes: Set<Substring> = []
    while let first = words.first, prefixNames.contains(first) || first.hasPrefix("rex") {
      prefixes.insert(words.removeFirst())
    }
    guard !words.isEmpty else { return ([], prefixes) }
    // Branch hints of the Pentium 4.
    if words[0].hasSuffix(",pt") || words[0].hasSuffix(",pn") { words[0] = words[0].dropLast(3) }
    // `fneni(8087 only)`.
    if let note = words[0].firstIndex(of: "("), note != words[0].startIndex { words = [words[0][..<note]] }
    // A scaled index that is not there.
    for place in words.indices.dropFirst() where words[place].contains("iz") {
      var word = String(words[place])
      for scale in ["1", "2", "4", "8"] {
        for name in ["eiz", "riz"] {
          word.replace("+\(name)*\(scale)", with: "")
          word.replace("\(name)*\(scale)+", with: "")
          word.replace(",%\(name),\(scale)", with: "")
        }
      }
      words[place] = word[...]
    }
    return (words, prefixes)
  }

  var isListedBad: Bool { listed.text.contains("(bad)") || listed.length == 0 }
  var name: Substring { theirs.first ?? "" }

  var sameLengthAndName: Bool {
    isValid && !isListedBad && Int(instruction.length) == listed.length && ours.first == theirs.first
  }

  var agrees: Bool { isValid ? sameLengthAndName && ours == theirs : isListedBad }

  /// The string behind its prefixes.
  var opcode: ArraySlice<UInt8> {
    let legacy: Set<UInt8> = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]
    return bytes.drop { legacy.contains($0) || size == .bits64 && $0 & 0xf0 == 0x40 }
  }

  func opcodeStarts(_ prefix: UInt8...) -> Bool { opcode.starts(with: prefix) }

  var description: String {
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return "\(digits) \(size): \(instruction.length) \(ours) objdump: \(listed.length) \(listed.text)"
  }
}
