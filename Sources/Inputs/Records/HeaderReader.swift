import Diagnostics

/// Finds the declared columns in a CSV header, or says clearly what is wrong with it.
struct HeaderReader {
  let columns: [String]
  let delimiter: UInt8
  /// The file's path; nil for a query.
  let file: String?

  private static let candidates: [(byte: UInt8, name: String)] = [
    (UInt8(ascii: ","), "','"), (UInt8(ascii: ";"), "';'"), (UInt8(ascii: "\t"), "a tab"),
    (UInt8(ascii: "|"), "'|'"),
  ]

  /// Where each declared column stands.
  ///
  /// - Parameter raw: the header's bytes as they stand in the file.
  /// - Throws: `inputs.wrong_delimiter`, `inputs.column_missing`, `inputs.duplicate_column`.
  func positions(names: [String], raw: UnsafeRawBufferPointer) throws(InputError) -> [Int] {
    let missing = columns.filter { !names.contains($0) }
    if !missing.isEmpty {
      if let error = otherDelimiter(names: names, raw: raw) { throw error }
      if raw.first == UInt8(ascii: "{") {
        throw InputError(
          code: "inputs.wrong_format", message: "expected a CSV header, found a JSON object",
          hint: "write format: ndjson", file: file, line: 1)
      }
    }
    var problems = missing.map { name in
      InputError(
        code: "inputs.column_missing",
        message: "expected a column '\(name)' as the source declares, found none in the header",
        hint: Suggestion.hint(for: name, among: names, noun: "the header has"), file: file, line: 1)
    }
    for name in columns where names.count(where: { $0 == name }) > 1 {
      problems.append(
        InputError(
          code: "inputs.duplicate_column",
          message: "expected column '\(name)' once in the header, found it again", file: file,
          line: 1))
    }
    if let error = InputError.joining(problems) { throw error }
    return columns.map { names.firstIndex(of: $0) ?? 0 }
  }

  /// The error for a delimiter that splits the first line better than the declared one.
  func otherDelimiter(names: [String], raw: UnsafeRawBufferPointer) -> InputError? {
    let line = String(decoding: raw.prefix(200), as: UTF8.self)
    let best = Self.candidates.filter { $0.byte != delimiter }
      .map { mark in (mark, pieces: raw.count { $0 == mark.byte } + 1) }
      .max { $0.pieces < $1.pieces }
    guard let best, best.pieces > 1, best.pieces > names.count, columns.count > names.count else {
      return nil
    }
    let found = names.count == 1 ? "one column" : "\(names.count) columns"
    return InputError(
      code: "inputs.wrong_delimiter",
      message: "expected \(columns.count) columns, found \(found) '\(line)': the delimiter looks "
        + "like \(best.0.name)",
      hint: "write delimiter: \(best.0.byte == 9 ? "tab" : best.0.name) in the source", file: file,
      line: 1)
  }
}
