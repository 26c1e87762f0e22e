import Schedules
import Synchronization

/// A clock that stands still until a test moves it.
public final class ManualClock: WallClock {
  private struct Sleeper {
    let id: Int
    let wakeAt: Instant
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now: Instant
    var nextID = 0
    var sleepers: [Sleeper] = []
    var cancelled: Set<Int> = []
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Mutex<State>

  /// A clock that shows an instant.
  public init(_ now: Instant = Instant(seconds: 1_700_000_000)) {
    state = Mutex(State(now: now))
  }

  /// The instant that the clock shows.
  public func now() -> Instant { state.withLock { $0.now } }

  /// How many tasks sleep on the clock.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Moves the clock on and wakes the tasks whose time has come, the earliest first.
  public func advance(by duration: Duration) {
    let woken = state.withLock { state in
      state.now = state.now + duration
      let now = state.now
      let woken = state.sleepers.filter { $0.wakeAt <= now }.sorted { $0.wakeAt < $1.wakeAt }
      state.sleepers.removeAll { $0.wakeAt <= now }
      return woken
    }
    for sleeper in woken { sleeper.continuation.resume() }
  }

  /// Sleeps until the clock has been moved on by `duration`; throws where the task is cancelled.
  public func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (result, watchers): (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) =
          state.withLock { state in
            if state.cancelled.remove(id) != nil { return (.failure(CancellationError()), []) }
            let wakeAt = state.now + duration
            if wakeAt <= state.now { return (.success(()), []) }
            state.sleepers.append(Sleeper(id: id, wakeAt: wakeAt, continuation: continuation))
            let count = state.sleepers.count
            let watchers = state.watchers.filter { $0.count <= count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= count }
            return (nil, watchers)
          }
        if let result { continuation.resume(with: result) }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Waits until at least `count` tasks sleep on the clock: the signal to move it.
  public func waitForSleepers(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let enough = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if enough { continuation.resume() }
    }
  }
}
