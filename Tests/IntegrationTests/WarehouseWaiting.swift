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
