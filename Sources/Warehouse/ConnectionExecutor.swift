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
