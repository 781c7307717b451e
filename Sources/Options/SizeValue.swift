// SPDX-License-Identifier: Apache-2.0

/// Sizes with QEMU's suffixes: `64`, `1.5G`, `0x1000`, ` 512k`.
enum SizeValue {
  /// - Parameter unit: what a number without suffix counts, 1 or a power of two.
  /// - Returns: bytes.
  static func parse(
    _ text: String, unit: UInt64 = 1, key: String, option: GivenOption
  ) throws(OptionError) -> UInt64 {
    guard let value = Parts(text) else {
      throw OptionError(
        option,
        """
        Parameter '\(key)' expects a non-negative number below 2^64
        Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
        and exabytes, respectively.
        """)
    }
    let tooLarge = OptionError(option, "Value '\(text)' is out of range for parameter '\(key)'")
    guard let whole = value.whole, let bytes = value.bytes(whole, scale: value.scale ?? 1) else { throw tooLarge }
    if value.scale != nil { return bytes }
    // The unit is applied by whoever knows it, after the value has been understood, and says so differently.
    guard let scaled = value.bytes(whole, scale: unit) else {
      throw OptionError("Parameter 'memory.\(key)' expects size")
    }
    return scaled
  }

  /// A size's text in its parts.
  private struct Parts {
    /// Nil when it does not fit 64 bits.
    var whole: UInt64?
    /// Digits behind the point.
    var fraction = ""
    /// The suffix's factor, nil without one.
    var scale: UInt64?

    /// Nil when the text is no size.
    init?(_ text: String) {
      var rest = Substring(text).drop { $0 == " " || $0 == "\t" }
      let isHexadecimal = rest.hasPrefix("0x") || rest.hasPrefix("0X")
      if isHexadecimal { rest = rest.dropFirst(2) }
      let digits = rest.prefix { $0.isASCII && (isHexadecimal ? $0.isHexDigit : $0.isNumber) }
      guard !digits.isEmpty else { return nil }
      whole = UInt64(digits, radix: isHexadecimal ? 16 : 10)
      rest = rest.dropFirst(digits.count)
      if !isHexadecimal, rest.hasPrefix(".") {
        fraction = String(rest.dropFirst().prefix { $0.isASCII && $0.isNumber })
        rest = rest.dropFirst(1 + fraction.count)
      }
      if let suffix = rest.first {
        let powers: [Character: UInt64] = ["b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60]
        guard rest.count == 1, let power = powers[Character(suffix.lowercased())] else { return nil }
        scale = 1 << power
      }
      // A fraction of a byte is none.
      if !fraction.isEmpty, scale ?? 1 == 1 { return nil }
    }

    /// Nil when the sum does not fit.
    func bytes(_ whole: UInt64, scale: UInt64) -> UInt64? {
      let (total, overflow) = whole.multipliedReportingOverflow(by: scale)
      guard !overflow else { return nil }
      guard !fraction.isEmpty, let part = Double("0." + fraction) else { return total }
      let (sum, carried) = total.addingReportingOverflow(UInt64(part * Double(scale)))
      return carried ? nil : sum
    }
  }
}
