import Schedules
import Warehouse

extension LoadTarget {
  /// Whether rows may go straight into the facts: events that nothing but their ids is asked about.
  var isDirect: Bool {
    let plan = source.plan
    guard source.into == .events, replays == nil, plan.fields.order == nil,
      plan.fields.profile.isEmpty
    else { return false }
    // A query that reads an overlap again finds events that are known each time.
    if InputFaults.directRows == 0 { return false }
    if case .file = source.location {
      return plan.tableChecks.allSatisfy { $0.kind == .unique(field: "event_id") }
    }
    return false
  }
}

extension Loader {
  /// Rows that ought to go through staging; everything was undone.
  private struct Unsuited: Error {}

  /// Loads events without staging them, batch by batch inside the load's transaction: a third of
  /// the time. Nil, and nothing done, where the rows ask for more: an id that is known already, rows
  /// before the watermark, rows far from the order of time, another load in the way.
  nonisolated(nonsending) func direct(
    _ target: LoadTarget, _ reading: SourceReading, on connection: Connection,
    _ progress: @Sendable (LoadProgress) -> Void
  ) async throws -> LoadReport? {
    do {
      try await Staging.create(on: connection)
      let report = try await connection.transaction { connection in
        try await withThrowingTaskGroup(of: Met.self) { lookups in
          var load = try await DirectLoad(self, target, on: connection)
          try await reading.consume { batch in
            try await load.take(batch, &lookups)
            progress(reading.progress)
          }
          try await load.takeRest(&lookups)
          try await load.writeEvents(&lookups)
          return try await load.finish(try reading.outcome()) {
            var last = reading.progress
            last.phase = .committing
            progress(last)
          }
        }
      }
      try await Staging.drop(on: connection)
      return report
    } catch {
      reading.channel.stop()
      try? await Staging.drop(on: connection)
      switch error {
      case is Unsuited: return nil
      case let error as WarehouseError where error.isRetryable || error.sqlState == "23505":
        return nil
      default: throw error
      }
    }
  }

  /// What the database knows of some keys.
  private struct Met: Sendable {
    /// Those that are known, in any order, and their customers.
    var keys: [String] = []
    var ids: [Int64] = []
    /// When customers were first seen, in microseconds.
    var seen: [Int64: Int64] = [:]
  }

  /// At most one at a time: of the batch whose ids were written last.
  private typealias Lookups = ThrowingTaskGroup<Met, any Error>

  /// A load of rows that go straight into the facts, inside its transaction.
  ///
  /// A batch's event ids are written while its customers are looked up on another connection, and so are
  /// the events of the batch before.
  private struct DirectLoad {
    private let loader: Loader
    private let target: LoadTarget
    private let connection: Connection
    private let load: Int64
    private let now: Instant
    private var rows: StagedRows
    private var previous: DirectBatch?
    /// How many batches were written.
    private var batches = 0
    private var customers = CustomerKeys()
    /// The batch whose events are still to be written, and the keys that are looked up for it.
    private var pending: (batch: DirectBatch, places: [Int], keys: [String])?
    private var newCustomers = 0
    private var marks: [DirectBatch.Mark] = []
    private var months: Set<Int32> = []
    private var currencies: Set<Int64> = []
    private var first = Int64.max
    private var last = Int64.min
    private let hasTombstones: Bool

    /// How many rows are decided about together, at most.
    private static let batchRows = 40_000
    /// How many at first, so that the server has work while the next ones are read; then twice as many
    /// each time.
    private static let firstRows = 10_000
    /// How far back in time a batch may go behind the one before it: blocks of events then still
    /// hold narrow spans.
    private static let disorder: Int64 = 86_400_000_000

    nonisolated(nonsending) init(
      _ loader: Loader, _ target: LoadTarget, on connection: Connection
    ) async throws {
      self.loader = loader
      self.target = target
      self.connection = connection
      rows = StagedRows(layout: .init(totals: target.source.plan.totals.count))
      load = try await loader.open(target, bytes: nil, digest: nil, on: connection)
      hasTombstones = try await loader.hasTombstones(on: connection)
      now = loader.clock.now()
    }

    /// Takes staged rows in.
    nonisolated(nonsending) mutating func take(
      _ bytes: [UInt8], _ lookups: inout Lookups
    ) async throws {
      try rows.append(bytes)
      if rows.count >= batchSize { try await takeRest(&lookups) }
    }

    private var batchSize: Int {
      InputFaults.directRows ?? min(Self.batchRows, Self.firstRows << min(batches, 8))
    }

    /// Writes what was taken in so far.
    nonisolated(nonsending) mutating func takeRest(_ lookups: inout Lookups) async throws {
      let taken = rows
      rows.removeAll()
      var first = 0
      while first < taken.count {
        // What is left of a reading goes along.
        let left = taken.count - first
        let size = InputFaults.directRows == nil && left < 2 * batchSize ? left : batchSize
        let slice = first..<first + min(left, size)
        try await write(DirectBatch(taken, slice, after: previous), &lookups)
        first = slice.upperBound
        batches += 1
      }
    }

