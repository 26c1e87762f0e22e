import CoreMetrics
import Logging
import Synchronization
import Telemetry
import Warehouse

/// Reads the gauges that no process can count alone: what stands in the database now.
struct MetricsCollector: Sendable {
  let pool: ConnectionPool
  let factory: any MetricsFactory
  private let known = KnownGauges()

  init(pool: ConnectionPool, factory: any MetricsFactory = MetricsSystem.factory) {
    self.pool = pool
    self.factory = factory
  }

  /// Sets the gauges; where the database does not answer they keep their values, and
  /// `strata_collect_success` is 0.
  func collect() async {
    let collected = Meter(label: Meters.Name.collected, dimensions: [], factory: factory)
    do {
      let rows = try await pool.withConnection {
        try await $0.query(SQL(file: "queries/orchestrator/count_standing.sql"))
      }
      var counts: [KnownGauges.Key: Int64] = [:]
      for row in rows {
        let key = KnownGauges.Key(
          kind: try row.get("kind", as: String.self), state: try row.get("state", as: String.self),
          role: try row.get("role", as: String?.self))
        counts[key] = try row.get("count", as: Int64.self)
      }
      // What is no longer there is 0, not what it was.
      for key in known.add(counts.keys) { gauge(key).set(counts[key] ?? 0) }
      collected.set(1)
    } catch {
      collected.set(0)
      Logger(label: "strata.metrics").warning(
        "the database's metrics could not be read", metadata: ["error": "\(error)"])
    }
  }

  private func gauge(_ key: KnownGauges.Key) -> Meter {
    let name =
      switch key.kind {
      case "run": Meters.Name.runs
      case "task": Meters.Name.tasks
      default: Meters.Name.workers
      }
    return Meter(
      label: name,
      dimensions: [("state", key.state)] + (key.role.map { [("role", $0)] } ?? []),
      factory: factory)
  }
}

/// The gauges that have been shown once, and must not stand still when their rows are gone.
private final class KnownGauges: Sendable {
  struct Key: Hashable, Sendable {
    let kind: String
    let state: String
    let role: String?
  }

  private let keys = Mutex<Set<Key>>([
    Key(kind: "run", state: "queued", role: nil), Key(kind: "run", state: "running", role: nil),
    Key(kind: "task", state: "due", role: nil), Key(kind: "task", state: "waiting", role: nil),
    Key(kind: "task", state: "running", role: nil),
  ])

  func add(_ more: some Sequence<Key>) -> Set<Key> {
    keys.withLock { keys in
      keys.formUnion(more)
      return keys
    }
  }
}

extension Daemon {
  /// Serves this process's metrics, and those of the database, until the calling task is cancelled.
  ///
  /// `/health` is 200 while the database answers, and 503 with the reason while it does not.
  ///
  /// - Parameters:
  ///   - host: the address to listen on; by default only this machine can ask.
  ///   - listening: told the port once connections are taken.
  /// - Throws: `TelemetryError` where the port cannot be had.
  public func serveMetrics(
    host: String = "127.0.0.1", port: Int,
    listening: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws {
    let pool = runtime.pool
    let collector = MetricsCollector(pool: pool)
    try await MetricsServer.run(
      host: host, port: port, collect: { await collector.collect() },
      health: {
        do {
          try await pool.withConnection { _ = try await $0.query("SELECT 1") }
          return .ok
        } catch {
          return .failing("the database does not answer: \(error)")
        }
      }, listening: listening)
  }
}
