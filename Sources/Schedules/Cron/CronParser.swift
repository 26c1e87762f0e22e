/// Reads a cron expression, and finds all that is wrong with it.
struct CronParser {
  /// The expression as it was written.
  let expression: String
  /// The entries of the six fields, second first; empty for a field that has a fault.
  private(set) var fields: [[CronTerm]] = []
  /// The six fields as they are written, those of a preset as it stands for.
  private(set) var texts: [String] = []
  /// Every fault, from left to right.
  private(set) var faults: [ScheduleError] = []
  /// Whether the optional field of seconds was written.
  private(set) var hasSeconds = false
  /// Where the day of the month is written, from 1.
  private(set) var dayColumn = 1

  /// What the names that begin with `@` stand for.
  static let presets: [(name: String, expression: String)] = [
    ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
  ]

  private struct Word {
    let characters: ArraySlice<Character>
    var column: Int { characters.startIndex + 1 }
  }

  private struct Fault: Error {
    let column: Int
    let expected: String
    let found: String
  }

  init(_ expression: String) {
    self.expression = expression
    var words = Self.words(Array(expression))
    if let first = words.first?.characters, first.first == "@" {
      let name = String(first).lowercased()
      guard words.count == 1, let preset = Self.presets.first(where: { $0.name == name }) else {
        let known = Self.presets.map(\.name).joined(separator: " ")
        let found = words.count == 1 ? String(first) : expression
        fail(Fault(column: 1, expected: "one of \(known)", found: "'\(found)'"))
        return
      }
      words = Self.words(Array(preset.expression))
    }
    guard words.count == 5 || words.count == 6 else {
      let found = "\(words.count) field\(words.count == 1 ? "" : "s")"
      // The place to look at is the field too many, or the end where one is missing.
      let column = words.count > 6 ? words[6].column : expression.count + 1
      let expected = "5 fields (minute, hour, day, month, weekday), or 6 with seconds first"
      fail(Fault(column: column, expected: expected, found: found))
      return
    }
    hasSeconds = words.count == 6
    dayColumn = words[words.count - 3].column
    texts = (hasSeconds ? [] : ["0"]) + words.map { String($0.characters) }
    fields = hasSeconds ? [] : [[.value(0)]]
    for (word, field) in zip(words, CronField.allCases.dropFirst(hasSeconds ? 0 : 1)) {
      fields.append(terms(of: word, field))
    }
  }

  private mutating func fail(_ fault: Fault) {
    faults.append(
      ScheduleError(
        code: "schedule.bad_cron",
        message: "expected \(fault.expected) at column \(fault.column) of '\(expression)', found "
          + fault.found,
        column: fault.column))
  }

  private static func words(_ characters: [Character]) -> [Word] {
    characters.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { Word(characters: $0) }
  }

  private mutating func terms(of word: Word, _ field: CronField) -> [CronTerm] {
    var terms: [CronTerm] = []
    let entries = word.characters.split(separator: ",", omittingEmptySubsequences: false)
    for entry in entries {
      do throws(Fault) {
        var cursor = Cursor(rest: entry, field: field)
        let term = try cursor.term()
        if term == .unspecified, entries.count > 1 {
          throw Fault(column: entry.startIndex + 1, expected: "'?' alone", found: "a list")
        }
        terms.append(term)
      } catch {
        fail(error)
      }
    }
    return terms
  }

  /// Walks over one entry of a list.
  private struct Cursor {
    var rest: ArraySlice<Character>
    let field: CronField

    private var column: Int { rest.startIndex + 1 }

    private func fault(_ expected: String, at place: ArraySlice<Character>? = nil) -> Fault {
      let place = place ?? rest
      guard let first = place.first else {
        return Fault(column: place.startIndex + 1, expected: expected, found: "nothing")
      }
      let word = Self.isWord(first) ? place.prefix(while: Self.isWord) : place.prefix(1)
      // A hostile expression must not fill the terminal.
      let found = word.count > 24 ? String(word.prefix(24)) + "…" : String(word)
      return Fault(column: place.startIndex + 1, expected: expected, found: "'\(found)'")
    }

    private static func isWord(_ character: Character) -> Bool {
      character.isASCII && (character.isLetter || character.isNumber)
    }

