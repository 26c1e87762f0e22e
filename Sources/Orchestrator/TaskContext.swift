import Logging
import Pipeline
import Schedules
import Warehouse

/// Which run an attempt belongs to.
public struct RunIdentity: Codable, Sendable, Hashable {
  /// Number of the run.
  public let runID: Int64
  /// Name of the DAG.
  public let dag: String
  /// The data it covers.
  public let interval: DataInterval
  /// Its parameters, a JSON object.
  public let params: JSONValue

  /// The instant that everything is evaluated at: the end of the interval.
  public var asOf: Instant { interval.asOf }
}

/// Which attempt at which task.
public struct AttemptIdentity: Codable, Sendable, Hashable {
  /// Id of the task.
  public let task: String
  /// Number of the attempt, from 1.
  public let attempt: Int
  /// Higher than that of any attempt before it.
  public let fencingToken: Int64
}

/// How far an attempt has come.
public struct TaskProgress: Codable, Sendable, Hashable {
  /// Units done.
  public var done: Int64
  /// Units in all; nil if unknown.
  public var total: Int64?
  /// What is counted, for example `rows`.
  public var unit: String
  /// What it is at, for example a file name; nil for nothing to say.
  public var note: String?

  /// Progress of `done` out of `total` units.
  public init(done: Int64, total: Int64? = nil, unit: String, note: String? = nil) {
    self.done = done
    self.total = total
    self.unit = unit
    self.note = note
  }
}

/// What an attempt works with.
public struct TaskContext: Sendable {
  /// Connections to the project's database.
  public let pool: ConnectionPool
  /// The folder that catalogue paths are relative to.
  public let projectDirectory: String
  /// The project's zone.
  public let zone: Zone
  /// The run.
  public let run: RunIdentity
  /// The attempt.
  public let attempt: AttemptIdentity
  /// The current time, and sleep.
  public let clock: any WallClock
  /// Its lines are kept with the attempt (`runs.log`).
  public let log: Logger

  let products: [String: JSONValue]
  let report: @Sendable (TaskProgress) -> Void
  /// The tasks as they stand, where nothing is recorded (``LocalRun``); nil in a run.
  var rehearsal: (@Sendable () -> [TaskRecord])?

  /// The instant that everything is evaluated at: the end of the run's interval.
  public var asOf: Instant { run.asOf }

  /// Reports progress; cheap, and never waits.
  public func progress(_ progress: TaskProgress) { report(progress) }

  /// The product of an upstream task.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.no_product` where it has not succeeded, which
  ///   validation rules out, or `orchestrator.bad_product` where the stored one does not decode.
  public func value<Product>(of output: Output<Product>) throws(OrchestratorError) -> Product {
    guard let json = products[output.taskID] else {
      throw OrchestratorError(
        code: "orchestrator.no_product",
        message: "expected a product of task '\(output.taskID)', found none",
        hint: "read it as Output<…>? under a rule that can run without its success",
        isPermanent: true)
    }
    do {
      return try json.decoded(as: Product.self)
    } catch {
      throw OrchestratorError(
        code: "orchestrator.bad_product",
        message: "the product of task '\(output.taskID)' does not decode as \(Product.self): "
          + "\(error)", isPermanent: true)
    }
  }

  /// The product of an upstream task; nil where the task reads none, or it has not succeeded.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.bad_product`.
  public func value<Product>(of output: Output<Product>?) throws(OrchestratorError) -> Product? {
    guard let output, products[output.taskID] != nil else { return nil }
    let product: Product = try value(of: output)
    return product
  }

  /// Lets the caller's open transaction commit only while this attempt is its task's current one.
  ///
  /// The task's row stays locked until the transaction ends, so nobody can take the task over
  /// between this check and the commit.
  ///
  /// - Throws: a permanent ``OrchestratorError`` `orchestrator.lease_lost` where another attempt
  ///   has taken over, or the run was resumed elsewhere; `orchestrator.no_transaction` outside of
  ///   one, where the check would guard nothing; `orchestrator.rehearsal` in a test run.
  public func fence(_ connection: Connection) async throws {
    guard await connection.isInTransaction else {
      throw OrchestratorError(
        code: "orchestrator.no_transaction",
        message: "expected an open transaction to fence, found none",
        hint: "call fence inside the transaction that publishes", isPermanent: true)
    }
    guard rehearsal == nil else {
      throw OrchestratorError(
        code: "orchestrator.rehearsal",
        message: "task '\(attempt.task)' wants to publish, which a test run never does",
        hint: "give its product: --mock \(attempt.task)=JSON", isPermanent: true)
    }
    let held = try await connection.first(
      SQL(
        file: "queries/orchestrator/check_fence.sql", run.runID, attempt.task,
        attempt.fencingToken))
    guard held != nil else {
      throw OrchestratorError(
        code: OrchestratorError.leaseLost,
        message: "attempt \(attempt.attempt) at task '\(attempt.task)' of run \(run.runID) is no "
          + "longer the current one (token \(attempt.fencingToken))",
        hint: "another process took the run over; nothing was written", isPermanent: true)
    }
  }

  /// Every task of this run as it stands now, in the order of declaration: for a report.
  public func tasksOfRun() async throws -> [TaskRecord] {
    if let rehearsal { return rehearsal() }
    return try await RunStore(pool).tasks(of: run.runID)
  }
}
