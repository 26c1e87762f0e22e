import Pipeline
import Synchronization
import Warehouse

/// The parameters of runs that this process works on, read once each: they never change.
final class ParamsMemory: Sendable {
  private static let limit = 1024
  private let known = Mutex<[Int64: JSONValue]>([:])

  func add(_ params: JSONValue, of runID: Int64) {
    known.withLock { known in
      if known.count >= Self.limit { known.removeAll() }
      known[runID] = params
    }
  }

  /// Those of a run that was asked for before.
  func known(_ runID: Int64) -> JSONValue { known.withLock { $0[runID] } ?? .object([:]) }

  func params(of runID: Int64, on connection: Connection) async throws -> JSONValue {
    if let params = known.withLock({ $0[runID] }) { return params }
    let row = try await connection.first(SQL(file: "queries/orchestrator/find_params.sql", runID))
    let params = try row.map { try JSONValue(parsing: $0.get("params", as: JSONText.self).text) }
    add(params ?? .object([:]), of: runID)
    return params ?? .object([:])
  }
}
