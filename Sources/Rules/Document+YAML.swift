import Yams

extension Document {
  /// Parses one YAML document.
  ///
  /// - Throws: ``RuleErrors`` with one `rules.syntax` that has the line and column.
  static func yaml(_ text: String, file: String?) throws(RuleErrors) -> Document {
    do {
      guard let root = try Yams.compose(yaml: text) else {
        throw RuleErrors([
          RuleError(
            code: "rules.empty", message: "expected a catalogue, found an empty text",
            hint: "write 'segments:' and a list below it",
            location: SourceLocation(file: file, line: 1, column: 1))
        ])
      }
      var parts = 0
      return try convert(root, file: file, depth: 0, parts: &parts)
    } catch let error as RuleErrors {
      throw error
    } catch let error as YamlError {
      throw RuleErrors([syntax(error, text: text, file: file)])
    } catch {
      throw RuleErrors([RuleError(code: "rules.syntax", message: "\(error)")])
    }
  }

  private static func convert(
    _ node: Node, file: String?, depth: Int, parts: inout Int
  ) throws(RuleErrors) -> Document {
    let location = SourceLocation(
      file: file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    parts += 1
    if parts > limitOfParts || depth > limitOfDepth {
      throw tooLarge(deep: depth > limitOfDepth, at: location)
    }
    switch node {
    case .scalar(let scalar):
      let plain = scalar.style == .plain
      let single =
        scalar.style == .plain || scalar.style == .singleQuoted
        || scalar.style == .doubleQuoted
      return Document(
        content: .scalar(
          Scalar(
            text: scalar.string, style: plain ? .plain : .quoted, keepsColumns: single,
            offset: plain ? 0 : 1)),
        location: location)
    case .sequence(let sequence):
      var items: [Document] = []
      for item in sequence {
        items.append(try convert(item, file: file, depth: depth + 1, parts: &parts))
      }
      return Document(content: .list(items), location: location)
    case .mapping(let mapping):
      var entries: [(key: Document, value: Document)] = []
      for (key, value) in mapping {
        let key = try convert(key, file: file, depth: depth + 1, parts: &parts)
        entries.append((key, try convert(value, file: file, depth: depth + 1, parts: &parts)))
      }
      return Document(content: .map(entries), location: location)
    case .alias:
      throw RuleErrors([
        RuleError(
          code: "rules.syntax", message: "expected a value, found an alias without its anchor",
          location: location)
      ])
    }
  }

  static func tooLarge(deep: Bool, at location: SourceLocation) -> RuleErrors {
    RuleErrors([
      RuleError(
        code: deep ? "rules.too_deep" : "rules.too_large",
        message: deep
          ? "expected at most \(limitOfDepth) lists and maps within each other, found more"
          : "expected at most \(limitOfParts) parts in one text, found more",
        location: location)
    ])
  }

  private static func syntax(_ error: YamlError, text: String, file: String?) -> RuleError {
    func fault(_ message: String, _ mark: Mark?, context: YamlError.Context? = nil) -> RuleError {
      let location = mark.map { SourceLocation(file: file, line: $0.line, column: $0.column) }
      let began = context.map { " (\($0.text), begun at \($0.mark.line):\($0.mark.column))" } ?? ""
      return RuleError(
        code: "rules.syntax", message: "this is not YAML: \(message)\(began)",
        hint: "look at this line and the one above: indentation, quotes, brackets, colons",
        location: location ?? SourceLocation(file: file, line: 1, column: 1))
    }
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      return fault(problem, mark, context: context)
    case .reader(let problem, let offset, _, _):
      let before = text.prefix(offset ?? 0)
      let line = before.reduce(1) { $1.isNewline ? $0 + 1 : $0 }
      let column =
        (before.split(separator: "\n", omittingEmptySubsequences: false).last?
          .unicodeScalars.count ?? 0) + 1
      return RuleError(
        code: "rules.syntax", message: "this is not YAML: \(problem)",
        hint: "remove control characters; save the file as UTF-8",
        location: SourceLocation(file: file, line: line, column: column))
    case .duplicatedKeysInMapping(let names, let context):
      return RuleError(
        code: "rules.duplicate_key",
        message: "expected each key once in a map, found "
          + names.map { "'\(RuleText.visible($0))'" }.joined(separator: ", ") + " twice",
        location: SourceLocation(
          file: file, line: context.mark.line, column: context.mark.column))
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      return fault("\(error)", nil)
    }
  }
}
