import Logging
import Schedules
import Synchronization
import Warehouse

/// What is seen to beside runs: calls that are due, and what has become too old. Nothing of it fails
/// a run; what goes wrong is logged, and tried again the next time.
struct Upkeep: Sendable {
  private let runtime: Runtime
  private let log = Logger(label: "strata.upkeep")

  init(_ runtime: Runtime) { self.runtime = runtime }

  /// At the end of a foreground run, which may be all that ever runs here: one round trip where there
  /// is nothing to do.
  func afterRun(_ connection: Connection) async {
    let policy = runtime.retention
    do {
      let row = try await connection.first(
        SQL(
          file: "queries/orchestrator/check_upkeep.sql", runtime.time.fixed,
          Int32(policy.attempts), Int32(policy.logs), Int32(policy.events)))
      guard let row else { return }
      if try row.get("has_callbacks", as: Bool.self) { try await delivery.deliverDue() }
      if try row.get("has_partitions", as: Bool.self) { try await retire(connection) }
    } catch {
      log.warning("upkeep failed", metadata: ["error": "\(error)"])
    }
  }

  /// The calls of the project.
  var delivery: CallbackDelivery {
    CallbackDelivery(
      pool: runtime.pool, projectDirectory: runtime.projectDirectory, clock: runtime.clock,
      webhooks: runtime.webhooks)
  }

  /// Drops what the policy does not keep.
  func retire(_ connection: Connection) async throws {
    let report = try await Retention(
      connection, policy: runtime.retention, now: runtime.time.fixed
    ).apply()
    guard !report.isEmpty else { return }
    let dropped = report.partitions.filter { $0.outcome == "dropped" }.map(\.partition)
    log.notice(
      "retention",
      metadata: [
        "dropped": "\(dropped.joined(separator: ","))", "workers": "\(report.workers)",
        "postponed": "\(report.partitions.count - dropped.count)",
      ])
  }
}

/// Upkeep once a day and process, for daemons.
final class DailyUpkeep: Sendable {
  private let last = Mutex<Day?>(nil)
  private let upkeep: Upkeep

  init(_ runtime: Runtime) { upkeep = Upkeep(runtime) }

  /// Drops what is too old on the first look of a UTC day.
  ///
  /// - Throws: `WarehouseError`; the next look tries again.
  func look(_ connection: Connection, at now: Instant) async throws {
    let day = Zone.utc.day(of: now)
    guard last.withLock({ $0 }) != day else { return }
    try await upkeep.retire(connection)
    last.withLock { $0 = day }
  }
}
