import Schedules
import Warehouse

/// Merges of customers: a load's rows become facts that move history.
extension Loader {
  /// Records the merges of a load and gives everything of the customers that cease to be to those
  /// that stay: events, profile statements, keys.
  ///
  /// Returns how many customers were made, for keys that nobody had heard of. `hasMarked` says that
  /// rows were marked before, which are counted here.
  nonisolated(nonsending) func merge(
    _ load: Int64, _ verdict: inout Verdict, hasMarked: Bool, on connection: Connection
  ) async throws -> Int {
    try await step("merges")
    let plan = try await plan(on: connection)
    if !plan.refusals.isEmpty {
      try await connection.execute(
        SQL(
          file: "queries/inputs/mark_merges.sql", plan.refusals.map(\.line),
          plan.refusals.map(\.reason)))
    }
    if hasMarked || !plan.refusals.isEmpty {
      try await countMarked(&verdict, on: connection)
    }
    let merges = plan.merges
    guard !merges.isEmpty else { return 0 }
    let now = clock.now()
    // Where chains end: each customer's data moves once.
    let from = merges.map(\.from)
    let ends = merges.map { plan.owner(of: $0.to) }
    try await connection.execute(
      SQL(file: "queries/inputs/insert_merge_targets.sql", ends, merges.map(\.at)))
    let new = try await connection.execute(SQL(file: "queries/inputs/insert_identities.sql"))
    try await connection.execute(SQL(file: "queries/inputs/upsert_seen_customers.sql", now))
    try await connection.execute(SQL(file: "queries/inputs/insert_moved.sql", from, ends))
    try await connection.execute(
      SQL(file: "queries/inputs/insert_merged_identities.sql", from, ends))
    try await connection.execute(
      SQL(
        file: "queries/inputs/insert_merges.sql", from, merges.map(\.to), merges.map(\.at), load,
        now))
    try await step("move")
    try await connection.execute(SQL(file: "queries/inputs/move_events.sql", load, now))
    try await connection.execute(SQL(file: "queries/inputs/move_statements.sql"))
    try await connection.execute(SQL(file: "queries/inputs/merge_customers.sql", now))
    try await connection.execute(SQL(file: "queries/inputs/move_identities.sql"))
    try await connection.execute(SQL(file: "queries/inputs/rebuild_profiles.sql", now))
    return new
  }

  private nonisolated(nonsending) func plan(on connection: Connection) async throws -> MergePlan {
    let rows = try await connection.query(SQL(file: "queries/inputs/select_staged_merges.sql"))
    var owners: [String: String] = [:]
    var statements: [MergePlan.Statement] = []
    for row in rows {
      let from: String = try row.get("from_key")
      let to: String = try row.get("to_key")
      owners[from] = try row.get("from_owner", as: String?.self)
      owners[to] = try row.get("to_owner", as: String?.self)
      statements.append(
        MergePlan.Statement(
          line: try row.get("line"), from: from, to: to, at: try row.get("merged_at")))
    }
    var plan = MergePlan(owners: owners)
    for statement in statements { plan.add(statement) }
    return plan
  }
}
