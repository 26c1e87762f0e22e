import Schedules
import Warehouse

/// Places where a test can stop a load.
public enum InputFaults {
  /// Called with the name of each step of a load's transaction before it begins.
  @TaskLocal public static var beforeStep: (@Sendable (_ step: String) async throws -> Void)?
}

extension Loader {
  /// Moves staged rows into the facts, with the ledger and the watermark, in one transaction.
  ///
  /// A transaction that met another one is run again: the staged rows are still there.
  nonisolated(nonsending) func commit(
    _ target: LoadTarget, _ outcome: SourceReading.Outcome, _ verdict: Verdict,
    on connection: Connection
  ) async throws -> LoadReport {
    // Before the transaction, so that nobody waits for the partitions until it ends.
    try await ensureMonths(outcome.tally.months, on: connection)
    var attempt = 1
    while true {
      do {
        return try await connection.transaction { connection in
          try await connection.script("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
          return try await move(target, outcome, verdict, on: connection)
        }
      } catch let error as WarehouseError where error.isRetryable && attempt < 4 {
        attempt += 1
      }
    }
  }

  private nonisolated(nonsending) func ensureMonths(
    _ months: Set<Int32>, on connection: Connection
  ) async throws {
    guard !months.isEmpty else { return }
    let days = months.sorted().compactMap { month in
      Day(year: 1970 + Int(floorDivide(Int64(month), 12)), month: 1, day: 1)?
        .adding(months: Int(month) - Int(floorDivide(Int64(month), 12)) * 12)
    }
    try await connection.execute("SELECT facts.ensure_months(\(days))")
  }

  private nonisolated(nonsending) func move(
    _ target: LoadTarget, _ outcome: SourceReading.Outcome, _ verdict: Verdict,
    on connection: Connection
  ) async throws -> LoadReport {
    var verdict = verdict
    let source = target.source
    // Loads of one source wait here for each other.
    try await connection.execute(
      "SELECT FROM landing.source WHERE source_id = \(target.sourceID) FOR UPDATE")
    let opened = try await connection.first(
      SQL(
        file: "queries/inputs/insert_load.sql", target.sourceID, source.file,
        source.file == nil ? nil : outcome.bytes, outcome.digest, source.hash, target.started))
    guard let load: Int64 = try opened?.get("load_id") else {
      throw InputError(code: "inputs.ledger", message: "expected a new load's number, found none")
    }
    try await tableChecks(source, &verdict, on: connection)
    let newCustomers: Int
    switch source.into {
    case .events: newCustomers = try await events(target, load, &verdict, on: connection)
    case .customers: newCustomers = try await customers(&verdict, on: connection)
    }
    if let breach = uniqueEvents(verdict) { throw LoadFailure(error: breach, verdict: verdict) }

    try await step("rejected")
    if verdict.rejected.values.contains(where: { $0 > 0 }) {
      try await connection.execute(SQL(file: "queries/inputs/insert_rejected.sql", load))
    }
    var report = LoadReport(source: source.name, file: source.file, state: .loaded)
    report.loadID = load
    report.bytes = outcome.bytes
    report.newCustomers = Int64(newCustomers)
    verdict.fill(&report)
    try await span(outcome.tally, verdict, &report, on: connection)
    try await close(target, outcome.tally, load, &report, on: connection)
    return report
  }

  private nonisolated(nonsending) func step(_ name: String) async throws {
    try await InputFaults.beforeStep?(name)
  }

  // MARK: Checks that need the database

  private nonisolated(nonsending) func tableChecks(
    _ source: SourceDefinition, _ verdict: inout Verdict, on connection: Connection
  ) async throws {
    for check in source.plan.tableChecks {
      var failed = 0
      switch (check.kind, check.onFail) {
      case (.customerExists, .warn):
        let row = try await connection.first(
          SQL(file: "queries/inputs/count_unknown_customers.sql"))
        failed = Int(try row?.get("count", as: Int64.self) ?? 0)
      case (.customerExists, _):
        failed = try await connection.execute(
          SQL(file: "queries/inputs/reject_unknown_customers.sql", check.name))
      case (.unique(field: "event_id"), _): continue
      case (.unique(let field), .warn):
        let row = try await connection.first(
          SQL(file: "queries/inputs/count_repeated_values.sql", field))
        failed = Int(try row?.get("count", as: Int64.self) ?? 0)
      case (.unique(let field), _):
        failed = try await connection.execute(
          SQL(file: "queries/inputs/reject_repeated_values.sql", field, check.name))
      }
      if check.onFail == .warn { verdict.tableWarnings[check.name] = Int64(failed) }
      let breach = Verdict.breach(
        check.name, check.onFail, check.mostly, failed: Int64(failed),
        of: verdict.tally.rowsGood, source: source.name, file: source.file)
      if let breach { throw LoadFailure(error: breach, verdict: verdict) }
    }
  }

  /// `unique: event_id` is about rows that share an id and differ; equal ones are duplicates.
  private func uniqueEvents(_ verdict: Verdict) -> InputError? {
    let conflicts = verdict.marked[RowReason.conflictingRedelivery.rawValue] ?? 0
    let source = verdict.source
    return InputError.joining(
      source.plan.tableChecks.filter { $0.kind == .unique(field: "event_id") }.compactMap { check in
        Verdict.breach(
          check.name, check.onFail, check.mostly, failed: conflicts, of: verdict.tally.rowsGood,
          source: source.name, file: source.file)
      })
  }

  // MARK: Facts

  private nonisolated(nonsending) func events(
    _ target: LoadTarget, _ load: Int64, _ verdict: inout Verdict, on connection: Connection
  ) async throws -> Int {
    try await step("keys")
    let good = verdict.tally.rowsGood
    let claimed = try await claimKeys(target, load, verdict.tally, on: connection)
    if Int64(claimed) < good {
      try await connection.execute(
        SQL(file: "queries/inputs/mark_repeated_events.sql", target.sourceID, load))
      try await countMarked(&verdict, on: connection)
    }
    guard verdict.rowsAccepted > 0 else { return 0 }
    try await step("customers")
    try await connection.execute(SQL(file: "queries/inputs/insert_arrived.sql"))
    let new = try await connection.execute(SQL(file: "queries/inputs/insert_identities.sql"))
    try await connection.execute(SQL(file: "queries/inputs/upsert_seen_customers.sql"))
    try await step("events")
    let file = verdict.tally.ordered ? "insert_events.sql" : "insert_events_by_time.sql"
    try await connection.execute(
      SQL(file: "queries/inputs/\(file)", target.sourceID, load, clock.now()))
    return new
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

  private nonisolated(nonsending) func customers(
    _ verdict: inout Verdict, on connection: Connection
  ) async throws -> Int {
    try await step("customers")
    try await connection.execute(SQL(file: "queries/inputs/mark_superseded_customers.sql"))
    try await connection.execute(SQL(file: "queries/inputs/mark_unchanged_customers.sql"))
    try await countMarked(&verdict, on: connection)
    guard verdict.rowsAccepted > 0 else { return 0 }
    try await connection.execute(SQL(file: "queries/inputs/insert_arrived.sql"))
    let new = try await connection.execute(SQL(file: "queries/inputs/insert_identities.sql"))
    try await connection.execute(SQL(file: "queries/inputs/upsert_described_customers.sql"))
    return new
  }

  private nonisolated(nonsending) func countMarked(
    _ verdict: inout Verdict, on connection: Connection
  ) async throws {
    for row in try await connection.query(SQL(file: "queries/inputs/select_marked_rows.sql")) {
      let totals = try verdict.source.plan.totals.indices.map { index in
        try row.get("t\(index + 1)", as: String?.self).flatMap { Int128($0) }
      }
      verdict.mark(
        reason: try row.get("reason"), warned: try row.get("warned"),
        count: try row.get("count"), totals: totals)
    }
  }

  // MARK: Ledger

  private nonisolated(nonsending) func span(
    _ tally: Tally, _ verdict: Verdict, _ report: inout LoadReport, on connection: Connection
  ) async throws {
    report.firstOccurredAt = tally.firstTime
    report.lastOccurredAt = tally.lastTime
    guard !verdict.marked.isEmpty else { return }
    let row = try await connection.first(SQL(file: "queries/inputs/select_accepted_times.sql"))
    report.firstOccurredAt = try row?.get("first", as: Instant?.self)
    report.lastOccurredAt = try row?.get("last", as: Instant?.self)
  }

  private nonisolated(nonsending) func close(
    _ target: LoadTarget, _ tally: Tally, _ load: Int64, _ report: inout LoadReport,
    on connection: Connection
  ) async throws {
    try await step("ledger")
    let totals = Dictionary(
      report.totals.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    try await connection.execute(
      SQL(
        file: "queries/inputs/finish_load.sql", load, report.rowsRead, report.rowsAccepted,
        report.rowsRejected, report.rowsDuplicate, report.rowsWarned, JSON.text(report.rejected),
        JSON.text(report.warnings), JSON.text(totals), report.firstOccurredAt,
        report.lastOccurredAt, clock.now()))
    var seen = report.lastOccurredAt
    if target.source.watermark != nil {
      seen = tally.watermark == .min ? nil : Instant(microseconds: tally.watermark)
    }
    let moved = try await connection.first(
      SQL(file: "queries/inputs/advance_watermark.sql", target.sourceID, seen))
    report.watermark = try moved?.get("watermark", as: Instant?.self)
    if report.rowsAccepted > 0 {
      try await connection.execute(
        "SELECT pg_notify('strata_loaded', \(target.source.name + " " + String(load)))")
    }
    try await step("commit")
  }
}
