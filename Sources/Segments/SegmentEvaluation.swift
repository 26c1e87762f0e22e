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
  /// One set of rows per segment, in the same order.
  public let members: [Bitset]

  /// An evaluation from its parts.
  ///
  /// - Precondition: one set per segment, each over as many rows as there are customers.
  public init(
    asOf: Instant, customers: IDIndex, segments: [SegmentDefinition], members: [Bitset]
  ) {
    precondition(segments.count == members.count, "one set of members per segment")
    precondition(members.allSatisfy { $0.count == customers.count }, "one bit per customer")
    self.asOf = asOf
    self.customers = customers
    self.segments = segments
    self.members = members
  }

  /// The members of a segment by name, nil when the evaluation lacks it.
  public func members(of name: String) -> Bitset? {
    segments.firstIndex { $0.name == name }.map { members[$0] }
  }
}