    nonisolated(nonsending) private mutating func write(
      _ batch: DirectBatch, _ lookups: inout Lookups
    ) async throws {
      previous = batch
      marks += batch.marks
      try await reject(batch)
      guard let span = batch.span else { return }
      let known = first == .max ? target.watermark?.microseconds : last - Self.disorder
      if let known, span.first <= known { throw Unsuited() }
      first = min(first, span.first)
      last = max(last, span.last)
      if customers.count >= CustomerKeys.limit {
        try await writeEvents(&lookups)
        try await settleCustomers()
      }
      let met = customers.count
      let places = place(batch)
      let keys = (met..<customers.count).map { customers.key($0) }
      let before = try await resolvePending(&lookups)
      lookups.addTask { [loader] in try await Self.lookUp(keys, loader.pool) }
      pending = (batch, places, keys)
      try await loader.step("keys")
      let claimed = try await connection.copyIn(
        """
        COPY landing.event_key (content, load_id, line, source_id, event_id)
        FROM STDIN (FORMAT binary)
        """
      ) { try await $0.write(bytes: batch.keys(source: target.sourceID, load: load)) }
      guard claimed == batch.byID.count else {
        throw InputError(
          code: "inputs.keys",
          message: "expected \(batch.byID.count) event ids to be written, found \(claimed)",
          hint: "does a trigger on landing.event_key leave rows out?")
      }
      if let before { try await writeEvents(before.batch, before.places) }
    }

    /// Writes the events that are still to be written.
    nonisolated(nonsending) mutating func writeEvents(_ lookups: inout Lookups) async throws {
      if let last = try await resolvePending(&lookups) {
        try await writeEvents(last.batch, last.places)
      }
    }

    /// Waits for the customers of the batch whose events are still to be written.
    nonisolated(nonsending) private mutating func resolvePending(
      _ lookups: inout Lookups
    ) async throws -> (batch: DirectBatch, places: [Int])? {
      guard let waiting = pending, let met = try await lookups.next() else { return nil }
      pending = nil
      try await loader.step("customers")
      try await resolve(waiting.keys, met)
      return (waiting.batch, waiting.places)
    }

    nonisolated(nonsending) private mutating func writeEvents(
      _ batch: DirectBatch, _ places: [Int]
    ) async throws {
      let found = places.map { customers.ids[$0] }
      try await loader.step("events")
      try await ensureMonths(batch.months())
      currencies.formUnion(batch.currencies())
      let copy: SQL = """
        COPY facts.events (\(identifiers: DirectBatch.eventColumns)) FROM STDIN (FORMAT binary)
        """
      try await connection.copyIn(copy) {
        try await $0.write(
          bytes: batch.events(
            customers: found, ingested: now, source: target.sourceID, load: load))
      }
    }

    nonisolated(nonsending) private func reject(_ batch: DirectBatch) async throws {
      let rejected = batch.rejected(load: load)
      if rejected.isEmpty { return }
      try await connection.copyIn(
        """
        COPY landing.rejected (load_id, line, reason, column_name, raw)
        FROM STDIN (FORMAT binary)
        """
      ) { try await $0.write(bytes: rejected) }
    }

    /// The places of the customers of a batch's accepted rows in order of time; those not met before
    /// have no id yet.
    private mutating func place(_ batch: DirectBatch) -> [Int] {
      let layout = batch.rows.layout
      var places: [Int] = []
      places.reserveCapacity(batch.byTime.count)
      for row in batch.byTime {
        let place = batch.rows.withValue(row, layout.customer) { customers.place(of: $0) }
        customers.note(place, at: batch.rows.microseconds(row, layout.time) ?? 0)
        places.append(place)
      }
      return places
    }

    /// Looks keys up on another connection, which sees what was committed before: the load holds off
    /// those who would change it, and gives ids itself to keys that it made known.
    private static func lookUp(_ keys: [String], _ pool: ConnectionPool) async throws -> Met {
      if keys.isEmpty { return Met() }
      return try await pool.withLastingConnection { other in
        var met = Met()
        (met.keys, met.ids) = try await identities(keys, on: other)
        if met.ids.isEmpty { return met }
        let row = try await other.first(SQL(file: "queries/inputs/list_first_seen.sql", met.ids))
        let seen = try row?.get("customers", as: [Int64]?.self) ?? []
        let times = try row?.get("times", as: [Instant]?.self) ?? []
        met.seen = Dictionary(
          zip(seen, times.map(\.microseconds)), uniquingKeysWith: { first, _ in first })
        return met
      }
    }

