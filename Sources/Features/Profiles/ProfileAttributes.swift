import Schedules

/// What a project says of its profile attributes, and how the value of one comes from what sources
/// gave: in the engine here, in SQL by `FeatureSQL`.
public struct ProfileAttributes: Sendable, Hashable {
  /// One attribute: what is plausible, how it is derived, what stands in.
  public struct Definition: Sendable, Hashable, Codable {
    /// The attribute that it is derived from; nil for one that sources give.
    public var from: String?
    /// `age`, `band` or `lookup`; nil for one that sources give.
    public var derive: String?
    /// Lower bounds of the bands after the first, rising; only for bands.
    public var bands: [Int]?
    /// What the other attribute's values become; only for look-ups.
    public var values: [String: String]?
    /// The values that are believed; nil for any.
    public var accepted: [String]?
    /// The smallest number that is believed; nil for any.
    public var min: Double?
    /// The largest number that is believed; nil for any.
    public var max: Double?
    /// What stands in where there is no value that is believed; nil for nothing.
    public var fallback: String?

    /// A definition that says nothing yet.
    public init() {}
  }

  private let definitions: [String: Definition]

  /// A project that says nothing of attributes: they are what sources gave.
  public static let none = ProfileAttributes([:])

  /// The attributes by name.
  public init(_ definitions: [String: Definition]) { self.definitions = definitions }

  /// Whether the project says anything of an attribute: then a value that is none of its type is as
  /// good as missing.
  public func isDefined(_ name: String) -> Bool { definitions[name] != nil }

  /// What stands in for a missing value; nil for nothing.
  public func fallback(_ name: String) -> String? { definitions[name]?.fallback }

  /// The attribute that sources give at the beginning of an attribute's derivation.
  public func source(of name: String) -> String { chain(to: name)[0] }

  /// The attributes from the one that sources give to the one asked for, each derived from the one
  /// before; at least the one asked for.
  func chain(to name: String) -> [String] {
    var names = [name]
    // A chain is as long as there are attributes, unless somebody made a ring of it by hand.
    for _ in 0..<definitions.count {
      guard let from = definitions[names[names.count - 1]]?.from else { break }
      names.append(from)
    }
    return names.reversed()
  }

  /// What the project says of an attribute; nil for nothing.
  func definition(_ name: String) -> Definition? { definitions[name] }

  /// The value of an attribute on a day; nil where nothing is known and nothing stands in.
  ///
  /// - Parameter given: what sources gave for ``source(of:)``.
  public func value(of name: String, given: String?, on day: Day) -> String? {
    var value = given
    for (place, name) in chain(to: name).enumerated() {
      guard let definition = definitions[name] else { continue }
      if place > 0 { value = value.flatMap { definition.derived(from: $0, on: day) } }
      value = value.flatMap { definition.believes($0) ? $0 : nil } ?? definition.fallback
    }
    return value
  }
}

extension ProfileAttributes.Definition {
  /// Whether a value is plausible.
  func believes(_ text: String) -> Bool {
    if let accepted, !accepted.contains(text) { return false }
    if min == nil, max == nil { return true }
    guard let number = Self.number(text) else { return false }
    return number >= min ?? -.infinity && number <= max ?? .infinity
  }

  /// A decimal number, perhaps with an exponent; nil for other spellings that Swift would read.
  private static func number(_ text: String) -> Double? {
    let plain = text.utf8.allSatisfy {
      (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0)
    }
    return plain ? Double(text) : nil
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
    var label = "under \(bands?.first ?? 0)"
    for band in labelledBands where number >= band.from { label = band.label }
    return label
  }

  /// The bands with their labels, rising, without the one below the first bound.
  var labelledBands: [(from: Int, label: String)] {
    let bounds = bands ?? []
    return bounds.enumerated().map { place, from in
      (from, place + 1 < bounds.count ? "\(from)-\(bounds[place + 1] - 1)" : "\(from)+")
    }
  }
}
