import Warehouse

/// A column of an export.
struct ExportColumn: Sendable {
  let name: String
  let expression: SQL

  /// What attributes of the profile are asked for as: `profile.country`.
  static let profilePrefix = "profile."

  /// The columns of every export.
  private static let always = ["customer_id", "customer_key", "segment"]
  /// Those that members of the live publication have besides.
  private static let live = ["since", "cause", "rule_version", "run_id"]
  private static let chosenByItself = ["customer_id", "customer_key", "segment", "since", "cause"]

  /// The columns of a request.
  ///
  /// - Throws: ``SegmentError`` `segments.unknown_column`, with all that are unknown.
  static func chosen(_ request: SegmentExport.Request) throws -> [ExportColumn] {
    let known = request.asOf == nil ? always + live : always
    var names = request.columns
    if names.isEmpty { names = known.filter { chosenByItself.contains($0) } }
    let unknown = names.filter { !known.contains($0) && attribute($0) == nil }
    guard unknown.isEmpty else {
      let past = request.asOf == nil ? "" : " at an instant"
      throw SegmentError(
        code: "segments.unknown_column",
        message: "expected columns of an export\(past), found "
          + unknown.map { "'\($0)'" }.joined(separator: ", "),
        hint: "there are: \(known.joined(separator: ", ")), \(profilePrefix)ATTRIBUTE")
    }
    let repeated = names.filter { name in names.count { $0 == name } > 1 }
    if let name = repeated.first {
      throw SegmentError(
        code: "segments.repeated_column",
        message: "expected each column once, found '\(name)' \(repeated.count) times")
    }
    return names.map { name in
      if let attribute = attribute(name) {
        return ExportColumn(
          name: name, expression: "c.profile->>\(attribute)")
      }
      // RFC 3339, whatever the session's zone and style of dates.
      let expression: SQL =
        name == "since"
        ? "to_char(m.since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        : "m.\(identifier: name)"
      return ExportColumn(name: name, expression: expression)
    }
  }

  /// The attribute of a column of the profile; nil for other columns.
  private static func attribute(_ name: String) -> String? {
    guard name.hasPrefix(profilePrefix), name.count > profilePrefix.count else { return nil }
    return String(name.dropFirst(profilePrefix.count))
  }
}
