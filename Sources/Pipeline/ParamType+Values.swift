import Schedules

/// Why a value is none of a parameter's type: `expected …, found …`.
struct ParamFault: Error {
  let expected: String
  let found: String

  var message: String { "expected \(expected), found \(found)" }

  init(_ type: ParamType, found: String) {
    expected = type.words
    self.found = found.unicodeScalars.count > 80 ? "\(found.prefix(80))…" : found
  }
}

extension ParamType {
  /// What the type is called in messages: `an integer from 1 to 100`.
  public var words: String {
    switch self {
    case .integer(nil): "an integer"
    case .integer(let range?): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(nil): "a number"
    case .number(let range?):
      "a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))"
    case .text(let values?, _): "one of \(values.joined(separator: ", "))"
    case .text(nil, let length?): "text of at most \(length) characters"
    case .text(nil, nil): "text"
    case .boolean: "true or false"
    case .day: "a date such as 2024-03-10"
    case .instant: "an instant such as 2024-03-10T03:00:00Z"
    case .list(let item): "a list, each item \(item.words)"
    }
  }

  private static func text(_ number: Double) -> String {
    Int64(exactly: number).map(String.init) ?? "\(number)"
  }

  /// A value of the type in the one form that equal values share, so that they hash alike: whole
  /// numbers without a fraction, instants in UTC.
  ///
  /// - Throws: ``ParamFault``.
  func value(_ json: JSONValue) throws(ParamFault) -> JSONValue {
    switch (self, json) {
    case (.integer, .number(let number)):
      guard let whole = Int64(exactly: number) else { break }
      return try value(.integer(whole))
    case (.integer(let range), .integer(let number)) where range?.contains(number) ?? true:
      return json
    case (.number(let range), .integer(let number)) where range?.contains(Double(number)) ?? true:
      return json
    case (.number(let range), .number(let number))
    where number.isFinite && range?.contains(number) ?? true:
      return Int64(exactly: number).map { .integer($0) } ?? json
    case (.text(let values, let length), .string(let text))
    where values?.contains(where: { Self.isSame($0, text) }) ?? true
      && text.unicodeScalars.count <= length ?? .max
      // PostgreSQL stores no NUL.
      && !text.utf8.contains(0):
      return json
    case (.boolean, .bool):
      return json
    case (.day, .string(let text)):
      guard let day = Day(iso8601: text) else { break }
      return .string(day.description)
    case (.instant, .string(let text)):
      guard let instant = Instant(rfc3339: text) else { break }
      return .string(instant.description)
    case (.list(let item), .array(let items)):
      var values: [JSONValue] = []
      for member in items { values.append(try item.value(member)) }
      return .array(values)
    default: break
    }
    throw ParamFault(self, found: json.canonicalText)
  }

  /// Text is compared by its bytes, as everywhere.
  private static func isSame(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }

  /// A value of the type from the text of a command line, in the form of ``value(_:)``.
  ///
  /// A list is a JSON array, or its items with commas between them; an empty text is an empty list.
  ///
  /// - Throws: ``ParamFault``.
  func value(parsing text: String) throws(ParamFault) -> JSONValue {
    let fault = ParamFault(self, found: "'\(text)'")
    do throws(ParamFault) {
      return try value(try json(parsing: text))
    } catch {
      // The words of a list's item are lost on purpose: the whole text is what was typed.
      throw fault
    }
  }

  private func json(parsing text: String) throws(ParamFault) -> JSONValue {
    switch self {
    case .text, .day, .instant:
      return .string(text)
    case .integer:
      guard let value = Int64(text) else { throw ParamFault(self, found: text) }
      return .integer(value)
    case .boolean:
      guard let value = Bool(text) else { throw ParamFault(self, found: text) }
      return .bool(value)
    case .number,
      .list where text.hasPrefix("["):
      guard let value = try? JSONValue(parsing: text) else { throw ParamFault(self, found: text) }
      return value
    case .list(let item):
      guard !text.isEmpty else { return .array([]) }
      var values: [JSONValue] = []
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let trimmed = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        values.append(try item.json(parsing: String(trimmed)))
      }
      return .array(values)
    }
  }
}
