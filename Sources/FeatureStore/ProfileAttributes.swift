import Foundation
import Schedules
import Warehouse

/// What the project says of its profile attributes, as `facts.profile_attribute` holds it, and how
/// the value of one comes from what sources gave.
struct ProfileAttributes: Sendable {
  /// One attribute: what is plausible, how it is derived, what stands in.
  struct Definition: Sendable, Decodable {
    var from: String?
    var derive: String?
    var bands: [Int]?
    var values: [String: String]?
    var accepted: [String]?
    var min: Double?
    var max: Double?
    var fallback: String?
  }

  private let definitions: [String: Definition]

  init(_ definitions: [String: Definition]) { self.definitions = definitions }

  /// Reads the definitions.
  static func read(on connection: Connection) async throws -> ProfileAttributes {
    var definitions: [String: Definition] = [:]
    let rows = try await connection.query(SQL(file: "queries/features/list_attributes.sql"))
    for row in rows {
      let text: String = try row.get("definition")
      definitions[try row.get("name")] = try JSONDecoder().decode(
        Definition.self, from: Data(text.utf8))
    }
    return ProfileAttributes(definitions)
  }

  /// Whether the project says anything of an attribute: then a value that is none of its type is as
  /// good as missing.
  func isDefined(_ name: String) -> Bool { definitions[name] != nil }

  /// What stands in for a missing value; nil for nothing.
  func fallback(_ name: String) -> String? { definitions[name]?.fallback }

  /// The attribute that sources give at the beginning of an attribute's derivation.
  func source(of name: String) -> String {
    var name = name
    // A chain is as long as there are attributes, unless somebody made a ring of it by hand.
    for _ in 0..<definitions.count {
      guard let from = definitions[name]?.from else { break }
      name = from
    }
    return name
  }

  /// The value of an attribute on a day; nil where nothing is known and nothing stands in.
  ///
  /// - Parameter given: what sources gave for ``source(of:)``.
  func value(of name: String, given: String?, on day: Day) -> String? {
    value(of: name, given: given, on: day, depth: definitions.count)
  }

  private func value(of name: String, given: String?, on day: Day, depth: Int) -> String? {
    guard let definition = definitions[name] else { return given }
    var found = given
    if let from = definition.from, depth > 0 {
      found = value(of: from, given: given, on: day, depth: depth - 1)
        .flatMap { definition.derived(from: $0, on: day) }
    }
    return found.flatMap { definition.believes($0) ? $0 : nil } ?? definition.fallback
  }
}

extension ProfileAttributes.Definition {
  /// Whether a value is plausible.
  func believes(_ text: String) -> Bool {
    if let accepted, !accepted.contains(text) { return false }
    if min == nil, max == nil { return true }
    guard let number = Double(text) else { return false }
    return number >= min ?? -.infinity && number <= max ?? .infinity
  }

  /// What follows from another attribute's value; nil where nothing does.
  func derived(from text: String, on day: Day) -> String? {
    switch derive {
    case "age": Day(iso8601: text.prefix(10)).flatMap { Self.age(of: $0, on: day) }.map(String.init)
    case "band": Int(text).map(band)
    case "lookup": values?[text]
    default: nil
    }
  }

  /// Whole years; who is born on 29 February is a year older on 1 March of other years. Nil for a
  /// day of birth that is still to come.
  static func age(of birth: Day, on day: Day) -> Int? {
    guard birth <= day else { return nil }
    let (born, now) = (birth.components, day.components)
    let isBefore = (now.month, now.day) < (born.month, born.day)
    return now.year - born.year - (isBefore ? 1 : 0)
  }

  private func band(of number: Int) -> String {
    let bounds = bands ?? []
    guard let first = bounds.first, number >= first else { return "under \(bounds.first ?? 0)" }
    let place = (bounds.firstIndex { $0 > number } ?? bounds.count) - 1
    return place + 1 < bounds.count
      ? "\(bounds[place])-\(bounds[place + 1] - 1)" : "\(bounds[place])+"
  }
}
