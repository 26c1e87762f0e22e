import ArgumentParser

/// `--param name=value`, any number of times.
struct ParameterOptions: ParsableArguments {
  @Option(name: .customLong("param"), help: ArgumentHelp("A parameter.", valueName: "k=v"))
  var parameters: [String] = []

  /// The values by name.
  func texts() throws -> [String: String] {
    try Self.pairs(parameters, of: "--param", form: "name=value")
  }

  /// The values of an option of the form `name=value` by name, each once.
  static func pairs(
    _ texts: [String], of option: String, form: String
  ) throws -> [String: String] {
    var values: [String: String] = [:]
    for text in texts {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw UsageError(message: "expected \(option) \(form), found '\(text)'")
      }
      let name = String(text[..<equals])
      guard values.updateValue(String(text[text.index(after: equals)...]), forKey: name) == nil
      else { throw UsageError(message: "expected \(option) \(name) once, found it twice") }
    }
    return values
  }
}