    private mutating func take(_ character: Character) -> Bool {
      guard rest.first == character else { return false }
      rest = rest.dropFirst()
      return true
    }

    private func end(or others: String) throws(Fault) {
      if !rest.isEmpty { throw fault("\(others)the end of the field") }
    }

    mutating func term() throws(Fault) -> CronTerm {
      if rest.first == "?" {
        guard field == .dayOfMonth || field == .dayOfWeek else { throw fault(field.expectation) }
        rest = rest.dropFirst()
        try end(or: "")
        return .unspecified
      }
      if take("*") {
        guard take("/") else {
          try end(or: "',', '/' or ")
          return .any
        }
        let step = try self.step()
        try end(or: "',' or ")
        return .every(step: step)
      }
      if let special = try specialDay() { return special }
      let low = try value()
      if field == .dayOfWeek, take("#") { return try nth(of: low) }
      if take("-") {
        let high = try value()
        let hasStep = take("/")
        let step = try hasStep ? self.step() : 1
        try end(or: hasStep ? "',' or " : "',', '/' or ")
        return .range(low, high, step: step, hasStep: hasStep)
      }
      if take("/") {
        let step = try self.step()
        try end(or: "',' or ")
        return .from(low, step: step)
      }
      try end(or: field == .dayOfWeek ? "',', '-', '/', '#' or " : "',', '-', '/' or ")
      return .value(low)
    }

    /// `L`, `L-3`, `LW` and `15W` of a day of the month, `5L` and `friL` of a weekday.
    private mutating func specialDay() throws(Fault) -> CronTerm? {
      let whole = rest
      let word = String(rest.prefix(while: Self.isWord)).lowercased()
      switch field {
      case .dayOfMonth:
        if word == "l" {
          rest = rest.dropFirst()
          guard take("-") else {
            try end(or: "',', '-' or ")
            return .last(before: 0)
          }
          let days = try number(in: 1...30, "a number of days from 1 to 30")
          try end(or: "',' or ")
          return .last(before: days)
        }
        if word == "lw" {
          rest = rest.dropFirst(2)
          try end(or: "',' or ")
          return .lastWorkday
        }
        if word.count > 1, word.hasSuffix("w") {
          var day = Cursor(rest: whole.prefix(word.count - 1), field: field)
          let number = try day.value()
          rest = rest.dropFirst(word.count)
          try end(or: "',' or ")
          return .nearestWorkday(number)
        }
      case .dayOfWeek:
        if word.count > 1, word.hasSuffix("l") {
          var day = Cursor(rest: whole.prefix(word.count - 1), field: field)
          let weekday = try day.value()
          rest = rest.dropFirst(word.count)
          try end(or: "',' or ")
          return .lastOf(weekday % 7)
        }
      default: break
      }
      return nil
    }

    private mutating func nth(of weekday: Int) throws(Fault) -> CronTerm {
      let number = try number(in: 1...5, "a number from 1 to 5")
      try end(or: "',' or ")
      return .nth(weekday % 7, number)
    }

    private mutating func step() throws(Fault) -> Int {
      // Beyond the size of every field a step only leaves the first value.
      min(try number(in: 1...Int.max, "a step of 1 or more"), 1000)
    }

    /// A number, or a name where the field has names.
    private mutating func value() throws(Fault) -> Int {
      let word = rest.prefix(while: Self.isWord)
      if let first = word.first, first.isNumber || field.names.isEmpty {
        return try number(in: field.span.lowerBound...field.highest, field.expectation)
      }
      guard let index = field.names.firstIndex(of: String(word).lowercased()) else {
        throw fault(field.expectation)
      }
      rest = rest.dropFirst(word.count)
      return field.span.lowerBound + index
    }

    private mutating func number(
      in range: ClosedRange<Int>, _ expected: String
    ) throws(Fault) -> Int {
      let word = rest.prefix(while: Self.isWord)
      guard !word.isEmpty, word.allSatisfy(\.isNumber) else { throw fault(expected) }
      // Too many digits for an Int are too high for every field.
      let number = Int(String(word)) ?? Int.max
      guard range.contains(number) else { throw fault(expected) }
      rest = rest.dropFirst(word.count)
      return number
    }
  }
}
