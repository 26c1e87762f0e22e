import Schedules
import Warehouse

/// Reads what decided about a customer's memberships besides the rules: overrides in force, and what was
/// lost to better segments and full channels.
struct DecidingReader {
  private var pins: [String: Override] = [:]
  private var losses: [String: SegmentExplanation.Decider] = [:]

  /// Reads what counted for a customer at an instant.
  ///
  /// - Parameter knownAt: the overrides known by then; nil for those known now.
  static func read(
    of customer: Int64, at asOf: Instant, knownAt: Instant?, on connection: Connection
  ) async throws -> DecidingReader {
    var found = DecidingReader()
    let overrides = try OverrideStore.list(
      try await connection.query(OverrideStore.reading(knownAt: knownAt)))
    for override in overrides
    where override.customerID == customer && override.isInForce(at: asOf) {
      found.pins[override.segment] = override
    }
    let losses = try await connection.query(
      SQL(file: "queries/segments/list_losses_of_customer.sql", customer, asOf))
    for row in losses {
      found.losses[try row.get("segment")] = SegmentExplanation.Decider(
        kind: try row.get("reason"), winner: try row.get("winner"),
        channel: try row.get("channel"))
    }
    return found
  }

  /// What decided about a segment; nil where the rule did.
  func decider(of segment: String) -> SegmentExplanation.Decider? {
    if let pin = pins[segment] {
      return SegmentExplanation.Decider(
        kind: "override", direction: pin.direction.rawValue, author: pin.author, reason: pin.reason,
        since: pin.validFrom, until: pin.validTo)
    }
    return losses[segment]
  }
}
