import CLibPQ

extension Connection {
  /// Runs a statement and returns its rows, all of them in memory.
  ///
  /// - Throws: ``WarehouseError``; `CancellationError` where the task was cancelled meanwhile.
  public func query(_ sql: SQL) async throws -> [Row] {
    try await run(sql).rows
  }

  /// Runs a statement and returns its first row; nil where it has none.
  public func first(_ sql: SQL) async throws -> Row? {
    try await run(sql).rows.first
  }

  /// Runs a statement and returns its columns, whether it has rows or not.
  public func describe(_ sql: SQL) async throws -> [ResultColumn] {
    let result = try await run(sql)
    return result.columns.enumerated().map { index, name in
      ResultColumn(name: name, typeID: PQftype(result.pointer, Int32(index)))
    }
  }

  /// Runs a statement and returns how many rows it inserted, updated, deleted or selected.
  @discardableResult
  public func execute(_ sql: SQL) async throws -> Int {
    let result = try await run(sql)
    return affectedRows(result.pointer)
  }

  /// Runs several statements without values, in one transaction unless one is open or the text
  /// has its own.
  public func script(_ text: String) async throws {
    try await script(text, name: nil)
  }

  /// Runs several statements; errors show the name.
  public func script(_ text: String, name: String?) async throws {
    guard !text.utf8.contains(0) else {
      throw WarehouseError(
        code: "warehouse.nul_in_sql", message: "expected SQL text, found a NUL character in it",
        queryName: name)
    }
    _ = try await cancellable { try simple(text, name: name, showsText: false) }
  }

  func affectedRows(_ result: OpaquePointer) -> Int {
    Int(String(cString: PQcmdTuples(result))) ?? 0
  }

  func run(_ sql: SQL) async throws -> ResultSet {
    let (text, binds) = try sql.rendered()
    let encoded = EncodedBinds(binds)
    return try await cancellable {
      do {
        return try execute(text, encoded, name: sql.name)
      } catch let error as WarehouseError
        where error.code == "warehouse.stale_plan" && !isInTransaction
      {
        // Nothing has happened yet: the same statement once more, prepared anew.
        return try execute(text, encoded, name: sql.name)
      }
    }
  }

  /// Runs blocking libpq calls; on cancellation of the task the server is asked to stop.
  ///
  /// - Parameter mustRun: whether `body` runs even in a task that is cancelled already, to end what
  ///   was begun; the server is then asked to stop at once.
  func cancellable<T>(mustRun: Bool = false, _ body: () throws -> T) async throws -> T {
    if !mustRun { try Task.checkCancellation() }
    guard activity != .copy else {
      throw WarehouseError(
        code: "warehouse.busy", message: "expected an idle connection, found one in a COPY",
        hint: "use another connection inside the COPY's closure")
    }
    let number = canceller.reserve()
    return try await withTaskCancellationHandler {
      canceller.begin(number)
      // The task may have been cancelled before the number was running.
      if Task.isCancelled {
        if mustRun {
          canceller.stopNow(number)
        } else {
          _ = canceller.end(number)
          throw CancellationError()
        }
      }
      let outcome = Result { try body() }
      let stopped = canceller.end(number)
      listener?.deliver()
      switch outcome {
      case .success(let value): return value
      case .failure(let error as WarehouseError)
      where stopped && error.sqlState == "57014":
        throw CancellationError()
      case .failure(let error): throw error
      }
    } onCancel: {
      canceller.stop(number)
    }
  }

  /// Runs one statement with its values, prepared where it pays.
  private func execute(
    _ text: String, _ binds: EncodedBinds, name: String?
  ) throws -> ResultSet {
    let connection = try pointer()
    let key = StatementCache.Key(text: text, types: binds.types)
    let plan = statements.plan(for: key)
    deallocateEvicted(connection)
    do {
      switch plan {
      case .once:
        return try check(
          binds.withPointers { count, values, lengths, formats in
            PQexecParams(connection, text, count, binds.types, values, lengths, formats, 1)
          }, text: text, name: name)
      case .prepare(let statement):
        _ = try check(
          PQprepare(connection, statement, text, Int32(binds.types.count), binds.types),
          text: text, name: name)
        statements.didPrepare(key, as: statement)
        return try runPrepared(statement, binds, text: text, name: name)
      case .run(let statement):
        return try runPrepared(statement, binds, text: text, name: name)
      }
    } catch let error as WarehouseError where error.code == "warehouse.stale_plan" {
      statements.forget(key)
      throw error
    }
  }

  private func runPrepared(
    _ statement: String, _ binds: EncodedBinds, text: String, name: String?
  ) throws -> ResultSet {
    let connection = try pointer()
    return try check(
      binds.withPointers { count, values, lengths, formats in
        PQexecPrepared(connection, statement, count, values, lengths, formats, 1)
      }, text: text, name: name)
  }

  /// Frees the server's end of statements that left the cache; not inside a failed transaction,
  /// where every statement but ROLLBACK is refused.
  private func deallocateEvicted(_ connection: OpaquePointer) {
    guard !statements.evicted.isEmpty, PQtransactionStatus(connection) != PQTRANS_INERROR else {
      return
    }
    for statement in statements.takeEvicted() {
      // One that the server has lost already (DISCARD ALL) is no fault, but it would abort an
      // open transaction, so it is asked for first.
      let text = """
        DO $$ BEGIN IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = '\(statement)')
        THEN DEALLOCATE \(statement); END IF; END $$
        """
      PQclear(PQexec(connection, text))
    }
  }

  /// Runs text without values by the simple protocol.
  @discardableResult
  func simple(_ text: String, name: String? = nil, showsText: Bool = true) throws -> ResultSet {
    try check(PQexec(pointer(), text), text: text, name: name, showsText: showsText)
  }

  /// The result, or the fault in it.
  func check(
    _ result: OpaquePointer?, text: String, name: String?, showsText: Bool = true
  ) throws -> ResultSet {
    guard let result else { throw fault(nil, text: text, name: name, showsText: showsText) }
    let set = ResultSet(result)
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_SINGLE_TUPLE:
      return set
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      leaveCopy(PQresultStatus(result))
      throw WarehouseError(
        code: "warehouse.copy_as_query", message: "expected a statement, found a COPY",
        hint: "use copyIn or copyOut", queryName: name)
    default:
      throw fault(result, text: text, name: name, showsText: showsText)
    }
  }

  /// The fault in a result, kept while a transaction is open.
  func fault(
    _ result: OpaquePointer?, text: String, name: String?, showsText: Bool = true
  ) -> WarehouseError {
    do {
      let error = WarehouseError.server(
        result, connection: try pointer(), text: text, name: name, showsText: showsText)
      if error.sqlState != "25P02" { failure = error }
      return error
    } catch let error as WarehouseError {
      return error
    } catch {
      return WarehouseError(code: "warehouse.protocol", message: "\(error)", queryName: name)
    }
  }

  /// Ends a COPY that nobody asked for: one that reads is refused, one that writes is cut off.
  private func leaveCopy(_ status: ExecStatusType) {
    guard status == PGRES_COPY_IN, let connection = try? pointer(),
      PQputCopyEnd(connection, "COPY is not expected here") == 1
    else {
      close()
      return
    }
    while let result = PQgetResult(connection) { PQclear(result) }
  }
}

/// A column of an answer.
public struct ResultColumn: Sendable, Equatable {
  /// Its name, which need not be its own alone.
  public let name: String
  /// The number of its type in `pg_type`.
  public let typeID: UInt32
}
