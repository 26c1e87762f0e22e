import Foundation

/// A named set of customers: those for whom a rule is true.
public struct Segment: Sendable, Hashable {
  /// The name as it was written; unique, also in other Unicode normal forms.
  public let name: String
  /// The name as an SQL identifier of at most 63 bytes: the audience view's name.
  public let slug: String
  /// The title for people; the name where none was written.
  public let title: String
  /// What the segment is for, nil where nothing was written.
  public let description: String?
  /// The rule.
  public let rule: Rule
  /// The smaller wins where segments compete; nil comes last.
  public let priority: Int?
  /// Segments of one group exclude each other; nil for none.
  public let group: String?
  /// The weight for scoring, nil where none was written.
  public let weight: Double?
  /// The channels it is meant for, in the order written.
  public let channels: [String]
  /// The promotion that its members get, as other systems name it; nil for none.
  public let promotion: String?
  /// Where it stands in its file.
  public let location: SourceLocation?

  /// A segment; the slug follows from the name.
  public init(
    name: String, title: String? = nil, description: String? = nil, rule: Rule,
    priority: Int? = nil, group: String? = nil, weight: Double? = nil, channels: [String] = [],
    promotion: String? = nil, location: SourceLocation? = nil
  ) {
    self.name = name
    slug = Segment.slug(of: name)
    self.title = title ?? name
    self.description = description
    self.rule = rule
    self.priority = priority
    self.group = group
    self.weight = weight
    self.channels = channels
    self.promotion = promotion
    self.location = location
  }

  /// The attributes its rule tests itself, by name.
  public var attributes: [Attribute] { rule.attributes }

  /// The segments its rule refers to itself, by name.
  public var dependencies: [String] { rule.references }

  /// Lower case, NFC, letters and digits kept, anything else one `_`; at most 63 bytes, cut
  /// between characters. PostgreSQL cuts longer identifiers itself, in silence.
  public static func slug(of name: String) -> String {
    var result = ""
    var pending = false
    for scalar in name.precomposedStringWithCanonicalMapping.lowercased()
      .precomposedStringWithCanonicalMapping.unicodeScalars
    {
      let category = scalar.properties.generalCategory
      let isMark = category == .nonspacingMark || category == .spacingMark
      if scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal || isMark {
        if pending, !result.isEmpty { result += "_" }
        pending = false
        result.unicodeScalars.append(scalar)
      } else {
        pending = true
      }
    }
    if result.isEmpty { result = "segment" }
    while result.utf8.count > 63 { result.removeLast() }
    return result
  }
}

/// The names by which segments of a catalogue may be referred to.
struct SegmentNames {
  /// The names in catalogue order.
  let names: [String]
  private let byKey: [String: String]
  /// Names and slugs of segments that were published once and are in the catalogue no more.
  private let retired: Set<String>
  /// The default segment where it has no rule: no rule can refer to it.
  private let unruled: String?

  init(_ names: [String], retired: [String] = [], unruled: String? = nil) {
    self.names = names
    self.unruled = unruled
    self.retired = Set(retired + retired.map(Segment.slug))
    var table: [String: String] = [:]
    for name in names { table[Segment.slug(of: name)] = name }
    // A segment's own name goes before another's slug.
    for name in names { table[name] = name }
    byKey = table
  }

  /// The name of a segment by its name or slug.
  func resolve(_ written: String) -> String? { byKey[written] }

  /// Whether a segment of the name was there once.
  func isRetired(_ written: String) -> Bool { retired.contains(written) }

  /// Whether it is the default segment, which has no rule.
  func isUnruled(_ written: String) -> Bool {
    unruled.map { $0 == written || Segment.slug(of: $0) == written } ?? false
  }
}
