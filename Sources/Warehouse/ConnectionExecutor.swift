import Dispatch

/// Runs an actor's jobs one by one on a dispatch queue of its own.
///
/// libpq's calls block; on this queue they block a thread of the dispatch pool, never one of the few
/// threads of Swift's cooperative pool.
final class ConnectionExecutor: SerialExecutor {
  let queue = DispatchQueue(label: "strata.warehouse.connection")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}

/// Runs nonisolated code of a task on a connection's own queue, so that its calls to the connection
/// wait for no other thread to wake: for loops that talk to one connection all the time.
final class ConnectionTaskExecutor: TaskExecutor {
  private let queue: DispatchQueue

  init(_ executor: ConnectionExecutor) { queue = executor.queue }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

extension Connection {
  /// Runs a body that mostly talks to this connection on the connection's own queue. It must not
  /// compute for long: the connection would wait.
  public nonisolated func beside<T: Sendable>(
    _ body: @Sendable () async throws -> T
  ) async throws -> T {
    try await withTaskExecutorPreference(ConnectionTaskExecutor(executor)) { try await body() }
  }
}
