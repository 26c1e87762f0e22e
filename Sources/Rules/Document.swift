/// A parsed YAML or JSON text with the place of every part: what rules are read from.
struct Document {
  /// A scalar's text and how it was written.
  struct Scalar: Equatable {
    enum Style: Equatable {
      /// Without quotes: its meaning follows from its form.
      case plain
      /// In quotes: text.
      case quoted
    }
    var text: String
    var style: Style
    /// Whether a scalar of the text stands one column right for each of its own scalars.
    var keepsColumns: Bool
    /// Columns from the node's place to the first scalar of the text.
    var offset: Int
  }

  indirect enum Content {
    case scalar(Scalar)
    case list([Document])
    case map([(key: Document, value: Document)])
  }

  var content: Content
  var location: SourceLocation

  /// Parts in one text, aliases written out: beyond this a text is refused.
  static let limitOfParts = 4_000_000
  /// Lists and maps within each other.
  static let limitOfDepth = 400

  /// The scalar, nil for lists and maps.
  var scalar: Scalar? {
    if case .scalar(let scalar) = content { scalar } else { nil }
  }

  /// `a list`, `a map` or the scalar, for messages.
  var words: String {
    switch content {
    case .scalar(let scalar):
      scalar.style == .plain && scalar.text.isEmpty
        ? "nothing" : "'\(RuleText.visible(scalar.text))'"
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// Whether it is YAML's or JSON's null.
  var isNull: Bool {
    guard let scalar, scalar.style == .plain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.text)
  }
}

/// Small pieces of text that several files write.
enum RuleText {
  /// A text for one line of a terminal: control and format characters as `\u{…}`, cut at 120.
  static func visible(_ text: String) -> String {
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index >= 120 { return result + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A text in single quotes, quotes within it doubled: a literal of short strings and of SQL.
  static func quoted(_ text: String) -> String {
    var result = "'"
    for scalar in text.unicodeScalars {
      if scalar == "'" { result += "'" }
      result.unicodeScalars.append(scalar)
    }
    return result + "'"
  }

  /// Byte-wise equality, where `==` on strings would take NFC and NFD for equal.
  static func same(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }

  /// Byte-wise order.
  static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
