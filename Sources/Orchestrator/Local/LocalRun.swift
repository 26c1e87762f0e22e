import Pipeline
import Schedules
import Synchronization
import Warehouse

/// Runs a DAG in this process alone and records nothing: the same decisions as everywhere, over the
/// whole run in memory.
///
/// Time is virtual: it stands still while tasks work, and pauses, sensors and sleeps pass at once.
/// Pools and limits are not looked at, and nothing is held back by an earlier run. Tasks have a
/// database only where one is given; what they publish under a fence is refused even then.
public struct LocalRun: Sendable {
  /// How a test run is run.
  public struct Options: Sendable {
    /// What is done in the place of tasks.
    public var standIns: StandIns
    /// The project's database; nil for none, so that a task which asks for one fails.
    public var database: ConnectionPool?
    /// The instant that it begins at; nil for now.
    public var startsAt: Instant?

    /// By default no stand-ins and no database, now.
    public init(
      standIns: StandIns = StandIns(), database: ConnectionPool? = nil, startsAt: Instant? = nil
    ) {
      self.standIns = standIns
      self.database = database
      self.startsAt = startsAt
    }
  }

  let definition: Definition
  let run: RunIdentity
  let setting: LocalSetting
  let options: Options

  /// A run of a DAG over an interval.
  ///
  /// - Parameter params: checked by ``DAGSnapshot/params(from:)-6nxwd``, an object.
  /// - Throws: `PipelineError` for an invalid DAG.
  public init(
    _ dag: DAG, interval: DataInterval, params: JSONValue = .object([:]), registry: TaskRegistry,
    projectDirectory: String, zone: Zone, options: Options = Options()
  ) throws {
    let snapshot = try dag.snapshot()
    // Nothing is stored, so nothing is named by a hash.
    definition = try Definition(hash: "", snapshot: snapshot)
    run = RunIdentity(runID: 0, dag: snapshot.name, interval: interval, params: params)
    setting = LocalSetting(
      registry: registry, projectDirectory: projectDirectory, zone: zone,
      database: options.database)
    self.options = options
  }

  /// Runs it, and returns when it has ended; cancelling the calling task cancels the run, whose
  /// teardowns still run.
  ///
  /// - Parameter observer: told of every change, from any thread; must not block.
  /// - Throws: ``OrchestratorError`` `orchestrator.bad_stand_ins` with every problem.
  public func run(
    observer: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunOutcome {
    let problems = options.standIns.problems(definition, setting.registry)
    guard problems.isEmpty else {
      throw OrchestratorError(
        code: "orchestrator.bad_stand_ins", message: problems.joined(separator: "\n"))
    }
    let mailbox = Mailbox<LocalLoop.Message>()
    let loop = LocalLoop(self, mailbox, observer)
    let work = Task { try await loop.run() }
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      mailbox.put(.cancel)
    }
  }
}

/// What attempts that are not recorded find.
struct LocalSetting: Sendable {
  let registry: TaskRegistry
  let projectDirectory: String
  let zone: Zone
  let pool: ConnectionPool

  init(
    registry: TaskRegistry, projectDirectory: String, zone: Zone, database: ConnectionPool?
  ) {
    self.registry = registry
    self.projectDirectory = projectDirectory
    self.zone = zone
    pool = database ?? ConnectionPool(.refusing(Self.noDatabase))
  }

  static let noDatabase = WarehouseError(
    code: "warehouse.no_database",
    message: "this task needs a database: run it with --with-database",
    hint: "or give its product with --mock task=JSON")
}
