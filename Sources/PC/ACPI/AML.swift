// SPDX-License-Identifier: Apache-2.0

/// A piece of ACPI machine language: a term, an argument, or several of them one after the other.
///
/// Values nest as ASL source does, and each knows its bytes; `ACPIDescription` is the text written with them. Names and
/// sizes come from this program, never from a guest or a user, so a malformed one is a programmer's mistake.
///
/// Reference: ACPI 6.5, chapter 20, "AML Specification". What is here is valid in ACPI 1.0 too.
package struct AML: Equatable, Sendable {
  package var bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }

  static func joined(_ parts: [AML]) -> [UInt8] { parts.flatMap(\.bytes) }

  // MARK: Data, 20.2.3

  /// The shortest encoding of an integer. Tables of revision 1 have 32-bit integers: more bits would be lost in them.
  package static func integer(_ value: UInt64) -> AML {
    switch value {
    case 0, 1: AML(bytes: [UInt8(value)])
    case ...0xff: AML(bytes: [0x0a, UInt8(value)])
    case ...0xffff: AML(bytes: [0x0b] + littleEndian(UInt16(value)))
    case ...0xffff_ffff: AML(bytes: [0x0c] + littleEndian(UInt32(value)))
    default: AML(bytes: [0x0e] + littleEndian(value))
    }
  }

  /// A string of ASCII characters other than NUL.
  package static func string(_ text: String) -> AML {
    precondition(text.utf8.allSatisfy { (1...0x7f).contains($0) }, "AML strings are ASCII")
    return AML(bytes: [0x0d] + text.utf8 + [0])
  }

  /// A compressed Plug and Play identifier: three capital letters and four hexadecimal digits. ACPI 6.5, 19.3.4.
  package static func eisaID(_ text: String) -> AML {
    let characters = Array(text.utf8)
    guard characters.count == 7, characters[..<3].allSatisfy({ (0x41...0x5a).contains($0) }),
      let product = UInt16(text.suffix(4), radix: 16)
    else { preconditionFailure("'\(text)' is not a Plug and Play identifier") }
    let letters = characters[..<3].reduce(UInt16(0)) { $0 << 5 | UInt16($1 & 0x1f) }
    return AML(bytes: [0x0c] + littleEndian(letters).reversed() + littleEndian(product).reversed())
  }

  package static func buffer(_ contents: [UInt8]) -> AML {
    AML(bytes: [0x11] + sized(integer(UInt64(contents.count)).bytes + contents))
  }

  /// At most 255 elements; more need VarPackage, which ACPI 1.0 does not have.
  package static func package(_ elements: [AML]) -> AML {
    precondition(elements.count <= 255, "a package has at most 255 elements")
    return AML(bytes: [0x12] + sized([UInt8(elements.count)] + joined(elements)))
  }

  // MARK: Names, 20.2.2

  /// A name or path as ASL writes it: `_HID`, `\_SB.PCI0`, `^LNKA`. Short segments are padded.
  package static func path(_ text: String) -> AML {
    var rest = Substring(text)
    var bytes: [UInt8] = []
    while let first = rest.first, first == "\\" || first == "^" {
      bytes += first.utf8
      rest = rest.dropFirst()
    }
    let segments = rest.split(separator: ".", omittingEmptySubsequences: false)
    switch segments.count {
    case 1 where rest.isEmpty: bytes.append(0)  // the root itself
    case 1: break
    case 2: bytes.append(0x2e)
    default:
      precondition(segments.count <= 255, "a path has at most 255 segments")
      bytes += [0x2f, UInt8(segments.count)]
    }
    for segment in segments where !rest.isEmpty { bytes += nameSegment(segment) }
    return AML(bytes: bytes)
  }

  static func nameSegment(_ text: Substring) -> [UInt8] {
    let characters = Array(text.utf8)
    func isLead(_ character: UInt8) -> Bool { (0x41...0x5a).contains(character) || character == 0x5f }
    precondition(
      (1...4).contains(characters.count) && isLead(characters[0])
        && characters.allSatisfy { isLead($0) || (0x30...0x39).contains($0) }, "'\(text)' is not an ACPI name")
    return characters + [UInt8](repeating: 0x5f, count: 4 - characters.count)
  }

  // MARK: Package lengths, 20.2.4

  /// `content` with the length that counts itself in front of it.
  static func sized(_ content: [UInt8]) -> [UInt8] {
    // One byte holds 6 bits; further bytes 8 each, while the first then holds 4.
    let lengthByteCount = (1...4).first { content.count + $0 < ($0 == 1 ? 1 << 6 : 1 << (8 * $0 - 4)) }
    guard let lengthByteCount else { preconditionFailure("AML terms are shorter than 256 MiB") }
    return length(content.count + lengthByteCount, byteCount: lengthByteCount) + content
  }

  /// A length that does not count itself, as field lists have it.
  static func length(_ value: Int) -> [UInt8] {
    guard let byteCount = (1...4).first(where: { value < ($0 == 1 ? 1 << 6 : 1 << (8 * $0 - 4)) }) else {
      preconditionFailure("AML lengths have 28 bits")
    }
    return length(value, byteCount: byteCount)
  }

  private static func length(_ value: Int, byteCount: Int) -> [UInt8] {
    guard byteCount > 1 else { return [UInt8(value)] }
    let lead = UInt8(byteCount - 1) << 6 | UInt8(value & 15)
    return [lead] + (0..<byteCount - 1).map { UInt8(truncatingIfNeeded: value >> (4 + 8 * $0)) }
  }
}

extension AML: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: UInt64) { self = .integer(value) }
}

/// The bytes of an integer, least significant first.
func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
}
