/// A piece of markup whose text is escaped by construction: only ``text(_:)`` takes outside text.
///
/// What it writes is HTML and well-formed XML at once, so that any parser can check it.
struct Markup: Sendable {
  /// The markup as written to the page.
  let source: String

  private init(source: String) { self.source = source }

  /// Nothing.
  static let empty = Markup(source: "")

  /// Text, escaped.
  static func text(_ text: String) -> Markup { Markup(source: escaped(text)) }

  /// Markup known when compiled, for styles.
  static func verbatim(_ text: StaticString) -> Markup { Markup(source: "\(text)") }

  /// An element with its attributes in order; those with nil are left out.
  static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?> = [:],
    children: [Markup]
  ) -> Markup {
    let inner = children.map(\.source).joined()
    return Markup(source: "\(opening(name, attributes))>\(inner)</\(name)>")
  }

  /// An element that holds text.
  static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?> = [:], text: String
  ) -> Markup {
    Markup(source: "\(opening(name, attributes))>\(escaped(text))</\(name)>")
  }

  /// An element that never holds anything: a shape of a drawing, or `meta`.
  static func shape(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?>
  ) -> Markup {
    Markup(source: opening(name, attributes) + "/>")
  }

  private static func opening(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?>
  ) -> String {
    attributes.reduce(into: "<\(name)") { source, attribute in
      if let value = attribute.value { source += " \(attribute.key)=\"\(escaped(value))\"" }
    }
  }

  /// Escapes what HTML and XML give a meaning, also inside attributes, and marks control characters.
  private static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in printable(text, keepingLines: true).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// A table for the page; number columns stand right.
struct PageTable {
  /// What the table is, for screen readers.
  let caption: String
  /// Titles with whether the column holds numbers.
  let columns: [(title: String, isNumber: Bool)]
  /// The cells; the first of a row is its heading.
  var rows: [[Markup]] = []

  /// The table in a frame that scrolls sideways where the screen is narrower.
  var markup: Markup {
    let head = columns.map { column in
      Markup.element(
        "th", ["scope": "col", "class": column.isNumber ? "n" : nil], text: column.title)
    }
    let body = rows.map { row in
      Markup.element(
        "tr",
        children: row.enumerated().map { index, cell in
          index == 0
            ? Markup.element("th", ["scope": "row"], children: [cell])
            : Markup.element("td", ["class": columns[index].isNumber ? "n" : nil], children: [cell])
        })
    }
    return .element(
      "div",
      children: [
        .element("p", ["class": "quiet caption"], text: caption),
        .element(
          "div", ["class": "scroll", "role": "region", "tabindex": "0", "aria-label": caption],
          children: [
            .element(
              "table", ["aria-label": caption],
              children: [
                .element("thead", children: [.element("tr", children: head)]),
                .element("tbody", children: body),
              ])
          ]),
      ])
  }
}
