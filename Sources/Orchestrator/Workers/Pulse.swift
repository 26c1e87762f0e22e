import Dispatch
import Logging
import Schedules
import Warehouse

/// Keeps a worker's lease, and hears what concerns it: on a connection and threads of its own, so
/// that neither long queries nor long computations stop it.
final class Pulse: Sendable {
  /// The one channel of all notifications: `queue`, `run <id>`, `stop <worker>`.
  static let channel = "strata_runs"

  /// The statement that tells all processes something, once its transaction commits.
  static func notification(_ payload: String) -> SQL {
    SQL(file: "queries/orchestrator/notify.sql", channel, payload)
  }

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
    var connection: Connection?
    var renewed = ContinuousClock.now
    // The lease was taken a moment ago.
    guard (try? await Task.sleep(for: options.lease / 3)) != nil else { return }
    while !Task.isCancelled {
      let began = ContinuousClock.now
      do {
        if connection == nil { connection = try await runtime.connect("strata w\(worker) pulse") }
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
    while !Task.isCancelled {
      do {
        for try await event in runtime.pool.notifications(on: [channel]) {
          switch event {
          case .listening:
            // What was sent before was not heard.
            mailbox.put(.stop)
            mailbox.put(.look)
            if options.run != nil { mailbox.put(.runChanged) }
          case .notification(let notification):
            hear(notification.payload, worker, options, mailbox)
          }
        }
      } catch {
        // The heartbeat reports an unreachable server; until it is back the slow poll serves.
        guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
      }
    }
  }

  private static func hear(
    _ payload: String, _ worker: Int64, _ options: WorkerOptions,
    _ mailbox: Mailbox<Worker.Message>
  ) {
    let words = payload.split(separator: " ")
    let number = words.count > 1 ? Int64(words[1]) : nil
    switch words.first {
    case "queue": if !options.isBound { mailbox.put(.look) }
    case "stop": if number == worker { mailbox.put(.stop) }
    case "run": if let number, number == options.run { mailbox.put(.runChanged) }
    default: break
    }
  }
}
