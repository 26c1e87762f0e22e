import CLibPQ
import Foundation

/// Where the rows of a COPY into a table are written to.
public struct CopyWriter: Sendable {
  let connection: Connection

  /// Sends bytes in the format of the COPY: text, CSV or binary; cut anywhere.
  ///
  /// Suspends until the server has taken what does not fit the socket's buffer: a slow server slows
  /// the writer down, and memory stays bounded. Pieces of 64 KiB to 1 MiB are best.
  ///
  /// - Throws: `warehouse.connection_lost`; `CancellationError`. A row that the server refuses is
  ///   thrown here or at the end.
  public func write(bytes: [UInt8]) async throws { try await connection.writeCopy(bytes) }

  /// Sends text in UTF-8.
  public func write(_ text: String) async throws {
    try await connection.writeCopy(Array(text.utf8))
  }
}

extension Connection {
  /// Runs `COPY … FROM STDIN` and returns how many rows went in; nothing does where `body` throws.
  ///
  /// Values in the statement are inlined as quoted literals, since COPY takes no parameters.
  /// The connection takes no other statement until the COPY has ended.
  @discardableResult
  public nonisolated(nonsending) func copyIn(
    _ sql: SQL, _ body: nonisolated(nonsending) (CopyWriter) async throws -> Void
  ) async throws -> Int {
    try await beginCopy(sql, PGRES_COPY_IN)
    do {
      try await body(CopyWriter(connection: self))
      try Task.checkCancellation()
    } catch let error as CopyRefused {
      throw try await endCopyIn(sql, refusing: nil, after: error)
    } catch {
      _ = try? await endCopyIn(sql, refusing: "the writer failed", after: error)
      throw error
    }
    return try await finishCopyIn(sql)
  }

  /// Runs `COPY … TO STDOUT` and folds its rows into a state, one at a time.
  ///
  /// Each call gets one row of text (with its line feed) or of binary (the first with the header,
  /// the last the trailer: see `BinaryCopyDecoder`); the bytes are valid only during the call.
  /// `row` runs on the connection's thread; the server waits while it works.
  /// Where `row` throws, the COPY is stopped: an open transaction is then lost.
  public func copyOut<State: Sendable>(
    _ sql: SQL, into state: State,
    _ row: @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> State {
    try await beginCopy(sql, PGRES_COPY_OUT)
    activity = .idle
    return try await cancellable(mustRun: true) {
      var state = state
      let connection = try pointer()
      var buffer: UnsafeMutablePointer<CChar>?
      var stopped: (any Error)?
      while true {
        let length = PQgetCopyData(connection, &buffer, 0)
        if length < 0 { break }
        defer { PQfreemem(buffer) }
        if stopped != nil { continue }
        do {
          try row(&state, UnsafeRawBufferPointer(start: buffer, count: Int(length)))
        } catch {
          stopped = error
          // What is under way is read and dropped until the server has stopped.
          canceller.stopNow(canceller.current)
        }
      }
      let outcome = Result { try drain(sql) }
      if let stopped { throw stopped }
      _ = try outcome.get()
      return state
    }
  }

  /// Starts a COPY and checks that it goes in the wanted direction.
  private func beginCopy(_ sql: SQL, _ wanted: ExecStatusType) async throws {
    let text = try sql.inlined()
    try await cancellable {
      let connection = try pointer()
      let result = PQexec(connection, text)
      guard PQresultStatus(result) == wanted else {
        _ = try check(result, text: text, name: sql.name)
        throw WarehouseError(
          code: "warehouse.not_a_copy",
          message: wanted == PGRES_COPY_IN
            ? "expected COPY … FROM STDIN, found another statement"
            : "expected COPY … TO STDOUT, found another statement",
          queryName: sql.name)
      }
      PQclear(result)
      activity = .copy
    }
  }

  /// Sends a piece. Blocks this connection's thread, not the caller's, while the server is slow.
  func writeCopy(_ bytes: [UInt8]) async throws {
    guard activity == .copy else {
      throw WarehouseError(
        code: "warehouse.copy_ended", message: "expected an open COPY, found none",
        hint: "write only inside the closure of copyIn")
    }
    activity = .idle
    defer { if activity == .idle { activity = .copy } }
    try await cancellable {
      let connection = try pointer()
      if hasRefused(connection) { throw CopyRefused() }
      try bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
        // The length is 32 bits wide, so larger pieces go in parts.
        for start in stride(from: 0, to: buffer.count, by: 1 << 24) {
          let count = min(1 << 24, buffer.count - start)
          guard PQputCopyData(connection, base + start, Int32(count)) == 1 else {
            throw CopyRefused()
          }
        }
      }
    }
  }

  /// Whether the server has sent an error while rows were going in.
  ///
  /// libpq looks only at the end, after gigabytes perhaps. A server in COPY sends nothing but errors
  /// and notices, so a look at the type of a waiting message, without taking it, tells. It is a short
  /// cut only: under TLS, or where libpq has already read the message, the end brings the error.
  private func hasRefused(_ connection: OpaquePointer) -> Bool {
    guard PQsslInUse(connection) == 0 else { return false }
    var type: UInt8 = 0
    let count = recv(
      PQsocket(connection), &type, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count == 1 && type == UInt8(ascii: "E")
  }

  private func finishCopyIn(_ sql: SQL) async throws -> Int {
    activity = .idle
    return try await cancellable(mustRun: true) {
      guard PQputCopyEnd(try pointer(), nil) == 1 else {
        throw fault(nil, text: "", name: sql.name)
      }
      return try drain(sql)
    }
  }

  /// Ends a COPY that failed; returns the server's fault, or `error` where it had none.
  private func endCopyIn(
    _ sql: SQL, refusing reason: String?, after error: any Error
  ) throws -> any Error {
    activity = .idle
    let connection = try pointer()
    if reason != nil {
      // The server may wait for a lock; it would read the refusal only afterwards.
      let number = canceller.reserve()
      canceller.begin(number)
      canceller.stopNow(number)
      _ = canceller.end(number)
    }
    guard PQputCopyEnd(connection, reason) == 1 else {
      let lost = fault(nil, text: "", name: sql.name)
      close()
      return lost
    }
    do {
      _ = try drain(sql)
      return error
    } catch {
      return error
    }
  }

  /// Reads what follows a COPY; the number of rows, or the first fault.
  private func drain(_ sql: SQL) throws -> Int {
    let connection = try pointer()
    var rows = 0
    var first: (any Error)?
    while let result = PQgetResult(connection) {
      do {
        rows = affectedRows(try check(result, text: "", name: sql.name).pointer)
      } catch {
        first = first ?? error
      }
    }
    if let first { throw first }
    return rows
  }
}

/// The server has refused the COPY; its fault is read at the end.
private struct CopyRefused: Error {}
