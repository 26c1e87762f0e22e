import Warehouse

/// Waits until another session of the same database waits for an event, such as `PgSleep` or
/// `advisory`. The server does the waiting between looks, so that no test sleeps.
func waitForBackend(in event: String, on pool: ConnectionPool) async throws {
  try await pool.withConnection { connection in
    while true {
      let row = try await connection.first(
        """
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = \(event) AND pid <> pg_backend_pid()
        """)
      if row != nil { return }
      try await connection.execute("SELECT pg_sleep(0.01)")
    }
  }
}

/// Waits until a query finds a row, and returns it; the server does the waiting between looks.
func waitForRow(_ query: SQL, on pool: ConnectionPool) async throws -> Row {
  while true {
    if let row = try await pool.first(query) { return row }
    try await pool.execute("SELECT pg_sleep(0.01)")
  }
}
