/// A fault in a source's definition, in its file, or in what the file holds.
///
/// Validation reports every problem at once: the first one carries the others in ``related``.
public struct InputError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `inputs.missing_file`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil where there is nothing to add.
  public let hint: String?
  /// The file concerned; nil where there is none.
  public let file: String?
  /// The line in ``file``, from 1; nil where the fault concerns the whole file.
  public let line: Int?
  /// The column in ``line``, from 1, counted in Unicode scalars; nil where unknown.
  public let column: Int?
  /// Further problems found in the same pass.
  public let related: [InputError]

  /// A fault with its code, message and place.
  public init(
    code: String, message: String, hint: String? = nil, file: String? = nil, line: Int? = nil,
    column: Int? = nil, related: [InputError] = []
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.file = file
    self.line = line
    self.column = column
    self.related = related
  }

  /// This problem and the ones found with it, in the order of the file.
  public var all: [InputError] { [self] + related }

  /// One line per problem: `file:line:column: message; hint`.
  public var description: String { all.map(\.sentence).joined(separator: "\n") }

  private var sentence: String {
    var place = file.map { [$0] } ?? []
    if let line { place.append(String(line)) }
    if line != nil, let column { place.append(String(column)) }
    let prefix = place.isEmpty ? "" : place.joined(separator: ":") + ": "
    return prefix + message + (hint.map { "; \($0)" } ?? "")
  }

  /// The same fault with something more to know.
  func adding(hint more: String) -> InputError {
    InputError(
      code: code, message: message, hint: hint.map { "\($0); \(more)" } ?? more, file: file,
      line: line, column: column, related: related)
  }

  /// One error out of several problems; nil where there are none.
  static func joining(_ problems: [InputError]) -> InputError? {
    guard let first = problems.first else { return nil }
    return InputError(
      code: first.code, message: first.message, hint: first.hint, file: first.file,
      line: first.line, column: first.column, related: Array(problems.dropFirst()))
  }
}
