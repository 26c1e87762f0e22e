import Features
import Schedules
import Warehouse

/// The statements over `facts.customer_day`, whose columns follow the feature catalogue.
///
/// Days are found among bound midnights and not by `AT TIME ZONE`: the engine's zone data decides
/// alone, and a bound array is searched faster than a zone is applied.
struct TileSQL {
  /// `kind_id` by name.
  let kinds: [String: Int16]
  let days: LocalDays

  /// The local days of events, for events from `first` to `last` (both inside).
  func day(from first: Instant, through last: Instant) -> SQL {
    let start = days.day(of: first)
    let midnights = days.midnights(from: start, through: days.day(of: last))
    return "(\(start) + (width_bucket(e.occurred_at, \(midnights)) - 1))"
  }

  /// One aggregate per measure, in order; null where nothing was counted, which takes no space in a
  /// tile: most customers do one or two of the kinds on a day.
  func aggregates(_ measures: [Measure]) throws -> SQL {
    SQL.joined(try measures.map(aggregate))
  }

  private func aggregate(_ measure: Measure) throws -> SQL {
    let ids = try kindIDs(measure.kinds)
    let kinds: SQL = ids.count == 1 ? "e.kind_id = \(ids[0])" : "e.kind_id = ANY (\(ids))"
    let condition = measure.filter.condition.map { " AND (\(ConditionSQL.text($0)))" } ?? ""
    let filter: SQL = "\(fragment: kinds)\(unsafeText: condition)"
    switch measure.value {
    case .count: return "nullif(count(*) FILTER (WHERE \(fragment: filter)), 0)"
    case .amount:
      // Exact: numeric(18,4) times 10^4 is whole; a sum beyond 64 bits fails in the cast.
      return """
        (sum(e.amount) FILTER (WHERE \(fragment: filter)) * 10000)::bigint
        """
    case .quantity:
      return "(sum(e.quantity) FILTER (WHERE \(fragment: filter)))::bigint"
    case .property(let name):
      let number = ConditionSQL.number(.property(name))
      return """
        (sum(\(unsafeText: number)) FILTER (WHERE \(fragment: filter)) * 10000)::bigint
        """
    }
  }

  /// The kinds that any of the measures counts.
  func kindIDs(of measures: [Measure]) throws -> [Int16] {
    try kindIDs(Set(measures.flatMap(\.kinds)).sorted())
  }

  func kindIDs(_ names: [String]) throws -> [Int16] {
    try names.map { name in
      guard let id = kinds[name] else {
        throw FeatureStoreError(
          code: "feature_store.unknown_kind",
          message: "expected the event kind '\(name)' in facts.event_kind, found none",
          hint: "kinds of sources.yaml are known once the sources were loaded; Strata's own once "
            + "the database is migrated to the version of this binary")
      }
      return id
    }
  }

  /// Adds events to the tiles; `events` is the condition on `facts.events AS e`.
  ///
  /// The order of the rows keeps a day's tiles on few pages, for the BRIN index.
  /// - Parameter merging: false where none of the days has tiles, which then may lack their key.
  func fold(_ measures: [Measure], day: SQL, where events: SQL, merging: Bool) throws -> SQL {
    let columns = measures.map(\.columnName)
    let updates = columns.map { name -> SQL in
      """
      \(identifier: name) = coalesce(t.\(identifier: name) + excluded.\(identifier: name),
        t.\(identifier: name), excluded.\(identifier: name))
      """
    }
    let conflict: SQL =
      merging ? "ON CONFLICT (customer_id, day) DO UPDATE SET \(fragment: SQL.joined(updates))" : ""
    let sql: SQL = """
      INSERT INTO facts.customer_day AS t (customer_id, day, \(identifiers: columns))
      SELECT e.customer_id, \(fragment: day), \(fragment: try aggregates(measures))
      FROM facts.events AS e
      WHERE e.kind_id = ANY (\(try kindIDs(of: measures))) AND \(fragment: events)
      GROUP BY 2, 1
      ORDER BY 2, 1
      \(fragment: conflict)
      """
    return sql.named("fold tiles")
  }

  /// Rows (customer, day number, latest time, measures) of what events add to tiles, of all kinds:
  /// who had events at all has to be known too.
  func increments(_ measures: [Measure], day: SQL, where events: SQL) throws -> SQL {
    let values = SQL.joined([""] + (try measures.map(aggregate)))
    let sql: SQL = """
      SELECT e.customer_id, \(fragment: day) - DATE '1970-01-01',
             max(e.occurred_at)\(fragment: values)
      FROM facts.events AS e
      WHERE \(fragment: events)
      GROUP BY 1, 2
      """
    return sql.named("read increments")
  }

  /// COPY of rows (customer, day number, measures) aggregated from events.
  func copyEvents(
    _ measures: [Measure], day: SQL, where events: SQL, _ customers: CustomerChoice,
    _ knowledge: Knowledge = .now
  ) throws -> SQL {
    let sql: SQL = """
      COPY (
        SELECT e.customer_id, \(fragment: day) - DATE '1970-01-01',
               \(fragment: try aggregates(measures))
        FROM \(fragment: knowledge.events) AS e
        WHERE e.kind_id = ANY (\(try kindIDs(of: measures))) AND \(fragment: events)
          \(fragment: customers.condition("e"))
        GROUP BY 1, 2
      ) TO STDOUT WITH (NULL '')
      """
    return sql.named("copy events")
  }

  /// COPY of rows (customer, day number, measures) of tiles; rows without any are left out.
  func copyTiles(_ read: TileRead, _ customers: CustomerChoice) -> SQL {
    let columns = read.measures.map(\.columnName)
    let values = SQL.joined(columns.map { "t.\(identifier: $0)" })
    let some = SQL.joined(columns.map { "t.\(identifier: $0) IS NOT NULL" }, separator: " OR ")
    let lower: SQL =
      read.days.first == DaySpan.unbounded ? "" : "AND t.day >= \(read.days.first)"
    let sql: SQL = """
      COPY (
        SELECT t.customer_id, t.day - DATE '1970-01-01', \(fragment: values)
        FROM facts.customer_day AS t
        WHERE t.day <= \(read.days.last) \(fragment: lower) AND (\(fragment: some))
          \(fragment: Self.tiles(of: customers, in: read.days))
      ) TO STDOUT WITH (NULL '')
      """
    return sql.named("copy tiles")
  }

  /// Few customers' tiles: the key begins with the day, so each day is looked up in it.
  static func tiles(of customers: CustomerChoice, in days: DaySpan) -> SQL {
    guard case .only(let few) = customers, few.count <= 64 else { return customers.condition("t") }
    // greatest() passes over null.
    let first = days.first == DaySpan.unbounded ? nil : days.first
    return """
      AND t.customer_id = ANY (\(few)) AND t.day = ANY (ARRAY(
        SELECT generate_series(
          greatest(min(day), \(first))::timestamp, \(days.last)::timestamp, interval '1 day')::date
        FROM facts.customer_day))
      """
  }
}
