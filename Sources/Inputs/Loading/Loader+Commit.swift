import Schedules
import Warehouse

/// Places where a test can stop a load, or choose its road.
public enum InputFaults {
  /// How many rows that go straight into the facts are decided about together; 0 stages every row.
  @TaskLocal static var directRows: Int?
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
    try await connection.execute("SELECT facts.ensure_months(\(Self.firstDays(of: months)))")
  }

  /// The first days of months that are counted from 1970-01, in order.
  static func firstDays(of months: Set<Int32>) -> [Day] {
    months.sorted().compactMap { month in
      Day(year: 1970 + Int(floorDivide(Int64(month), 12)), month: 1, day: 1)?
        .adding(months: Int(month) - Int(floorDivide(Int64(month), 12)) * 12)
    }
  }

  private nonisolated(nonsending) func move(
    _ target: LoadTarget, _ outcome: SourceReading.Outcome, _ verdict: Verdict,
    on connection: Connection
  ) async throws -> LoadReport {
    var verdict = verdict
    let source = target.source
    let load = try await open(
      target, bytes: source.file == nil ? nil : outcome.bytes, digest: outcome.digest,
      on: connection)
    let hasTombstones = try await hasTombstones(on: connection)
    let erased = hasTombstones ? try await markErased(source, on: connection) : 0
    try await tableChecks(source, &verdict, on: connection)
    let newCustomers: Int
    switch source.into {
    case .events: newCustomers = try await events(target, load, &verdict, on: connection)
    case .customers: newCustomers = try await customers(target, load, &verdict, on: connection)
    case .merges:
      newCustomers = try await merge(load, &verdict, hasMarked: erased > 0, on: connection)
    }
    if let breach = uniqueEvents(verdict) { throw LoadFailure(error: breach, verdict: verdict) }

    try await step("rejected")
    if let replayed = target.replays {
      try await connection.execute(SQL(file: "queries/inputs/mark_replayed.sql", load, replayed))
    } else if verdict.rejected.values.contains(where: { $0 > 0 }) {
      try await connection.execute(SQL(file: "queries/inputs/insert_rejected.sql", load))
    }
    var report = LoadReport(source: source.name, file: source.file, state: .loaded)
    report.loadID = load
    report.bytes = outcome.bytes
    report.newCustomers = Int64(newCustomers)
    report.notes = target.change.map { [$0.sentence] }
    verdict.fill(&report)
    if hasTombstones { try await forgetErased(load, &report, on: connection) }
    try await span(outcome.tally, verdict, &report, on: connection)
    try await close(target, outcome, load, &report, on: connection)
    return report
  }

  /// Begins a load inside its transaction, behind the locks that it needs: its number.
  nonisolated(nonsending) func open(
    _ target: LoadTarget, bytes: Int64?, digest: String?, on connection: Connection
  ) async throws -> Int64 {
    let source = target.source
    // Loads of one source wait here for each other.
    try await connection.execute(
      "SELECT FROM landing.source WHERE source_id = \(target.sourceID) FOR UPDATE")
    // While customers are merged nobody may look up whom a key belongs to.
    try await connection.execute(
      source.into == .merges
        ? "SELECT pg_advisory_xact_lock(hashtextextended('landing.merge', 0))"
        : "SELECT pg_advisory_xact_lock_shared(hashtextextended('landing.merge', 0))")
    let opened = try await connection.first(
      SQL(
        file: "queries/inputs/insert_load.sql", target.sourceID, source.file, bytes, digest,
        source.hash, target.started, target.replays))
    guard let load: Int64 = try opened?.get("load_id") else {
      throw InputError(code: "inputs.ledger", message: "expected a new load's number, found none")
    }
    return load
  }

  nonisolated(nonsending) func step(_ name: String) async throws {
    try await InputFaults.beforeStep?(name)
  }

  // MARK: Checks that need the database

  private nonisolated(nonsending) func tableChecks(
    _ source: SourceDefinition, _ verdict: inout Verdict, on connection: Connection
  ) async throws {
    for check in source.plan.tableChecks {
      var failed = 0
      var judged = verdict.tally.rowsGood
      if check.kind == .refundLinked {
        judged = try await count(SQL(file: "queries/inputs/count_refunds.sql"), on: connection)
      }
      switch (check.kind, check.onFail) {
      case (.refundLinked, .warn):
        failed = Int(
          try await count(
            SQL(file: "queries/inputs/count_unlinked_refunds.sql"), on: connection))
      case (.refundLinked, _):
        failed = try await connection.execute(
          SQL(file: "queries/inputs/reject_unlinked_refunds.sql", check.name))
      case (.customerExists, .warn):
        failed = Int(
          try await count(
            SQL(file: "queries/inputs/count_unknown_customers.sql"), on: connection))
      case (.customerExists, _):
        failed = try await connection.execute(
          SQL(file: "queries/inputs/reject_unknown_customers.sql", check.name))
      case (.unique(field: "event_id"), _): continue
      case (.unique(let field), .warn):
        failed = Int(
          try await count(
            SQL(file: "queries/inputs/count_repeated_values.sql", field), on: connection))
      case (.unique(let field), _):
        failed = try await connection.execute(
          SQL(file: "queries/inputs/reject_repeated_values.sql", field, check.name))
      }
      if check.onFail == .warn { verdict.tableWarnings[check.name] = Int64(failed) }
      let breach = Verdict.breach(
        check.name, check.onFail, check.mostly, failed: Int64(failed),
        of: judged, source: source.name, file: source.file)
      if let breach { throw LoadFailure(error: breach, verdict: verdict) }
    }
  }

  private nonisolated(nonsending) func count(
    _ sql: SQL, on connection: Connection
  ) async throws -> Int64 {
    try await connection.first(sql)?.get("count", as: Int64.self) ?? 0
  }

  /// `unique: event_id` is about rows that share an id and differ; equal ones are duplicates.
  func uniqueEvents(_ verdict: Verdict) -> InputError? {
    let conflicts = verdict.marked[RowReason.conflictingRedelivery.rawValue] ?? 0
    let source = verdict.source
    return InputError.joining(
      source.plan.tableChecks.filter { $0.kind == .unique(field: "event_id") }.compactMap { check in
        Verdict.breach(
          check.name, check.onFail, check.mostly, failed: conflicts, of: verdict.tally.rowsGood,
          source: source.name, file: source.file)
      })
  }

  nonisolated(nonsending) func countMarked(
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

  nonisolated(nonsending) func close(
    _ target: LoadTarget, _ outcome: SourceReading.Outcome, _ load: Int64,
    _ report: inout LoadReport, on connection: Connection
  ) async throws {
    try await step("ledger")
    let tally = outcome.tally
    let totals = Dictionary(
      report.totals.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    try await connection.execute(
      SQL(
        file: "queries/inputs/finish_load.sql", load, report.rowsRead, report.rowsAccepted,
        report.rowsRejected, report.rowsDuplicate, report.rowsWarned, JSON.text(report.rejected),
        JSON.text(report.warnings), JSON.text(totals), report.firstOccurredAt,
        report.lastOccurredAt, clock.now(), report.rowsCorrected ?? 0, outcome.header))
    if target.source.into == .merges || (report.rowsCorrected ?? 0) > 0 {
      try await connection.execute(
        SQL(file: "queries/inputs/widen_load.sql", load, target.source.into == .events))
    }
    if target.replays == nil { try await record(target, outcome, on: connection) }
    var seen = report.lastOccurredAt
    if target.replays == nil, target.source.watermark != nil {
      seen = tally.watermark == .min ? nil : Instant(microseconds: tally.watermark)
    }
    let moved = try await connection.first(
      SQL(file: "queries/inputs/advance_watermark.sql", target.sourceID, seen))
    report.watermark = try moved?.get("watermark", as: Instant?.self)
    if report.rowsAccepted > 0 {
      try await connection.execute(
        "SELECT pg_notify(\(LoadChannel.name), \(target.source.name + " " + String(load)))")
    }
    try await step("commit")
  }

  /// What the reading tells of the source itself.
  private nonisolated(nonsending) func record(
    _ target: LoadTarget, _ outcome: SourceReading.Outcome, on connection: Connection
  ) async throws {
    let kinds = outcome.tally.unknownKinds.sorted { $0.key < $1.key }
    if !kinds.isEmpty {
      try await connection.execute(
        SQL(
          file: "queries/inputs/count_unknown_kinds.sql", target.sourceID, clock.now(),
          kinds.map(\.key), kinds.map(\.value)))
    }
    let shape = outcome.shape.filled(from: target.shape)
    try await connection.execute(
      SQL(
        file: "queries/inputs/record_reading.sql", target.sourceID, JSON.text(shape.types),
        outcome.cut))
  }
}
