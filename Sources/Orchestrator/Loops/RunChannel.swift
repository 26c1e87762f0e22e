import Warehouse

/// What processes tell each other of runs.
///
/// It only wakes: the truth is in the tables, and a slow poll is the net for what nobody told.
enum RunSignal: Sendable, Hashable {
  /// It is listened from now on; what was said before may have been missed.
  case listening
  /// Tasks can be claimed.
  case queue
  /// A run has ended, or was given work by somebody else.
  case run(Int64)
  /// A worker has attempts that shall stop.
  case stop(Int64)
  /// A schedule was paused, or goes on.
  case schedule

  /// A backfill has gone on.
  case backfill(Int64)

  /// As notifications carry it; nil for ``listening``, which nobody sends.
  var payload: String? {
    switch self {
    case .listening: nil
    case .queue: "queue"
    case .run(let id): "run \(id)"
    case .stop(let worker): "stop \(worker)"
    case .schedule: "schedule"
    case .backfill(let id): "backfill \(id)"
    }
  }

  /// - Returns: nil for what another version may say.
  init?(payload: String) {
    let words = payload.split(separator: " ")
    let number = words.count > 1 ? Int64(words[1]) : nil
    switch (words.first, number) {
    case ("queue", _): self = .queue
    case ("run", let id?): self = .run(id)
    case ("stop", let worker?): self = .stop(worker)
    case ("schedule", _): self = .schedule
    case ("backfill", let id?): self = .backfill(id)
    default: return nil
    }
  }
}

/// The one channel of all notifications of a project.
enum RunChannel {
  static let name = "strata_runs"

  /// The statement that tells all processes something, once its transaction commits.
  static func telling(_ signal: RunSignal) -> SQL {
    SQL(file: "queries/orchestrator/notify.sql", name, signal.payload ?? "")
  }

  /// Hears what is told until the calling task is cancelled, however often the connection breaks.
  static func hear(_ pool: ConnectionPool, _ heard: @Sendable (RunSignal) -> Void) async {
    while !Task.isCancelled {
      do {
        for try await event in pool.notifications(on: [name]) {
          switch event {
          case .listening: heard(.listening)
          case .notification(let notification):
            if let signal = RunSignal(payload: notification.payload) { heard(signal) }
          }
        }
      } catch {
        // Whoever asks the tables reports an unreachable server; until it is back, polls serve.
        guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
      }
    }
  }
}
