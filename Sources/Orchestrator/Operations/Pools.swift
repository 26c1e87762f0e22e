import Warehouse

/// A pool as it stands.
public struct PoolRecord: Codable, Sendable, Hashable {
  /// Its name, as tasks give it.
  public let pool: String
  /// Slots in all; 0 holds its tasks back.
  public let slots: Int
  /// Slots of running attempts; may exceed the slots where those were lowered.
  public let used: Int
  /// Slots that tasks in the queue would take.
  public let waiting: Int
  /// What it protects; nil if nobody said.
  public let note: String?
}

/// The pools of a project: slots that attempts share over all runs and hosts. A pool that tasks
/// name and nobody has sized has one slot.
public struct Pools: Sendable {
  private let pool: ConnectionPool

  /// The pools of a project's database.
  public init(_ pool: ConnectionPool) { self.pool = pool }

  /// All pools, and those that tasks in the queue name though nobody has sized them, by name.
  public func list() async throws -> [PoolRecord] {
    try await pool.query(SQL(file: "queries/orchestrator/list_pools.sql")).map { row in
      PoolRecord(
        pool: try row.get("pool", as: String.self),
        slots: Int(try row.get("slots", as: Int32.self)),
        used: Int(try row.get("used", as: Int64.self)),
        waiting: Int(try row.get("waiting", as: Int64.self)),
        note: try row.get("note", as: String?.self))
    }
  }

  /// Makes a pool, or gives one another size; running attempts are left alone.
  ///
  /// - Parameters:
  ///   - slots: at least 0.
  ///   - note: what it protects; nil leaves what was said before.
  /// - Throws: ``OrchestratorError`` `orchestrator.bad_pool`.
  public func set(_ name: String, slots: Int, note: String? = nil) async throws {
    guard !name.isEmpty, !name.utf8.contains(0), slots >= 0, slots <= Int(Int32.max) else {
      throw OrchestratorError(
        code: "orchestrator.bad_pool",
        message: "expected a name and 0 or more slots, found '\(name)' and \(slots)")
    }
    try await pool.transaction { connection in
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/upsert_pool.sql", name, Int32(slots), note.map(storable)))
      // More slots may let tasks go that wait for them.
      try await RunLedger(connection: connection).notify(.queue)
    }
  }
}
