/// Shards a project's database over the nodes of a Citus cluster.
public struct Distributor: Sendable {
  /// The first release whose functions and planner the statements were checked against.
  public static let oldestMajor = 12

  /// Errors with these codes mean that the database is not ready to be sharded.
  public static let errorCodes: Set<String> = [
    "warehouse.no_citus", "warehouse.old_citus", "warehouse.no_coordinator",
    "warehouse.placement_conflict",
  ]

  let pool: ConnectionPool

  /// A distributor of the database that the pool leads to: that of the coordinator.
  public init(_ pool: ConnectionPool) { self.pool = pool }

  /// The version of the extension, such as `13.0-1`; nil where the database lacks it.
  public func citusVersion() async throws -> String? {
    try await pool.first(SQL(file: "queries/distribution/find_citus.sql"))?.get("version")
  }

  /// What is left to do. Without the extension: everything, as in a new cluster.
  ///
  /// - Parameter shards: see ``DistributionPlan/init(standing:functions:shards:)``.
  public func plan(shards: Int? = nil) async throws -> DistributionPlan {
    guard try await citusVersion() != nil else {
      return DistributionPlan(standing: [:], functions: [], shards: shards)
    }
    let schemas = Set(TablePlacement.all.map(\.schema)).sorted()
    var standing: [String: DistributionPlan.Standing] = [:]
    for row in try await pool.query(
      SQL(file: "queries/distribution/list_placements.sql", schemas))
    {
      standing[try row.get("table_name")] = DistributionPlan.Standing(
        method: try row.get("method"), replication: try row.get("replication"),
        colocation: try row.get("colocation"), column: try row.get("column_name"))
    }
    let functions = try await pool.query(
      SQL(file: "queries/distribution/list_functions.sql", TablePlacement.functions)
    ).map { try $0.get("signature", as: String.self) }
    return DistributionPlan(standing: standing, functions: Set(functions), shards: shards)
  }

  /// Does what is left to do, and returns the plan that it followed; again, it finds nothing to do.
  ///
  /// Each table is a transaction of its own: what is done stays done where a later one fails. Citus
  /// locks a table against writers while its rows move.
  /// - Parameter report: told each step before it is taken.
  /// - Throws: a code of ``errorCodes``; ``WarehouseError`` of the server where Citus refuses.
  @discardableResult
  public func apply(
    shards: Int? = nil, report: (DistributionPlan.Step) -> Void = { _ in }
  ) async throws -> DistributionPlan {
    try await check()
    let plan = try await plan(shards: shards)
    guard plan.problems.isEmpty else {
      throw WarehouseError(
        code: "warehouse.placement_conflict", message: plan.problems.joined(separator: "; "),
        hint: "undistribute_table() takes a table back, then run the command again")
    }
    for step in plan.pending {
      guard let statement = step.statement else { continue }
      report(step)
      _ = try await pool.query(SQL(unsafeText: statement).named("distribute \(step.name)"))
    }
    return plan
  }

  private func check() async throws {
    guard let version = try await citusVersion() else {
      throw WarehouseError(
        code: "warehouse.no_citus",
        message: "expected the extension citus in this database, found none",
        hint: "install Citus \(Self.oldestMajor) or later on every node, add it to "
          + "shared_preload_libraries and run: CREATE EXTENSION citus; one machine needs no Citus")
    }
    guard let major = Int(version.prefix { $0.isNumber }), major >= Self.oldestMajor else {
      throw WarehouseError(
        code: "warehouse.old_citus",
        message: "expected Citus \(Self.oldestMajor) or later, found \(version)",
        hint: "upgrade it on every node, then run: ALTER EXTENSION citus UPDATE")
    }
    let row = try await pool.first(SQL(file: "queries/distribution/find_coordinator.sql"))
    guard try row?.get("known", as: Bool.self) == true else {
      throw WarehouseError(
        code: "warehouse.no_coordinator",
        message: "expected the coordinator among the nodes of Citus, found none of group 0",
        hint: "run: SELECT citus_set_coordinator_host('<its host name>')")
    }
  }
}
