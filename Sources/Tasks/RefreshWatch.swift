import Inputs
import Schedules
import Synchronization
import Warehouse

/// Takes a step whenever a load tells of itself, and now and then as a net, until it is told to stop.
///
/// What is told while a step runs is one step after it.
public final class RefreshWatch: Sendable {
  private let pool: ConnectionPool
  private let clock: any WallClock
  private let poll: Duration
  private let load: (@Sendable () async throws -> Void)?
  private let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation
  private let isStopping = Mutex(false)

  /// A watch that has not begun.
  ///
  /// - Parameters:
  ///   - poll: how long to wait for a notification before looking anyway: what a lost one costs, and
  ///     how late those are who leave by time alone.
  ///   - load: loads sources before each step; nil where others load.
  public init(
    pool: ConnectionPool, clock: any WallClock = SystemClock(), poll: Duration = .seconds(5),
    load: (@Sendable () async throws -> Void)? = nil
  ) {
    self.pool = pool
    self.clock = clock
    self.poll = poll
    self.load = load
    (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// What a watch tells.
  public enum Event: Sendable {
    /// Loads are heard of from now on.
    case listening
    /// A step was taken.
    case step(RefreshStep)
    /// The database is away; the watch goes on once it is back.
    case away(WarehouseError)
  }

  /// Lets the step that runs end, and takes no other.
  public func stop() {
    isStopping.withLock { $0 = true }
    wake.finish()
  }

  /// Steps until ``stop()``.
  ///
  /// - Throws: what a step throws, but for a database that is away; `CancellationError`.
  public func run(
    _ refresher: SegmentRefresher, observe: @escaping @Sendable (Event) -> Void
  ) async throws {
    var refresher = refresher
    let hearing = Task { await hear(observe) }
    let polling = Task {
      while (try? await clock.sleep(for: poll)) != nil { wake.yield() }
    }
    defer {
      hearing.cancel()
      polling.cancel()
    }
    try await withTaskCancellationHandler {
      for await _ in wakes {
        try Task.checkCancellation()
        if isStopping.withLock({ $0 }) { break }
        do {
          if let load { try await load() }
          observe(.step(try await refresher.step(to: clock.now())))
          try await refresher.tidy()
        } catch let error as WarehouseError where error.isTransientConnectionFailure {
          observe(.away(error))
        }
      }
      try Task.checkCancellation()
    } onCancel: {
      wake.finish()
    }
  }

  /// Hears of loads however often the connection breaks.
  private func hear(_ observe: @Sendable (Event) -> Void) async {
    while !Task.isCancelled {
      do {
        for try await event in pool.notifications(on: [LoadChannel.name]) {
          if event == .listening { observe(.listening) }
          wake.yield()
        }
      } catch {
        // The steps report an unreachable server; until it is back, polls serve.
        guard (try? await clock.sleep(for: poll)) != nil else { return }
      }
    }
  }
}
