import Features
import Schedules
import Warehouse

/// The events behind a value: how many, and some of them.
public struct Evidence: Sendable, Hashable, Codable {
  /// One event.
  public struct Event: Sendable, Hashable, Codable {
    /// Its id, as its source gave it.
    public let eventID: String
    /// When it happened.
    public let occurredAt: Instant
    /// Its kind.
    public let kind: String
    /// The product or page, nil for none.
    public let item: String?
    /// The number of pieces, nil for none.
    public let quantity: Int64?
    /// The amount as a decimal, nil for none.
    public let amount: String?
    /// The amount's currency, nil for none.
    public let currency: String?
  }

  /// What was looked for: `purchase`, `email_open where campaign = 'x'`.
  public let what: String
  /// The feature whose events they are.
  public let feature: String
  /// The first instant that counts; nil where there is no first.
  public let from: Instant?
  /// The first instant that does not count any more.
  public let to: Instant
  /// How many there are; nil where only the days are known, of sums over many days.
  public let total: Int64?
  /// On how many local days there are any; nil where they were counted one by one.
  public let days: Int64?
  /// Some of them: the newest, or the oldest where the first one decides.
  public let events: [Event]
}

extension Evidence {
  init(_ selection: EvidenceSelection, total: Int64?, days: Int64?, events: [Event]) {
    what = selection.what
    feature = selection.feature
    from = selection.from
    to = selection.to
    self.total = total
    self.days = days
    self.events = events
  }
}

/// Finds the events behind a customer's values.
///
/// Events are found by their time and not by their customer: where the day tiles tell on which days a
/// customer had some, only these days are looked at, the newest first.
public struct EvidenceReader: Sendable {
  private let pool: ConnectionPool
  private let days: LocalDays

  /// A reader of a project whose days are those of `zone`.
  public init(pool: ConnectionPool, zone: Zone) {
    self.pool = pool
    days = LocalDays(zone: zone)
  }

  /// The events of a customer that a selection asks for, at most `limit` of them, with their number.
  ///
  /// - Parameter knownAt: what had been recorded by then; nil for what is in the tiles.
  /// - Throws: `WarehouseError`.
  public func read(
    _ selection: EvidenceSelection, of customer: Int64, knownAt: Instant?, limit: Int
  ) async throws -> Evidence {
    try await pool.withConnection { connection in
      if knownAt == nil, let measure = selection.measure {
        return try await fromDays(selection, measure, of: customer, limit, on: connection)
      }
      let (total, events) = try await events(
        selection, from: selection.from, to: selection.to, of: customer, Knowledge(knownAt), limit,
        on: connection)
      return Evidence(selection, total: total, days: nil, events: events)
    }
  }

  /// The events of the days of which the tiles have the measure.
  private func fromDays(
    _ selection: EvidenceSelection, _ measure: Measure, of customer: Int64, _ limit: Int,
    on connection: Connection
  ) async throws -> Evidence {
    let span = DaySpan(
      first: selection.from.map { days.day(of: $0) } ?? DaySpan.unbounded,
      last: days.lastDay(before: selection.to))
    let column = measure.columnName
    let sql: SQL = """
      SELECT t.day, t.\(identifier: column) AS value
      FROM facts.customer_day AS t
      WHERE t.day <= \(span.last) AND t.\(identifier: column) IS NOT NULL
        \(fragment: TileSQL.tiles(of: .only([customer]), in: span))
      ORDER BY t.day
      """
    let rows = try await connection.query(sql.named("read days of evidence"))
    let found = try rows.map { try $0.get("day", as: Day.self) }
    var events: [Evidence.Event] = []
    for day in selection.oldestFirst ? found : found.reversed() where events.count < limit {
      let from = days.zone.midnight(day)
      events += try await self.events(
        selection, from: max(from, selection.from ?? from),
        to: min(days.end(of: day), selection.to),
        of: customer, .now, limit - events.count, on: connection
      ).events
    }
    let total =
      measure.value == .count
      ? try rows.reduce(Int64(0)) { $0 + (try $1.get("value", as: Int64.self)) } : nil
    return Evidence(
      selection, total: events.count < limit ? Int64(events.count) : total,
      days: Int64(found.count), events: events)
  }

  private func events(
    _ selection: EvidenceSelection, from: Instant?, to: Instant, of customer: Int64,
    _ knowledge: Knowledge, _ limit: Int, on connection: Connection
  ) async throws -> (total: Int64, events: [Evidence.Event]) {
    let order: SQL = selection.oldestFirst ? "e.occurred_at" : "e.occurred_at DESC"
    let lower: SQL = from.map { "AND e.occurred_at >= \($0)" } ?? ""
    let more = selection.condition.map { " AND (\($0))" } ?? ""
    let sql: SQL = """
      SELECT e.event_id, e.occurred_at, k.name AS kind, e.item, e.quantity, e.amount::text AS amount,
        e.currency, count(*) OVER () AS total
      FROM \(fragment: knowledge.events) AS e
      JOIN facts.event_kind AS k ON k.kind_id = e.kind_id
      WHERE e.customer_id = \(customer) AND k.name = ANY (\(selection.kinds))
        AND e.occurred_at < \(to) \(fragment: lower)\(unsafeText: more)
      ORDER BY \(fragment: order), e.event_id
      LIMIT \(Int64(limit))
      """
    let rows = try await connection.query(sql.named("read evidence"))
    return (
      try rows.first?.get("total", as: Int64.self) ?? 0,
      try rows.map {
        Evidence.Event(
          eventID: try $0.get("event_id"), occurredAt: try $0.get("occurred_at"),
          kind: try $0.get("kind"), item: try $0.get("item"), quantity: try $0.get("quantity"),
          amount: try $0.get("amount"), currency: try $0.get("currency"))
      }
    )
  }

  /// Since when a customer's profile has been as it is at an instant, and when that was recorded; nil
  /// without a profile.
  ///
  /// - Parameter knownAt: what had been recorded by then; nil for what is believed now.
  /// - Returns: `since` is nil for what has always been so.
  /// - Throws: `WarehouseError`.
  public func profile(
    of customer: Int64, asOf: Instant, knownAt: Instant?
  ) async throws -> (since: Instant?, recordedAt: Instant?)? {
    let knowledge = Knowledge(knownAt)
    let sql: SQL = """
      SELECT nullif(p.valid_from, '-infinity') AS since,
        nullif(p.recorded_from, '-infinity') AS recorded_at
      FROM facts.customer_profile AS p
      WHERE p.customer_id = \(customer) AND \(fragment: knowledge.believes("p"))
        AND p.valid_from < \(asOf) AND p.valid_to >= \(asOf)
      """
    return try await pool.first(sql.named("read profile")).map {
      (try $0.get("since"), try $0.get("recorded_at"))
    }
  }
}
