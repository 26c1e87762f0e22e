import Orchestrator
import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

@Suite("Retention", .timeLimit(.minutes(15)))
struct OrchestratorRetentionTests {
  private static let now = Zone.utc.midnight(Day(iso8601: "2024-06-15") ?? Day(number: 0))

  /// Partitions of 24 months, each with a row of every table.
  private func fill(_ pool: ConnectionPool) async throws {
    for month in 0..<24 {
      let day = Zone.utc.midnight(
        Day(iso8601: "20\(22 + (month + 6) / 12)-\(two((month + 6) % 12 + 1))-10")
          ?? Day(number: 0))
      _ = try await pool.first("SELECT runs.ensure_partitions(\(day)) IS NULL AS made")
      try await pool.execute(
        "INSERT INTO runs.event (happened_at, kind, detail) VALUES (\(day), 'created', '{}')")
      try await pool.execute(
        """
        INSERT INTO runs.log (logged_at, run_id, sequence, try, task_id, level, message, metadata)
        VALUES (\(day), 1, 1, 1, 'a', 'info', 'line', '{}')
        """)
      try await pool.execute(
        """
        INSERT INTO runs.attempt
          (created_at, run_id, fencing_token, try, process_id, task_id, state, host)
        VALUES (\(day), 1, 1, 1, 1, 'a', 'success', 'here')
        """)
    }
  }

  private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private func partitions(_ pool: ConnectionPool, of table: String) async throws -> [String] {
    try await pool.query(
      """
      SELECT relname::text AS name FROM pg_class
      WHERE relnamespace = 'runs'::regnamespace AND relkind = 'r'
        AND relname ~ ('^' || \(table)::text || '_\\d{4}_\\d{2}$')
      ORDER BY 1
      """
    ).map { try $0.get("name", as: String.self) }
  }

  private func apply(
    _ pool: ConnectionPool, _ policy: RetentionPolicy = RetentionPolicy()
  ) async throws -> RetentionReport {
    try await pool.withConnection {
      try await Retention($0, policy: policy, now: Self.now).apply()
    }
  }

  private func plan(
    _ pool: ConnectionPool, _ policy: RetentionPolicy = RetentionPolicy()
  ) async throws -> RetentionReport {
    try await pool.withConnection {
      try await Retention($0, policy: policy, now: Self.now).plan()
    }
  }

  @Test func whatIsOlderThanThePolicyGoesAsThePlanSays() async throws {
    try await withFreshDatabase { pool in
      try await fill(pool)
      // July 2022 to July 2024. On 15 June 2024 June 2023 is the oldest month with a younger row.
      let plan = try await plan(pool)
      #expect(plan.partitions.count == 11 + 20 + 11)
      #expect(plan.partitions.allSatisfy { $0.rows == 1 && $0.bytes > 0 })
      #expect(plan.partitions.first?.partition == "attempt_2022_07")
      let report = try await apply(pool)
      #expect(report.partitions.allSatisfy { $0.outcome == "dropped" })
      #expect(report.partitions.map(\.partition) == plan.partitions.map(\.partition))
      #expect(try await partitions(pool, of: "attempt").first == "attempt_2023_06")
      #expect(try await partitions(pool, of: "event").first == "event_2023_06")
      #expect(try await partitions(pool, of: "log").first == "log_2024_03")
      #expect(try await self.plan(pool).isEmpty)
      // A shorter time drops more, and what is left is still writable.
      let more = try await apply(pool, RetentionPolicy(attempts: 1, logs: 1, events: 24))
      #expect(Set(more.partitions.map(\.table)) == ["attempt", "log"])
      #expect(try await partitions(pool, of: "attempt").first == "attempt_2024_05")
      try await pool.execute(
        """
        INSERT INTO runs.event (happened_at, kind, detail) VALUES (\(Self.now), 'created', '{}')
        """)
      let timeout = try await pool.first("SHOW lock_timeout")
      #expect(try timeout?.get("lock_timeout", as: String.self) == "0")
    }
  }

