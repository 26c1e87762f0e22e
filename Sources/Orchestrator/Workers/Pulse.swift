import Dispatch
import Logging
import Schedules
import Warehouse

/// Keeps a worker's lease, and hears what concerns it: on a connection and threads of its own, so
/// that neither long queries nor long computations stop it.
final class Pulse: Sendable {
  private let tasks: [Task<Void, Never>]

  init(
    runtime: Runtime, worker: Int64, options: WorkerOptions,
    mailbox: Mailbox<Worker.Message>
  ) {
    let beat = Task(executorPreference: AttemptExecutor.shared) {
      await Self.beat(runtime, worker, options, mailbox)
    }
    let hear = Task(executorPreference: AttemptExecutor.shared) {
      await Self.hear(runtime, worker, options, mailbox)
    }
    tasks = [beat, hear]
  }

  func stop() async {
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
  }

  /// Renews the lease three times in its length; real time, whatever clock tests set.
  private static func beat(
    _ runtime: Runtime, _ worker: Int64, _ options: WorkerOptions,
    _ mailbox: Mailbox<Worker.Message>
  ) async {
    let log = Logger(label: "strata.worker")
    // Each beat is a new try.
    let connector = LoopConnector(runtime.pool, isPatient: false)
    var connection: Connection?
    var renewed = ContinuousClock.now
    // The lease was taken a moment ago.
    guard (try? await Task.sleep(for: options.lease / 3)) != nil else { return }
    while !Task.isCancelled {
      let began = ContinuousClock.now
      do {
        if connection == nil { connection = try await connector.connect("strata w\(worker) pulse") }
        let renewal = try await connection?.first(
          SQL(
            file: "queries/orchestrator/renew_lease.sql", worker, options.lease.fractionalSeconds))
        guard renewal != nil else {
          mailbox.put(.leaseLost)
          break
        }
        renewed = began
        // The slow poll behind all notifications.
        mailbox.put(.stop)
        mailbox.put(.look)
        if options.run != nil { mailbox.put(.runChanged) }
      } catch is CancellationError {
        break
      } catch {
        runtime.meters.failed(error)
        log.warning("heartbeat failed", metadata: ["error": "\(error)"])
        await connection?.close()
        connection = nil
        if ContinuousClock.now - renewed > options.lease {
          mailbox.put(.leaseLost)
          break
        }
      }
      let pause = connection == nil ? min(options.lease / 10, .seconds(1)) : options.lease / 3
      guard (try? await Task.sleep(for: pause)) != nil else { break }
    }
    await connection?.close()
  }

  private static func hear(
    _ runtime: Runtime, _ worker: Int64, _ options: WorkerOptions,
    _ mailbox: Mailbox<Worker.Message>
  ) async {
    await RunChannel.hear(runtime.pool) { signal in
      switch signal {
      case .listening:
        // What was sent before was not heard.
        mailbox.put(.stop)
        mailbox.put(.look)
        if options.run != nil { mailbox.put(.runChanged) }
      case .queue: if !options.isBound { mailbox.put(.look) }
      case .stop(let number): if number == worker { mailbox.put(.stop) }
      case .run(let number): if number == options.run { mailbox.put(.runChanged) }
      case .schedule, .backfill: break
      }
    }
  }
}
