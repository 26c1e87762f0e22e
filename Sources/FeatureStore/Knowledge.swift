import Schedules
import Warehouse

/// Which facts are read: what is believed now, or what had been recorded by an instant.
///
/// Late events, corrections, merges and profile statements are facts with a time of record
/// (`facts.event_record`, `facts.customer_profile`, `facts.customer_record`). What is known now is
/// all that the tiles hold; everything that was known then comes from here.
enum Knowledge: Sendable, Hashable {
  /// What is believed now.
  case now
  /// What had been recorded by then, the instant itself included.
  case at(Instant)

  init(_ instant: Instant?) { self = instant.map { .at($0) } ?? .now }

  /// The events, to stand behind FROM: `facts.events`, or the versions of them that counted then.
  var events: SQL {
    switch self {
    case .now: "facts.events"
    case .at(let instant):
      """
      (SELECT * FROM facts.event_record
       WHERE recorded_from <= \(instant) AND recorded_to > \(instant))
      """
    }
  }

  /// That a row of `facts.customer_profile` is believed.
  func believes(_ alias: String) -> SQL {
    switch self {
    case .now: "\(unsafeText: alias).recorded_to = 'infinity'"
    case .at(let instant):
      """
      \(unsafeText: alias).recorded_from <= \(instant)
      AND \(unsafeText: alias).recorded_to > \(instant)
      """
    }
  }

  /// COPY of the ids, ascending, of customers first seen before an instant or without such a time.
  func copyCustomers(seenBefore asOf: Instant, among customers: CustomerChoice) -> SQL {
    switch self {
    case .now:
      """
      COPY (
        SELECT c.customer_id FROM facts.customers AS c
        WHERE (c.first_seen_at < \(asOf) OR c.first_seen_at IS NULL)
          \(fragment: customers.condition("c"))
        ORDER BY c.customer_id
      ) TO STDOUT
      """
    case .at(let instant):
      """
      COPY (
        SELECT c.customer_id FROM facts.customer_record AS c
        WHERE c.recorded_at <= \(instant) \(fragment: customers.condition("c"))
        GROUP BY c.customer_id
        HAVING NOT bool_or(c.is_end)
          AND (min(c.first_seen_at) < \(asOf) OR min(c.first_seen_at) IS NULL)
        ORDER BY c.customer_id
      ) TO STDOUT
      """
    }
  }
}
