// SPDX-License-Identifier: Apache-2.0

/// Objects and statements, under the names ASL has for them. ACPI 6.5, 20.2.5.
extension AML {
  // MARK: Objects

  package static func scope(_ path: String, _ terms: [AML]) -> AML {
    AML(bytes: [0x10] + sized(AML.path(path).bytes + joined(terms)))
  }

  package static func device(_ path: String, _ terms: [AML]) -> AML {
    AML(bytes: [0x5b, 0x82] + sized(AML.path(path).bytes + joined(terms)))
  }

  package static func name(_ path: String, _ value: AML) -> AML {
    AML(bytes: [0x08] + AML.path(path).bytes + value.bytes)
  }

  /// - Parameters:
  ///   - argumentCount: 0...7.
  ///   - isSerialized: one caller at a time; needed by a method that creates named objects or waits.
  package static func method(
    _ path: String, argumentCount: Int = 0, isSerialized: Bool = false, _ terms: [AML]
  ) -> AML {
    let flags = UInt8(argumentCount & 7) | (isSerialized ? 8 : 0)
    return AML(bytes: [0x14] + sized(AML.path(path).bytes + [flags] + joined(terms)))
  }

  package enum RegionSpace: UInt8, Sendable {
    case systemMemory, systemIO, pciConfiguration
  }

  package static func operationRegion(_ path: String, _ space: RegionSpace, at offset: UInt64, byteCount: UInt64) -> AML
  {
    AML(bytes: [0x5b, 0x80] + AML.path(path).bytes + [space.rawValue] + joined([integer(offset), integer(byteCount)]))
  }

  package enum FieldAccess: UInt8, Sendable {
    case any, byte, word, doubleWord
  }

  /// What becomes of the bits around a field that is written.
  package enum FieldUpdate: UInt8, Sendable {
    case preserve, writeOnes, writeZeros
  }

  /// A part of an operation region.
  package enum FieldUnit: Sendable {
    case named(String, bitCount: Int)
    case reserved(bitCount: Int)
  }

  /// Fields that are read and written with `access`.
  package static func field(
    _ region: String, _ access: FieldAccess, _ update: FieldUpdate, _ units: [FieldUnit]
  ) -> AML {
    var content = path(region).bytes + [access.rawValue | update.rawValue << 5]
    for unit in units {
      switch unit {
      case .named(let name, let bitCount): content += nameSegment(name[...]) + length(bitCount)
      case .reserved(let bitCount): content += [0] + length(bitCount)
      }
    }
    return AML(bytes: [0x5b, 0x81] + sized(content))
  }

  package static func mutex(_ path: String) -> AML { AML(bytes: [0x5b, 0x01] + AML.path(path).bytes + [0]) }

  // MARK: Statements

  /// Waits as long as it takes.
  package static func acquire(_ mutex: String) -> AML { AML(bytes: [0x5b, 0x23] + path(mutex).bytes + [0xff, 0xff]) }
  package static func release(_ mutex: String) -> AML { AML(bytes: [0x5b, 0x27] + path(mutex).bytes) }
  package static func notify(_ device: String, _ value: AML) -> AML {
    AML(bytes: [0x86] + joined([path(device), value]))
  }

  /// Calls a method, which must be defined before: its argument count is not in the code.
  package static func call(_ method: String, _ arguments: AML...) -> AML {
    AML(bytes: path(method).bytes + joined(arguments))
  }

  package static func `return`(_ value: AML) -> AML { AML(bytes: [0xa4] + value.bytes) }

  package static func `if`(_ condition: AML, _ then: [AML], else otherwise: [AML] = []) -> AML {
    let tail = otherwise.isEmpty ? [] : [0xa1] + sized(joined(otherwise))
    return AML(bytes: [0xa0] + sized(condition.bytes + joined(then)) + tail)
  }

  package static func store(_ value: AML, in target: AML) -> AML { AML(bytes: [0x70] + joined([value, target])) }

  // MARK: Expressions

  /// `Arg0`...`Arg6`.
  package static func argument(_ number: Int) -> AML {
    precondition((0...6).contains(number), "there are seven arguments")
    return AML(bytes: [0x68 + UInt8(number)])
  }

  /// `Local0`...`Local7`.
  package static func local(_ number: Int) -> AML {
    precondition((0...7).contains(number), "there are eight local variables")
    return AML(bytes: [0x60 + UInt8(number)])
  }

  /// All bits set, however wide integers are.
  package static let ones = AML(bytes: [0xff])

  /// The place of a target that there is none in: the result of an operator is only its value.
  private static let noTarget = AML(bytes: [0])

  package static func and(_ left: AML, _ right: AML, in target: AML? = nil) -> AML {
    AML(bytes: [0x7b] + joined([left, right, target ?? noTarget]))
  }

  package static func or(_ left: AML, _ right: AML, in target: AML? = nil) -> AML {
    AML(bytes: [0x7d] + joined([left, right, target ?? noTarget]))
  }

  package static func shiftLeft(_ value: AML, by count: AML, in target: AML? = nil) -> AML {
    AML(bytes: [0x79] + joined([value, count, target ?? noTarget]))
  }

  package static func equal(_ left: AML, _ right: AML) -> AML { AML(bytes: [0x93] + joined([left, right])) }
  package static func less(_ left: AML, _ right: AML) -> AML { AML(bytes: [0x95] + joined([left, right])) }
  package static func not(_ condition: AML) -> AML { AML(bytes: [0x92] + condition.bytes) }
  package static func either(_ left: AML, _ right: AML) -> AML { AML(bytes: [0x91] + joined([left, right])) }

  /// A reference to an element of a buffer or package.
  package static func index(_ object: AML, _ position: UInt64) -> AML {
    AML(bytes: [0x88] + joined([object, integer(position), noTarget]))
  }

  package static func dereference(_ reference: AML) -> AML { AML(bytes: [0x83] + reference.bytes) }
}
