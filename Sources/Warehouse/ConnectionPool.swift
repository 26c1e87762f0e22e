import Schedules
import Synchronization

/// A bounded set of connections to one database, opened when they are needed.
///
/// Waiters are served in the order they came. A connection whose server hung up while it was idle is
/// replaced when it is taken; one that comes back in a transaction is rolled back; one that comes
/// back in the middle of something else is closed.
public final class ConnectionPool: Sendable {
  private enum Grant {
    case connection(Connection)
    case permission
  }

  private struct State {
    var idle: [Connection] = []
    var open = 0
    /// Lent for long: they do not count against the limit.
    var lasting = 0
    var waiters: [(id: Int, continuation: OneShot<Grant>)] = []
    var nextWaiter = 0
    var isClosed = false
  }

  /// Where the pool's connections go.
  public let options: ConnectionOptions
  /// The most connections that are open at a time.
  public let limit: Int
  private let patience: Duration
  private let clock: any WallClock
  private let state = Mutex(State())
  /// The pool that lends the connections; nil for one that has its own.
  private let lender: ConnectionPool?
  private let dress: SessionDress

  /// A pool without connections yet.
  ///
  /// - Parameters:
  ///   - limit: the most connections at a time, at least 1.
  ///   - patience: how long a task waits for a free connection before
  ///     `warehouse.pool_exhausted` is thrown.
  public init(
    _ options: ConnectionOptions, limit: Int = 8, patience: Duration = .seconds(120),
    clock: some WallClock = SystemClock()
  ) {
    self.options = options
    self.limit = max(1, limit)
    self.patience = patience
    self.clock = clock
    lender = nil
    dress = SessionDress(name: options.applicationName, deadline: nil)
  }

  private init(lender: ConnectionPool, dress: SessionDress) {
    options = lender.options
    limit = lender.limit
    patience = lender.patience
    clock = lender.clock
    self.lender = lender.lender ?? lender
    self.dress = dress
  }

  /// The same connections under another name in `pg_stat_activity`, and with statements that end
  /// at a deadline: what one attempt works with.
  ///
  /// - Parameters:
  ///   - name: cut at 63 bytes by the server.
  ///   - deadline: when the server stops statements by itself (`statement_timeout`); nil for never.
  public func scoped(_ name: String, deadline: ContinuousClock.Instant? = nil) -> ConnectionPool {
    ConnectionPool(lender: self, dress: SessionDress(name: name, deadline: deadline))
  }

  /// How many connections are open, idle ones included.
  public var openCount: Int { state.withLock { $0.open } }

  /// How many connections are open and unused.
  public var idleCount: Int { state.withLock { $0.idle.count } }

  /// How many tasks wait for a connection.
  public var waiterCount: Int { state.withLock { $0.waiters.count } }

