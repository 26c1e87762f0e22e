/// Texts without the difference of upper and lower case: what `ci` compares.
///
/// Every scalar is replaced by its lower-case mapping, and the final sigma by the other one; nothing
/// depends on a language. In PostgreSQL that is `translate(lower(x COLLATE "und-x-icu"), 'ς', 'σ')`.
enum CaseFolding {
  /// The text folded.
  static func folded(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar.isASCII {
        let value = scalar.value
        result.append(value >= 65 && value <= 90 ? Unicode.Scalar(UInt8(value + 32)) : scalar)
      } else if scalar == "\u{3C2}" {
        result.append("\u{3C3}")
      } else {
        result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return String(result)
  }

  /// Every scalar that is folded into one other.
  static let pairs: [(upper: UInt32, lower: UInt32)] = (0...0x10FFFF).compactMap {
    (value: UInt32) -> (upper: UInt32, lower: UInt32)? in
    guard let scalar = Unicode.Scalar(value) else { return nil }
    let folded = Self.folded(String(Character(scalar))).unicodeScalars
    guard folded.count == 1, let only = folded.first, only != scalar else { return nil }
    return (value, only.value)
  }

  /// The expression of a text folded, in SQL.
  static func sql(_ value: String) -> String {
    "translate(lower(\(value) COLLATE \"und-x-icu\"), '\u{3C2}', '\u{3C3}')"
  }
}

extension Condition {
  /// The same comparison of folded texts with folded operands.
  var folded: Condition {
    Condition(
      attribute: attribute, operator: `operator`,
      operands: operands.map { operand in
        guard case .text(let text) = operand else { return operand }
        if `operator` == .matches {
          return .text(ByteText((try? TextPattern(text.string).folded.source) ?? text.string))
        }
        return .text(ByteText(CaseFolding.folded(text.string)))
      }, orMissing: orMissing, population: population)
  }
}
