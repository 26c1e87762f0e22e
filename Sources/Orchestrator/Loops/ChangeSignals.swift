import Warehouse

/// Looks at the database when a process tells of a change, and now and then as a net.
struct ChangeSignals: Sendable {
  let pool: ConnectionPool
  var poll = Duration.seconds(5)

  /// Looks until the body returns false: at once, and then after each signal.
  func look(_ body: () async throws -> Bool) async throws {
    let mailbox = Mailbox<Void>()
    let (pool, poll) = (pool, poll)
    let hearing = Task { await RunChannel.hear(pool) { _ in mailbox.put(()) } }
    let polling = Task {
      while (try? await Task.sleep(for: poll)) != nil { mailbox.put(()) }
    }
    defer {
      hearing.cancel()
      polling.cancel()
    }
    try await withTaskCancellationHandler {
      mailbox.put(())
      for await _ in mailbox.signals {
        try Task.checkCancellation()
        _ = mailbox.take()
        guard try await body() else { return }
      }
      try Task.checkCancellation()
    } onCancel: {
      mailbox.close()
    }
  }
}
