import Schedules
import Synchronization

/// The clock of a run in one process: it stands still while anybody works, and jumps to the next
/// instant that somebody waits for once all of them wait.
///
/// Each attempt has a seat; it waits while it sleeps on the clock. The loop has an alarm.
final class VirtualClock: Sendable {
  private struct Seat {
    /// Sleeps of the attempt that have not ended.
    var sleeps = 0
    /// When its time is over; nil for no limit, and once it has been.
    var limit: Instant?
    var isOver = false
    /// Its time is over, and it has yet to do something about it.
    var isStirring = false
    var limitWaiter: (id: Int, continuation: Wake)?
  }

  private struct Sleeper {
    let id: Int
    let seat: Int64
    let wakeAt: Instant
    let continuation: Wake
  }

  private struct State {
    var now: Instant
    var lastID = 0
    var seats: [Int64: Seat] = [:]
    var sleepers: [Sleeper] = []
    var cancelled: Set<Int> = []
    var alarm: Instant?
    /// The alarm rang, and the loop has not set it again.
    var hasRung = false
  }

  private typealias Wake = CheckedContinuation<Void, any Error>

  /// What has to be done once the lock is free.
  private struct Wakes {
    var continuations: [Wake] = []
    var rings = false
  }

  private let state: Mutex<State>
  private let ring: @Sendable () -> Void

  /// A clock that shows an instant, and calls `ring` at its alarm, from any thread.
  init(_ now: Instant, ring: @escaping @Sendable () -> Void) {
    state = Mutex(State(now: now))
    self.ring = ring
  }

  /// The instant that the clock shows.
  var now: Instant { state.withLock { $0.now } }

  // MARK: The loop

  /// Seats an attempt: from now on the clock stands still unless it sleeps.
  func seat(_ id: Int64, limit: Duration?) {
    state.withLock { state in
      let over: Instant? = limit.map { state.now + $0 }
      state.seats[id] = Seat(limit: over)
    }
  }

  /// Ends an attempt's part, once the loop has seen to what follows from its end.
  func leave(_ id: Int64) {
    act { state in
      let waiter = state.seats.removeValue(forKey: id)?.limitWaiter
      return Wakes(continuations: waiter.map { [$0.continuation] } ?? [])
    }
  }

  /// Sets the alarm, and lets the clock go on if it rang; nil for none.
  func setAlarm(_ instant: Instant?) {
    act { state in
      state.alarm = instant
      state.hasRung = false
      return Wakes()
    }
  }

  // MARK: Attempts

  /// Sleeps at a seat; throws where the task is cancelled.
  func sleep(_ duration: Duration, at seat: Int64) async throws {
    try Task.checkCancellation()
    let id = newID()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: Wake) in
        act { state in
          if state.cancelled.remove(id) != nil {
            continuation.resume(throwing: CancellationError())
            return Wakes()
          }
          state.sleepers.append(
            Sleeper(
              id: id, seat: seat, wakeAt: state.now + max(duration, .zero),
              continuation: continuation))
          state.seats[seat]?.sleeps += 1
          state.seats[seat]?.isStirring = false
          return Wakes()
        }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        state.seats[seat]?.sleeps -= 1
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Waits until a seat's time is over; throws where the task is cancelled.
  func waitForLimit(of seat: Int64) async throws {
    let id = newID()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: Wake) in
        let isOver = state.withLock { state -> Bool? in
          if state.cancelled.remove(id) != nil { return nil }
          guard let isOver = state.seats[seat]?.isOver else { return nil }
          if !isOver { state.seats[seat]?.limitWaiter = (id, continuation) }
          return isOver
        }
        switch isOver {
        case true: continuation.resume()
        case false: break
        default: continuation.resume(throwing: CancellationError())
        }
      }
    } onCancel: {
      let waiter = state.withLock { state -> Wake? in
        guard let waiter = state.seats[seat]?.limitWaiter, waiter.id == id else {
          state.cancelled.insert(id)
          return nil
        }
        state.seats[seat]?.limitWaiter = nil
        return waiter.continuation
      }
      waiter?.resume(throwing: CancellationError())
    }
  }

  private func newID() -> Int {
    state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
  }

  // MARK: Time

  /// Changes something, then lets time go on as far as it can.
  private func act(_ change: (inout State) -> Wakes) {
    let wakes = state.withLock { state in
      var wakes = change(&state)
      while Self.jump(&state, &wakes) {}
      return wakes
    }
    for continuation in wakes.continuations { continuation.resume() }
    if wakes.rings { ring() }
  }

  /// Goes on to the next instant that somebody waits for; false where there is none, or somebody
  /// works.
  private static func jump(_ state: inout State, _ wakes: inout Wakes) -> Bool {
    guard !state.hasRung,
      state.seats.values.allSatisfy({ $0.sleeps > 0 && !$0.isStirring })
    else { return false }
    let instants =
      state.sleepers.map(\.wakeAt) + state.seats.values.compactMap(\.limit)
      + [state.alarm].compactMap { $0 }
    guard let next = instants.min() else { return false }
    let now = max(state.now, next)
    state.now = now
    for (id, seat) in state.seats where seat.limit.map({ $0 <= now }) ?? false {
      state.seats[id]?.limit = nil
      state.seats[id]?.isOver = true
      state.seats[id]?.isStirring = true
      if let waiter = seat.limitWaiter { wakes.continuations.append(waiter.continuation) }
      state.seats[id]?.limitWaiter = nil
    }
    for sleeper in state.sleepers where sleeper.wakeAt <= now {
      state.seats[sleeper.seat]?.sleeps -= 1
      wakes.continuations.append(sleeper.continuation)
    }
    state.sleepers.removeAll { $0.wakeAt <= now }
    if let alarm = state.alarm, alarm <= now {
      state.alarm = nil
      state.hasRung = true
      wakes.rings = true
    }
    return true
  }
}

/// The clock as one attempt sees it.
struct SeatClock: WallClock {
  let clock: VirtualClock
  let seat: Int64

  func now() -> Instant { clock.now }

  func sleep(for duration: Duration) async throws { try await clock.sleep(duration, at: seat) }
}

/// What an attempt's time limit is measured on: whichever is over first, the clock's time or the
/// real one, so that work that hangs is stopped too.
struct SeatLimitClock: WallClock {
  let clock: VirtualClock
  let seat: Int64

  func now() -> Instant { clock.now }

  func sleep(for duration: Duration) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await clock.waitForLimit(of: seat) }
      group.addTask { try await Task.sleep(for: duration) }
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}
