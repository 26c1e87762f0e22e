import CLibPQ
import Foundation

extension Connection {
  /// One answer that the server owes in a pipeline.
  private struct Expected {
    /// The statement's position in the pipeline.
    let index: Int
    let key: StatementCache.Key
    /// The name under which the statement is being prepared; nil where it is being run.
    let prepares: String?
  }

  /// Sends all statements without waiting for answers in between, and returns the rows of each.
  ///
  /// Outside of a transaction the statements are one transaction: all happen or none. They must not
  /// be COPY, BEGIN, COMMIT or ROLLBACK.
  ///
  /// - Throws: the fault of the first statement that failed; `CancellationError`.
  public func pipeline(_ statements: [SQL]) async throws -> [[Row]] {
    try await pipelineAnswers(statements).map(\.rows)
  }

  /// What the server answers to a statement.
  public struct Answer: Sendable {
    /// The rows that it returned.
    public var rows: [Row] = []
    /// How many rows it inserted, updated, deleted or selected.
    public var affected = 0
  }

  /// The same as ``pipeline(_:)``, with how many rows each statement changed.
  public func pipelineAnswers(_ statements: [SQL]) async throws -> [Answer] {
    if statements.isEmpty { return [] }
    let rendered = try statements.map { sql in
      let (text, binds) = try sql.rendered()
      return (text, EncodedBinds(binds), sql.name)
    }
    return try await cancellable {
      do {
        return try runPipeline(rendered)
      } catch let error as WarehouseError
        where error.code == "warehouse.stale_plan" && !isInTransaction
      {
        // All of it was rolled back: once more, with new plans.
        return try runPipeline(rendered)
      }
    }
  }

  private func runPipeline(_ statements: [(String, EncodedBinds, String?)]) throws -> [Answer] {
    let connection = try pointer()
    guard PQenterPipelineMode(connection) == 1, PQsetnonblocking(connection, 1) == 0 else {
      throw fault(nil, text: "", name: nil)
    }
    // A connection that cannot leave the pipeline is of no use.
    var isClean = false
    defer {
      if !isClean || PQexitPipelineMode(connection) != 1 || PQsetnonblocking(connection, 0) != 0 {
        close()
      }
    }
    var expected: [Expected] = []
    for (index, (text, binds, name)) in statements.enumerated() {
      expected += try send(text, binds, name: name, index: index, on: connection)
      try flush(connection, waits: false)
    }
    guard PQpipelineSync(connection) == 1 else { throw fault(nil, text: "", name: nil) }
    try flush(connection, waits: true)
    let outcome = Result { try receive(expected, statements, on: connection) }
    isClean = PQpipelineStatus(connection) != PQ_PIPELINE_ABORTED
    return try outcome.get()
  }

  /// Puts a statement into the pipeline; the answers it will have.
  private func send(
    _ text: String, _ binds: EncodedBinds, name: String?, index: Int, on connection: OpaquePointer
  ) throws -> [Expected] {
    let key = StatementCache.Key(text: text, types: binds.types)
    var expected: [Expected] = []
    let sent: Int32
    switch statements.plan(for: key) {
    case .once:
      sent = binds.withPointers { count, values, lengths, formats in
        PQsendQueryParams(connection, text, count, binds.types, values, lengths, formats, 1)
      }
    case .prepare(let statement):
      guard
        PQsendPrepare(connection, statement, text, Int32(binds.types.count), binds.types) == 1
      else { throw fault(nil, text: text, name: name) }
      expected.append(Expected(index: index, key: key, prepares: statement))
      // The next use in this pipeline runs it by name; a failure forgets it again.
      statements.didPrepare(key, as: statement)
      sent = sendPrepared(statement, binds, on: connection)
    case .run(let statement):
      sent = sendPrepared(statement, binds, on: connection)
    }
    guard sent == 1 else { throw fault(nil, text: text, name: name) }
    return expected + [Expected(index: index, key: key, prepares: nil)]
  }

  private func sendPrepared(
    _ statement: String, _ binds: EncodedBinds, on connection: OpaquePointer
  ) -> Int32 {
    binds.withPointers { count, values, lengths, formats in
      PQsendQueryPrepared(connection, statement, count, values, lengths, formats, 1)
    }
  }

  /// Sends what is buffered. The server may stop reading until its answers are taken, so while the
  /// socket is full they are read into memory.
  private func flush(_ connection: OpaquePointer, waits: Bool) throws {
    while true {
      let left = PQflush(connection)
      if left == 0 { return }
      guard left == 1 else { throw fault(nil, text: "", name: nil) }
      var descriptor = pollfd(
        fd: PQsocket(connection), events: Int16(POLLIN) | Int16(POLLOUT), revents: 0)
      guard poll(&descriptor, 1, waits ? -1 : 0) >= 0 || errno == EINTR else {
        throw fault(nil, text: "", name: nil)
      }
      if descriptor.revents & Int16(POLLIN) != 0, PQconsumeInput(connection) != 1 {
        throw fault(nil, text: "", name: nil)
      }
      // Without waiting, a full socket keeps the rest in libpq's buffer.
      if !waits && descriptor.revents & Int16(POLLOUT) == 0 { return }
    }
  }

  /// Reads the answers up to the synchronisation point, also after a failure.
  private func receive(
    _ expected: [Expected], _ texts: [(String, EncodedBinds, String?)],
    on connection: OpaquePointer
  ) throws -> [Answer] {
    var answers = [Answer](repeating: Answer(), count: texts.count)
    var first: (any Error)?
    for answer in expected {
      let (text, _, name) = texts[answer.index]
      while let result = PQgetResult(connection) {
        if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
          PQclear(result)
          if answer.prepares != nil { statements.forgetUnprepared(answer.key) }
          continue
        }
        do {
          let set = try check(result, text: text, name: name)
          if answer.prepares == nil {
            answers[answer.index] = Answer(rows: set.rows, affected: affectedRows(set.pointer))
          }
        } catch {
          first = first ?? error
          if answer.prepares != nil {
            statements.forgetUnprepared(answer.key)
          } else if (error as? WarehouseError)?.code == "warehouse.stale_plan" {
            statements.forget(answer.key)
          }
        }
        if PQstatus(connection) == CONNECTION_BAD { break }
      }
    }
    guard PQstatus(connection) == CONNECTION_OK, let sync = PQgetResult(connection) else {
      throw first ?? fault(nil, text: "", name: nil)
    }
    defer { PQclear(sync) }
    guard PQresultStatus(sync) == PGRES_PIPELINE_SYNC else {
      // The server's farewell may come behind the last answer.
      throw first ?? fault(sync, text: "", name: nil)
    }
    if let first { throw first }
    return answers
  }
}