  /// Lends a connection to `body`.
  ///
  /// - Throws: what `body` throws; ``WarehouseError`` of connecting; `warehouse.pool_exhausted`,
  ///   `warehouse.pool_closed`; `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func withConnection<T: Sendable>(
    _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    try await lend(lasting: 0, body)
  }

  /// Lends a connection for as long as something lives, beside the pool's limit: what a loop works
  /// with while others take and give back theirs.
  ///
  /// - Throws: what `body` throws; ``WarehouseError`` of connecting; `warehouse.pool_closed`.
  public nonisolated(nonsending) func withLastingConnection<T: Sendable>(
    _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    try await lend(lasting: 1, body)
  }

  private nonisolated(nonsending) func lend<T: Sendable>(
    lasting: Int, _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    let source = lender ?? self
    source.state.withLock { $0.lasting += lasting }
    let connection: Connection
    do {
      connection = try await source.take()
    } catch {
      source.state.withLock { $0.lasting -= lasting }
      throw error
    }
    do {
      try await connection.wear(dress)
      let value = try await body(connection)
      source.state.withLock { $0.lasting -= lasting }
      await source.giveBack(connection)
      return value
    } catch {
      source.state.withLock { $0.lasting -= lasting }
      await source.giveBack(connection)
      throw error
    }
  }

  /// Runs `body` in a transaction on a connection of the pool, again from the start where it met
  /// another transaction (serialization failure, deadlock) or a table that changed under a plan.
  ///
  /// - Parameters:
  ///   - retries: how many times to run it again; `body` must have no other effects.
  ///   - lasting: whether the connection is lent beside the pool's limit, for a body that waits for
  ///     others who take theirs.
  @discardableResult
  public nonisolated(nonsending) func transaction<T: Sendable>(
    _ isolation: Isolation = .readCommitted, readOnly: Bool = false, retries: Int = 3,
    lasting: Bool = false, _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    let backOff = BackOff(attempts: retries + 1, first: .milliseconds(10), limit: .seconds(1))
    return try await lend(lasting: lasting ? 1 : 0) { connection in
      var attempt = 1
      while true {
        do {
          return try await WarehouseFaults.$attempt.withValue(attempt) {
            try await connection.transaction(isolation, readOnly: readOnly, body)
          }
        } catch {
          // The body may have wrapped the server's fault, so the connection's memory counts too.
          let met = await connection.failure ?? (error as? WarehouseError)
          guard attempt <= retries, !(error is CancellationError), met?.isRetryable == true else {
            throw error
          }
          try await clock.sleep(
            for: backOff.wait(after: attempt, fraction: Double.random(in: 0..<1)))
          attempt += 1
        }
      }
    }
  }

  /// Runs a statement on a connection of the pool.
  public func query(_ sql: SQL) async throws -> [Row] {
    try await withConnection { try await $0.query(sql) }
  }

  /// Runs a statement on a connection of the pool and returns its first row.
  public func first(_ sql: SQL) async throws -> Row? {
    try await withConnection { try await $0.first(sql) }
  }

  /// Runs a statement on a connection of the pool and returns the number of rows it touched.
  @discardableResult
  public func execute(_ sql: SQL) async throws -> Int {
    try await withConnection { try await $0.execute(sql) }
  }

  /// Closes idle connections now and lent ones when they come back; waiters get
  /// `warehouse.pool_closed`.
  public func close() async {
    // A view has nothing of its own to close.
    guard lender == nil else { return }
    let (idle, waiters) = state.withLock { state in
      state.isClosed = true
      defer {
        state.open -= state.idle.count
        state.idle = []
        state.waiters = []
      }
      return (state.idle, state.waiters)
    }
    for waiter in waiters { waiter.continuation.resume(.failure(Self.closed)) }
    await withTaskGroup(of: Void.self) { closing in
      for connection in idle { closing.addTask { await connection.close() } }
    }
  }

  private static let closed = WarehouseError(
    code: "warehouse.pool_closed", message: "expected an open pool, found a closed one")

  private func take() async throws -> Connection {
    while true {
      switch try await grant() {
      case .connection(let connection):
        if await connection.isUsable { return connection }
        await connection.close()
        // Its place in the count stays ours: open another one.
        return try await open()
      case .permission:
        return try await open()
      }
    }
  }

  /// An idle connection, or the permission to open one; waits where neither is to be had.
  private func grant() async throws -> Grant {
    try Task.checkCancellation()
    let waiting = OneShot<Grant>()
    let (now, id): (Grant?, Int) = try state.withLock { state in
      if state.isClosed { throw Self.closed }
      if state.waiters.isEmpty {
        if let connection = state.idle.popLast() { return (.connection(connection), 0) }
        if state.open < limit + state.lasting {
          state.open += 1
          return (.permission, 0)
        }
      }
      state.nextWaiter += 1
      state.waiters.append((state.nextWaiter, waiting))
      return (nil, state.nextWaiter)
    }
    if let now { return now }
    let timer = Task {
      try await clock.sleep(for: patience)
      giveUp(
        id,
        WarehouseError(
          code: "warehouse.pool_exhausted",
          message: "expected a free connection within \(patience), found all \(limit) in use",
          hint: "raise the pool's limit; do not take a second connection while holding one"))
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { waiting.wait($0) }
    } onCancel: {
      giveUp(id, CancellationError())
    }
  }

  /// Ends a wait with a fault, unless the waiter has been served.
  private func giveUp(_ id: Int, _ error: any Error) {
    let waiter = state.withLock { state in
      state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
    }
    waiter?.continuation.resume(.failure(error))
  }

  private func open() async throws -> Connection {
    do {
      return try await Connection.connect(options)
    } catch {
      leave()
      throw error
    }
  }

  /// Gives up a place in the count: the first waiter gets it.
  private func leave() {
    let waiter: OneShot<Grant>? = state.withLock { state in
      if !state.isClosed && !state.waiters.isEmpty {
        return state.waiters.removeFirst().continuation
      }
      state.open -= 1
      return nil
    }
    waiter?.resume(.success(.permission))
  }

  private func giveBack(_ connection: Connection) async {
    guard await connection.recycle() else {
      await connection.close()
      leave()
      return
    }
    enum Next {
      case kept
      case close
      case waiter(OneShot<Grant>)
    }
    let next: Next = state.withLock { state in
      if state.isClosed {
        state.open -= 1
        return .close
      }
      if state.open > limit + state.lasting {
        // It was opened for somebody who kept another one for long.
        state.open -= 1
        return .close
      }
      if state.waiters.isEmpty {
        state.idle.append(connection)
        return .kept
      }
      return .waiter(state.waiters.removeFirst().continuation)
    }
    switch next {
    case .kept: break
    case .close: await connection.close()
    case .waiter(let waiter): waiter.resume(.success(.connection(connection)))
    }
  }
}