    /// Gives the customers of new keys their ids.
    nonisolated(nonsending) private mutating func resolve(
      _ keys: [String], _ met: Met
    ) async throws {
      if keys.isEmpty { return }
      var found = [Int64?](repeating: nil, count: keys.count)
      let first = customers.resolved
      func note(_ known: (keys: [String], ids: [Int64])) {
        for (var key, id) in zip(known.keys, known.ids) {
          found[key.withUTF8 { customers.place(of: UnsafeRawBufferPointer($0)) } - first] = id
        }
      }
      note((met.keys, met.ids))
      let unknown = found.indices.filter { found[$0] == nil }
      if !unknown.isEmpty {
        let new = unknown.map { keys[$0] }
        // Such rows are marked where they are staged.
        if hasTombstones, try await loader.areErased(new, on: connection) { throw Unsuited() }
        newCustomers += try await connection.execute(
          SQL(file: "queries/inputs/insert_keyed_identities.sql", new))
        note(try await Self.identities(new, on: connection))
      }
      let ids = found.compactMap(\.self)
      guard ids.count == keys.count else {
        throw InputError(
          code: "inputs.identities",
          message: "expected the ids of \(keys.count) customers, found \(ids.count)")
      }
      customers.resolve(ids, seen: ids.map { met.seen[$0] ?? .max })
    }

    /// The keys that are known, and their customers.
    nonisolated(nonsending) private static func identities(
      _ keys: [String], on connection: Connection
    ) async throws -> (keys: [String], ids: [Int64]) {
      let row = try await connection.first(SQL(file: "queries/inputs/list_identities.sql", keys))
      return (
        try row?.get("keys", as: [String]?.self) ?? [],
        try row?.get("customers", as: [Int64]?.self) ?? []
      )
    }

    /// Makes partitions that are missing, in a transaction of their own: nobody waits for them until
    /// the load ends. The connection is one of its own too, for one that is held may not wait for
    /// another of the pool.
    nonisolated(nonsending) private mutating func ensureMonths(_ wanted: Set<Int32>) async throws {
      let missing = wanted.subtracting(months)
      if missing.isEmpty { return }
      months.formUnion(missing)
      let days = Loader.firstDays(of: missing)
      let row = try await connection.first(
        """
        SELECT bool_and(
          to_regclass('facts.events_' || to_char(m, 'YYYY_MM')) IS NOT NULL) AS complete
        FROM unnest(\(days)) AS m
        """)
      if try row?.get("complete", as: Bool.self) == true { return }
      let other = try await Connection.connect(loader.pool.options)
      do {
        try await other.execute("SELECT facts.ensure_months(\(days))")
      } catch {
        await other.close()
        throw error
      }
      await other.close()
    }

    /// Writes the customers met so far, with the first time that each was seen.
    nonisolated(nonsending) private mutating func settleCustomers() async throws {
      let arrived = customers.arrived()
      customers = CustomerKeys()
      if arrived.rows == 0 { return }
      try await connection.copyIn(
        """
        COPY pg_temp.strata_arrived (customer_key, first_seen_at) FROM STDIN (FORMAT binary)
        """
      ) { try await $0.write(bytes: arrived.bytes) }
      try await connection.execute(SQL(file: "queries/inputs/upsert_seen_customers.sql", now))
      try await connection.execute("TRUNCATE pg_temp.strata_arrived")
    }

    /// Judges the whole, and writes the ledger.
    nonisolated(nonsending) mutating func finish(
      _ outcome: SourceReading.Outcome, _ commits: () -> Void
    ) async throws -> LoadReport {
      commits()
      var verdict = Verdict(source: target.source, tally: outcome.tally)
      if let fault = loader.fault(target, outcome, verdict) {
        throw LoadFailure(error: fault, verdict: verdict, bytes: outcome.bytes)
      }
      for mark in marks {
        verdict.mark(reason: mark.reason, warned: mark.warned, count: 1, totals: mark.totals)
      }
      try await settleCustomers()
      if let breach = loader.uniqueEvents(verdict) {
        throw LoadFailure(error: breach, verdict: verdict)
      }
      try await loader.step("rejected")
      if !currencies.isEmpty {
        let codes = currencies.sorted()
        try await connection.execute(
          SQL(
            file: "queries/inputs/insert_found_currencies.sql", load,
            codes.map { Int16($0 >> 24) },
            codes.map { Tally.currency(of: $0) }))
      }
      var report = LoadReport(source: target.source.name, file: target.source.file, state: .loaded)
      report.loadID = load
      report.bytes = outcome.bytes
      report.newCustomers = Int64(newCustomers)
      report.notes = target.change.map { [$0.sentence] }
      verdict.fill(&report)
      if first <= last {
        report.firstOccurredAt = Instant(microseconds: first)
        report.lastOccurredAt = Instant(microseconds: last)
      }
      if hasTombstones { try await loader.forgetErased(load, &report, on: connection) }
      try await connection.execute(
        SQL(file: "queries/inputs/complete_load.sql", load, outcome.bytes, outcome.digest))
      try await loader.close(target, outcome, load, &report, on: connection)
      return report
    }
  }
}
