import Foundation

extension RunReport {
  /// The report as JSON: snake-case keys in alphabetical order, instants in UTC, no escaped slash.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Reads what ``json()`` writes.
  ///
  /// - Throws: `DecodingError` where a key is missing or a value has another form.
  public init(json: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(RunReport.self, from: Data(json.utf8))
  }
}
