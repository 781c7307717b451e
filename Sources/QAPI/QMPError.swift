// SPDX-License-Identifier: Apache-2.0

/// The error a QMP client sees: a class it may branch on and a sentence for people.
public struct QMPError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The classes QMP has; all but `generic` exist only for old clients (qapi/error.json).
  public enum Class: String, Sendable {
    case generic = "GenericError"
    case commandNotFound = "CommandNotFound"
    case deviceNotActive = "DeviceNotActive"
    case deviceNotFound = "DeviceNotFound"
    case kvmMissingCap = "KVMMissingCap"
  }

  public let errorClass: Class
  public let description: String

  public init(_ description: String, class errorClass: Class = .generic) {
    (self.errorClass, self.description) = (errorClass, description)
  }

  // The sentences that many commands share; clients match them, so each is written once.

  public static func missingParameter(_ name: String) -> QMPError { QMPError("Parameter '\(name)' is missing") }
  public static func unexpectedParameter(_ name: String) -> QMPError { QMPError("Parameter '\(name)' is unexpected") }
  /// `expected` is a JSON type: string, integer, number, boolean, object, array.
  public static func invalidParameterType(_ name: String, expected: String) -> QMPError {
    QMPError("Invalid parameter type for '\(name)', expected: \(expected)")
  }
  /// `expected` is a noun phrase: "a CPU number".
  public static func invalidParameter(_ name: String, expected: String) -> QMPError {
    QMPError("Parameter '\(name)' expects \(expected)")
  }
  /// A word that the parameter's enumeration lacks.
  public static func unknownValue(_ name: String, _ value: String) -> QMPError {
    QMPError("Parameter '\(name)' does not accept value '\(value)'")
  }
  public static func commandNotFound(_ name: String) -> QMPError {
    QMPError("The command \(name) has not been found", class: .commandNotFound)
  }
  public static func deviceNotFound(_ id: String) -> QMPError {
    QMPError("Device '\(id)' not found", class: .deviceNotFound)
  }

  /// `{"class": …, "desc": …}`
  public var json: JSON { ["class": .string(errorClass.rawValue), "desc": .string(description)] }
}

/// An enumeration whose raw values are the words on the wire.
public protocol QMPEnum: RawRepresentable<String>, CaseIterable, Codable, Sendable, Hashable {}

/// What a command without a result returns: `{}`.
public struct Empty: Codable, Hashable, Sendable {
  public init() {}
}