  @Test func theLedgerAndTheWorkersAtWorkStay() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("kept") { $0.task("a", Probe(name: "kept.a")) }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      try await pool.execute(
        """
        INSERT INTO runs.worker (started_at, heartbeat_at, lease_until, stopped_at, process_id,
          slots, role, state, host, host_identity, process_started, version)
        SELECT at, at, at, CASE WHEN state = 'gone' THEN at END, 1, 1, 'worker', state, '', '', '', ''
        FROM unnest(
          ARRAY[\(Self.now)::timestamptz - interval '31 days', \(Self.now)::timestamptz], ARRAY['gone', 'gone']
        ) AS old (at, state)
        UNION ALL SELECT at, at, at, NULL, 1, 1, 'worker', 'live', '', '', '', ''
        FROM (SELECT \(Self.now)::timestamptz - interval '90 days') AS live (at)
        """)
      let report = try await apply(pool)
      #expect(report.workers == 1)
      let left = try await pool.first(
        "SELECT count(*) AS workers FROM runs.worker WHERE role = 'worker'")
      #expect(try left?.get("workers", as: Int64.self) == 2)
      #expect(try await RunStore(pool).run(outcome.run.runID) == outcome.run)
      #expect(try await RunStore(pool).tasks(of: outcome.run.runID) == outcome.tasks)
    }
  }

  @Test func aPartitionThatSomebodyReadsIsLeftForTheNextTime() async throws {
    try await withFreshDatabase { pool in
      try await fill(pool)
      try await pool.withConnection { reader in
        try await reader.transaction { reader in
          _ = try await reader.query("SELECT FROM runs.log_2022_07")
          let report = try await apply(pool)
          // The server detaches one partition of a table at a time: the later months wait too.
          let postponed = report.partitions.filter { $0.outcome == "postponed" }
          #expect(Set(postponed.map(\.table)) == ["log"] && postponed.count == 20)
          #expect(report.partitions.filter { $0.outcome == "dropped" }.count == 22)
        }
      }
      // The detachment was interrupted half way: it is ended, and the table dropped.
      let rest = try await apply(pool)
      #expect(rest.partitions.first?.partition == "log_2022_07")
      #expect(rest.partitions.map(\.outcome) == Array(repeating: "dropped", count: 20))
      #expect(try await plan(pool).isEmpty)
    }
  }

  @Test func ofTwoAtATimeOneDoesTheWork() async throws {
    try await withFreshDatabase { pool in
      try await fill(pool)
      async let first = apply(pool)
      async let second = apply(pool)
      let dropped = try await [first, second].map { report in
        report.partitions.filter { $0.outcome == "dropped" }.map(\.partition)
      }
      #expect(Set(dropped[0]).isDisjoint(with: dropped[1]))
      #expect(dropped[0].count + dropped[1].count == 42)
    }
  }

  @Test func aRunAppliesItAtItsEnd() async throws {
    try await withFreshDatabase { pool in
      _ = try await pool.first("SELECT runs.ensure_partitions('2020-01-15') IS NULL AS made")
      let dag = DAG("upkeep") { $0.task("a", Probe(name: "upkeep.a")) }
      _ = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(try await partitions(pool, of: "log").contains { $0.contains("2020") } == false)
    }
  }

  @Test func theDefinitionsOfADAGAreKeptByHash() async throws {
    try await withFreshDatabase { pool in
      func dag(_ name: String) -> DAG {
        DAG("versions") { $0.task("a", Probe(name: name)) }
      }
      for (number, name) in ["versions.a", "versions.a", "versions.b"].enumerated() {
        _ = try await coordinator(pool).run(
          dag(name),
          interval: DataInterval(day: Day(number: 20_000 + Int32(number)), in: .utc))
      }
      let versions = try await RunStore(pool).versions(of: "versions")
      #expect(versions.map(\.runs) == [1, 2])
      #expect(
        try versions.map(\.hash)
          == ["versions.b", "versions.a"].map {
            try dag($0).snapshot().json().hash
          })
      #expect(try await RunStore(pool).versions(of: "other").isEmpty)
    }
  }
}
