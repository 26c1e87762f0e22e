import Pipeline
import Schedules
import Synchronization
import Warehouse

/// A definition that runs were begun with, ready to decide on.
struct Definition: Sendable {
  let hash: String
  let snapshot: DAGSnapshot
  let plan: RunPlan
  private let numbers: [String: Int]

  /// - Throws: `PipelineError` for a snapshot that no version of this package made.
  init(hash: String, snapshot: DAGSnapshot) throws {
    self.hash = hash
    self.snapshot = snapshot
    plan = try RunPlan(snapshot)
    numbers = Dictionary(
      plan.ids.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The id in run tables: of an item `task[3]`.
  func id(_ key: TaskKey) -> String {
    guard let item = key.item else { return plan.ids[key.number] }
    return "\(plan.ids[key.number])[\(item)]"
  }

  /// The number of a task; nil where the definition lacks it.
  func number(of id: String) -> Int? { numbers[id] }

  /// The task or item of an id in run tables; nil where the definition lacks it.
  func key(_ id: String) -> TaskKey? {
    guard let bracket = id.firstIndex(of: "[") else { return numbers[id].map { TaskKey($0) } }
    guard let number = numbers[String(id[..<bracket])],
      let item = Int(id[id.index(after: bracket)...].dropLast())
    else { return nil }
    return TaskKey(number, item: item)
  }
}

/// The definitions that this process has met, by hash: read and parsed once.
final class Definitions: Sendable {
  private static let limit = 64
  private let known = Mutex<[String: Definition]>([:])

  /// Adds one that is at hand.
  func add(_ definition: Definition) {
    known.withLock { known in
      // Old ones come back from the database when they are met again.
      if known.count >= Self.limit { known.removeAll() }
      known[definition.hash] = definition
    }
  }

  /// The definition of a hash.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.missing_snapshot`, `orchestrator.bad_snapshot`.
  func definition(_ hash: String, on connection: Connection) async throws -> Definition {
    if let definition = known.withLock({ $0[hash] }) { return definition }
    let row = try await connection.first(SQL(file: "queries/orchestrator/find_snapshot.sql", hash))
    guard let row else {
      throw OrchestratorError(
        code: "orchestrator.missing_snapshot",
        message: "expected the definition \(hash) in runs.dag_snapshot, found none")
    }
    let text = try row.get("definition", as: JSONText.self).text
    let definition: Definition
    do {
      definition = try Definition(
        hash: hash, snapshot: JSONValue(parsing: text).decoded(as: DAGSnapshot.self))
    } catch {
      throw OrchestratorError(
        code: "orchestrator.bad_snapshot",
        message: "expected a definition of a DAG under \(hash) in runs.dag_snapshot, found one "
          + "that does not decode: \(error)",
        hint: "it was changed by hand, or another version of strata wrote it", isPermanent: true)
    }
    add(definition)
    return definition
  }
}

/// The time that runs are decided by: the server's, which all hosts share, unless a test sets it.
struct TimeSource: Sendable {
  let clock: any WallClock

  /// What queries get: nil lets the server look at its own clock.
  var fixed: Instant? { clock is any HostClock ? nil : clock.now() }
}
