import Logging
import Pipeline
import Schedules
import Warehouse

/// A run that nobody can decide about: its rows or its definition are not what they have to be.
struct UnusableRun: Error {
  let runID: Int64
  let cause: any Error

  /// Does something for one run; an error that lies with the run names it.
  static func naming<T>(
    _ runID: Int64, _ body: nonisolated(nonsending) () async throws -> T
  ) async throws -> T {
    do {
      return try await body()
    } catch let error where RunStep.liesWithRun(error) {
      throw UnusableRun(runID: runID, cause: error)
    }
  }
}

extension RunStep {
  /// Whether an error of a decision lies with its run, so that another try would only end likewise.
  ///
  /// What lies with the server (a connection, a conflict, its disk, its memory, a privilege) does
  /// not: no run is to blame for it.
  static func liesWithRun(_ error: any Error) -> Bool {
    if error is CancellationError || error is UnusableRun { return false }
    guard let error = error as? WarehouseError else { return true }
    // Data that do not fit, and constraints; without a SQLSTATE, a row that does not decode.
    guard let state = error.sqlState else { return error.code == "warehouse.decode" }
    return state.hasPrefix("22") || state.hasPrefix("23")
  }

  /// Decides as ``decide(_:_:hint:before:claimer:room:)``, and fails a run that nobody can decide
  /// about: this one, or one that was to be claimed from.
  func decideOrFail(
    _ runID: Int64, _ occurrences: [Occurrence], hint: Definition? = nil,
    before: (@Sendable (RunRow) throws -> [SQL])? = nil, claimer: Claimer? = nil, room: Int = 0
  ) async throws -> StepResult? {
    while true {
      do {
        return try await decide(
          runID, occurrences, hint: hint, before: before, claimer: claimer, room: room)
      } catch let unusable as UnusableRun {
        // Nothing of it can be claimed from now on, so this comes to an end.
        _ = try await fail(unusable.runID, because: unusable.cause)
      } catch let error where Self.liesWithRun(error) {
        let task = occurrences.lazy.compactMap(\.attempt).first
        return try await fail(runID, because: error, at: task)
      }
    }
  }

  /// Does something about a run outside of a transaction; an error that lies with it fails it.
  func orFail(
    _ runID: Int64, _ body: nonisolated(nonsending) () async throws -> Void
  ) async throws {
    do {
      try await body()
    } catch let error where Self.liesWithRun(error) {
      _ = try await fail(runID, because: error)
    }
  }

  /// Ends a run as failed without asking the machine; nil where it has ended already, or is gone:
  /// then only what is left of it is cancelled.
  ///
  /// Its attempts lose their tokens' worth: their tasks are cancelled, and whoever runs them is told
  /// to stop. It can be run again once what is wrong is mended.
  ///
  /// - Parameter attempt: whose log says why; nil for none of them.
  func fail(
    _ runID: Int64, because error: any Error, at attempt: (task: String, number: Int)? = nil
  ) async throws -> StepResult? {
    let fault = AttemptFault(error)
    let step = self
    let ledger = RunLedger(connection: connection)
    try await ledger.ensurePartitions(at: try await ledger.now(time))
    let result = try await connection.transaction { connection in
      let message = "the run cannot go on: \(fault.message)"
      let locked = try await connection.first(
        SQL(file: "queries/orchestrator/lock_run.sql", runID, step.time.fixed))
      guard let locked else { return StepResult?.none }
      let at = try locked.get("at", as: Instant.self)
      let row = try await connection.first(
        SQL(file: "queries/orchestrator/fail_run.sql", runID, at, message))
      let stopped = try await connection.query(
        SQL(file: "queries/orchestrator/cancel_open_tasks.sql", runID, at, message))
      guard let row else { return nil }
      var result = StepResult(
        state: .failed, at: at, boundWorker: try row.get("bound_worker_id", as: Int64.self),
        hasEnded: true)
      result.stops = Array(
        Set(try stopped.compactMap { try $0.get("worker_id", as: Int64?.self) })
      ).sorted()
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/log_failed_decision.sql", runID, result.at,
          attempt?.task ?? "", Int32(attempt?.number ?? 0), message, fault.code, fault.hint))
      try await ledger.note(
        "finished", of: runID,
        ["state": .string(RunState.failed.rawValue), "code": .string(fault.code)], at: result.at)
      if step.tellsLineage {
        try await connection.execute(LineageNotes.failed(runID, at: result.at))
      }
      try await step.settle(runID, &result)
      for statement in result.announcements(runID, claimed: 0) {
        try await connection.execute(statement)
      }
      result.fault = fault
      return result
    }
    guard let result else { return nil }
    meters.ended(result.state)
    Logger(label: "strata.runs").error(
      "a run was failed: nobody can decide about it",
      metadata: ["run": "\(runID)", "code": "\(fault.code)", "error": "\(fault.message)"])
    return result
  }

  /// What needs the definition, which may be the very thing that is broken: the tallies, for a later
  /// pass over the run, and the run's callbacks.
  private func settle(_ runID: Int64, _ result: inout StepResult) async throws {
    let (step, at) = (self, result.at)
    do {
      result.hasCalls = try await connection.savepoint { connection in
        let rows = try await connection.query(
          SQL(file: "queries/orchestrator/lock_run.sql", runID, at))
        guard let row = rows.first else { return false }
        let run = try RunRow(row, runID: runID)
        let definition = try await step.definitions.definition(
          run.snapshotHash, on: connection)
        let states = try await RunLedger(connection: connection).tasks(of: runID)
        try await Recount(connection).write(run.runID, definition, states)
        guard let calls = try step.callbacks(failed: run, definition) else { return false }
        try await connection.execute(calls)
        return true
      }
    } catch let error where Self.liesWithRun(error) {
      // The run says why it failed; a broken definition names nobody who is to be told.
      result.hasCalls = false
    }
  }
}

/// Counts the tasks of a run anew, where they were changed without the machine.
struct Recount: Sendable {
  private let connection: Connection

  init(_ connection: Connection) { self.connection = connection }

  /// Writes how the upstream tasks of each task stand, and how many tasks of the run ended how; none
  /// of them is active.
  func write(
    _ runID: Int64, _ definition: Definition, _ states: [TaskRecord]
  ) async throws {
    let standings = definition.plan.tallies(
      states: Dictionary(
        states.compactMap { record in
          definition.number(of: record.task).map { ($0, record.state) }
        }, uniquingKeysWith: { $1 }))
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/recount_tasks.sql", runID, definition.plan.ids,
        standings.map { Int32($0.succeeded) }, standings.map { Int32($0.failed) },
        standings.map { Int32($0.upstreamFailed) }, standings.map { Int32($0.skipped) },
        standings.map { Int32($0.unfinished) }))
    let final = states.filter { $0.state.isFinal && definition.number(of: $0.task) != nil }
    let failed = final.filter { record in
      (record.state == .failed || record.state == .upstreamFailed)
        && definition.number(of: record.task).map { !definition.plan.tolerated[$0] } ?? false
    }
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/recount_run.sql", runID,
        Int32(definition.plan.ids.count - final.count), Int32(failed.count),
        Int32(final.count { $0.state == .cancelled })))
  }
}
