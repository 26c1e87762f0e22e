import Columns
import Features
import Schedules
import Warehouse

extension DayFeatures {
  /// What a step has read before it computes.
  struct Found {
    /// The version of the tiles, with what was folded now.
    var version: Int64
    /// The loads folded now.
    var folded: [Int64] = []
    /// Everyone whom events, statements, merges or time concern.
    var touched: Set<Int64> = []
    /// The latest event of each who had some.
    var active: [Int64: Instant] = [:]
    /// Whose past events were changed or taken away.
    var corrected: Set<Int64> = []
    /// Whether a load brought customers or merges.
    var mayChangePopulation = false
    /// Whether something that loads brought was so before the day began.
    var changesPast = false
    /// Per customer and day what events add.
    var batch: TileBatch

    /// What is added to some customers.
    func increments(of customers: IDIndex) -> TileBatch {
      var result = TileBatch(measures: batch.measures)
      let width = batch.measures.count
      for row in 0..<batch.count where customers.row(of: batch.ids[row]) != nil {
        var at = row * width
        result.append(customer: batch.ids[row], day: batch.days[row]) {
          at += 1
          return batch.values[at - 1]
        }
      }
      return result
    }

    /// Reads rows of ``TileSQL/increments(_:day:where:)``.
    mutating func add(_ rows: [Row]) throws {
      for row in rows {
        let customer: Int64 = try row.get(0)
        let latest: Instant = try row.get(2)
        var column = 3
        try batch.append(customer: customer, day: try row.get(1, as: Int32.self)) {
          column += 1
          return try row.get(column - 1, as: Int64?.self) ?? 0
        }
        touched.insert(customer)
        active[customer] = max(active[customer] ?? latest, latest)
      }
    }
  }

  /// What a row list of a statement is for.
  private enum Part {
    case nothing
    case increments
    case corrected
    case described
    case touched
    case loadsWithEvents
  }

  /// Folds the loads that are not folded yet, and reads whom they and time concern, in one round trip.
  func found(
    to asOf: Instant, _ arrivals: Arrivals, on connection: Connection
  ) async throws -> Found {
    var parts: [Part] = []
    var statements: [SQL] = []
    func add(_ part: Part, _ sql: SQL) {
      parts.append(part)
      statements.append(sql)
    }
    let due = arrivals.loads.map(\.load.id)
    let new = arrivals.loads.filter { !$0.isFolded }
    var found = Found(
      version: arrivals.version, folded: new.map(\.load.id),
      batch: TileBatch(measures: catalogue.measures))
    if !new.isEmpty {
      found.version += 1
      try fold(new, arrivals.measures, into: add)
      add(
        .nothing,
        SQL(file: "queries/features/record_folded_loads.sql", found.folded, found.version))
      add(
        .nothing,
        SQL(file: "queries/features/set_tile_version.sql", found.version, days.zone.name))
    }
    if !due.isEmpty {
      add(.corrected, SQL(file: "queries/features/list_touched_spans.sql", due))
      add(.described, SQL(file: "queries/features/list_merged_customers.sql", due))
      if hasProfiles {
        add(.described, SQL(file: "queries/features/list_described_customers.sql", due))
      }
    }
    if let span = arrivals.span {
      add(
        .loadsWithEvents,
        SQL(file: "queries/features/list_loads_with_events.sql", due, span.first, span.last))
      if span.first < asOf {
        let last = min(span.last, Instant(microseconds: asOf.microseconds - 1))
        add(
          .increments,
          try sql.increments(
            catalogue.measures, day: sql.day(from: span.first, through: last),
            where: """
              e.load_id = ANY (\(due)) AND e.occurred_at >= \(span.first)
              AND e.occurred_at <= \(last)
              """))
      }
    }
    try addTime(to: asOf, due, into: add)
    let rows = try await connection.pipeline(statements)
    var withEvents: Set<Int64> = []
    for (part, rows) in zip(parts, rows) {
      switch part {
      case .nothing: break
      case .increments: try found.add(rows)
      case .corrected:
        for row in rows { found.corrected.insert(try row.get("customer_id", as: Int64.self)) }
      case .described:
        for row in rows { found.touched.insert(try row.get(0, as: Int64.self)) }
        if !rows.isEmpty { found.changesPast = true }
      case .touched:
        for row in rows { found.touched.insert(try row.get(0, as: Int64.self)) }
      case .loadsWithEvents:
        for row in rows { withEvents.insert(try row.get(0, as: Int64.self)) }
      }
    }
    found.touched.formUnion(found.corrected)
    if !found.corrected.isEmpty || (arrivals.span.map { $0.first < midnight } ?? false) {
      found.changesPast = true
    }
    found.mayChangePopulation = due.contains { !withEvents.contains($0) }
    return found
  }

  private func fold(
    _ loads: [Arrivals.Load], _ measures: [Measure], into add: (Part, SQL) -> Void
  ) throws {
    let filled = loads.filter { $0.load.span != nil }
    let spans = filled.compactMap(\.load.span)
    guard let first = spans.map(\.first).min(), let last = spans.map(\.last).max(),
      !measures.isEmpty
    else { return }
    add(
      .nothing,
      try sql.fold(
        measures, day: sql.day(from: first, through: last),
        where: """
          e.load_id = ANY (\(filled.map(\.load.id)))
          AND e.occurred_at >= \(first) AND e.occurred_at <= \(last)
          """, merging: true))
  }

  /// Whom only the passing of time concerns, from the features' instant to a later one.
  private func addTime(
    to asOf: Instant, _ due: [Int64], into add: (Part, SQL) -> Void
  ) throws {
    let from = self.asOf
    // Events that came before their time, and have it now.
    if let latestEvent, latestEvent >= from {
      let last = Instant(microseconds: asOf.microseconds - 1)
      add(
        .increments,
        try sql.increments(
          catalogue.measures, day: sql.day(from: from, through: last),
          where: """
            e.occurred_at >= \(from) AND e.occurred_at <= \(last) AND e.load_id <> ALL (\(due))
            AND EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)
            """))
    }
    add(.touched, SQL(file: "queries/features/list_appearing_customers.sql", from, asOf))
    if hasProfiles {
      add(.touched, SQL(file: "queries/features/list_beginning_profiles.sql", from, asOf))
    }
    for expiry in catalogue.expiries {
      add(
        .touched,
        SQL(
          file: "queries/features/list_customers_with_events.sql",
          Instant(microseconds: from.microseconds - expiry),
          Instant(microseconds: asOf.microseconds - expiry + 1)))
    }
  }
}
