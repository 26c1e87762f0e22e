import CLibPQ

/// What a transaction sees of others.
public enum Isolation: String, Sendable {
  /// Each statement sees what was committed before it began.
  case readCommitted = "READ COMMITTED"
  /// Every statement sees what was committed before the first one.
  case repeatableRead = "REPEATABLE READ"
  /// As if transactions ran one after the other; may fail with a serialization failure.
  case serializable = "SERIALIZABLE"
}

/// Places where a test can interfere.
public enum WarehouseFaults {
  /// Called before each COMMIT with the number of the try (from 1) of the pool's transaction.
  @TaskLocal public static var beforeCommit: (@Sendable (_ attempt: Int) async throws -> Void)?
  /// The number of the try that runs, from 1.
  @TaskLocal static var attempt = 1
}

extension Connection {
  /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
  ///
  /// A cancelled task rolls back. `body` may run statements on this connection only.
  ///
  /// - Throws: what `body` throws; ``WarehouseError`` of the commit, and
  ///   `warehouse.transaction_aborted` where `body` swallowed a failed statement.
  @discardableResult
  public nonisolated(nonsending) func transaction<T: Sendable>(
    _ isolation: Isolation = .readCommitted, readOnly: Bool = false,
    _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    try await begin(isolation, readOnly: readOnly)
    let value: T
    do {
      value = try await body(self)
      if let interfere = WarehouseFaults.beforeCommit {
        try await interfere(WarehouseFaults.attempt)
      }
      try Task.checkCancellation()
    } catch {
      await rollBack()
      throw error
    }
    try await commit()
    return value
  }

  /// Runs `body` in a transaction whose first statements travel with its BEGIN, and whose last ones
  /// with its COMMIT: two round trips less, for short transactions that come by the thousand.
  ///
  /// - Parameters:
  ///   - opening: the first statements; `body` gets the rows of each.
  ///   - body: returns the last statements, and what makes the value of their rows.
  /// - Throws: as ``transaction(_:readOnly:_:)``.
  public nonisolated(nonsending) func transaction<T: Sendable>(
    opening: [SQL],
    _ body:
      nonisolated(nonsending) (Connection, [[Row]]) async throws -> (
        closing: [SQL], value: @Sendable ([[Row]]) throws -> T
      )
  ) async throws -> T {
    try await open()
    let closing: [SQL]
    let value: @Sendable ([[Row]]) throws -> T
    do {
      let begin = SQL(unsafeText: "BEGIN ISOLATION LEVEL READ COMMITTED")
      let rows = try await pipeline([begin] + opening)
      (closing, value) = try await body(self, Array(rows.dropFirst()))
      if let interfere = WarehouseFaults.beforeCommit {
        try await interfere(WarehouseFaults.attempt)
      }
      try await checkBeforeCommit()
      return try value(Array(try await pipeline(closing + ["COMMIT"]).dropLast()))
    } catch {
      await rollBack()
      throw error
    }
  }

  /// Runs `body` so that its failure undoes its own statements and leaves the transaction usable.
  @discardableResult
  public nonisolated(nonsending) func savepoint<T: Sendable>(
    _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    let name = try await beginSavepoint()
    let value: T
    do {
      value = try await body(self)
      try Task.checkCancellation()
      try await endSavepoint("RELEASE SAVEPOINT \(name)")
    } catch {
      await rollBackSavepoint(name)
      throw error
    }
    return value
  }

  private func open() throws {
    guard !isInTransaction else {
      throw WarehouseError(
        code: "warehouse.nested_transaction",
        message: "expected no open transaction on this connection, found one",
        hint: "use savepoint inside a transaction, and a connection of its own in each task")
    }
    failure = nil
    savepoints = 0
  }

  /// A COMMIT of a failed transaction would succeed, as a ROLLBACK.
  private func checkBeforeCommit() throws {
    guard PQtransactionStatus(try pointer()) != PQTRANS_INERROR else { throw aborted() }
  }

  private func begin(_ isolation: Isolation, readOnly: Bool) async throws {
    try open()
    let text = "BEGIN ISOLATION LEVEL \(isolation.rawValue)\(readOnly ? " READ ONLY" : "")"
    try await cancellable { _ = try simple(text) }
  }

  /// Commits; not interrupted by cancellation, so that the outcome is known.
  private func commit() throws {
    let result = try simple("COMMIT")
    // COMMIT of a failed transaction succeeds, as a ROLLBACK.
    guard String(cString: PQcmdStatus(result.pointer)) == "COMMIT" else {
      throw aborted()
    }
  }

  private func aborted() -> WarehouseError {
    let cause = failure
    var error = WarehouseError(
      code: cause.map { $0.isRetryable ? $0.code : "" }.flatMap { $0.isEmpty ? nil : $0 }
        ?? "warehouse.transaction_aborted",
      message: "expected to commit, but a statement of the transaction had failed: "
        + (cause?.message ?? "unknown"),
      hint: "use savepoint around statements that may fail")
    error.sqlState = cause?.sqlState
    return error
  }

  /// Rolls back, also in a cancelled task; a connection that cannot is closed.
  private func rollBack() {
    guard activity == .idle, isInTransaction else { return }
    if (try? simple("ROLLBACK")) == nil { close() }
  }

  private func beginSavepoint() throws -> String {
    guard isInTransaction else {
      throw WarehouseError(
        code: "warehouse.no_transaction", message: "expected an open transaction, found none",
        hint: "call savepoint inside transaction")
    }
    savepoints += 1
    let name = "strata_\(savepoints)"
    _ = try simple("SAVEPOINT \(name)")
    return name
  }

  private func endSavepoint(_ text: String) throws { _ = try simple(text) }

  private func rollBackSavepoint(_ name: String) {
    guard activity == .idle, isInTransaction else { return }
    if (try? simple("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")) == nil {
      close()
    } else {
      failure = nil
    }
  }
}
