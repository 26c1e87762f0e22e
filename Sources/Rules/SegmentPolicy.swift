/// What a project says of its segments together: who wins where they compete, how many a customer may
/// be in, and who takes those whom no rule takes.
public struct SegmentPolicy: Sendable, Hashable {
  /// By what the best of several segments is chosen.
  public enum Primary: String, Sendable, Hashable, Codable, CaseIterable {
    /// The smaller priority; ties by the higher weight, then by name.
    case priority
    /// The higher weight; ties by the smaller priority, then by name.
    case score
  }

  /// What an evaluation does where two segments have nearly the same members.
  public enum NearDuplicates: String, Sendable, Hashable, Codable, CaseIterable {
    /// Tells, and goes on.
    case warn
    /// Fails, so that nothing is published.
    case stop
  }

  /// The segment of customers who are in no other.
  public struct Default: Sendable, Hashable {
    /// Its name in the catalogue.
    public let name: String
    /// The segment where it stands in the catalogue without a rule of its own, which is why it is not
    /// among the catalogue's segments; nil where it has a rule, whose members it has besides.
    public let withoutRule: Unruled?
  }

  /// A segment that no rule describes.
  public struct Unruled: Sendable, Hashable {
    /// The name for people.
    public let title: String
    /// What it is for; nil where nothing was written.
    public let description: String?
    /// The smaller wins where one segment must be chosen; nil comes last.
    public let priority: Int?
    /// The weight for scoring, nil where none was written.
    public let weight: Double?
  }

  /// How the best segment is chosen.
  public let primary: Primary
  /// By channel, the most segments at a time that a customer may be in; at least 1.
  public let fatigue: [String: Int]
  /// Who takes the customers in no segment; nil for nobody.
  public let fallback: Default?
  /// The most segments that the catalogue may have; nil for any number.
  public let budget: Int?
  /// What nearly equal segments lead to.
  public let nearDuplicates: NearDuplicates

  /// A policy; without arguments that of a catalogue that says nothing.
  public init(
    primary: Primary = .priority, fatigue: [String: Int] = [:], fallback: Default? = nil,
    budget: Int? = nil, nearDuplicates: NearDuplicates = .warn
  ) {
    self.primary = primary
    self.fatigue = fatigue
    self.fallback = fallback
    self.budget = budget
    self.nearDuplicates = nearDuplicates
  }
}

/// What decides between two segments.
public struct SegmentRank: Sendable, Hashable {
  /// The name, which decides last, as bytes.
  public let name: String
  /// Smaller wins; nil comes last.
  public let priority: Int?
  /// Higher wins; nil comes last.
  public let weight: Double?

  /// What decides about a segment.
  public init(name: String, priority: Int?, weight: Double?) {
    self.name = name
    self.priority = priority
    self.weight = weight
  }

  /// Whether a segment wins over another.
  public static func wins(
    _ left: SegmentRank, over right: SegmentRank, by primary: SegmentPolicy.Primary
  ) -> Bool {
    let byPriority = compare(left.priority, right.priority, <)
    let byWeight = compare(left.weight, right.weight, >)
    let verdict =
      switch primary {
      case .priority: byPriority ?? byWeight
      case .score: byWeight ?? byPriority
      }
    return verdict ?? RuleText.precedes(left.name, right.name)
  }

  /// Whether the first is the better, nil being the worst; nil where they are equal.
  private static func compare<Value: Equatable>(
    _ left: Value?, _ right: Value?, _ isBetter: (Value, Value) -> Bool
  ) -> Bool? {
    switch (left, right) {
    case (let l?, let r?): l == r ? nil : isBetter(l, r)
    case (.some, nil): true
    case (nil, .some): false
    case (nil, nil): nil
    }
  }
}
