import Foundation
import Warehouse

/// The session's staging tables.
enum Staging {
  /// The most control totals that a source may declare.
  static let totalsLimit = 8

  /// Makes them empty, also where an earlier load left some behind.
  static func create(on connection: Connection) async throws {
    try await connection.execute("SELECT landing.begin_staging()")
  }

  static func drop(on connection: Connection) async throws {
    try await connection.execute("SELECT landing.end_staging()")
  }

  /// The columns of a staged row in the order in which ``RowMapper`` writes them.
  static func columns(of source: SourceDefinition) -> [String] {
    let totals = source.plan.totals.indices.map { "t\($0 + 1)" }
    let front = ["line", "warned", "content"] + totals + ["reason", "column_name", "raw"]
    switch source.into {
    case .events:
      return front + [
        "event_id", "customer_key", "occurred_at", "kind_id", "item", "quantity", "amount",
        "currency", "properties", "order_key", "profile",
      ]
    case .customers: return front + ["customer_key", "occurred_at", "properties", "valid_from"]
    case .merges: return front + ["event_id", "customer_key", "occurred_at"]
    }
  }

  /// Copies everything that is read into the staging table.
  nonisolated(nonsending) static func fill(
    _ source: SourceDefinition, from reading: SourceReading, on connection: Connection,
    _ progress: @Sendable (LoadProgress) -> Void
  ) async throws -> SourceReading.Outcome {
    let copy: SQL = """
      COPY pg_temp.strata_staged (\(identifiers: columns(of: source)))
      FROM STDIN (FORMAT binary)
      """
    _ = try await connection.copyIn(copy.named("stage \(source.name)")) { writer in
      try await reading.consume { batch in
        try await writer.write(bytes: batch)
        progress(reading.progress)
      }
    }
    return try reading.outcome()
  }
}

/// JSON for the ledger.
enum JSON {
  /// A value as `jsonb`, keys in order.
  static func text(_ value: some Encodable) throws -> JSONText {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return JSONText(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}
