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
        var load = try await DirectLoad(self, target, on: connection)
        try await reading.consume { batch in
          try await load.take(batch)
          progress(reading.progress)
        }
        try await load.takeRest()
        return try await load.finish(try reading.outcome()) {
          var last = reading.progress
          last.phase = .committing
          progress(last)
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

  /// A load of rows that go straight into the facts, inside its transaction.
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
    /// How many of them have ids.
    private var resolved = 0
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
    nonisolated(nonsending) mutating func take(_ bytes: [UInt8]) async throws {
      try rows.append(bytes)
      if rows.count >= batchSize { try await takeRest() }
    }

    private var batchSize: Int {
      InputFaults.directRows ?? min(Self.batchRows, Self.firstRows << min(batches, 8))
    }

    /// Writes what was taken in so far.
    nonisolated(nonsending) mutating func takeRest() async throws {
      let taken = rows
      rows.removeAll()
      var first = 0
      while first < taken.count {
        // What is left of a reading goes along.
        let left = taken.count - first
        let size = InputFaults.directRows == nil && left < 2 * batchSize ? left : batchSize
        let slice = first..<first + min(left, size)
        try await write(DirectBatch(taken, slice, after: previous))
        first = slice.upperBound
        batches += 1
      }
    }

    nonisolated(nonsending) private mutating func write(_ batch: DirectBatch) async throws {
      previous = batch
      marks += batch.marks
      try await reject(batch)
      guard let span = batch.span else { return }
      let known = first == .max ? target.watermark?.microseconds : last - Self.disorder
      if let known, span.first <= known { throw Unsuited() }
      first = min(first, span.first)
      last = max(last, span.last)
      let places = place(batch)
      let keys = (resolved..<customers.count).map { customers.key($0) }
      // Beside the ids of the events: neither waits for the other.
      async let met = lookUp(keys)
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
      try await loader.step("customers")
      try await resolve(keys, await met)
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
      if customers.count >= CustomerKeys.limit { try await settleCustomers() }
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
      resolved = customers.count
      var places: [Int] = []
      places.reserveCapacity(batch.byTime.count)
      for row in batch.byTime {
        let place = batch.rows.withValue(row, layout.customer) { customers.place(of: $0) }
        customers.note(place, at: batch.rows.microseconds(row, layout.time) ?? 0)
        places.append(place)
      }
      return places
    }

    /// What is known of customers.
    private struct Met: Sendable {
      /// Nil for a new key.
      var ids: [Int64?] = []
      /// When they were first seen, in microseconds.
      var seen: [Int64: Int64] = [:]
    }

    /// Looks keys up on another connection, which sees what was committed before: the load holds off
    /// those who would change it, and gives ids itself to keys that it made known.
    private func lookUp(_ keys: [String]) async throws -> Met {
      if keys.isEmpty { return Met() }
      return try await loader.pool.withLastingConnection { other in
        var met = Met(ids: try await identities(keys, on: other))
        let ids = met.ids.compactMap(\.self)
        if ids.isEmpty { return met }
        for row in try await other.query(SQL(file: "queries/inputs/list_first_seen.sql", ids)) {
          met.seen[try row.get(0)] = try row.get(1, as: Instant.self).microseconds
        }
        return met
      }
    }

    /// Gives the customers of new keys their ids.
    nonisolated(nonsending) private mutating func resolve(
      _ keys: [String], _ met: Met
    ) async throws {
      if keys.isEmpty { return }
      var found = met.ids
      let unknown = found.indices.filter { found[$0] == nil }
      if !unknown.isEmpty {
        let new = unknown.map { keys[$0] }
        // Such rows are marked where they are staged.
        if hasTombstones, try await loader.areErased(new, on: connection) { throw Unsuited() }
        newCustomers += try await connection.execute(
          SQL(file: "queries/inputs/insert_keyed_identities.sql", new))
        for (place, identity) in zip(unknown, try await identities(new, on: connection)) {
          found[place] = identity
        }
      }
      let ids = found.compactMap(\.self)
      guard ids.count == keys.count else {
        throw InputError(
          code: "inputs.identities",
          message: "expected the ids of \(keys.count) customers, found \(ids.count)")
      }
      customers.resolve(from: resolved, ids, seen: ids.map { met.seen[$0] ?? .max })
    }

    /// The customers of keys; nil for a new key.
    nonisolated(nonsending) private func identities(
      _ keys: [String], on connection: Connection
    ) async throws -> [Int64?] {
      try await connection.first(SQL(file: "queries/inputs/list_identities.sql", keys))?
        .get("customers", as: [Int64?].self) ?? []
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
