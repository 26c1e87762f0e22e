import Synchronization
import Warehouse

/// One look at the database for everything that a build reads, on as many connections as it takes.
///
/// The first connection exports its snapshot and stays open, beside the pool's limit; others take it
/// on, a transaction for each item of work, and hold one connection at a time: so builds side by side
/// never wait for each other in a ring.
struct SharedSnapshot: Sendable {
  /// The connection that reads what all items need.
  let connection: Connection
  private let pool: ConnectionPool

  /// Runs `body` in a snapshot; again from the start where a table changed under it.
  ///
  /// - Parameter retries: how many times again; 0 for a body that cannot take back what it did.
  nonisolated(nonsending) static func read<T: Sendable>(
    _ pool: ConnectionPool, retries: Int = 3,
    _ body: nonisolated(nonsending) (SharedSnapshot) async throws -> T
  ) async throws -> T {
    try await pool.transaction(
      .repeatableRead, readOnly: true, retries: retries, lasting: true
    ) { connection in
      try await prepare(connection)
      return try await body(SharedSnapshot(connection: connection, pool: pool))
    }
  }

  /// Works on items side by side, each in the snapshot and on its connection's own thread, and stores
  /// what came of it outside the snapshot.
  ///
  /// - Parameters:
  ///   - atOnce: items at once, at most.
  ///   - work: reads on the connection it is given, and computes; it may take long.
  ///   - store: writes in transactions of its own.
  /// - Returns: what `store` returned, in the order of the items.
  func each<Item: Sendable, Found: Sendable, Part: Sendable>(
    _ items: [Item], atOnce: Int,
    work: @escaping @Sendable (Item, Connection) async throws -> Found,
    store: @escaping @Sendable (Item, Found, Connection) async throws -> Part
  ) async throws -> [Part] {
    let pool = pool
    if items.count == 1, let item = items.first {
      let connection = connection
      let found = try await connection.beside { try await work(item, connection) }
      return [try await pool.withConnection { try await store(item, found, $0) }]
    }
    let name = try await connection.first("SELECT pg_export_snapshot() AS name")?
      .get("name", as: String.self)
    let queue = WorkQueue<Part>(count: items.count)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<max(1, min(atOnce, items.count, pool.limit)) {
        group.addTask {
          try await pool.withConnection { connection in
            while let place = queue.next() {
              let item = items[place]
              let part = try await connection.beside {
                let found = try await connection.transaction(.repeatableRead, readOnly: true) {
                  try await $0.script("SET TRANSACTION SNAPSHOT " + SQL.quoted(literal: name ?? ""))
                  try await Self.prepare($0)
                  return try await work(item, $0)
                }
                return try await store(item, found, connection)
              }
              queue.finish(place, part)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    return queue.parts
  }

  /// The statements are few and large; compiling them costs more than it saves.
  private static func prepare(_ connection: Connection) async throws {
    try await connection.execute("SET LOCAL jit = off")
  }
}

/// Items of work that several take from, and what came of each.
private final class WorkQueue<Part: Sendable>: Sendable {
  private struct State {
    var next = 0
    var parts: [Part?]
  }
  private let state: Mutex<State>

  init(count: Int) { state = Mutex(State(parts: Array(repeating: nil, count: count))) }

  /// The place of an item that nobody has; nil where all are taken.
  func next() -> Int? {
    state.withLock { state in
      guard state.next < state.parts.count else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }

  func finish(_ place: Int, _ part: Part) { state.withLock { $0.parts[place] = part } }

  /// What came of the items, in their order.
  var parts: [Part] { state.withLock { $0.parts.compactMap { $0 } } }
}
