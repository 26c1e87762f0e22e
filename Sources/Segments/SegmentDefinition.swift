/// What a publication needs to know of one segment, fixed when the segment was evaluated.
///
/// It is stored with the evaluation, so that what is published is what was evaluated, whatever
/// happened to the catalogue file in between.
public struct SegmentDefinition: Sendable, Hashable, Codable {
  /// The name in the catalogue; never empty.
  public let name: String
  /// The name for people.
  public let title: String
  /// What the segment is for; may be empty.
  public let description: String
  /// Smaller wins where one segment must be chosen; nil comes last.
  public let priority: Int?
  /// The rule in its normal form.
  public let rule: String
  /// Hash of the normalised rule, in hexadecimal.
  public let ruleVersion: String
  /// Whether the rule reads a model score, directly or through another segment.
  public let usesScore: Bool
  /// Its place among the segments, from 0, where the project chooses by more than priority and name;
  /// nil where it does not.
  public let order: Int?
  /// The promotion that its members get, as other systems name it; nil for none.
  public let promotion: String?

  /// A definition from its parts.
  public init(
    name: String, title: String, description: String = "", priority: Int? = nil, rule: String,
    ruleVersion: String, usesScore: Bool = false, order: Int? = nil, promotion: String? = nil
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.priority = priority
    self.rule = rule
    self.ruleVersion = ruleVersion
    self.usesScore = usesScore
    self.order = order
    self.promotion = promotion
  }

  /// Whether it has no rule: the default segment alone.
  var isUnruled: Bool { ruleVersion == Self.unruledVersion }

  /// Stands where other segments have the hash of their rule.
  static let unruledVersion = "default"

  /// The same at a place among the segments.
  func ordered(_ place: Int) -> SegmentDefinition {
    SegmentDefinition(
      name: name, title: title, description: description, priority: priority, rule: rule,
      ruleVersion: ruleVersion, usesScore: usesScore, order: place, promotion: promotion)
  }
}

extension SegmentDefinition {
  /// The definitions in the order in which a customer's primary segment is chosen: as the project
  /// chooses, else by priority, those without one last, then by name as bytes.
  static func ranked(_ definitions: [SegmentDefinition]) -> [SegmentDefinition] {
    definitions.sorted { left, right in
      if let l = left.order, let r = right.order, l != r { return l < r }
      return switch (left.priority, right.priority) {
      case (let l?, let r?) where l != r: l < r
      case (.some, nil): true
      case (nil, .some): false
      default: left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
      }
    }
  }
}
