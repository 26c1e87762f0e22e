import Schedules
import Warehouse

/// Removes the rows of a customer, table by table, and counts them.
struct ErasureRows {
  let subject: ErasureSubject
  let connection: Connection
  /// Rows removed or changed, by table; tables without any are left out.
  private(set) var counts: [String: Int64] = [:]

  init(subject: ErasureSubject, connection: Connection) {
    self.subject = subject
    self.connection = connection
  }

  /// Adds to a table's count.
  mutating func note(_ table: String, _ rows: Int) {
    if rows > 0 { counts[table, default: 0] += Int64(rows) }
  }

  /// Removes everything.
  nonisolated(nonsending) mutating func remove() async throws {
    try await removeEvents()
    try await removeKeys()
    // All tables that have customers, also those that later releases add.
    for row in try await connection.query(
      SQL(file: "queries/erasure/list_tables_of_customers.sql"))
    {
      let (schema, name): (String, String) = (
        try row.get("schema_name"), try row.get("table_name")
      )
      note(
        schema + "." + name,
        try await connection.execute(
          """
          DELETE FROM \(identifier: schema, name) WHERE customer_id = ANY (\(subject.customers))
          """))
    }
    note(
      "features.state",
      try await connection.execute(SQL(file: "queries/erasure/erase_features_state.sql")))
    try await cleanTexts()
  }

  private nonisolated(nonsending) mutating func removeEvents() async throws {
    let firstSeen = try await connection.first(
      """
      SELECT min(first_seen_at) AS first FROM facts.customers
      WHERE customer_id = ANY (\(subject.customers))
      """)?.get("first", as: Instant?.self)
    var sources: [Int16] = []
    var events: [String] = []
    var orders: Set<String> = []
    for (table, statement) in [
      (
        "facts.events",
        SQL(file: "queries/erasure/erase_events.sql", subject.customers, firstSeen)
      ),
      (
        "facts.event_version",
        SQL(file: "queries/erasure/erase_event_versions.sql", subject.customers)
      ),
    ] {
      let rows = try await connection.query(statement)
      note(table, rows.count)
      for row in rows {
        sources.append(try row.get("source_id"))
        events.append(try row.get("event_id"))
        if let order = try row.get("order_key", as: String?.self) { orders.insert(order) }
      }
    }
    note(
      "landing.event_key",
      try await connection.execute(
        SQL(file: "queries/erasure/erase_event_keys.sql", sources, events)))
    note(
      "landing.order_key",
      try await connection.execute(
        SQL(file: "queries/erasure/erase_order_keys.sql", orders.sorted())))
  }

  private nonisolated(nonsending) mutating func removeKeys() async throws {
    note(
      "landing.merge",
      try await connection.execute(
        SQL(file: "queries/erasure/erase_merges.sql", subject.customers, subject.keys)))
    note(
      "landing.rejected",
      try await connection.execute(
        SQL(file: "queries/erasure/erase_rejects.sql", subject.keys)))
    note(
      "landing.load",
      try await connection.execute(
        SQL(file: "queries/erasure/erase_load_faults.sql", subject.keys)))
  }

  /// Takes the keys out of messages, products, logs and reports of runs.
  private nonisolated(nonsending) mutating func cleanTexts() async throws {
    for row in try await connection.query(SQL(file: "queries/erasure/list_texts_of_runs.sql")) {
      let (schema, name, column): (String, String, String) = (
        try row.get("schema_name"), try row.get("table_name"), try row.get("column_name")
      )
      let isJSON: Bool = try row.get("is_json")
      let cleaned: SQL =
        isJSON
        ? "landing.without_keys(\(identifier: column), p.pattern)"
        : "regexp_replace(\(identifier: column), p.pattern, '(erased)', 'g')"
      note(
        schema + "." + name,
        try await connection.execute(
          """
          UPDATE \(identifier: schema, name) SET \(identifier: column) = \(fragment: cleaned)
          FROM (SELECT landing.key_pattern(\(subject.keys)) AS pattern) AS p
          WHERE EXISTS (
            SELECT FROM unnest(\(subject.keys)) AS k (customer_key)
            WHERE strpos(\(identifier: column)::text, k.customer_key) > 0
              OR strpos(
                \(identifier: column)::text, btrim(to_json(k.customer_key)::text, '"')) > 0)
            AND \(fragment: cleaned) IS DISTINCT FROM \(identifier: column)
          """))
    }
  }
}
