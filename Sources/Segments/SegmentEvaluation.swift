import Columns
import Schedules

/// Who is a member of what at one instant: one bitset per segment over the evaluated customers.
public struct SegmentEvaluation: Sendable, Equatable {
  /// The instant evaluated: events at or after it do not exist.
  public let asOf: Instant
  /// The customers evaluated; a customer's row is its position.
  public let customers: IDIndex
  /// The segments in the order of the catalogue; names are distinct.
  public let segments: [SegmentDefinition]
  /// One set of rows per segment, in the same order: what is published.
  public let members: [Bitset]
  /// Where overrides, groups, cap or default made of the members others than the rules found, and
  /// who lost what; none where nothing competes.
  public let differences: [MembershipDifference]

  /// An evaluation from its parts.
  ///
  /// - Precondition: one set per segment, each over as many rows as there are customers.
  public init(
    asOf: Instant, customers: IDIndex, segments: [SegmentDefinition], members: [Bitset],
    differences: [MembershipDifference] = []
  ) {
    precondition(segments.count == members.count, "one set of members per segment")
    precondition(members.allSatisfy { $0.count == customers.count }, "one bit per customer")
    self.asOf = asOf
    self.customers = customers
    self.segments = segments
    self.members = members
    self.differences = differences
  }

  /// The members of a segment by name, nil when the evaluation lacks it.
  public func members(of name: String) -> Bitset? {
    segments.firstIndex { $0.name == name }.map { members[$0] }
  }

  /// The evaluations of ranges of customers as one of everyone.
  ///
  /// - Parameters:
  ///   - first: whose instant and segments all have.
  ///   - parts: of distinct customers.
  static func joined(
    _ first: SegmentEvaluation, _ parts: [SegmentEvaluation]
  ) -> SegmentEvaluation {
    if parts.count <= 1 { return parts.first ?? first }
    let customers = parts.reduce(IDIndex([])) { $0.union($1.customers) }
    let words = (customers.count + 63) >> 6
    var members = first.segments.map { _ in [UInt64](repeating: 0, count: words) }
    for part in parts {
      // The rows of a span of ids follow each other, those of a shard lie between others'.
      let rows = part.customers.rows(in: customers)
      for (segment, set) in part.members.enumerated() {
        set.forEach { members[segment][rows[$0] >> 6] |= 1 << UInt64(rows[$0] & 63) }
      }
    }
    return SegmentEvaluation(
      asOf: first.asOf, customers: customers, segments: first.segments,
      members: members.map { Bitset(count: customers.count, words: $0) })
  }
}
