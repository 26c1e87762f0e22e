import Schedules
import Warehouse

/// Staged rows into the facts.
extension Loader {
  nonisolated(nonsending) func events(
    _ target: LoadTarget, _ load: Int64, _ verdict: inout Verdict, on connection: Connection
  ) async throws -> Int {
    try await step("keys")
    let good = verdict.tally.rowsGood
    let claimed = try await claimKeys(target, load, verdict.tally, on: connection)
    if Int64(claimed) < good {
      if target.source.takesCorrections {
        verdict.rowsCorrected = try await correctKeys(target, load, on: connection)
      }
      try await connection.execute(
        SQL(file: "queries/inputs/mark_repeated_events.sql", target.sourceID, load))
      try await countMarked(&verdict, on: connection)
    }
    guard verdict.rowsAccepted > 0 else { return 0 }
    try await step("customers")
    try await connection.execute(SQL(file: "queries/inputs/insert_arrived.sql"))
    let new = try await connection.execute(SQL(file: "queries/inputs/insert_identities.sql"))
    let now = clock.now()
    try await connection.execute(SQL(file: "queries/inputs/upsert_seen_customers.sql", now))
    try await step("events")
    if verdict.rowsCorrected > 0 {
      try await connection.execute(
        SQL(file: "queries/inputs/supersede_events.sql", target.sourceID, load, now))
    }
    let file = verdict.tally.ordered ? "insert_events.sql" : "insert_events_by_time.sql"
    try await connection.execute(
      SQL(file: "queries/inputs/\(file)", target.sourceID, load, now))
    try await record(target, load, verdict.tally, now, on: connection)
    return new
  }

  /// What a load's events say beside themselves: orders, currencies, profiles.
  private nonisolated(nonsending) func record(
    _ target: LoadTarget, _ load: Int64, _ tally: Tally, _ now: Instant, on connection: Connection
  ) async throws {
    let fields = target.source.plan.fields
    if fields.order != nil {
      try await connection.execute(SQL(file: "queries/inputs/insert_orders.sql", load))
    }
    if !tally.currencies.isEmpty {
      var known: Set<Int64> = []
      for row in try await connection.query(SQL(file: "queries/inputs/list_currencies.sql")) {
        known.insert(Tally.code(kind: try row.get("kind_id"), currency: try row.get("currency")))
      }
      if !tally.currencies.isSubset(of: known) {
        try await connection.execute(SQL(file: "queries/inputs/insert_currencies.sql", load))
      }
    }
    guard !fields.profile.isEmpty else { return }
    let stated = try await connection.execute(
      SQL(file: "queries/inputs/insert_event_statements.sql", target.sourceID, load, now))
    if stated > 0 { try await rebuildProfiles(load, now, on: connection) }
  }

  private nonisolated(nonsending) func rebuildProfiles(
    _ load: Int64, _ now: Instant, on connection: Connection
  ) async throws {
    try await connection.execute(SQL(file: "queries/inputs/insert_described.sql", load))
    try await connection.execute(SQL(file: "queries/inputs/rebuild_profiles.sql", now))
  }

  /// Finds the events that came before with other content and gives their keys the new one.
  private nonisolated(nonsending) func correctKeys(
    _ target: LoadTarget, _ load: Int64, on connection: Connection
  ) async throws -> Int64 {
    try await step("corrections")
    let corrected = try await connection.execute(
      SQL(file: "queries/inputs/correct_event_keys.sql", target.sourceID, load))
    if corrected > 0 {
      try await connection.execute(
        SQL(file: "queries/inputs/update_event_keys.sql", target.sourceID, load))
    }
    return Int64(corrected)
  }

  /// Claims event ids, by the cheaper statement where all of them ought to be new.
  private nonisolated(nonsending) func claimKeys(
    _ target: LoadTarget, _ load: Int64, _ tally: Tally, on connection: Connection
  ) async throws -> Int {
    let isLater = target.watermark.map { $0.microseconds < tally.first } ?? true
    if isLater {
      do {
        return try await connection.savepoint { connection in
          try await connection.execute(
            SQL(file: "queries/inputs/insert_new_event_keys.sql", target.sourceID, load))
        }
      } catch let error as WarehouseError where error.sqlState == "23505" {
        // One of them was known after all.
      }
    }
    return try await connection.execute(
      SQL(file: "queries/inputs/insert_event_keys.sql", target.sourceID, load))
  }

  nonisolated(nonsending) func customers(
    _ target: LoadTarget, _ load: Int64, _ verdict: inout Verdict, on connection: Connection
  ) async throws -> Int {
    try await step("customers")
    try await connection.execute(SQL(file: "queries/inputs/mark_superseded_customers.sql"))
    try await connection.execute(
      SQL(file: "queries/inputs/mark_unchanged_customers.sql", target.sourceID))
    try await countMarked(&verdict, on: connection)
    guard verdict.rowsAccepted > 0 else { return 0 }
    try await connection.execute(SQL(file: "queries/inputs/insert_arrived.sql"))
    let new = try await connection.execute(SQL(file: "queries/inputs/insert_identities.sql"))
    let now = clock.now()
    try await connection.execute(SQL(file: "queries/inputs/upsert_seen_customers.sql", now))
    try await step("profiles")
    let stated = try await connection.execute(
      SQL(
        file: "queries/inputs/insert_statements.sql", target.sourceID, load, now,
        profilesHoldFrom ?? now))
    if stated > 0 { try await rebuildProfiles(load, now, on: connection) }
    return new
  }
}
